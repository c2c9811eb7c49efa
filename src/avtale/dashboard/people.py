"""Payers, as a way to their phones."""

from __future__ import annotations

from typing import Any, Final

import falcon.asgi

from avtale.dashboard.desk import UNITS, masked
from avtale.dashboard.page import Page, page_number
from avtale.pages.numbers import phone_number_in
from avtale.payers import Payer
from avtale.sales_units import SalesUnit
from avtale.sandbox.profiles import put_profile
from avtale.wire.payers import PutPayer

PAGE_ITEMS: Final = 50


class Payers(Page):
    """`/units/{msn}/payers`; a POST makes one."""

    template = "payers"
    here = "payers"
    is_of_sandbox = True

    async def values(
        self, req: falcon.asgi.Request, _unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """One page of them, and how many requests lie on whose phone."""
        storage, number = self.desk.tools.storage, page_number(req.get_param("page"))
        found = await storage.rows(
            Payer, "page_of_payers", size=PAGE_ITEMS + 1, skip=(number - 1) * PAGE_ITEMS
        )
        return {
            "payers": found[:PAGE_ITEMS],
            "requests": dict(await storage.select("requests_by_phone")),
            "number": number,
            "has_older": len(found) > PAGE_ITEMS,
        }

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Make one, with a name and an address that look right for the country of the number."""
        who, unit, fields = await self.sent(req, msn, "developer")
        number = phone_number_in(fields.get("phone", ""), unit.market)
        back = f"{UNITS}/{msn}/payers"
        if number is None:
            told = (
                "That is no phone number; write eight digits, or the country code and the number."
            )
            self.desk.go(req, resp, back, told, is_bad=True)
            return
        put = await put_profile(self.desk.tools, number, PutPayer())
        await self.desk.note(unit, who, "put_payer", masked(number))
        name = f"{put.payer.profile.given_name} {put.payer.profile.family_name}"
        told = f"{name} is there." if put.is_new else f"{name} was there already."
        self.desk.go(req, resp, back, told)
