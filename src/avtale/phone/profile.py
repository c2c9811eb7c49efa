"""What a payer does with the profile on the phone: how it pays, money, habits, and leaving for good."""

from __future__ import annotations

from typing import Final, get_args

import falcon.asgi
import msgspec

from avtale.pages.numbers import amount_in
from avtale.payers import Outcome, Payer, SourceStatus
from avtale.phone.rooms import Rooms
from avtale.problems import ResourceNotFound, ValidationFailed
from avtale.sandbox.phones import find_payer
from avtale.sandbox.profiles import delete_profile, put_profile
from avtale.wire.control import MOST_OUTCOMES
from avtale.wire.members import phone_number as read_phone_number
from avtale.wire.payers import LARGEST_BALANCE, PutPayer

_STATUSES: Final = frozenset(get_args(SourceStatus))
_OUTCOMES: Final = frozenset(get_args(Outcome))


class Profile:
    """Forms of the page `me`, and the one that makes a payer."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def on_post_make(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Make the payer up."""
        await self._rooms.fields(req, phone_number)
        if read_phone_number(phone_number) is None:
            raise ResourceNotFound("There is no such phone.")
        await put_profile(self._rooms.tools, phone_number, PutPayer())
        self._rooms.look.go(req, resp, f"/phone/{phone_number}?told=made")

    async def on_post_source(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Break the source of money, mend it, or take another kind."""
        fields = await self._rooms.fields(req, phone_number)
        status, kind = fields.get("status", ""), fields.get("kind", "")
        source: dict[str, str | None] = {}
        if status in _STATUSES:
            source["status"] = status
            if status == "OK":
                source["expires"] = None
        elif kind in {"CARD", "ACCOUNT"}:
            source["kind"] = kind
        elif "expires" in fields:
            source["expires"] = fields["expires"].strip() or None
        await self._put(req, resp, phone_number, {"source": source} if source else {})

    async def on_post_balance(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Have this much money, none, or enough."""
        fields = await self._rooms.fields(req, phone_number)
        written = fields.get("balance", "")
        amount = None if written == "enough" else amount_in(written)
        if written != "enough" and (amount is None or amount > LARGEST_BALANCE):
            self._say(req, resp, phone_number, "not_understood")
            return
        await self._put(req, resp, phone_number, {"balance": amount})

    async def on_post_outcomes(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Say what the next attempts meet: one more, or whatever comes."""
        fields = await self._rooms.fields(req, phone_number)
        outcome = fields.get("outcome", "")
        payer = await self._payer(phone_number)
        if outcome not in _OUTCOMES | {""}:
            self._say(req, resp, phone_number, "not_understood")
            return
        outcomes = [*payer.outcomes, outcome] if outcome else []
        await self._put(req, resp, phone_number, {"outcomes": outcomes[:MOST_OUTCOMES]})

    async def on_post_persona(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Take on a persona, or none."""
        fields = await self._rooms.fields(req, phone_number)
        await self._put(req, resp, phone_number, {"persona": fields.get("persona") or None})

    async def on_post_delete(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Leave for good."""
        await self._rooms.fields(req, phone_number)
        await delete_profile(self._rooms.tools, phone_number)
        self._say(req, resp, phone_number, "deleted", page="")

    async def _put(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        members: dict[str, object],
    ) -> None:
        """Change the payer as the control API would, and go back."""
        await self._payer(phone_number)
        told = "saved"
        try:
            body = msgspec.convert(members, PutPayer)
            await put_profile(self._rooms.tools, phone_number, body)
        except (msgspec.ValidationError, ValidationFailed):
            told = "not_understood"
        self._say(req, resp, phone_number, told)

    async def _payer(self, phone_number: str) -> Payer:
        return await find_payer(self._rooms.tools.storage, phone_number)

    def _say(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        told: str,
        *,
        page: str = "/me",
    ) -> None:
        self._rooms.look.go(req, resp, f"/phone/{phone_number}{page}?told={told}")
