"""The journal: what people did by hand, newest first."""

from __future__ import annotations

from typing import Any, Final

import falcon.asgi

from avtale.accounts import Act
from avtale.dashboard.page import Page
from avtale.sales_units import SalesUnit

SHOWN: Final = 200


class Journal(Page):
    """`/units/{msn}/acts`."""

    template = "acts"
    here = "acts"

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """The latest."""
        msn = unit.merchant_serial_number
        return {"acts": await self.desk.tools.storage.rows(Act, "latest_acts", msn=msn, size=SHOWN)}
