"""What is done on a phone: every form of its pages, each answered with the page that shows what came of it."""

from __future__ import annotations

import re
from typing import Final

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.agreements.pricing import VariablePricing
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.operations.agreements import stop_agreement
from avtale.operations.approvals import (
    approve_agreement,
    reject_agreement,
    set_max_amount,
    set_notifies,
)
from avtale.operations.finding import find_own_agreement
from avtale.operations.requests import require_answerable
from avtale.pages.numbers import amount_in
from avtale.phone.pages import Pages
from avtale.phone.rooms import Rooms
from avtale.problems import Problem, Refused, ResourceNotFound, ValidationFailed
from avtale.sandbox.acts import Act, act_on_agreement
from avtale.sandbox.finding import agreement_of

ANOTHER = "another"
"""The choice of an amount that somebody writes."""

_NO_AMOUNT: Final = -1
"""What cannot be read is refused, as what is too little."""

_MINOR_UNITS: Final = re.compile(r"[0-9]{1,11}", re.ASCII)


class Acts:
    """Approve, reject, stop, choose a maximum, switch notices."""

    def __init__(self, rooms: Rooms, pages: Pages) -> None:
        self._rooms = rooms
        self._pages = pages

    async def on_post_approve(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        msn: str,
        agreement_id: str,
    ) -> None:
        """Say yes; answered when the first payment, if any, is settled or known to be unclear."""
        fields = await self._rooms.fields(req, phone_number)
        agreement = await self._find(msn, agreement_id)
        maximum = _chosen(fields)
        if isinstance(agreement.pricing, VariablePricing) and maximum is None:
            maximum = agreement.pricing.suggested_max_amount

        def act(world: World, call: Call) -> None:
            require_answerable(world, call, agreement_id, phone_number)
            approve_agreement(world, call, agreement_id, phone_number, maximum)

        try:
            told = await self._done("approve_agreement", agreement, act, phone_number)
        except ValidationFailed:
            wrong = await self._bounds(req, agreement, fields, page="")
            await self._pages.on_get_one(req, resp, phone_number, wrong=wrong)
            return
        base = f"/phone/{phone_number}"
        if told is not None:
            self._rooms.look.go(req, resp, f"{base}?told={told}")
            return
        after = await self._find(msn, agreement_id)
        if after.status == "ACTIVE":
            self._rooms.look.go(req, resp, f"{base}/agreements/{msn}/{agreement_id}?told=approved")
            return
        told = "working" if after.is_being_approved else "impossible"
        self._rooms.look.go(req, resp, f"{base}?told={told}")

    async def on_post_reject(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        msn: str,
        agreement_id: str,
    ) -> None:
        """Say no."""
        await self._rooms.fields(req, phone_number)
        agreement = await self._find(msn, agreement_id)

        def act(world: World, call: Call) -> None:
            require_answerable(world, call, agreement_id, phone_number)
            reject_agreement(world, call, agreement_id)

        told = await self._done("reject_agreement", agreement, act)
        self._rooms.look.go(req, resp, f"/phone/{phone_number}?told={told or 'rejected'}")

    async def on_post_stop(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        msn: str,
        agreement_id: str,
    ) -> None:
        """Stop an agreement."""
        await self._rooms.fields(req, phone_number)

        def act(world: World, call: Call) -> None:
            find_own_agreement(world, call, agreement_id, phone_number)
            stop_agreement(world, call, agreement_id, "USER")

        await self._on_own(req, resp, phone_number, msn, agreement_id, act, "stopped")

    async def on_post_maximum(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        msn: str,
        agreement_id: str,
    ) -> None:
        """Raise or lower the maximum."""
        fields = await self._rooms.fields(req, phone_number)
        amount = _amount(fields)

        def act(world: World, call: Call) -> None:
            find_own_agreement(world, call, agreement_id, phone_number)
            set_max_amount(world, call, agreement_id, amount)

        try:
            await self._on_own(req, resp, phone_number, msn, agreement_id, act, "saved")
        except ValidationFailed:
            agreement = await self._find(msn, agreement_id)
            page = f"/agreements/{msn}/{agreement_id}"
            wrong = await self._bounds(req, agreement, fields, page=page)
            await self._pages.on_get_agreement(
                req, resp, phone_number, msn, agreement_id, wrong=wrong
            )

    async def on_post_notifies(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        msn: str,
        agreement_id: str,
    ) -> None:
        """Turn the notices of payments that succeed on or off."""
        fields = await self._rooms.fields(req, phone_number)
        notifies = fields.get("notifies") == "1"

        def act(world: World, call: Call) -> None:
            find_own_agreement(world, call, agreement_id, phone_number)
            set_notifies(world, call, agreement_id, notifies=notifies)

        await self._on_own(req, resp, phone_number, msn, agreement_id, act, "saved")

    # ── what all do ──

    async def _find(self, msn: str, agreement_id: str) -> Agreement:
        return await agreement_of(self._rooms.tools.storage, msn, agreement_id)

    async def _done(self, name: str, agreement: Agreement, act: Act, *phones: str) -> str | None:
        """Do it; what to tell where it was too late."""
        try:
            await act_on_agreement(self._rooms.tools, name, agreement, act, *phones)
        except Refused:
            return "answered"
        return None

    async def _on_own(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        phone_number: str,
        msn: str,
        agreement_id: str,
        act: Act,
        told: str,
    ) -> None:
        """Do something with an agreement of the payer's own, and go back to its page."""
        agreement = await self._find(msn, agreement_id)
        try:
            await act_on_agreement(self._rooms.tools, "phone_act", agreement, act)
        except (ValidationFailed, ResourceNotFound):
            raise
        except Problem:
            told = "answered"
        path = f"/phone/{phone_number}/agreements/{msn}/{agreement_id}?told={told}"
        self._rooms.look.go(req, resp, path)

    async def _bounds(
        self, req: falcon.asgi.Request, agreement: Agreement, fields: dict[str, str], *, page: str
    ) -> dict[str, str]:
        """What to say of an amount that will not do, and where on the phone that is said."""
        unit = await self._rooms.tools.directory.sales_unit(agreement.merchant_serial_number)
        rules, t = unit.rulebook(self._rooms.environment), self._rooms.look.words(req)
        currency = rules.market.currency
        return {
            "agreement_id": agreement.agreement_id,
            "page": page,
            "written": fields.get("amount", "")[:20],
            "says": t(
                "told.amount_wrong",
                least=t.money(rules.smallest_payment, currency),
                most=t.money(rules.suggested_max_ceiling, currency),
            ),
        }


def _chosen(fields: dict[str, str]) -> int | None:
    """The maximum that was chosen from the list, or written beside it; None where there was no choice."""
    chosen = fields.get("maximum", "")
    if chosen == "":
        return None
    if chosen == ANOTHER:
        return _amount(fields)
    return int(chosen) if _MINOR_UNITS.fullmatch(chosen) else _NO_AMOUNT


def _amount(fields: dict[str, str]) -> int:
    written = amount_in(fields.get("amount", ""))
    return _NO_AMOUNT if written is None else written
