"""Webhooks: who is told of what, every delivery with its attempts, what is blocked, and how a signature is made."""

from __future__ import annotations

from typing import Any, Final, get_args

import falcon.asgi

from avtale.dashboard.desk import UNITS
from avtale.dashboard.page import Page, page_number
from avtale.problems import Problem, ResourceNotFound
from avtale.sales_units import SalesUnit
from avtale.sandbox.sending import answer_of, find_delivery, receivers_of, send_again
from avtale.webhooks.delivery import Delivery, DeliveryStatus
from avtale.webhooks.registration import Registration
from avtale.webhooks.signing import content_sha256, string_to_sign, target_of

PAGE_ITEMS: Final = 50
STATUSES: Final[tuple[str, ...]] = get_args(DeliveryStatus)


class Webhooks(Page):
    """`/units/{msn}/webhooks`."""

    template = "webhooks"
    here = "webhooks"

    async def values(
        self, req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """Registrations, what fails, and one page of deliveries."""
        msn, storage = unit.merchant_serial_number, self.desk.tools.storage
        status = req.get_param("status") or ""
        status = status if status in STATUSES else ""
        number = page_number(req.get_param("page"))
        found = await storage.rows(
            Delivery,
            "page_of_deliveries",
            msn=msn,
            registration_id="",
            status=status,
            event_type="",
            agreement_id="",
            size=PAGE_ITEMS + 1,
            skip=(number - 1) * PAGE_ITEMS,
        )
        receivers = await receivers_of(self.desk.tools, msn)
        failing = await storage.rows(Delivery, "failing_deliveries", msn=msn)
        return {
            "registrations": await storage.rows(Registration, "registrations_for_unit", msn=msn),
            "failing": failing[:PAGE_ITEMS],
            "deliveries": found[:PAGE_ITEMS],
            "urls": {key: each.url for key, each in sorted(receivers.items())},
            "statuses": STATUSES,
            "chosen": status,
            "number": number,
            "has_older": len(found) > PAGE_ITEMS,
        }


class DeliveryPage(Page):
    """`/units/{msn}/webhooks/{delivery_id}`; a POST sends it once more."""

    template = "delivery"
    here = "webhooks"

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **names: str
    ) -> dict[str, Any]:
        """One delivery, with every attempt, and its signature step by step."""
        delivery = await self._find(unit.merchant_serial_number, names["delivery_id"])
        receivers = await receivers_of(self.desk.tools, unit.merchant_serial_number)
        answer = await answer_of(self.desk.tools, delivery, receivers)
        return {
            "delivery": answer,
            "signing": _signing(answer.url, answer.body, dict(answer.attempts[-1].headers))
            if answer.attempts
            else None,
        }

    async def on_post(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, delivery_id: str
    ) -> None:
        """Send it once more, whatever became of it."""
        who, unit, _ = await self.sent(req, msn, "support")
        delivery = await self._find(msn, delivery_id)
        refused = ""
        try:
            await send_again(self.desk.tools, delivery)
        except Problem as problem:
            refused = problem.detail
        await self.desk.note(
            unit,
            who,
            "resend_delivery",
            delivery.event_type,
            agreement_id=delivery.agreement_id,
            charge_id=delivery.charge_id,
            outcome=refused or "done",
        )
        back = f"{UNITS}/{msn}/webhooks/{delivery_id}"
        self.desk.go(req, resp, back, refused or "It is on its way again.", is_bad=bool(refused))

    async def _find(self, msn: str, delivery_id: str) -> Delivery:
        delivery = await find_delivery(self.desk.tools, delivery_id)
        if delivery.merchant_serial_number != msn:
            raise ResourceNotFound("There is no such delivery.")
        return delivery


def _signing(url: str, body: str, headers: dict[str, str]) -> dict[str, str]:
    """What a receiver works out, step by step, from the latest attempt."""
    target, digest = target_of(url), content_sha256(body.encode())
    return {
        "digest": digest,
        "text": string_to_sign(target.path_and_query, headers["x-ms-date"], target.host, digest),
        "authorization": headers["Authorization"],
    }
