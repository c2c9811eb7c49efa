"""`/phone` and what one phone shows: home, agreements, notices, the payer (sandbox §5)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import falcon.asgi

from avtale.engine.world import Needs
from avtale.pages.numbers import phone_number_in
from avtale.payers import Payer
from avtale.phone.rooms import Rooms
from avtale.phone.tokens import token_in
from avtale.problems import ResourceNotFound
from avtale.sandbox.cast import cast
from avtale.wire.members import phone_number as read_phone_number

PHONES = "phones"
"""What forms on the list of phones are about."""

_NUMBER: Final = re.compile(r"[0-9]{1,6}", re.ASCII)

MOST_PHONES: Final = 60
"""Phones on the list; those on which something waits come first."""

MOST_LISTED: Final = 40
"""Agreements on one page of them."""


class Pages:
    """Everything that is looked at; nothing changes here."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def on_get(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, *, wrong: str | None = None
    ) -> None:
        """Pick a phone."""
        phones = await self._phones()
        self._rooms.look.send(
            req,
            resp,
            "phone/list.html.jinja",
            status=400 if wrong else 200,
            phones=phones[:MOST_PHONES],
            more=len(phones) > MOST_PHONES,
            wrong=wrong,
            form=self._rooms.forms.token(PHONES, self._rooms.tools.engine.real_now()),
        )

    async def _phones(self) -> list[tuple[str, Payer | None, int]]:
        """Number, payer (nobody yet, where a request went to a number that nobody has) and what waits there."""
        storage = self._rooms.tools.storage
        waiting = Counter(dict(await storage.select("requests_by_phone")))
        first = sorted(waiting)[: MOST_PHONES + 1]
        world = await storage.look(Needs().of(Payer, *((number,) for number in first)))
        payers = {number: world.find(Payer, number) for number in first}
        for payer in await storage.rows(Payer, "page_of_payers", size=MOST_PHONES + 1, skip=0):
            payers.setdefault(payer.phone_number, payer)
        return [
            (number, payer if payer and payer.deleted is None else None, waiting[number])
            for number, payer in payers.items()
        ]

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Go to the phone that somebody names; where nobody has it, that page says what to do."""
        fields = await self._rooms.forms.read(req, PHONES, self._rooms.tools.engine.real_now())
        number = phone_number_in(fields.get("phone", ""), "NO")
        if number is None:
            await self.on_get(req, resp, wrong="phone")
            return
        self._rooms.look.go(req, resp, f"/phone/{number}")

    async def on_post_open(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Go where a pasted link leads: to the phone that the request lies on, or to its landing page."""
        fields = await self._rooms.forms.read(req, PHONES, self._rooms.tools.engine.real_now())
        token = token_in(fields.get("link", ""))
        if token is None or self._rooms.links.opened(token) is None:
            await self.on_get(req, resp, wrong="link")
            return
        self._rooms.look.go(req, resp, f"/landing?token={token}")

    async def on_get_one(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        *,
        wrong: dict[str, str] | None = None,
    ) -> None:
        """Home: what waits, what is coming; with what is wrong about an amount that was written there."""
        rooms = self._rooms
        try:
            phone = await rooms.phone(phone_number)
        except ResourceNotFound:
            if read_phone_number(phone_number) is None:
                raise
            self._offer(req, resp, phone_number)
            return
        showing = rooms.showing(req, phone)
        requests = showing.requests(await rooms.initial_charges(phone))
        coming = [each for each in showing.agreements() if each.is_active and each.coming]
        coming.sort(key=lambda each: str(each.coming_at))
        rooms.show(
            req,
            resp,
            "home",
            phone,
            showing,
            requests=requests,
            links=[(each, rooms.landing_path(each)) for each in showing.links()],
            units=phone.units,
            next=coming[0] if coming else None,
            currency=_currency(phone.payer),
            wrong=wrong,
        )
        if wrong is not None:
            resp.status = 400

    async def on_get_agreements(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """All agreements."""
        phone = await self._rooms.phone(phone_number)
        showing = self._rooms.showing(req, phone)
        shown = sorted(showing.agreements(), key=lambda each: not each.is_active)
        skip = _skip(req)
        page = shown[skip : skip + MOST_LISTED]
        self._rooms.show(
            req,
            resp,
            "agreements",
            phone,
            showing,
            active=[each for each in page if each.is_active],
            stopped=[each for each in page if not each.is_active],
            earlier=skip + MOST_LISTED if len(shown) > skip + MOST_LISTED else None,
        )

    async def on_get_agreement(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        msn: str,
        agreement_id: str,
        *,
        wrong: dict[str, str] | None = None,
    ) -> None:
        """One agreement."""
        phone = await self._rooms.phone(phone_number)
        showing = self._rooms.showing(req, phone)
        shown = showing.find(msn, agreement_id)
        if shown is None:
            raise ResourceNotFound("Agreement not found.")
        self._rooms.show(
            req,
            resp,
            "agreement",
            phone,
            showing,
            each=shown,
            wrong=wrong,
        )
        if wrong is not None:
            resp.status = 400

    async def on_get_notices(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """What the phone has said."""
        phone = await self._rooms.phone(phone_number)
        showing = self._rooms.showing(req, phone)
        self._rooms.show(req, resp, "notices", phone, showing, notices=showing.notices())

    async def on_get_me(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Who the payer is, and how it pays."""
        phone = await self._rooms.phone(phone_number)
        showing = self._rooms.showing(req, phone)
        self._rooms.show(
            req,
            resp,
            "me",
            phone,
            showing,
            cast=cast(),
            currency=_currency(phone.payer),
        )

    async def on_get_stream(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        """Say when the phone is to be looked at anew."""
        self._rooms.board.stream(resp, self._rooms.digest(phone_number))

    def _offer(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, phone_number: str
    ) -> None:
        told = req.get_param("told")
        self._rooms.look.send(
            req,
            resp,
            "phone/unknown.html.jinja",
            status=404,
            phone_number=phone_number,
            told=told if told == "deleted" else None,
            form=self._rooms.token(phone_number),
        )


def _skip(req: falcon.asgi.Request) -> int:
    """How many agreements were seen already."""
    written = req.get_param("skip") or ""
    return int(written) if _NUMBER.fullmatch(written) else 0


def _currency(payer: Payer) -> str:
    """The money of the payer's home."""
    return {"DK": "DKK", "FI": "EUR"}.get(payer.profile.address.country, "NOK")
