"""Requests as they come: who called what, how it was answered, and what a refusal means."""

from __future__ import annotations

from typing import Any, Final

import falcon.asgi

from avtale import problems
from avtale.api.recorder import PUBLISHED
from avtale.dashboard.page import Page, page_number
from avtale.record import RecordedRequest
from avtale.sales_units import SalesUnit
from avtale.sandbox import recorded
from avtale.wire.record import request_answer

PAGE_ITEMS: Final = 50
SORTS: Final = {"2xx": (200, 299), "4xx": (400, 499), "5xx": (500, 599)}
LONGEST_ID: Final = 64

MEANINGS: Final = {
    each.slug: (each.__doc__ or "").partition("\n")[0]
    for each in vars(problems).values()
    if isinstance(each, type) and issubclass(each, problems.Problem) and each.slug
}
"""What each refusal means, in the words in which the code says so."""


class Requests(Page):
    """`/units/{msn}/requests`: newest first."""

    template = "requests"
    here = "requests"

    async def values(
        self, req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """One page of them."""
        tools = self.desk.tools
        operation, sort = req.get_param("operation") or "", req.get_param("status") or ""
        named = (req.get_param("about") or "").strip()[:LONGEST_ID]
        least, most = SORTS.get(sort, (0, 999))
        number = page_number(req.get_param("page"))

        def wanted(request: RecordedRequest) -> bool:
            return (
                least <= request.status <= most
                and operation in {"", request.operation}
                and named in {"", request.agreement_id, request.charge_id, request.context_id}
            )

        await tools.recorder.flush()
        found = await recorded.page(
            tools.storage,
            unit.merchant_serial_number,
            wanted,
            named=named,
            skip=(number - 1) * PAGE_ITEMS,
            size=PAGE_ITEMS + 1,
        )
        return {
            "requests": [request_answer(each) for each in found[:PAGE_ITEMS]],
            "meanings": MEANINGS,
            "operations": sorted(PUBLISHED),
            "operation": operation,
            "sorts": tuple(SORTS),
            "chosen": sort,
            "about": named,
            "number": number,
            "has_older": len(found) > PAGE_ITEMS,
            "dropped": tools.recorder.dropped,
            "is_on": tools.recorder.is_on,
        }
