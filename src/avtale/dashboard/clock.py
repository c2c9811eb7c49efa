"""The clock: what it shows, buttons that move it, what a move did, and what one would do."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import falcon.asgi

from avtale.dashboard.desk import UNITS, Desk
from avtale.dashboard.page import Page, page_number, reason
from avtale.problems import Problem, ValidationFailed
from avtale.processing.clocks import Advanced, Span
from avtale.processing.happenings import Happenings
from avtale.processing.lasting import see_through
from avtale.rulebook import MARKETS
from avtale.sales_units import SalesUnit
from avtale.wire.control import HappenedAnswer
from avtale.wire.telling import told

STEPS: Final[dict[str, tuple[str, Span]]] = {
    "hour": ("1 hour", Span(by=timedelta(hours=1))),
    "day": ("1 day", Span(days=1)),
    "week": ("1 week", Span(days=7)),
    "month": ("30 days", Span(days=30)),
    "year": ("1 year", Span(days=365)),
}
MOST_SHOWN: Final = 100
MOST_DAYS: Final = 400


class Moved(NamedTuple):
    """What a move did, or would do."""

    begin: datetime
    end: datetime
    happened: tuple[HappenedAnswer, ...]
    in_all: int
    """How many things happened, shown or not."""


class ClockPage(Page):
    """`/units/{msn}/clock`; `?days=` shows what an advance would do."""

    template = "clock"
    here = "clock"
    is_of_sandbox = True

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._last: dict[str, Moved] = {}
        """What the last move of each unit's clock did, as far as it was made here."""

    async def values(
        self, req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """The last move, and a forecast where one is asked for."""
        msn, days = unit.merchant_serial_number, req.get_param("days")
        foreseen, wrong = None, ""
        if days is not None:
            try:
                span = Span(days=min(page_number(days), MOST_DAYS))
                advanced = await self.desk.tools.forecasts.foresee(msn, span)
                foreseen = _moved(advanced.begin, advanced.end, advanced.happened)
            except Problem as problem:
                wrong = problem.detail
        return {
            "steps": {name: label for name, (label, _) in STEPS.items()},
            "last": self._last.get(msn),
            "foreseen": foreseen,
            "days": min(page_number(days), MOST_DAYS) if days is not None else 30,
            "wrong": wrong,
        }

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Move it, let it stand, let it run, or do what is due."""
        who, unit, fields = await self.sent(req, msn, "developer")
        do = fields.get("do", "")
        await self.desk.tools.recorder.flush()
        refused = said = ""
        try:
            said = await self._done(unit, do, fields.get("to", ""))
        except Problem as problem:
            refused = reason(problem)
        await self.desk.note(unit, who, f"clock {do[:20]}", said, outcome=refused or "done")
        back = f"{UNITS}/{msn}/clock"
        self.desk.go(req, resp, back, refused or said, is_bad=bool(refused))

    async def _done(self, unit: SalesUnit, do: str, to: str) -> str:
        msn, clocks = unit.merchant_serial_number, self.desk.tools.clocks
        if do == "freeze":
            await see_through(clocks.freeze(msn))
            return "The clock stands still."
        if do == "resume":
            await clocks.resume(msn)
            return "The clock runs."
        if do == "run":
            happened = await see_through(clocks.run_now(msn))
            now = unit.now(self.desk.tools.engine.real_now())
            self._last[msn] = _moved(now, now, happened)
            return f"Everything that is due was done: {_many(happened.count)}."
        if do == "to":
            return await self._advanced(unit, clocks.advance(msn, to=_instant(to, unit)))
        if do not in STEPS:
            raise ValidationFailed.of("do", "is not something that a clock can do")
        _, span = STEPS[do]
        return await self._advanced(unit, clocks.advance(msn, days=span.days, by=span.by))

    async def _advanced(self, unit: SalesUnit, advancing: Coroutine[Any, Any, Advanced]) -> str:
        advanced = await see_through(advancing)
        moved = _moved(advanced.begin, advanced.end, advanced.happened)
        self._last[unit.merchant_serial_number] = moved
        local = moved.end.astimezone(MARKETS[unit.market].zone)
        return f"The clock shows {local:%Y-%m-%d %H:%M}; on the way: {_many(moved.in_all)}."


def _moved(begin: datetime, end: datetime, happened: Happenings) -> Moved:
    shown = told(happened)
    return Moved(begin, end, shown[:MOST_SHOWN], happened.count)


def _many(count: int) -> str:
    return "nothing happened" if count == 0 else f"{count} thing{'s' * (count != 1)} happened"


def _instant(text: str, unit: SalesUnit) -> datetime:
    """What a field of a browser says, `2026-12-24T09:00`, where the unit's market is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationFailed.of(
            "to", "write a day and a time, such as 2026-12-24T09:00"
        ) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=MARKETS[unit.market].zone)
