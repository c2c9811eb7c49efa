"""`/sandbox/sales-units/{msn}/clock` and `/runs`: time that obeys (sandbox §4)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from msgspec import UNSET

from avtale.api.answers import send_json
from avtale.api.paging import whole_number
from avtale.processing.clocks import LONGEST_DAYS, Advanced, Span
from avtale.processing.happenings import Happenings
from avtale.processing.lasting import see_through
from avtale.sales_units import SalesUnit
from avtale.sandbox.bodies import body_of
from avtale.sandbox.tools import Tools
from avtale.wire.control import AdvanceAnswer, AdvanceClock, FreezeClock, RunAnswer, clock_answer
from avtale.wire.members import to_the_second
from avtale.wire.telling import told

FORECAST_DAYS = 30


class Clock:
    """The clock of one sales unit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Show it."""
        self._send(resp, await self._tools.directory.sales_unit(msn))

    async def on_post_advance(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Go on through everything that is due; done to the end even where the client has gone."""
        body = await body_of(req, AdvanceClock)
        await self._tools.recorder.flush()
        advancing = self._tools.clocks.advance(msn, to=body.to, days=body.days or 0, by=body.exact)
        send_json(resp, _advance_answer(await see_through(advancing)))

    async def on_post_freeze(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Let it stand still."""
        body = await body_of(req, FreezeClock, may_be_empty=True)
        await self._tools.recorder.flush()
        self._send(resp, await see_through(self._tools.clocks.freeze(msn, body.at)))

    async def on_post_resume(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Let it run on."""
        await self._tools.recorder.flush()
        self._send(resp, await self._tools.clocks.resume(msn))

    async def on_get_forecast(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """What an advance by so many days would do, without doing it."""
        days = whole_number("days", req.get_param("days"), 0, LONGEST_DAYS, FORECAST_DAYS)
        foreseen = await self._tools.forecasts.foresee(msn, Span(days=days))
        send_json(resp, _advance_answer(foreseen))

    async def on_post_runs(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Do what is due now, without moving the clock."""
        happened = await see_through(self._tools.clocks.run_now(msn))
        send_json(resp, RunAnswer(**_what(happened)))

    def _send(self, resp: falcon.asgi.Response, unit: SalesUnit) -> None:
        send_json(resp, clock_answer(unit, self._tools.engine.real_now()))


def _advance_answer(advanced: Advanced) -> AdvanceAnswer:
    return AdvanceAnswer(
        begin=to_the_second(advanced.begin),
        to=to_the_second(advanced.end),
        **_what(advanced.happened),
    )


def _what(happened: Happenings) -> dict[str, Any]:
    """What happened, and how much it was where that is more than is listed."""
    return {
        "happened": told(happened),
        "truncated": True if happened.is_truncated else UNSET,
        "count": happened.count if happened.is_truncated else UNSET,
    }
