"""Webhooks on the inside: what was sent and answered, sent again, or sent by name (sandbox §6)."""

from __future__ import annotations

from datetime import datetime
from typing import Final, get_args

import falcon.asgi

from avtale.agreements.agreement import Actor, Agreement
from avtale.api.answers import send_json
from avtale.charges.charge import Charge
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.events import AgreementFact, AgreementHappened, ChargeHappened, Happened
from avtale.instants import to_milliseconds
from avtale.operations.deliveries import send_by_hand
from avtale.problems import Conflict, ResourceNotFound, ValidationFailed
from avtale.sandbox.bodies import body_of
from avtale.sandbox.paging import page_of
from avtale.sandbox.sending import answer_of, find_delivery, receivers_of, send_again
from avtale.sandbox.tools import Tools
from avtale.webhooks.catalogue import AGREEMENT_EVENTS, CHARGE_EVENTS, Event, EventType
from avtale.webhooks.delivery import Delivery, DeliveryStatus
from avtale.webhooks.registration import Registration
from avtale.wire.deliveries import (
    ReplaySince,
    SendEvent,
    SentAnswer,
    event_answer,
)

MOST_REPLAYED: Final = 10_000
_STATUSES: Final[tuple[str, ...]] = get_args(DeliveryStatus)
_TYPES: Final[tuple[str, ...]] = get_args(EventType)
_AGREEMENT_FACTS: Final = {event: what for what, event in AGREEMENT_EVENTS.items()}
_CHARGE_FACTS: Final = {event: what for what, event in CHARGE_EVENTS.items()}
_MOVES_MONEY: Final = frozenset({"reserved", "captured", "cancelled", "refunded"})
_ACTORS: Final[dict[AgreementFact, Actor]] = {
    "activated": "USER",
    "rejected": "USER",
    "stopped": "MERCHANT",
}
NO_TRANSACTION: Final = "0000000000"
"""What stands for the transaction of an event that did not happen to a charge that has none."""


class Deliveries:
    """The deliveries and events of one sales unit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Newest first, those that the filters let through."""
        await self._tools.directory.sales_unit(msn)
        found = await self._tools.storage.rows(
            Delivery,
            "page_of_deliveries",
            msn=msn,
            registration_id=req.get_param("registrationId") or "",
            status=_one_of(req, "status", _STATUSES),
            event_type=_one_of(req, "eventType", _TYPES),
            agreement_id=req.get_param("agreementId") or "",
            **page_of(req),
        )
        receivers = await receivers_of(self._tools, msn)
        send_json(resp, [await answer_of(self._tools, each, receivers) for each in found])

    async def on_post_resend(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, delivery_id: str
    ) -> None:
        """Send one once more, whatever became of it."""
        delivery = await send_again(self._tools, await find_delivery(self._tools, delivery_id))
        receivers = await receivers_of(self._tools, delivery.merchant_serial_number)
        send_json(resp, await answer_of(self._tools, delivery, receivers))

    async def on_post_replay(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Send all once more that were made since an instant of the unit's clock."""
        body = await body_of(req, ReplaySince)
        await self._tools.directory.sales_unit(msn)
        found = await self._tools.storage.rows(
            Delivery,
            "deliveries_since",
            msn=msn,
            since=to_milliseconds(body.since),
            most=MOST_REPLAYED,
        )
        sent: list[str] = []
        for delivery in found:
            try:
                sent.append((await send_again(self._tools, delivery)).delivery_id)
            except Conflict:
                # Whoever is gone is told of nothing any more.
                continue
        send_json(resp, SentAnswer(delivery_ids=tuple(sent)))

    async def on_get_events(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Everything that merchants are told of, oldest first, whether anybody is registered or not."""
        await self._tools.directory.sales_unit(msn)
        found = await self._tools.storage.rows(Event, "page_of_events", msn=msn, **page_of(req))
        send_json(resp, [event_answer(each) for each in found])

    async def on_post_events(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Send one by name, as it would look for an agreement or a charge, which stay as they are."""
        body = await body_of(req, SendEvent)
        unit = await self._tools.directory.sales_unit(msn)
        agreement, charge = await self._about(msn, body)
        now = unit.now(self._tools.engine.real_now())
        sent = await self._sent(msn, _imagined(body.event_type, agreement, charge, now))
        self._tools.nudge()
        resp.status = 202
        send_json(resp, SentAnswer(delivery_ids=tuple(each.delivery_id for each in sent)))

    async def _about(self, msn: str, body: SendEvent) -> tuple[Agreement, Charge | None]:
        """What an event is about; raises ResourceNotFound."""
        storage, charge = self._tools.storage, None
        agreement_id = body.agreement_id or ""
        if body.charge_id is not None and ".charge-" in body.event_type:
            needs = Needs().of(Charge, (msn, body.charge_id))
            charge = (await storage.look(needs)).find(Charge, msn, body.charge_id)
            if charge is None:
                raise ResourceNotFound("There is no such charge in this sales unit.")
            agreement_id = charge.agreement_id
        needs = Needs().of(Agreement, (msn, agreement_id))
        agreement = (await storage.look(needs)).find(Agreement, msn, agreement_id)
        if agreement is None:
            raise ResourceNotFound("There is no such agreement in this sales unit.")
        return agreement, charge

    async def _sent(self, msn: str, happened: Happened) -> list[Delivery]:
        storage = self._tools.storage
        [(place,)] = await storage.select("latest_event_place", msn=msn)
        receivers = [each for (each,) in await storage.select("receivers_of_unit", msn=msn)]

        def decide(world: World, call: Call) -> list[Delivery]:
            return send_by_hand(world, call, happened, place, receivers)

        needs = Needs().of(Registration, *((each,) for each in receivers))
        return (
            await self._tools.engine.submit(Command("send_by_hand", decide, needs, msn))
        ).unwrap()


def _imagined(
    event_type: EventType, agreement: Agreement, charge: Charge | None, now: datetime
) -> Happened:
    """What would have had to happen."""
    if charge is None:
        what = _AGREEMENT_FACTS[event_type]
        return AgreementHappened(what, now, agreement, _ACTORS.get(what))
    fact = _CHARGE_FACTS[event_type]
    return ChargeHappened(
        fact,
        now,
        charge,
        agreement.external_id,
        charge.amount,
        (charge.transaction_id or NO_TRANSACTION) if fact in _MOVES_MONEY else None,
        "user_action_required" if fact in {"failed", "creation failed"} else None,
    )


def _one_of(req: falcon.asgi.Request, name: str, words: tuple[str, ...]) -> str:
    """A word of the query; raises ValidationFailed where it is none of these."""
    given: str = req.get_param(name) or ""
    if given and given not in words:
        raise ValidationFailed.of(name, f"must be one of {', '.join(words)}")
    return given
