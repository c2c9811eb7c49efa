"""Every call of the API as a value: method, path, query, body and what the answer is read as; no I/O.

One function for each published operation, under its name everywhere (sandbox §10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from avtale.agreements.campaigns import Campaign
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import Pricing
from avtale.client import answers
from avtale.client.bodies import BulkCharge, InitialCharge

Answer = TypeVar("Answer")
Other = TypeVar("Other")

AGREEMENTS: Final = "/recurring/v3/agreements"
WEBHOOKS: Final = "/webhooks/v1/webhooks"
USERINFO: Final = "/vipps-userinfo-api/userinfo/"
TOKEN: Final = "/accesstoken/get"  # noqa: S105 -- a path
MOST_IN_A_BULK: Final = 2_000

_encode = msgspec.json.Encoder().encode


class Call(msgspec.Struct, Generic[Answer], frozen=True, kw_only=True):
    """One call of the API, ready to be sent."""

    operation: str
    method: str
    path: str
    """With its query."""
    read: Callable[[bytes], Answer]
    """What the body of a good answer is read as; raises msgspec's DecodeError."""
    body: bytes | None = None
    has_key: bool = False
    """Whether it carries an Idempotency-Key, and may be repeated under it."""
    idempotency_key: str | None = None
    """The key, where the caller has one; else one is made when it is sent."""
    may_be_repeated: bool = True
    """Whether doing it twice is the same as doing it once."""
    headers: Mapping[str, str] = {}


def _shaped(shape: type[Answer]) -> Callable[[bytes], Answer]:
    return msgspec.json.Decoder(shape).decode


def _nothing(_body: bytes) -> None:
    """204 has no body, and nobody minds one."""


_token = _shaped(answers.Token)
_drafted = _shaped(answers.DraftedAgreement)
_agreement = _shaped(answers.Agreement)
_agreements = _shaped(list[answers.Agreement])
_charge = _shaped(answers.Charge)
_charges = _shaped(list[answers.Charge])
_created = _shaped(answers.CreatedCharge)
_bulk = _shaped(answers.Bulk)
_userinfo = _shaped(answers.Userinfo)
_webhook = _shaped(answers.RegisteredWebhook)
_webhooks = _shaped(answers.Webhooks)


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────


def fetch_token(client_id: str, client_secret: str) -> Call[answers.Token]:
    """A token for these keys; the subscription key comes with every call."""
    headers = {"client_id": client_id, "client_secret": client_secret}
    return Call(
        operation="fetch_token", method="POST", path=TOKEN, read=_token, body=b"", headers=headers
    )


# ── Agreements ───────────────────────────────────────────────────────────────────────────────────


def draft_agreement(  # noqa: PLR0913 -- the members of the body
    *,
    product_name: str,
    pricing: Pricing,
    merchant_redirect_url: str,
    merchant_agreement_url: str | None = None,
    interval: Interval | None = None,
    product_description: str | None = None,
    phone_number: str | None = None,
    initial_charge: InitialCharge | None = None,
    campaign: Campaign | None = None,
    is_app: bool | None = None,
    scope: str | None = None,
    skip_landing_page: bool | None = None,
    external_id: str | None = None,
    blocked_sources: Sequence[str] | None = None,
    idempotency_key: str | None = None,
) -> Call[answers.DraftedAgreement]:
    """Draft an agreement: the payer says yes at the `vipps_confirmation_url` of the answer, within ten minutes.

    `pricing` is a LegacyPricing, VariablePricing or FlexiblePricing, in minor units; a `campaign` goes with
    LegacyPricing alone; `scope` are words from name address email phoneNumber birthDate nin.
    """
    body = _members(
        productName=product_name,
        pricing=pricing,
        merchantRedirectUrl=merchant_redirect_url,
        merchantAgreementUrl=merchant_agreement_url,
        interval=interval,
        productDescription=product_description,
        phoneNumber=phone_number,
        initialCharge=None if initial_charge is None else _initial(initial_charge),
        campaign=campaign,
        isApp=is_app,
        scope=scope,
        skipLandingPage=skip_landing_page,
        externalId=external_id,
        paymentMethod=None
        if blocked_sources is None
        else {"blockedSources": list(blocked_sources)},
    )
    return _write("draft_agreement", "POST", AGREEMENTS, _drafted, body, idempotency_key)


def list_agreements(
    *,
    status: str | None = None,
    created_after: datetime | None = None,
    page_number: int | None = None,
    page_size: int | None = None,
) -> Call[list[answers.Agreement]]:
    """List one page of agreements, ACTIVE ones unless another status is given; `agreements` goes through all."""
    after = None if created_after is None else round(created_after.timestamp() * 1000)
    query = _members(status=status, createdAfter=after, pageNumber=page_number, pageSize=page_size)
    return _read("list_agreements", _with(AGREEMENTS, query), _agreements)


def fetch_agreement(agreement_id: str) -> Call[answers.Agreement]:
    """Fetch one agreement with its history."""
    return _read("fetch_agreement", _path(AGREEMENTS, agreement_id), _agreement)


def update_agreement(  # noqa: PLR0913 -- the members of the body
    agreement_id: str,
    *,
    product_name: str | None = None,
    product_description: str | None = None,
    merchant_agreement_url: str | None = None,
    external_id: str | None = None,
    price: int | None = None,
    suggested_max_amount: int | None = None,
    interval: Interval | None = None,
    status: str | None = None,
    idempotency_key: str | None = None,
) -> Call[None]:
    """Change what is given of an ACTIVE agreement, and nothing else; `price` and maximum in minor units."""
    pricing = _members(amount=price, suggestedMaxAmount=suggested_max_amount)
    body = _members(
        productName=product_name,
        productDescription=product_description,
        merchantAgreementUrl=merchant_agreement_url,
        externalId=external_id,
        pricing=pricing or None,
        interval=None if interval is None else {"type": "RECURRING", "period": interval},
        status=status,
    )
    path = _path(AGREEMENTS, agreement_id)
    return _write("update_agreement", "PATCH", path, _nothing, body, idempotency_key)


def stop_agreement(agreement_id: str, *, idempotency_key: str | None = None) -> Call[None]:
    """Stop an agreement; its charges that were not paid are cancelled. Stopping twice is no error."""
    return update_agreement(agreement_id, status="STOPPED", idempotency_key=idempotency_key)


def accept_agreement(
    agreement_id: str, *, phone_number: str, idempotency_key: str | None = None
) -> Call[None]:
    """Say yes for a payer, without a phone; in test environments only."""
    path = _path(AGREEMENTS, agreement_id, "accept")
    body = {"phoneNumber": phone_number}
    return _write("accept_agreement", "PATCH", path, _nothing, body, idempotency_key)


# ── Charges ──────────────────────────────────────────────────────────────────────────────────────


def create_charge(  # noqa: PLR0913 -- the members of the body
    agreement_id: str,
    *,
    amount: int,
    description: str,
    due: date | None = None,
    retry_days: int | None = None,
    transaction_type: str = "DIRECT_CAPTURE",
    type: str | None = None,  # noqa: A002 -- the member's own name
    processing_mode: str | None = None,
    order_id: str | None = None,
    external_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[answers.CreatedCharge]:
    """Create a charge on an ACTIVE agreement; `amount` in minor units.

    A RECURRING charge, which it is unless `type` says UNSCHEDULED, needs `due` and `retry_days`.
    `transaction_type` is DIRECT_CAPTURE or RESERVE_CAPTURE; `order_id` becomes the charge's id.
    """
    body = _members(
        amount=amount,
        description=description,
        due=due,
        retryDays=retry_days,
        transactionType=transaction_type,
        type=type,
        processingMode=processing_mode,
        orderId=order_id,
        externalId=external_id,
    )
    path = _path(AGREEMENTS, agreement_id, "charges")
    return _write("create_charge", "POST", path, _created, body, idempotency_key)


def create_charges(
    charges: Sequence[BulkCharge], *, idempotency_key: str | None = None
) -> Call[answers.Bulk]:
    """Create up to 2,000 charges in one call; they come to be in the background. `charge_all` takes any number."""
    if not 1 <= len(charges) <= MOST_IN_A_BULK:
        raise ValueError(f"A bulk holds 1 to {MOST_IN_A_BULK} charges, not {len(charges)}.")
    items = [
        _members(
            agreementId=each.agreement_id,
            amount=each.amount,
            description=each.description,
            transactionType=each.transaction_type,
            due=each.due,
            retryDays=each.retry_days,
            orderId=each.order_id,
            processingMode=each.processing_mode,
            externalId=each.external_id,
        )
        for each in charges
    ]
    return _write("create_charges", "POST", f"{AGREEMENTS}/charges", _bulk, items, idempotency_key)


def list_charges(
    agreement_id: str, *, status: str | None = None, continuation_token: str | None = None
) -> Call[list[answers.Charge]]:
    """One page of an agreement's charges; the answer's header `Continuation-Token` leads to the next."""
    path = _with(_path(AGREEMENTS, agreement_id, "charges"), _members(status=status))
    call = _read("list_charges", path, _charges)
    if continuation_token is None:
        return call
    return msgspec.structs.replace(call, headers={"Continuation-Token": continuation_token})


def fetch_charge(agreement_id: str, charge_id: str) -> Call[answers.Charge]:
    """Fetch one charge with its history."""
    return _read("fetch_charge", _path(AGREEMENTS, agreement_id, "charges", charge_id), _charge)


def fetch_charge_by_id(charge_id: str) -> Call[answers.Charge]:
    """Fetch one charge by its id alone, whatever agreement it belongs to."""
    return _read("fetch_charge_by_id", _path("/recurring/v3/charges", charge_id), _charge)


def cancel_charge(
    agreement_id: str, charge_id: str, *, idempotency_key: str | None = None
) -> Call[None]:
    """Call a charge off before it is paid, or release what is still reserved."""
    path = _path(AGREEMENTS, agreement_id, "charges", charge_id)
    return Call(
        operation="cancel_charge",
        method="DELETE",
        path=path,
        read=_nothing,
        has_key=True,
        idempotency_key=idempotency_key,
    )


def capture_charge(
    agreement_id: str,
    charge_id: str,
    *,
    amount: int,
    description: str | None = None,
    idempotency_key: str | None = None,
) -> Call[None]:
    """Capture a reservation, in full or in part; `amount` in minor units."""
    body = _members(amount=amount, description=description)
    path = _path(AGREEMENTS, agreement_id, "charges", charge_id, "capture")
    return _write("capture_charge", "POST", path, _nothing, body, idempotency_key)


def refund_charge(
    agreement_id: str,
    charge_id: str,
    *,
    amount: int,
    description: str,
    idempotency_key: str | None = None,
) -> Call[None]:
    """Return what was captured, in full or in part; `amount` in minor units."""
    body = _members(amount=amount, description=description)
    path = _path(AGREEMENTS, agreement_id, "charges", charge_id, "refund")
    return _write("refund_charge", "POST", path, _nothing, body, idempotency_key)


# ── Userinfo and webhooks ────────────────────────────────────────────────────────────────────────


def fetch_userinfo(sub: str) -> Call[answers.Userinfo]:
    """Fetch the profile that a payer shared, by the `sub` of the agreement; for 168 hours after consent."""
    return _read("fetch_userinfo", USERINFO + quote(sub, safe=""), _userinfo)


def register_webhook(*, url: str, events: Sequence[str]) -> Call[answers.RegisteredWebhook]:
    """Register a receiver of events; the secret of the answer is shown this once."""
    body = {"url": url, "events": list(events)}
    # It knows no idempotency key, and twice would be two.
    call = _write("register_webhook", "POST", WEBHOOKS, _webhook, body)
    return msgspec.structs.replace(call, has_key=False, may_be_repeated=False)


def list_webhooks() -> Call[answers.Webhooks]:
    """All receivers."""
    return _read("list_webhooks", WEBHOOKS, _webhooks)


def delete_webhook(webhook_id: str) -> Call[None]:
    """Send a receiver nothing any more."""
    path = _path(WEBHOOKS, webhook_id)
    return Call(operation="delete_webhook", method="DELETE", path=path, read=_nothing)


# ── Parts ────────────────────────────────────────────────────────────────────────────────────────


def _read(operation: str, path: str, read: Callable[[bytes], Answer]) -> Call[Answer]:
    return Call(operation=operation, method="GET", path=path, read=read)


def _write(
    operation: str,
    method: str,
    path: str,
    read: Callable[[bytes], Answer],
    body: Any,
    idempotency_key: str | None = None,
) -> Call[Answer]:
    return Call(
        operation=operation,
        method=method,
        path=path,
        read=read,
        body=_encode(body),
        has_key=True,
        idempotency_key=idempotency_key,
    )


def _members(**members: Any) -> dict[str, Any]:
    """What is given; None is nothing."""
    return {name: value for name, value in members.items() if value is not None}


def _initial(charge: InitialCharge) -> dict[str, Any]:
    return _members(
        amount=charge.amount,
        description=charge.description,
        transactionType=charge.transaction_type,
        orderId=charge.order_id,
        externalId=charge.external_id,
    )


def _path(root: str, *parts: str) -> str:
    return "/".join((root, *(quote(part, safe="") for part in parts)))


def _with(path: str, query: Mapping[str, Any]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
