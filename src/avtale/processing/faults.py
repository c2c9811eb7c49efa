"""Faults at work: which sales units have any is remembered for a second, so that all others pass by at no cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.faults import FaultsOfUnit
from avtale.operations.faults import Parcel, Struck, draw_for_deliveries, draw_for_request
from avtale.webhooks.delivery import Delivery

FRESH_SECONDS: Final = 1.0
"""How long it may take another process to see that a unit has its first fault."""


class Reading(Protocol):
    """What is needed of a database."""

    async def select(self, query: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        ...


class Faults:
    """Draws for requests and deliveries, one draw after another, whichever process they come to."""

    def __init__(self, engine: Engine, reading: Reading, monotonic: Callable[[], float]) -> None:
        self._engine = engine
        self._reading = reading
        self._monotonic = monotonic
        self._units: frozenset[str] = frozenset()
        self._fresh_until = float("-inf")
        self._lock = asyncio.Lock()

    def may_strike(self, msn: str) -> bool:
        """Whether it is worth asking; False for a unit without faults, nearly always."""
        return msn in self._units or self._lock.locked() or self._monotonic() >= self._fresh_until

    def forget(self) -> None:
        """Faults were set or taken away here."""
        self._fresh_until = float("-inf")

    async def draw_for_request(self, msn: str, operation: str) -> Struck:
        """What becomes of a request."""
        if not await self._has_any(msn):
            return Struck()

        def decide(world: World, call: Call) -> Struck:
            return draw_for_request(world, call, operation)

        needs = Needs().of(FaultsOfUnit, (msn,))
        command = Command("draw_for_request", decide, needs, msn)
        return (await self._engine.submit(command)).unwrap()

    async def draw_for_deliveries(self, msn: str, due: Sequence[Delivery]) -> list[Parcel]:
        """What is to be sent of deliveries to one receiver, and how."""
        if not due or not self.may_strike(msn) or not await self._has_any(msn):
            return [Parcel(delivery) for delivery in due]
        ids = [delivery.delivery_id for delivery in due]

        def decide(world: World, call: Call) -> list[Parcel]:
            return draw_for_deliveries(world, call, ids)

        needs = Needs().of(FaultsOfUnit, (msn,)).of(Delivery, *((each,) for each in ids))
        command = Command("draw_for_deliveries", decide, needs, msn)
        return (await self._engine.submit(command)).unwrap()

    async def _has_any(self, msn: str) -> bool:
        async with self._lock:
            while (now := self._monotonic()) >= self._fresh_until:
                # Whoever sets a fault while this is read has it read again.
                self._fresh_until = now + FRESH_SECONDS
                found = await self._reading.select("units_with_faults")
                self._units = frozenset(unit for (unit,) in found)
        return msn in self._units
