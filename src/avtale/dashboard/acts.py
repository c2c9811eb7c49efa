"""Acts of support: cancel, capture, refund, stop; each asks first and shows the call, then makes it under one key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import falcon.asgi
import msgspec

from avtale.agreements.agreement import Agreement
from avtale.api.answers import no_content
from avtale.api.gate import idempotency_key
from avtale.charges.charge import Charge
from avtale.dashboard.calls import ApiCall, as_curl, as_python
from avtale.dashboard.charges import find_charge, what_can_be_done
from avtale.dashboard.desk import UNITS
from avtale.dashboard.page import Page
from avtale.engine import clock
from avtale.engine.command import Asked, Call
from avtale.engine.world import Needs, World
from avtale.money import Money
from avtale.operations.agreements import update_agreement
from avtale.operations.charges import cancel_charge, capture_charge, refund_charge
from avtale.pages.numbers import amount_in
from avtale.problems import Problem, ResourceNotFound, ValidationFailed
from avtale.sales_units import SalesUnit
from avtale.sandbox.finding import agreement_of
from avtale.wire.agreements import UpdateAgreement
from avtale.wire.charges import CaptureCharge, RefundCharge
from avtale.wire.reading import read

AGREEMENTS: Final = "/recurring/v3/agreements"
LONGEST_REASON: Final = 100
"""As long as the API takes a description to be."""
_SENTENCES: Final = {
    "capture": "Captured {amount}.",
    "refund": "Refunded {amount}.",
    "cancel": "Cancelled.",
}


class _Told(msgspec.Struct):
    detail: str = ""
    title: str = ""


class Wanted(NamedTuple):
    """What somebody wrote into the form of an act."""

    amount: int | None
    written: str
    reason: str
    wrong: str


class ChargeAct(Page):
    """`/units/{msn}/charges/{charge_id}/{act}`: a form, then the call it makes, then (POST) the doing."""

    template = "act"
    here = "charges"
    needed = "support"
    is_live = False

    async def values(
        self, req: falcon.asgi.Request, unit: SalesUnit, /, **names: str
    ) -> dict[str, Any]:
        """What would be done."""
        msn = unit.merchant_serial_number
        charge, _ = await find_charge(self, msn, names["charge_id"])
        act, most = _required(charge, names["act"])
        wanted = _wanted(act, most, req.get_param("amount"), req.get_param("reason") or "")
        call = None
        if wanted.amount is not None and not wanted.wrong:
            call = _call(act, charge, wanted.amount, wanted.reason)
        key = clock.context_id()
        return {
            "act": act,
            "charge": charge,
            "agreement": None,
            "most": most,
            "wanted": wanted,
            "call": call,
            "curl": call and as_curl(call, self.desk.public_url, msn, key),
            "python": call and as_python(call, key),
            "key": key,
            "back": f"{UNITS}/{msn}/charges/{charge.charge_id}",
        }

    async def on_post(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, **names: str
    ) -> None:
        """Do it, once for each key."""
        who, unit, fields = await self.sent(req, msn, self.needed)
        charge, _ = await find_charge(self, msn, names["charge_id"])
        act, _ = _required(charge, names["act"])
        amount, reason = _minor_units(fields.get("amount", "")), fields.get("reason", "")
        call = _call(act, charge, amount, reason[:LONGEST_REASON])
        needs = (
            Needs().of(Agreement, (msn, charge.agreement_id)).of(Charge, (msn, charge.charge_id))
        )
        decide = _decision(act, charge, call.encoded())
        refused = await make(self, req, call, msn, fields.get("key", ""), needs, decide)
        said = Money(amount, charge.currency).in_words() if act != "cancel" else ""
        await self.desk.note(
            unit,
            who,
            call.operation,
            " ".join(part for part in (said, reason) if part),
            agreement_id=charge.agreement_id,
            charge_id=charge.charge_id,
            outcome=refused or "done",
        )
        told = refused or _SENTENCES[act].format(amount=said)
        back = f"{UNITS}/{msn}/charges/{charge.charge_id}"
        self.desk.go(req, resp, back, told, is_bad=bool(refused))


class StopAct(Page):
    """`/units/{msn}/agreements/{agreement_id}/stop`."""

    template = "act"
    here = "agreements"
    needed = "support"
    is_live = False

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **names: str
    ) -> dict[str, Any]:
        """What would be done."""
        msn, key = unit.merchant_serial_number, clock.context_id()
        agreement = await agreement_of(self.desk.tools.storage, msn, names["agreement_id"])
        call = _stop(agreement)
        return {
            "act": "stop",
            "charge": None,
            "agreement": agreement,
            "most": 0,
            "wanted": Wanted(0, "", "", ""),
            "call": call,
            "curl": as_curl(call, self.desk.public_url, msn, key),
            "python": as_python(call, key),
            "key": key,
            "back": f"{UNITS}/{msn}/agreements/{agreement.agreement_id}",
        }

    async def on_post(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, agreement_id: str
    ) -> None:
        """Stop it, as the merchant would."""
        who, unit, fields = await self.sent(req, msn, self.needed)
        agreement = await agreement_of(self.desk.tools.storage, msn, agreement_id)
        needs = Needs().of(Agreement, (msn, agreement_id)).open_charges(msn, agreement_id)

        def decide(world: World, call: Call) -> Agreement:
            return update_agreement(world, call, agreement_id, UpdateAgreement(status="STOPPED"))

        call = _stop(agreement)
        refused = await make(self, req, call, msn, fields.get("key", ""), needs, decide)
        await self.desk.note(
            unit, who, "stop_agreement", "", agreement_id=agreement_id, outcome=refused or "done"
        )
        back = f"{UNITS}/{msn}/agreements/{agreement_id}"
        told = refused or "Stopped. Charges that were to come are cancelled."
        self.desk.go(req, resp, back, told, is_bad=bool(refused))


async def make(
    page: Page,
    req: falcon.asgi.Request,
    call: ApiCall,
    msn: str,
    key: str,
    needs: Needs,
    decide: Callable[[World, Call], Any],
) -> str:
    """Make a call as the API would have made it for a merchant; why it was refused, or nothing."""
    fingerprint = hashlib.sha256(call.encoded()).hexdigest()
    variant = fingerprint if call.method == "PATCH" else ""
    context_id = req.context.context_id
    answer = falcon.asgi.Response()
    try:
        asked = Asked(
            call.method, call.path, idempotency_key(key), variant, fingerprint, context_id
        )
        await page.desk.writes.perform(
            answer, call.operation, msn, asked, needs, decide, no_content, wakes=True
        )
    except Problem as problem:
        return problem.detail
    if answer.status_code < 300:
        return ""
    told = msgspec.json.decode(answer.data or b"{}", type=_Told)
    return told.detail or told.title or "It was refused."


def _required(charge: Charge, act: str) -> tuple[str, int]:
    """The act, and the most that it can move now; raises ResourceNotFound where there is no such act."""
    if act not in _SENTENCES:
        raise ResourceNotFound("There is no such act.")
    return act, what_can_be_done(charge).get(act, 0)


def _wanted(act: str, most: int, amount: str | None, reason: str) -> Wanted:
    """What the form says; where nothing was written yet, what it offers."""
    if act == "cancel":
        return Wanted(most, "", "", "")
    offered = f"{most // 100}.{most % 100:02}"
    if amount is None:
        return Wanted(None, offered, "", "")
    minor_units = amount_in(amount)
    reason = " ".join(reason.split())
    if minor_units is None or minor_units < 1:
        return Wanted(None, amount[:20], reason, "Write an amount such as 49.50.")
    if minor_units > most:
        return Wanted(None, amount[:20], reason, f"At most {offered} can be moved.")
    if len(reason) > LONGEST_REASON:
        return Wanted(None, amount[:20], reason, f"At most {LONGEST_REASON} characters.")
    if act == "refund" and not reason:
        return Wanted(None, amount[:20], reason, "Say why; the payer reads it.")
    return Wanted(minor_units, amount[:20], reason, "")


def _minor_units(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ValidationFailed.of("amount", "must be a whole number of minor units")
    return int(text)


def _call(act: str, charge: Charge, amount: int, reason: str) -> ApiCall:
    path = f"{AGREEMENTS}/{charge.agreement_id}/charges/{charge.charge_id}"
    named = (charge.agreement_id, charge.charge_id)
    if act == "cancel":
        return ApiCall("cancel_charge", "DELETE", path, named, None)
    body: dict[str, Any] = {"amount": amount}
    if reason:
        body["description"] = reason
    return ApiCall(f"{act}_charge", "POST", f"{path}/{act}", named, body)


def _stop(agreement: Agreement) -> ApiCall:
    agreement_id = agreement.agreement_id
    path, body = f"{AGREEMENTS}/{agreement_id}", {"status": "STOPPED"}
    return ApiCall("update_agreement", "PATCH", path, (agreement_id,), body)


def _decision(act: str, charge: Charge, body: bytes) -> Callable[[World, Call], Any]:
    """The operation, over the very body that the call would carry."""
    agreement_id, charge_id = charge.agreement_id, charge.charge_id

    def decide(world: World, call: Call) -> Any:
        match act:
            case "capture":
                capture = read(body, CaptureCharge, rules=call.rules)
                return capture_charge(world, call, agreement_id, charge_id, capture)
            case "refund":
                refund = read(body, RefundCharge, rules=call.rules)
                return refund_charge(world, call, agreement_id, charge_id, refund)
            case _:
                return cancel_charge(world, call, agreement_id, charge_id)

    return decide
