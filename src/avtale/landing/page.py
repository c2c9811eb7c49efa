"""`/landing`: asks for a phone number, waits for the answer, goes back to the merchant (api-facts 10.2, rulings §7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.api.directory import Directory
from avtale.api.links import Links
from avtale.charges.charge import Charge
from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.operations.requests import cancel_request, request_closes_at, send_request
from avtale.pages.forms import Forms
from avtale.pages.look import Look
from avtale.pages.numbers import phone_number_in
from avtale.pages.streams import Board, hashed
from avtale.payers import Payer
from avtale.problems import Refused, ResourceNotFound
from avtale.sales_units import SalesUnit
from avtale.storage.storage import Storage

LONGEST_TOKEN = 512


@dataclass(frozen=True)
class Visit:
    """One request as the landing page finds it."""

    token: str
    agreement: Agreement
    unit: SalesUnit
    now: datetime
    """On the unit's clock."""
    closes_at: datetime

    @property
    def subject(self) -> str:
        """What forms on the page are about."""
        return f"landing.{self.agreement.merchant_serial_number}.{self.agreement.agreement_id}"

    @property
    def left(self) -> timedelta:
        """How much time there is."""
        return max(self.closes_at - self.now, timedelta())

    @property
    def is_answered(self) -> bool:
        """Whether somebody has said yes or no."""
        agreement = self.agreement
        return agreement.status in {"ACTIVE", "STOPPED"} or agreement.is_being_approved

    @property
    def is_over(self) -> bool:
        """Whether it cannot be answered any more, although nobody has."""
        return self.agreement.status == "EXPIRED" or (not self.is_answered and not self.left)

    def path(self, page: str = "") -> str:
        """One of the paths of the landing page, with the token of this request."""
        return _landing(page, self.token)


class Landing:
    """The page behind `vippsConfirmationUrl`."""

    def __init__(
        self,
        look: Look,
        forms: Forms,
        board: Board,
        links: Links,
        storage: Storage,
        engine: Engine,
        directory: Directory,
    ) -> None:
        self._look = look
        self._forms = forms
        self._board = board
        self._links = links
        self._storage = storage
        self._engine = engine
        self._directory = directory

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Ask which phone; where that is said already, wait."""
        visit = await self._find(req)
        if visit is None:
            self._say(req, resp, "unknown", 404)
        elif visit.is_answered:
            self._say(req, resp, "used", 410, visit)
        elif visit.is_over:
            self._say(req, resp, "expired", 410, visit)
        elif visit.agreement.sent_to is not None:
            self._look.go(req, resp, _after_sending(visit))
        else:
            self._ask(req, resp, visit)

    async def on_post_next(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The payer gave a phone number: the request goes there."""
        visit = await self._found(req)
        fields = await self._forms.read(req, visit.subject, self._engine.real_now())
        phone_number = phone_number_in(fields.get("phone", ""), visit.unit.market)
        if phone_number is None and (visit.is_answered or visit.is_over):
            self._look.go(req, resp, visit.path())
            return
        if phone_number is None:
            self._ask(req, resp, visit, wrong=True, phone=fields.get("phone", "")[:40])
            return
        msn, agreement_id = visit.unit.merchant_serial_number, visit.agreement.agreement_id

        def decide(world: World, call: Call) -> Agreement:
            return send_request(world, call, agreement_id, phone_number)

        needs = Needs().of(Agreement, (msn, agreement_id)).of(Payer, (phone_number,))
        await self._engine.submit(Command("send_request", decide, needs, msn))
        # Whatever came of it (it may have been answered, or sent, in another tab), the next page shows.
        after = await self._found(req)
        self._look.go(req, resp, _after_sending(after))

    async def on_get_next(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Whoever looks where a form was sent to is led to the page that it stood on."""
        self._look.go(req, resp, _landing("", req.get_param("token") or ""))

    on_get_cancel = on_get_next

    async def on_post_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The payer went back: that is a no."""
        visit = await self._found(req)
        await self._forms.read(req, visit.subject, self._engine.real_now())
        msn, agreement_id = visit.unit.merchant_serial_number, visit.agreement.agreement_id

        def decide(world: World, call: Call) -> Agreement:
            return cancel_request(world, call, agreement_id)

        needs = Needs().of(Agreement, (msn, agreement_id))
        if visit.agreement.initial_charge_id is not None:
            needs.of(Charge, (msn, visit.agreement.initial_charge_id))
        decided = await self._engine.submit(Command("cancel_request", decide, needs, msn))
        if decided.problem is not None and not isinstance(decided.problem, Refused):
            raise decided.problem
        self._look.go(req, resp, visit.path("/wait"))

    async def on_get_wait(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Wait for the answer; once it is there, go back to the merchant."""
        visit = await self._find(req)
        if visit is None:
            self._say(req, resp, "unknown", 404)
        elif visit.agreement.is_being_approved or (
            visit.agreement.status == "PENDING" and visit.left and visit.agreement.sent_to
        ):
            self._look.send(
                req,
                resp,
                "landing/wait.html.jinja",
                visit=visit,
                form=self._token(visit),
                runs=visit.unit.clock_mode == "running",
                seen=_seen(visit.agreement, visit.unit),
            )
        elif visit.agreement.status in {"ACTIVE", "STOPPED"}:
            self._look.send(req, resp, "landing/back.html.jinja", visit=visit, **_back(visit))
        elif visit.is_over:
            self._say(req, resp, "expired", 410, visit)
        else:
            self._look.go(req, resp, visit.path())

    async def on_get_stream(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Say when the page is to be looked at anew."""
        visit = await self._found(req)
        msn, agreement_id = visit.unit.merchant_serial_number, visit.agreement.agreement_id

        async def digest() -> str:
            needs = Needs().of(Agreement, (msn, agreement_id)).of(SalesUnit, (msn,))
            world = await self._storage.look(needs)
            agreement = world.find(Agreement, msn, agreement_id)
            unit = world.find(SalesUnit, msn)
            if agreement is None or unit is None:
                return "gone"
            return _seen(agreement, unit)

        self._board.stream(resp, digest)

    # ── finding and showing ──

    async def _find(self, req: falcon.asgi.Request) -> Visit | None:
        """The request that the token names, or None where it names none of ours."""
        token = req.get_param("token") or ""
        named = self._links.opened(token) if len(token) <= LONGEST_TOKEN else None
        if named is None:
            return None
        msn, agreement_id = named
        found = await self._storage.rows(
            Agreement, "agreement_by_id", msn=msn, agreement_id=agreement_id
        )
        if not found:
            return None
        unit = await self._directory.sales_unit(msn)
        now = unit.now(self._engine.real_now())
        rules = unit.rulebook(self._engine.environment)
        return Visit(token, found[0], unit, now, request_closes_at(found[0], rules))

    async def _found(self, req: falcon.asgi.Request) -> Visit:
        visit = await self._find(req)
        if visit is None:
            raise ResourceNotFound("No request belongs to this link.")
        return visit

    def _token(self, visit: Visit) -> str:
        return self._forms.token(visit.subject, self._engine.real_now())

    def _ask(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        visit: Visit,
        *,
        wrong: bool = False,
        phone: str | None = None,
    ) -> None:
        self._look.send(
            req,
            resp,
            "landing/ask.html.jinja",
            status=400 if wrong else 200,
            visit=visit,
            form=self._token(visit),
            wrong=wrong,
            phone=phone if phone is not None else visit.agreement.phone_number or "",
            runs=visit.unit.clock_mode == "running",
        )

    def _say(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        what: str,
        status: int,
        visit: Visit | None = None,
    ) -> None:
        back = _back(visit) if visit is not None else {"host": None, "goes_by_itself": False}
        self._look.send(
            req, resp, "landing/over.html.jinja", status=status, what=what, visit=visit, **back
        )


def _landing(page: str, token: str) -> str:
    return f"/landing{page}?{urlencode({'token': token})}"


def _seen(agreement: Agreement, unit: SalesUnit) -> str:
    """What the waiting page shows, as a short word."""
    clock = (unit.clock_mode, unit.clock_offset_ms, unit.clock_at)
    return hashed((agreement.status, agreement.sent_to, agreement.payer, clock))


def _after_sending(visit: Visit) -> str:
    """Where to go once the request lies on a phone: an app link opens the app, which here is the phone."""
    if visit.agreement.is_app and visit.agreement.sent_to is not None:
        return f"/phone/{visit.agreement.sent_to}"
    return visit.path("/wait")


def _back(visit: Visit) -> dict[str, Any]:
    """Where the merchant is: the host as people know it, and whether a browser goes there by itself."""
    parts = urlsplit(visit.agreement.merchant_redirect_url)
    is_web = parts.scheme.lower() in {"http", "https"}
    host = parts.netloc if is_web else f"{parts.scheme}://{parts.netloc}"
    return {"host": host, "goes_by_itself": is_web}
