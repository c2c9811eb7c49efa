"""Runs: everything that is due on one unit's clock, done in the order in which it became due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.rows import BulkItem
from avtale.engine.world import Needs, World
from avtale.instants import from_milliseconds, to_milliseconds
from avtale.logs import get_logger
from avtale.operations.appointments import keep_appointment
from avtale.operations.approvals import expire_agreement
from avtale.operations.charges import create_bulk_item, process_charge
from avtale.operations.diary import NOTICE
from avtale.operations.payments import (
    begin_attempt,
    release_reservation,
    show_due,
    take_up,
)
from avtale.payers import Payer
from avtale.personas import Appointment
from avtale.processing.happenings import Happenings
from avtale.processing.lasting import see_through
from avtale.processing.settlement import Settlement

log = get_logger("avtale.runs")

PATIENCE_SECONDS = 60.0
"""How long work on a unit waits for payments that others have begun; their lease is half of it."""

STUCK_SECONDS = 10.0
"""How long an advance waits at a moment at which there is something to do, and it can do nothing of it."""


class Reader(Protocol):
    """What finding needs of a database."""

    async def select(self, query: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        ...


class Runs:
    """Finds what is due and does it, in batches."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        settlement: Settlement,
        *,
        batch_size: int = 1000,
        place: Callable[[], int] = lambda: 0,
    ) -> None:
        """`place` says how many batches to leave to others who look at the same moment."""
        self._engine = engine
        self._reader = reader
        self._settlement = settlement
        self._batch_size = batch_size
        self._place = place

    async def next_moment(self, msn: str) -> datetime | None:
        """The next instant on the unit's clock at which something is due."""
        [(wake_at,)] = await self._reader.select("next_moment", msn=msn)
        return from_milliseconds(wake_at) if wake_at is not None else None

    async def units_with_work(self, real_now: datetime) -> list[str]:
        """Sales units where something is due now, or whose advance was cut off."""
        found = await self._reader.select("units_with_work", real_now=to_milliseconds(real_now))
        return [msn for (msn,) in found]

    async def catch_up(
        self, msn: str, now: datetime, *, patience_seconds: float = 0.0
    ) -> Happenings:
        """Do all that is due at `now` on the unit's clock, moment by moment, oldest first.

        Where nothing of a moment can be done, others may be doing it, which is waited for with patience.
        """
        happened = Happenings()
        stuck: datetime | None = None
        waited_seconds, pause_seconds = 0.0, 0.001
        while True:
            moment = await self.next_moment(msn)
            if moment is None or moment > now:
                return happened
            told = await self.do_due(msn, moment)
            happened += told
            if told or stuck != moment:
                stuck, waited_seconds, pause_seconds = moment, 0.0, 0.001
                continue
            if waited_seconds >= patience_seconds:
                # Nothing of what is due could be done; the next round may find it changed.
                log.warning("nothing could be done", merchant_serial_number=msn, moment=str(moment))
                return happened
            await asyncio.sleep(pause_seconds)
            waited_seconds += pause_seconds
            pause_seconds = min(pause_seconds * 2, 0.1)

    async def do_due(self, msn: str, moment: datetime) -> Happenings:
        """Do what is due at `moment`: what personas do, bulks, expiries, due days and attempts, unclear outcomes."""
        at = to_milliseconds(moment)
        happened = Happenings()
        happened += await self._appointments(msn, at)
        happened += await self._bulks(msn)
        happened += await self._expiries(msn, at)
        while True:
            skip = self._batch_size * self._place()
            found = await self._due_charges(msn, at, skip)
            if not found and skip:
                skip, found = 0, await self._due_charges(msn, at, 0)
            if not found:
                break
            told = await self._charges(msn, found)
            happened += told
            if skip == 0 and (not told or len(found) < self._batch_size):
                break
        happened += await self._unclear(msn, at)
        return happened

    async def recover(self, real_now: datetime) -> int:
        """Take up payments whose worker never came back; answers with how many were found."""
        found = await self._reader.select(
            "lapsed_payments", real_now=to_milliseconds(real_now), most=self._batch_size
        )
        by_unit: dict[str, list[tuple[str, str, str]]] = {}
        for msn, *rest in found:
            by_unit.setdefault(msn, []).append(tuple(rest))
        for msn, payments in by_unit.items():
            log.info("taking up", merchant_serial_number=msn, payments=len(payments))
            await self._take_up(msn, payments)
        return len(found)

    async def quiet(self, msn: str) -> None:
        """Wait for payments of the unit that others have begun; what was left behind is taken up."""
        waited_seconds, pause_seconds = 0.0, 0.001
        while True:
            [(under_way, lease_until)] = await self._reader.select("asks_under_way", msn=msn)
            if not under_way:
                return
            if waited_seconds >= PATIENCE_SECONDS:
                log.warning("still under way", merchant_serial_number=msn, payments=under_way)
                return
            real_now = self._engine.real_now()
            if lease_until <= to_milliseconds(real_now):
                await self.recover(real_now)
            await asyncio.sleep(pause_seconds)
            waited_seconds += pause_seconds
            pause_seconds = min(pause_seconds * 2, 0.1)

    async def attempt_now(self, msn: str, agreement_id: str, charge_id: str) -> Happenings:
        """Attempt one charge at once, although its run has not come; refuses as `process_charge`."""

        def decide(world: World, call: Call) -> None:
            process_charge(world, call, agreement_id, charge_id)

        needs = Needs().of(Charge, (msn, charge_id)).of(Agreement, (msn, agreement_id))
        return await self._do(Command("process_charge", decide, needs, msn))

    async def _due_charges(self, msn: str, at: int, skip: int) -> list[tuple[Any, ...]]:
        return await self._reader.select(
            "due_charges", msn=msn, moment=at, most=self._batch_size, skip=skip
        )

    async def _select(self, query: str, msn: str, at: int) -> list[tuple[Any, ...]]:
        return await self._reader.select(query, msn=msn, moment=at, most=self._batch_size)

    async def _appointments(self, msn: str, at: int) -> Happenings:
        happened = Happenings()
        while found := await self._select("due_appointments", msn, at):
            needs = Needs()
            for agreement_id, cause, phone_number, initial_charge_id in found:
                needs.of(Appointment, (msn, agreement_id, cause)).of(Payer, (phone_number,))
                needs.of(Agreement, (msn, agreement_id)).open_charges(msn, agreement_id)
                if cause.startswith(NOTICE):
                    needs.of(Charge, (msn, cause.removeprefix(NOTICE)))
                if initial_charge_id is not None:
                    needs.of(Charge, (msn, initial_charge_id))
            due = [(agreement_id, cause) for agreement_id, cause, _, _ in found]

            def decide(world: World, call: Call, due: Sequence[tuple[str, str]] = due) -> None:
                for agreement_id, cause in due:
                    keep_appointment(world, call, agreement_id, cause)

            happened += await self._do(Command("keep_appointments", decide, needs, msn))
        return happened

    async def _bulks(self, msn: str) -> Happenings:
        happened = Happenings()
        while found := await self._reader.select("due_bulk_items", msn=msn, most=self._batch_size):
            needs = Needs()
            for batch, position, agreement_id, order_id in found:
                needs.of(BulkItem, (msn, batch, position))
                needs.of(Agreement, (msn, agreement_id)).of(Charge, (msn, order_id))
            items = [(batch, position) for batch, position, _, _ in found]

            def decide(world: World, call: Call, items: Sequence[tuple[str, int]] = items) -> None:
                for batch, position in items:
                    create_bulk_item(world, call, batch, position)

            told = await self._do(Command("create_bulk_items", decide, needs, msn))
            happened += told
            if not told:
                break
        return happened

    async def _expiries(self, msn: str, at: int) -> Happenings:
        happened = Happenings()
        while found := await self._select("due_agreements", msn, at):
            needs = Needs()
            for agreement_id, initial_charge_id in found:
                needs.of(Agreement, (msn, agreement_id))
                if initial_charge_id is not None:
                    needs.of(Charge, (msn, initial_charge_id))
            ids = [agreement_id for agreement_id, _ in found]

            def decide(world: World, call: Call, ids: Sequence[str] = ids) -> None:
                for agreement_id in ids:
                    expire_agreement(world, call, agreement_id)

            told = await self._do(Command("expire_agreements", decide, needs, msn))
            happened += told
            if not told:
                break
        return happened

    async def _charges(self, msn: str, found: list[tuple[Any, ...]]) -> Happenings:
        needs = Needs()
        needs.of(Charge, *((msn, charge_id) for charge_id, _, _, _ in found))
        needs.of(Agreement, *{(msn, agreement_id) for _, agreement_id, _, _ in found})

        def decide(world: World, call: Call) -> None:
            for charge_id, agreement_id, status, charge_type in found:
                if status == "PENDING" and charge_type == "RECURRING":
                    show_due(world, call, charge_id)
                elif status in {"PENDING", "DUE"}:
                    begin_attempt(world, call, agreement_id, charge_id)
                else:
                    release_reservation(world, call, charge_id)

        return await self._do(Command("run_charges", decide, needs, msn))

    async def _unclear(self, msn: str, at: int) -> Happenings:
        found = await self._select("due_payments", msn, at)
        return await self._take_up(msn, found) if found else Happenings()

    async def _take_up(self, msn: str, found: Sequence[tuple[Any, ...]]) -> Happenings:
        needs = Needs()
        for key, charge_id, agreement_id in found:
            needs.of(Payment, (key,))
            needs.of(Charge, (msn, charge_id)).of(Agreement, (msn, agreement_id))

        def decide(world: World, call: Call) -> None:
            for key, _, _ in found:
                take_up(world, call, key)

        return await self._do(Command("take_up", decide, needs, msn))

    async def _do(self, command: Command[Any]) -> Happenings:
        """Submit, and settle what was begun; a run that is cut off ends after that."""
        return await see_through(self._submit_and_settle(command))

    async def _submit_and_settle(self, command: Command[Any]) -> Happenings:
        decided = await self._engine.submit(command)
        decided.unwrap()
        happened = Happenings()
        happened += decided.happened
        if decided.begun:
            happened += await self._settlement.settle(decided.begun)
        return happened
