"""Snapshots of the unit: taken, listed, gone back to, forgotten."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from avtale.dashboard.desk import UNITS
from avtale.dashboard.page import Page, reason
from avtale.problems import Problem, ValidationFailed
from avtale.sales_units import SalesUnit
from avtale.sandbox.snapshots import delete, listed, restore, take
from avtale.snapshots import NAME, SAID


class Moments(Page):
    """`/units/{msn}/snapshots`; a POST takes one, goes back to one, or forgets one."""

    template = "snapshots"
    here = "snapshots"
    is_of_sandbox = True

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """The snapshots, oldest first."""
        found = await listed(self.desk.tools, unit.merchant_serial_number)
        return {
            "snapshots": [
                (each.name, each.clock_shown, each.taken, each.agreements, each.charges)
                for each in found
            ]
        }

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Do one of the three."""
        who, unit, fields = await self.sent(req, msn, "developer")
        do, name = fields.get("do", ""), " ".join(fields.get("name", "").split())
        refused = said = ""
        try:
            said = await self._done(msn, do, name)
        except Problem as problem:
            refused = reason(problem)
        await self.desk.note(unit, who, f"snapshot {do[:20]}", name[:60], outcome=refused or "done")
        back = f"{UNITS}/{msn}/snapshots"
        self.desk.go(req, resp, back, refused or said, is_bad=bool(refused))

    async def _done(self, msn: str, do: str, name: str) -> str:
        tools = self.desk.tools
        if do == "take":
            if NAME.fullmatch(name) is None:
                raise ValidationFailed.of(
                    "name",
                    f"A name has {SAID}.",
                )
            await take(tools, msn, name)
            return f"“{name}” is kept."
        if do == "restore":
            await restore(tools, msn, name)
            return f"Everything is as it was at “{name}”."
        if do == "delete":
            await delete(tools, msn, name)
            return f"“{name}” is forgotten."
        raise ValidationFailed.of("do", "is not something that can be done with a snapshot")
