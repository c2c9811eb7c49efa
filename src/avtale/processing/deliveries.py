"""Deliveries: events spread to receivers and sent, in order per receiver, on the clock of the unit (design §5).

One process at a time sends to a receiver, under a lease. What came of attempts is written down after a few of them,
so a process that dies may have them sent once more, under the same id; none is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.rows import Key
from avtale.engine.world import Needs, World
from avtale.instants import from_milliseconds, to_milliseconds
from avtale.logs import get_logger
from avtale.operations.deliveries import (
    Attempted,
    Outcome,
    claim_receiver,
    record_attempts,
    spread_events,
)
from avtale.operations.faults import Parcel
from avtale.processing.faults import Faults
from avtale.processing.lasting import see_through
from avtale.webhooks.catalogue import Event
from avtale.webhooks.delivery import FORGED, Delivery
from avtale.webhooks.registration import Registration

Row = TypeVar("Row")

log = get_logger("avtale.deliveries")

MOST_AT_ONCE = 50
"""Attempts at one receiver that are written down together."""

LONGEST_UNWRITTEN_SECONDS = 5.0
"""Real time after which what was sent is written down, well within the lease."""

MOST_RECEIVERS = 128
"""Receivers that are sent to side by side."""

MOST_SLOW_RECEIVERS = 32
"""Receivers that are sent to side by side of those that took long to answer: they wait for each other alone."""

SLOW_MILLISECONDS = 2_000
"""Whoever takes longer is slow until the next quick answer."""

GIVE_WAY_SECONDS = 0.02
"""How long a delivery lets requests go first that wait to be decided."""

LOOK_SECONDS = 0.005

PATIENCE_SECONDS = 60.0
"""How long an advance waits for a receiver that another process is sending to."""


class Reading(Protocol):
    """What finding needs of a database."""

    async def select(self, query: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        ...

    async def rows(self, row: type[Row], query: str, **parameters: str | int | None) -> list[Row]:
        """The rows of a named query that selects all columns of `row`."""
        ...

    async def execute(
        self, statements: Sequence[tuple[str, Mapping[str, str | int | None]]]
    ) -> None:
        """Named statements, in one transaction."""
        ...


class Courier(Protocol):
    """Whoever brings one event to one receiver."""

    async def bring(self, registration: Registration, delivery: Delivery, at: datetime) -> Outcome:
        """Sign it as of `at`, send it, and tell what came of it; raises nothing."""
        ...


class Deliveries:
    """Finds what is to be sent and has it sent."""

    def __init__(
        self, engine: Engine, reading: Reading, courier: Courier, faults: Faults | None = None
    ) -> None:
        self._engine = engine
        self._reading = reading
        self._courier = courier
        self._faults = faults
        self._places = asyncio.Semaphore(MOST_RECEIVERS)
        self._slow_places = asyncio.Semaphore(MOST_SLOW_RECEIVERS)
        self._slow: set[str] = set()
        """The registrations that are slow, as far as this process has seen."""
        self._is_stopping = False
        self.listeners: list[Callable[[Registration, Sequence[Attempted]], None]] = []
        """Who is told of attempts once they are written down."""

    async def next_moment(self, msn: str) -> datetime | None:
        """The next instant on the unit's clock at which something is to be sent."""
        [(wake_at,)] = await self._reading.select("next_delivery", msn=msn)
        return from_milliseconds(wake_at) if wake_at is not None else None

    async def units_with_work(self, real_now: datetime) -> list[str]:
        """Sales units with something to send now."""
        found = await self._reading.select(
            "units_with_deliveries", real_now=to_milliseconds(real_now)
        )
        return [msn for (msn,) in found]

    async def deliver(self, msn: str, moment: datetime, *, patience_seconds: float = 0.0) -> int:
        """Send all that is to be sent at `moment` on the unit's clock; answers with the number of attempts.

        Where another process sends to a receiver, that is waited for with patience.
        """
        made, waited_seconds, pause_seconds = 0, 0.0, 0.005
        while True:
            found = await self.receivers(msn, moment)
            if not found:
                return made
            counts = await asyncio.gather(*(self.serve(msn, each, moment) for each in found))
            made += sum(counts)
            if any(counts):
                waited_seconds, pause_seconds = 0.0, 0.005
                continue
            if waited_seconds >= patience_seconds:
                return made
            await asyncio.sleep(pause_seconds)
            waited_seconds += pause_seconds
            pause_seconds = min(pause_seconds * 2, 0.25)

    async def receivers(self, msn: str, moment: datetime) -> list[str]:
        """The receivers to whom something is to be sent at `moment`, once new events are spread."""
        await self._spread(msn)
        found = await self._reading.select(
            "receivers_with_deliveries", msn=msn, moment=to_milliseconds(moment)
        )
        return [registration_id for (registration_id,) in found]

    async def serve(self, msn: str, registration_id: str, moment: datetime) -> int:
        """Send to one receiver what is due there; 0 where somebody else does."""
        is_slow = registration_id in self._slow
        async with self._slow_places if is_slow else self._places:
            if self._is_stopping:
                return 0
            claimed = await self._claim(registration_id)
            if claimed is None:
                return 0
            return await see_through(self._send_all(msn, claimed, moment))

    def stop(self) -> None:
        """Send nothing more than what is on its way."""
        self._is_stopping = True

    async def drop(self, registration_id: str) -> None:
        """What was still to be sent to a receiver that is gone is not sent."""
        await self._reading.execute([("drop_deliveries", {"registration_id": registration_id})])

    # ── spreading ──

    async def _spread(self, msn: str) -> None:
        while found := await self._reading.select("events_awaited", msn=msn, most=1000):
            receivers = [
                registration_id
                for (registration_id,) in await self._reading.select("receivers_of_unit", msn=msn)
            ]
            events: list[tuple[int, Key]] = [(place, (msn, *key)) for place, *key in found]
            needs = Needs().of(Event, *(key for _, key in events))
            needs.of(Registration, *((each,) for each in receivers))

            def decide(
                world: World,
                call: Call,
                events: list[tuple[int, Key]] = events,
                receivers: list[str] = receivers,
            ) -> int:
                return spread_events(world, call, events, receivers)

            command = Command("spread_events", decide, needs, msn)
            (await self._engine.submit(command)).unwrap()

    # ── sending ──

    async def _claim(self, registration_id: str) -> Registration | None:
        def decide(world: World, call: Call) -> Registration | None:
            return claim_receiver(world, call, registration_id)

        needs = Needs().of(Registration, (registration_id,))
        return (await self._engine.submit(Command("claim_receiver", decide, needs))).unwrap()

    async def _send_all(self, msn: str, receiver: Registration, moment: datetime) -> int:
        made, is_ours = 0, True
        while is_ours:
            due = await self._reading.rows(
                Delivery,
                "deliveries_due",
                registration_id=receiver.registration_id,
                msn=msn,
                moment=to_milliseconds(moment),
                most=MOST_AT_ONCE,
            )
            parcels = await self._parcels(msn, due)
            outcomes = await self._send(receiver, parcels, moment)
            made += len(outcomes) + len(due) - len(parcels)
            is_last = self._is_stopping or not due
            is_ours = await self._record(msn, receiver, outcomes, release=is_last)
            if is_last:
                break
        return made

    async def _parcels(self, msn: str, due: Sequence[Delivery]) -> list[Parcel]:
        if self._faults is None:
            return [Parcel(delivery) for delivery in due]
        return await self._faults.draw_for_deliveries(msn, due)

    async def _send(
        self, receiver: Registration, parcels: Sequence[Parcel], moment: datetime
    ) -> list[Outcome]:
        """One after another; what comes behind a failure on the same agreement waits."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcomes: list[Outcome] = []
        failing: set[str] = set()
        for parcel in parcels:
            if parcel.delivery.agreement_id in failing:
                continue
            await self._give_way()
            outcome = await self._bring(receiver, parcel, moment)
            outcomes.append(outcome)
            if outcome.milliseconds >= SLOW_MILLISECONDS:
                self._slow.add(receiver.registration_id)
            else:
                self._slow.discard(receiver.registration_id)
            if not outcome.is_success:
                failing.add(parcel.delivery.agreement_id)
            if self._is_stopping or loop.time() - began >= LONGEST_UNWRITTEN_SECONDS:
                break
        return outcomes

    async def _give_way(self) -> None:
        """Whoever waits for an answer is served first; but not for ever, or nothing would be sent under load."""
        waited_seconds = 0.0
        while self._engine.queued and waited_seconds < GIVE_WAY_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            waited_seconds += LOOK_SECONDS

    async def _bring(self, receiver: Registration, parcel: Parcel, moment: datetime) -> Outcome:
        if parcel.stranger is not None:
            # What comes of it is nobody's concern: it is told once, and not written down.
            await self._courier.bring(receiver, parcel.stranger, moment)
        sender = receiver
        if parcel.is_forged:
            sender = replace(receiver, secret=f"not {receiver.secret}")
        outcome = await self._courier.bring(sender, parcel.delivery, moment)
        if parcel.is_forged:
            outcome = outcome._replace(error=outcome.error or FORGED)
        if parcel.is_doubled:
            await self._courier.bring(sender, parcel.delivery, moment)
        return outcome

    async def _record(
        self, msn: str, receiver: Registration, outcomes: Sequence[Outcome], *, release: bool
    ) -> bool:
        registration_id, fence = receiver.registration_id, receiver.fence

        def decide(world: World, call: Call) -> list[Attempted] | None:
            return record_attempts(world, call, registration_id, fence, outcomes, release=release)

        needs = Needs().of(Registration, (registration_id,))
        needs.of(Delivery, *((outcome.delivery_id,) for outcome in outcomes))
        decided = await self._engine.submit(Command("record_attempts", decide, needs, msn))
        written = decided.unwrap()
        for listener in self.listeners if written else ():
            listener(receiver, written or ())
        return written is not None
