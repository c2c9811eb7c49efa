"""A page of the dashboard: shown, and shown anew when it would look different."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import falcon.asgi

from avtale.accounts import Role
from avtale.dashboard.desk import Desk
from avtale.pages.streams import hashed
from avtale.problems import ResourceNotFound
from avtale.sales_units import SalesUnit

PAUSE_SECONDS: Final = 0.5
"""The shortest time between two looks at what a page shows, however much happens."""


class Page:
    """One page about a sales unit; `values` are what it shows, by the names that its template uses."""

    template: ClassVar[str]
    here: ClassVar[str]
    """The room of the menu that it is in."""
    needed: ClassVar[Role] = "viewer"
    is_live: ClassVar[bool] = True

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
        if req.get_param("listen") is not None and self.is_live:
            self._listen(req, resp, msn, names)
            return
        values = await self.values(req, unit, **names)
        seen = self._seen(unit, values)
        live = {"here": self.here, "seen": seen if self.is_live else None}
        self.desk.show(req, resp, self.template, unit, who, {**values, **live})

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


def page_number(text: str | None) -> int:
    """Which page of a list is asked for; what cannot be read is the first."""
    digits = text if text and text.isascii() and text.isdigit() and len(text) < 6 else "1"
    return max(1, int(digits))
