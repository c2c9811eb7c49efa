"""Clocks that obey: advance through everything that is due on the way, freeze, resume (sandbox §4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.problems import Conflict, ResourceNotFound
from avtale.processing.happenings import Happenings
from avtale.processing.runs import Runs
from avtale.sales_units import SalesUnit

LEASE = timedelta(seconds=60)
"""Real time after which an advance that does not move any more is given up."""

Move = Callable[[SalesUnit, datetime], SalesUnit]


class Advanced(NamedTuple):
    """What an advance did."""

    begin: datetime
    end: datetime
    happened: Happenings


class Clocks:
    """Moves the clocks of sales units; one move at a time per unit and process."""

    def __init__(self, engine: Engine, runs: Runs) -> None:
        self._engine = engine
        self._runs = runs
        self._moving: dict[str, asyncio.Lock] = {}

    async def show(self, msn: str) -> SalesUnit:
        """The unit with its clock as it is."""
        return await self._move(msn, lambda unit, _: unit)

    async def freeze(self, msn: str, at: datetime | None) -> SalesUnit:
        """Let the clock stand still, now or, after an advance to it, at a later instant."""
        if at is not None:
            await self.advance(msn, to=at)
        async with self._alone(msn):
            return await self._move(msn, lambda unit, now: unit.frozen_at(at or unit.now(now)))

    async def resume(self, msn: str) -> SalesUnit:
        """Let the clock run on from where it stands."""
        async with self._alone(msn):
            return await self._move(msn, lambda unit, now: unit.running_from(unit.now(now), now))

    async def advance(
        self,
        msn: str,
        *,
        by: timedelta | None = None,
        to: datetime | None = None,
        progress: Callable[[datetime, datetime], None] = lambda _at, _to: None,
    ) -> Advanced:
        """Go through every moment at which something is due, in order, as if time had passed.

        Raises Refused where that would be backwards, Conflict while another advance is under way.
        """
        async with self._alone(msn):
            before = await self.show(msn)
            begin = before.now(self._engine.real_now())
            target = to if to is not None else begin + (by or timedelta())
            before.require_not_behind(target, self._engine.real_now())
            await self._step(msn, begin)
            happened = Happenings()
            at = begin
            try:
                while True:
                    moment = await self._runs.next_moment(msn)
                    if moment is None or moment > target:
                        break
                    if moment > at:
                        at = moment
                        await self._step(msn, at)
                    told = await self._runs.catch_up(msn, at)
                    happened += told
                    progress(at, target)
                    if not told and await self._runs.next_moment(msn) == moment:
                        break
                at = target
            finally:
                await self._move(msn, lambda unit, now: _rest(before, unit, at, now))
            return Advanced(begin, target, happened)

    async def run_now(self, msn: str) -> Happenings:
        """Do what is due now, without moving the clock."""
        unit = await self.show(msn)
        return await self._runs.catch_up(msn, unit.now(self._engine.real_now()))

    async def ready(self, msn: str) -> datetime | None:
        """The unit's time where its due work may be done; gives up an advance that was cut off."""
        if self._moving.get(msn) is not None and self._moving[msn].locked():
            return None

        def settle(unit: SalesUnit, real_now: datetime) -> SalesUnit:
            lease = unit.clock_lease_until
            if unit.clock_mode == "advancing" and lease is not None and lease <= real_now:
                return unit.running_from(unit.now(real_now), real_now)
            return unit

        unit = await self._move(msn, settle)
        if unit.clock_mode == "advancing":
            return None
        return unit.now(self._engine.real_now())

    async def _step(self, msn: str, instant: datetime) -> None:
        await self._move(msn, lambda unit, now: unit.advancing_at(instant, now + LEASE))

    async def _move(self, msn: str, move: Move) -> SalesUnit:
        def decide(world: World, call: Call) -> SalesUnit:
            unit = world.find(SalesUnit, msn)
            if unit is None:
                raise ResourceNotFound(f"There is no sales unit {msn}.")
            moved = move(unit, call.real_now)
            if moved != unit:
                world.put(moved)
            return moved

        needs = Needs().of(SalesUnit, (msn,))
        return (await self._engine.submit(Command("move_clock", decide, needs))).unwrap()

    @asynccontextmanager
    async def _alone(self, msn: str) -> AsyncIterator[None]:
        lock = self._moving.setdefault(msn, asyncio.Lock())
        if lock.locked():
            raise Conflict("The clock is being moved already; wait for that to end.")
        async with lock:
            yield
        if not lock.locked():
            self._moving.pop(msn, None)


def _rest(before: SalesUnit, unit: SalesUnit, at: datetime, real_now: datetime) -> SalesUnit:
    """The clock at `at`, running or standing as it did before the advance."""
    if before.clock_mode == "frozen":
        return unit.frozen_at(at)
    return unit.running_from(at, real_now)
