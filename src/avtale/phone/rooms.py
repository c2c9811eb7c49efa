"""What phones are made of: the parts that every page of a phone needs, and the way back after an act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.api.links import Links
from avtale.charges.charge import Charge
from avtale.engine.world import Needs
from avtale.operations.requests import request_closes_at
from avtale.pages.forms import Forms
from avtale.pages.look import Look
from avtale.pages.streams import Board, Digest, hashed
from avtale.phone.shown import Showing
from avtale.problems import ResourceNotFound
from avtale.rulebook import Environment
from avtale.sandbox.phones import Phone, look_at_phone
from avtale.sandbox.tools import Tools
from avtale.wire.members import phone_number as read_phone_number

TOLD: Final = frozenset(
    {
        "approved",
        "rejected",
        "stopped",
        "saved",
        "deleted",
        "impossible",
        "working",
        "answered",
        "made",
        "not_understood",
    }
)
"""What a page may say at its top about the act before it."""

NEWEST: Final = 100
"""How much of each kind is looked at, to see whether a phone shows something else."""

_BAD: Final = frozenset({"impossible", "answered", "not_understood"})


@dataclass(frozen=True)
class Rooms:
    """The parts, joined by the server."""

    look: Look
    forms: Forms
    board: Board
    links: Links
    tools: Tools

    @property
    def environment(self) -> Environment:
        """Test; in production there are no phones."""
        return self.tools.engine.environment

    def token(self, phone_number: str) -> str:
        """What forms on this phone carry."""
        return self.forms.token(_subject(phone_number), self.tools.engine.real_now())

    async def fields(self, req: falcon.asgi.Request, phone_number: str) -> dict[str, str]:
        """The fields of a form that was sent from this phone; raises CrossSite where it was not."""
        return await self.forms.read(req, _subject(phone_number), self.tools.engine.real_now())

    def landing_path(self, agreement: Agreement) -> str:
        """Where the link of a request leads, here as well as in an app."""
        token = self.links.token(agreement.merchant_serial_number, agreement.agreement_id)
        return f"/landing?token={token}"

    async def phone(self, phone_number: str) -> Phone:
        """The phone as it is; raises ResourceNotFound where nobody has it."""
        if read_phone_number(phone_number) is None:
            raise ResourceNotFound("There is no such phone.")
        real_now = self.tools.engine.real_now()
        return await look_at_phone(self.tools.storage, phone_number, real_now)

    def showing(self, req: falcon.asgi.Request, phone: Phone) -> Showing:
        """The phone in the words of whoever looks."""
        words, real_now = self.look.words(req), self.tools.engine.real_now()
        return Showing(phone, words, self.environment, real_now)

    async def initial_charges(self, phone: Phone) -> dict[tuple[str, str], Charge]:
        """The first charges of the requests, by agreement."""
        asked = {
            (agreement.merchant_serial_number, agreement.initial_charge_id): agreement
            for agreement in phone.requests
            if agreement.initial_charge_id is not None
        }
        world = await self.tools.storage.look(Needs().of(Charge, *asked))
        return {
            (agreement.merchant_serial_number, agreement.agreement_id): charge
            for key, agreement in asked.items()
            if (charge := world.find(Charge, *key)) is not None
        }

    def show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        template: str,
        phone: Phone,
        showing: Showing,
        **values: Any,
    ) -> None:
        """Answer with a page of a phone."""
        told = req.get_param("told")
        base = f"/phone/{phone.payer.phone_number}"
        self.look.send(
            req,
            resp,
            f"phone/{template}.html.jinja",
            here=template,
            base=base,
            payer=phone.payer,
            form=self.token(phone.payer.phone_number),
            told=told if told in TOLD else None,
            is_bad=told in _BAD,
            waiting=showing.waiting,
            seen=self._seen(phone),
            **values,
        )

    def digest(self, phone_number: str) -> Digest:
        """A hash of all that the phone shows, for whoever listens."""

        async def digest() -> str:
            try:
                phone = await look_at_phone(
                    self.tools.storage, phone_number, self.tools.engine.real_now(), most=NEWEST
                )
            except ResourceNotFound:
                return "gone"
            return self._seen(phone)

        return digest

    def _seen(self, phone: Phone) -> str:
        """What a phone shows, as a short word; the newest of each kind tell of the rest.

        Rows are taken whole, so that nothing is forgotten here that a page shows of them.
        """
        requests = phone.requests[:NEWEST]
        return hashed(
            (
                (phone.payer, requests, phone.agreements[:NEWEST], phone.charges[:NEWEST]),
                phone.notifications[:NEWEST],
                [self._time_left(phone, each) for each in requests],
                [
                    (msn, unit.name, unit.clock_mode, unit.clock_offset_ms, unit.clock_at)
                    for msn, unit in sorted(phone.units.items())
                ],
            )
        )

    def _time_left(self, phone: Phone, agreement: Agreement) -> int:
        """What is left to answer, as coarse as a page that nobody touches has to show it."""
        unit = phone.units[agreement.merchant_serial_number]
        closes_at = request_closes_at(agreement, unit.rulebook(self.environment))
        seconds = max(0, int((closes_at - unit.now(self.tools.engine.real_now())).total_seconds()))
        return -(-seconds // 60) if seconds > 60 else -(-seconds // 10)


def _subject(phone_number: str) -> str:
    return f"phone.{phone_number}"
