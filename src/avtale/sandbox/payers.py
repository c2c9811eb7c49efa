"""`/sandbox/payers`: people with phones and money, described or made up (sandbox §5)."""

from __future__ import annotations

import falcon.asgi

from avtale.api.answers import send_json
from avtale.payers import Payer
from avtale.problems import ValidationFailed
from avtale.sandbox.bodies import body_of
from avtale.sandbox.cast import cast
from avtale.sandbox.paging import page_of
from avtale.sandbox.phones import look_at_phone
from avtale.sandbox.profiles import delete_profile, put_profile
from avtale.sandbox.tools import Tools
from avtale.wire.members import phone_number as read_phone_number
from avtale.wire.payers import PutPayer, payer_answer, phone_answer


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
        put = await put_profile(self._tools, phone_number, body)
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
        await delete_profile(self._tools, phone_number)
        resp.status = 204


def _require_phone_number(text: str) -> None:
    if read_phone_number(text) is None:
        raise ValidationFailed.of(
            "phoneNumber", "must be 8 to 15 digits, the country code first, without +"
        )
