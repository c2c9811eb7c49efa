"""A page of the dashboard: shown, and shown anew when it would look different."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NamedTuple

import falcon.asgi

from avtale.accounts import Role
from avtale.dashboard.desk import Desk
from avtale.dashboard.doorkeeper import Who
from avtale.pages.streams import hashed
from avtale.problems import Problem, ResourceNotFound
from avtale.sales_units import SalesUnit

PAUSE_SECONDS: Final = 0.5
"""The shortest time between two looks at what a page shows, however much happens."""


class Sent(NamedTuple):
    """A form of a page that somebody sent."""

    who: Who
    unit: SalesUnit
    fields: dict[str, str]


class Page:
    """One page about a sales unit; `values` are what it shows, by the names that its template uses."""

    template: ClassVar[str]
    here: ClassVar[str]
    """The room of the menu that it is in."""
    needed: ClassVar[Role] = "viewer"
    is_live: ClassVar[bool] = True
    is_of_sandbox: ClassVar[bool] = False
    """Whether it is there only where payers and clocks obey."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def values(
        self, req: falcon.asgi.Request, unit: SalesUnit, /, **names: str
    ) -> dict[str, Any]:
        """What the page shows: rows whose `repr` tells everything, and nothing that changes by itself."""
        raise NotImplementedError

    async def on_get(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, **names: str
    ) -> None:
        """The page, or (`listen`) a stream that says when to look anew."""
        who = await self.desk.admit(req, self.needed)
        unit = await self.desk.unit(msn)
        if self.is_of_sandbox:
            self._require_sandbox()
        if req.get_param("listen") is not None and self.is_live:
            self._listen(req, resp, msn, names)
            return
        values = await self.values(req, unit, **names)
        seen = self._seen(unit, values)
        live = {"here": self.here, "seen": seen if self.is_live else None}
        self.desk.show(req, resp, self.template, unit, who, {**values, **live})

    async def sent(
        self, req: falcon.asgi.Request, msn: str, needed: Role, *, in_sandbox: bool = False
    ) -> Sent:
        """A form that was sent to the page by somebody who may, `in_sandbox` nowhere else.

        Raises as `Desk.admit`, `Desk.unit` and `Desk.fields` do.
        """
        who = await self.desk.admit(req, needed)
        unit = await self.desk.unit(msn)
        fields = await self.desk.fields(req, who, msn)
        if in_sandbox or self.is_of_sandbox:
            self._require_sandbox()
        return Sent(who, unit, fields)

    def _require_sandbox(self) -> None:
        if not self.desk.is_test:
            raise ResourceNotFound("There is no such page.")

    def _listen(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        msn: str,
        names: dict[str, str],
    ) -> None:
        async def digest() -> str:
            try:
                unit = await self.desk.unit(msn)
                return self._seen(unit, await self.values(req, unit, **names))
            except ResourceNotFound:
                return "gone"

        self.desk.board.stream(resp, digest, pause_seconds=PAUSE_SECONDS)

    def _seen(self, unit: SalesUnit, values: dict[str, Any]) -> str:
        clock = (unit.name, unit.clock_mode, unit.clock_at, unit.clock_offset_ms)
        return hashed((clock, sorted(values.items())))


def reason(problem: Problem) -> str:
    """Why a form was refused, in a line."""
    return "; ".join(fault.reason for fault in problem.faults) or problem.detail


def page_number(text: str | None) -> int:
    """Which page of a list is asked for; what cannot be read is the first."""
    digits = text if text and text.isascii() and text.isdigit() and len(text) < 6 else "1"
    return max(1, int(digits))
