"""Forecasts: what an advance would do, found out by doing it to a copy that nobody else sees (sandbox §4).

The copy holds what can matter until then, and lives in a database of its own, with an engine, a gateway and
a clock of its own. What falls on one instant may come in another order than it will.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine.engine import Engine, Transactions
from avtale.engine.rows import BulkItem
from avtale.engine.world import Needs, World
from avtale.gateways.simulated import SimulatedGateway
from avtale.instants import to_milliseconds
from avtale.ledger import LedgerEntry, Script
from avtale.payers import Payer
from avtale.personas import Appointment
from avtale.problems import Refused, ResourceNotFound
from avtale.processing.clocks import Advanced, Clocks, Span
from avtale.processing.runs import Reader, Runs
from avtale.processing.settlement import Settlement
from avtale.rulebook import MARKETS
from avtale.sales_units import SalesUnit

Row = TypeVar("Row")

MOST_CHARGES = 100_000
"""How many charges a forecast copies at most; about a kilobyte each."""


class Original(Protocol):
    """What copying needs of the database."""

    async def look(self, needs: Needs) -> World:
        """Rows by key."""
        ...

    async def rows(self, row: type[Row], query: str, **parameters: str | int | None) -> list[Row]:
        """The rows of a named query."""
        ...


class Scratch(Transactions, Reader, Protocol):
    """A database for the copy, empty and forgotten afterwards."""

    async def open(self) -> None:
        """Make it."""
        ...

    async def close(self) -> None:
        """Forget it."""
        ...


class Forecasts:
    """Foresees advances; `engine_over` makes an engine over the copy, with the real clock."""

    def __init__(
        self,
        original: Original,
        scratch: Callable[[], Scratch],
        engine_over: Callable[[Transactions], Engine],
    ) -> None:
        self._original = original
        self._scratch = scratch
        self._engine_over = engine_over

    async def foresee(self, msn: str, span: Span) -> Advanced:
        """What an advance of the unit's clock would do; refuses as that would."""
        scratch = self._scratch()
        await scratch.open()
        try:
            engine = self._engine_over(scratch)
            end, rows = await self._copied(msn, span, engine.real_now())

            def put_all(world: World) -> None:
                for row in rows:
                    world.put(row)

            await scratch.transact(Needs(), put_all)
            runs = Runs(engine, scratch, Settlement(engine, SimulatedGateway(engine)))
            return await Clocks(engine, runs).advance(msn, to=end)
        finally:
            await scratch.close()

    async def _copied(self, msn: str, span: Span, real_now: datetime) -> tuple[datetime, list[Any]]:
        """Until when, and the rows that matter; the clock of the copy stands still."""
        units = await self._original.rows(SalesUnit, "sales_unit", msn=msn)
        if not units:
            raise ResourceNotFound(f"There is no sales unit {msn}.")
        begin = units[0].now(real_now)
        end = span.end(begin, MARKETS[units[0].market])
        copy = _Copy(self._original, msn)
        await copy.take(to_milliseconds(end), real_now)
        return end, [units[0].frozen_at(begin), *copy.rows]


class _Copy:
    """Rows of one unit that matter until some instant."""

    def __init__(self, original: Original, msn: str) -> None:
        self._original = original
        self._msn = msn
        self.rows: list[Any] = []
        """What was taken; a row that was taken twice is written once."""

    async def take(self, until: int, real_now: datetime) -> None:
        """Take what wakes up until then, what is open now, and whatever those need."""
        charges = await self._query(Charge, "charges_to_wake", until=until, most=MOST_CHARGES + 1)
        if len(charges) > MOST_CHARGES:
            raise Refused(
                f"More than {MOST_CHARGES} charges wake up in that time; look ahead less far."
            )
        agreements = await self._query(Agreement, "agreements_to_wake", until=until)
        appointments = await self._query(Appointment, "appointments_to_wake", until=until)
        charges += await self._open_charges({each.agreement_id for each in appointments})
        items = await self._query(BulkItem, "waiting_bulk_items")
        payments = await self._query(Payment, "open_payments")
        named = {payment.charge_id for payment in payments} | {item.order_id for item in items}
        named |= {each.initial_charge_id for each in agreements if each.initial_charge_id}
        charges += await self._look(Charge, named)
        owners = {charge.agreement_id for charge in charges} | {item.agreement_id for item in items}
        owners |= {appointment.agreement_id for appointment in appointments}
        agreements += await self._look(Agreement, owners)
        # Runs take what falls on one instant in the order in which it was written, mostly that of creation.
        charges.sort(key=lambda charge: charge.created)
        agreements.sort(key=lambda agreement: agreement.created)
        self.rows += [*agreements, *charges, *items, *appointments]
        self.rows += [_abandoned(payment, real_now) for payment in payments]
        phones = {agreement.payer for agreement in agreements if agreement.payer is not None}
        phones |= {appointment.phone_number for appointment in appointments}
        await self._take_money(phones, payments)

    async def _open_charges(self, agreements: set[str]) -> list[Charge]:
        """Charges that a persona may call off, by stopping their agreement."""
        needs = Needs()
        for agreement_id in agreements:
            needs.open_charges(self._msn, agreement_id)
        world = await self._original.look(needs)
        return [
            charge
            for agreement_id in sorted(agreements)
            for charge in world.open_charges(self._msn, agreement_id)
        ]

    async def _take_money(self, phones: set[str], payments: list[Payment]) -> None:
        """Take the gateway's side: payers, scripts, and what it knows of open payments."""
        self.rows += await self._query(Script, "scripts_of_unit")
        keys = [payment.payment_key for payment in payments]
        needs = Needs().of(Payer, *((phone,) for phone in phones))
        world = await self._original.look(needs.of(LedgerEntry, *((key,) for key in keys)))
        found = [world.find(Payer, phone) for phone in phones]
        self.rows += [payer for payer in found if payer is not None]
        self.rows += [entry for key in keys if (entry := world.find(LedgerEntry, key)) is not None]

    async def _query(self, row: type[Row], query: str, **parameters: int) -> list[Row]:
        return await self._original.rows(row, query, msn=self._msn, **parameters)

    async def _look(self, row: type[Row], ids: set[str]) -> list[Row]:
        world = await self._original.look(Needs().of(row, *((self._msn, each) for each in ids)))
        found = (world.find(row, self._msn, each) for each in sorted(ids))
        return [each for each in found if each is not None]


def _abandoned(payment: Payment, real_now: datetime) -> Payment:
    """An open payment in the copy: nobody brings its answer there, and nobody waits for one."""
    lease_until = real_now if payment.lease_until is not None else None
    return replace(payment, answers=None, lease_until=lease_until)
