"""Clocks that obey: advance through everything that is due on the way, freeze, resume (sandbox §4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.problems import Conflict, Refused, ResourceNotFound
from avtale.processing.deliveries import PATIENCE_SECONDS, Deliveries
from avtale.processing.happenings import Happenings
from avtale.processing.runs import STUCK_SECONDS, Runs
from avtale.rulebook import MARKETS, Market
from avtale.sales_units import SalesUnit

LEASE = timedelta(seconds=60)
"""Real time after which an advance that does not move any more is given up."""

LONGEST_DAYS = 3653
"""How far one advance goes at most: ten years, two or three leap days among them."""

LATEST = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""No clock goes further; dates years ahead of it must still be dates."""

Move = Callable[[SalesUnit, datetime], SalesUnit]


class Advanced(NamedTuple):
    """What an advance did."""

    begin: datetime
    end: datetime
    happened: Happenings


class Span(NamedTuple):
    """How far a clock shall go: to an instant, or by calendar days of the market and then exact time."""

    to: datetime | None = None
    days: int = 0
    by: timedelta = timedelta()

    def end(self, begin: datetime, market: Market) -> datetime:
        """Where it ends, in whole milliseconds; raises Refused where that is backwards or too far."""
        try:
            end = self.to or days_later(market, begin, self.days) + self.by
        except OverflowError:
            end = datetime.max.replace(tzinfo=UTC)
        if end == begin.replace(microsecond=0):
            # Clocks are shown to the second, so the second that is shown is the present too.
            return begin
        if end < begin:
            raise Refused(
                f"The clock shows {begin:%Y-%m-%dT%H:%M:%SZ} and only moves forward; "
                "reset the sales unit to return to the present."
            )
        if end > min(begin + timedelta(days=LONGEST_DAYS), LATEST):
            raise Refused(
                f"The clock shows {begin:%Y-%m-%dT%H:%M:%SZ}; it goes ten years at a time "
                f"({LONGEST_DAYS} days), and never beyond {LATEST:%Y}."
            )
        end = end.astimezone(UTC)
        return end.replace(microsecond=end.microsecond // 1000 * 1000)


class Clocks:
    """Moves the clocks of sales units; one move at a time per unit."""

    def __init__(self, engine: Engine, runs: Runs, deliveries: Deliveries | None = None) -> None:
        """Without `deliveries`, nothing is sent while a clock is moved."""
        self._engine = engine
        self._runs = runs
        self._deliveries = deliveries
        self._moving: set[str] = set()
        self.listeners: list[Callable[[str, datetime, datetime, int], None]] = []
        """Who is told how an advance goes: of which unit, where it is, where to, and how much has happened."""
        self.release_listeners: list[Callable[[str], None]] = []
        """Who is told when a clock that was held is let go of: the unit may be another one from then on."""

    async def show(self, msn: str) -> SalesUnit:
        """The unit with its clock as it is."""
        return await self._move(msn, lambda unit, _: unit)

    async def freeze(self, msn: str, at: datetime | None = None) -> SalesUnit:
        """Let the clock stand still, now or, after an advance to it, at a later instant."""
        if at is not None:
            await self.advance(msn, to=at, then_frozen=True)
            return await self.show(msn)
        async with self.alone(msn):
            return await self._move(
                msn, lambda unit, now: _free(unit, now).frozen_at(unit.now(now))
            )

    async def resume(self, msn: str) -> SalesUnit:
        """Let the clock run on from where it stands."""
        async with self.alone(msn):
            return await self._move(
                msn, lambda unit, now: _free(unit, now).running_from(unit.now(now), now)
            )

    async def advance(
        self,
        msn: str,
        *,
        to: datetime | None = None,
        days: int = 0,
        by: timedelta = timedelta(),
        then_frozen: bool = False,
    ) -> Advanced:
        """Go through every moment at which something is due, in order, as if time had passed.

        Where to, see `Span`. Afterwards the clock runs or stands as before, or stands if `then_frozen`.
        Raises Refused as `Span.end` does, Conflict while another advance is under way.
        """
        async with self.alone(msn):
            begin, end = await self._begin(msn, Span(to, days, by))
            at, happened = begin, Happenings()
            try:
                self._tell(msn, at, end, happened)
                while True:
                    await self._runs.quiet(msn)
                    moment = await self._next_moment(msn)
                    if moment is None or moment > end:
                        break
                    if moment > at:
                        at = moment
                        await self._step(msn, at)
                        self._tell(msn, at, end, happened)
                    # A loop that was in the middle of the same work may get the better of all of it.
                    told = await self._runs.catch_up(msn, at, patience_seconds=STUCK_SECONDS)
                    happened += told
                    sent = await self._deliver(msn, at)
                    self._tell(msn, at, end, happened)
                    if not (told or sent) and await self._next_moment(msn) == moment:
                        break
                at = end
            finally:
                await self._move(msn, lambda unit, now: _rest(unit, at, now, frozen=then_frozen))
                # Where it ended is where it went, though it may have meant to go further.
                self._tell(msn, at, at, happened)
            return Advanced(begin, end, happened)

    def _tell(self, msn: str, at: datetime, to: datetime, happened: Happenings) -> None:
        for listener in self.listeners:
            listener(msn, at, to, happened.count)

    async def run_now(self, msn: str) -> Happenings:
        """Do what is due now, without moving the clock; raises Conflict while it is being moved."""
        async with self.alone(msn):
            real_now = self._engine.real_now()
            now = _free(await self.show(msn), real_now).now(real_now)
            await self._runs.quiet(msn)
            happened = await self._runs.catch_up(msn, now, patience_seconds=STUCK_SECONDS)
            await self._runs.quiet(msn)
            await self._deliver(msn, now)
            return happened

    async def _next_moment(self, msn: str) -> datetime | None:
        """The next instant at which something is due or to be sent."""
        moments = [await self._runs.next_moment(msn)]
        if self._deliveries is not None:
            moments.append(await self._deliveries.next_moment(msn))
        return min((moment for moment in moments if moment is not None), default=None)

    async def _deliver(self, msn: str, at: datetime) -> int:
        if self._deliveries is None:
            return 0
        return await self._deliveries.deliver(msn, at, patience_seconds=PATIENCE_SECONDS)

    async def ready(self, msn: str) -> datetime | None:
        """The unit's time where its due work may be done; lets go of an advance that was cut off."""
        if msn in self._moving:
            return None

        def settle(unit: SalesUnit, real_now: datetime) -> SalesUnit:
            is_cut_off = unit.clock_lease_until is not None and not unit.is_held(real_now)
            return unit.let_go(real_now) if is_cut_off else unit

        unit = await self._move(msn, settle)
        real_now = self._engine.real_now()
        return None if unit.is_held(real_now) else unit.now(real_now)

    @asynccontextmanager
    async def alone(self, msn: str) -> AsyncIterator[None]:
        """Nobody else in this process moves the unit's clock or begins its due work; raises Conflict."""
        if msn in self._moving:
            raise _being_moved()
        self._moving.add(msn)
        try:
            yield
        finally:
            self._moving.remove(msn)
            for listener in self.release_listeners:
                listener(msn)

    async def _begin(self, msn: str, span: Span) -> tuple[datetime, datetime]:
        """Stand still at once and hold the clock; answers with that instant and where to go."""

        def decide(world: World, call: Call) -> tuple[datetime, datetime]:
            unit = _free(_unit(world, msn), call.real_now)
            begin = unit.now(call.real_now)
            end = span.end(begin, MARKETS[unit.market])
            world.put(unit.advancing_at(begin, call.real_now + LEASE))
            return begin, end

        needs = Needs().of(SalesUnit, (msn,))
        return (await self._engine.submit(Command("begin_advance", decide, needs))).unwrap()

    async def _step(self, msn: str, instant: datetime) -> None:
        await self._move(msn, lambda unit, now: unit.advancing_at(instant, now + LEASE))

    async def _move(self, msn: str, move: Move) -> SalesUnit:
        def decide(world: World, call: Call) -> SalesUnit:
            unit = _unit(world, msn)
            moved = move(unit, call.real_now)
            if moved != unit:
                world.put(moved)
            return moved

        needs = Needs().of(SalesUnit, (msn,))
        return (await self._engine.submit(Command("move_clock", decide, needs))).unwrap()


def days_later(market: Market, instant: datetime, days: int) -> datetime:
    """The same wall time so many calendar days on; one that the clocks skip is read as before the change."""
    if days == 0:
        return instant
    wall = instant.astimezone(market.zone).replace(tzinfo=None) + timedelta(days=days)
    return wall.replace(tzinfo=market.zone).astimezone(UTC)


def _unit(world: World, msn: str) -> SalesUnit:
    unit = world.find(SalesUnit, msn)
    if unit is None:
        raise ResourceNotFound(f"There is no sales unit {msn}.")
    return unit


def _free(unit: SalesUnit, real_now: datetime) -> SalesUnit:
    """The unit, unless somebody, perhaps another process, is moving its clock."""
    if unit.is_held(real_now):
        raise _being_moved()
    return unit


def _being_moved() -> Conflict:
    return Conflict("The clock is being moved already; wait for that to end.")


def _rest(unit: SalesUnit, at: datetime, real_now: datetime, *, frozen: bool) -> SalesUnit:
    """The clock at `at`, running or standing as it did before the advance."""
    if frozen or unit.clock_mode == "frozen":
        return unit.frozen_at(at)
    return unit.running_from(at, real_now)
