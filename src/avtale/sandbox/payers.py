"""`/sandbox/payers`: people with phones and money, described or made up (sandbox §5)."""

from __future__ import annotations

from collections import defaultdict

import falcon.asgi
from msgspec import UNSET
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.api.answers import send_json
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.operations.diary import habits_of
from avtale.operations.payers import Put, delete_payer, put_payer
from avtale.payers import Payer
from avtale.personas import Appointment
from avtale.problems import ValidationFailed
from avtale.processing.lasting import see_through
from avtale.sales_units import SalesUnit
from avtale.sandbox.bodies import body_of
from avtale.sandbox.cast import cast, persona_called
from avtale.sandbox.paging import page_of
from avtale.sandbox.phones import look_at_phone
from avtale.sandbox.tools import Tools
from avtale.wire.members import phone_number as read_phone_number
from avtale.wire.payers import PutPayer, payer_answer, phone_answer

MOST_REQUESTS = 10_000
"""How many requests a payer who leaves is asked to reject; they expire within minutes anyway."""


class Payers:
    """All payers, and one."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """List them by phone number."""
        payers = await self._tools.storage.rows(Payer, "page_of_payers", **page_of(req))
        send_json(resp, [payer_answer(payer) for payer in payers])

    async def on_put_one(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Make or change one; what is not given stays, or is made up."""
        _require_phone_number(phone_number)
        body = await body_of(req, PutPayer, may_be_empty=True)
        if isinstance(body.persona, str):
            body = replace(body, persona=persona_called(body.persona))
        needs = Needs().of(Payer, (phone_number,))
        active: list[Agreement] = []
        if body.persona is not UNSET:
            active = await self._tools.storage.rows(
                Agreement, "active_agreements_of_payer", phone_number=phone_number
            )
        for agreement in active:
            msn, agreement_id = key = _key(agreement)
            needs.of(SalesUnit, (msn,)).of(Agreement, key)
            needs.of(Appointment, *habits_of(msn, agreement_id))

        def decide(world: World, call: Call) -> Put:
            return put_payer(world, call, phone_number, body, map(_key, active))

        decided = await self._tools.engine.submit(Command("put_payer", decide, needs))
        put = decided.unwrap()
        send_json(resp, payer_answer(put.payer))
        resp.status = 201 if put.is_new else 200

    async def on_get_one(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """One, and what the phone shows."""
        _require_phone_number(phone_number)
        real_now = self._tools.engine.real_now()
        phone = await look_at_phone(self._tools.storage, phone_number, real_now)
        send_json(
            resp,
            phone_answer(
                phone.payer, phone.requests, phone.agreements, phone.payments, phone.notifications
            ),
        )

    async def on_get_personas(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The personas that come along, by name."""
        send_json(resp, cast())

    async def on_delete_one(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """The payer deletes the profile."""
        _require_phone_number(phone_number)
        await see_through(self._delete(phone_number))
        resp.status = 204

    async def _delete(self, phone_number: str) -> None:
        storage = self._tools.storage
        active = await storage.rows(
            Agreement, "active_agreements_of_payer", phone_number=phone_number
        )
        waiting = await storage.rows(
            Agreement, "latest_requests_for_phone", phone_number=phone_number, size=MOST_REQUESTS
        )
        needs = Needs().of(Payer, (phone_number,))
        for agreement in (*active, *waiting):
            msn, agreement_id = key = _key(agreement)
            needs.of(SalesUnit, (msn,)).of(Agreement, key).open_charges(msn, agreement_id)
            if agreement.initial_charge_id is not None:
                needs.of(Charge, (msn, agreement.initial_charge_id))

        def decide(world: World, call: Call) -> None:
            delete_payer(world, call, phone_number, map(_key, active), map(_key, waiting))

        decided = await self._tools.engine.submit(Command("delete_payer", decide, needs))
        decided.unwrap()
        by_unit: defaultdict[str, list[Payment]] = defaultdict(list)
        for payment in decided.begun:
            by_unit[payment.merchant_serial_number].append(payment)
        for payments in by_unit.values():
            await self._tools.settlement.settle(payments)


def _key(agreement: Agreement) -> tuple[str, str]:
    return agreement.merchant_serial_number, agreement.agreement_id


def _require_phone_number(text: str) -> None:
    if read_phone_number(text) is None:
        raise ValidationFailed.of(
            "phoneNumber", "must be 8 to 15 digits, the country code first, without +"
        )
