"""The catalogue: name and body of every event that merchants are told of (api-facts 7.2–7.4, rulings §9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from avtale.events import AgreementFact, AgreementHappened, ChargeFact, ChargeHappened, Happened
from avtale.identifiers import event_id
from avtale.instants import iso

EventType = Literal[
    "recurring.agreement-activated.v1",
    "recurring.agreement-rejected.v1",
    "recurring.agreement-stopped.v1",
    "recurring.agreement-expired.v1",
    "recurring.charge-reserved.v1",
    "recurring.charge-captured.v1",
    "recurring.charge-canceled.v1",
    "recurring.charge-refunded.v1",
    "recurring.charge-failed.v1",
    "recurring.charge-creation-failed.v1",
]

AGREEMENT_EVENTS: dict[AgreementFact, EventType] = {
    "activated": "recurring.agreement-activated.v1",
    "rejected": "recurring.agreement-rejected.v1",
    "stopped": "recurring.agreement-stopped.v1",
    "expired": "recurring.agreement-expired.v1",
}

CHARGE_EVENTS: dict[ChargeFact, EventType] = {
    "reserved": "recurring.charge-reserved.v1",
    "captured": "recurring.charge-captured.v1",
    "cancelled": "recurring.charge-canceled.v1",
    "refunded": "recurring.charge-refunded.v1",
    "failed": "recurring.charge-failed.v1",
    "creation failed": "recurring.charge-creation-failed.v1",
}

_TELLS_TRANSACTION = frozenset({"reserved", "captured", "cancelled", "refunded"})


class Event(msgspec.Struct, frozen=True):
    """An event as it will be sent: the body is fixed when the change is committed."""

    merchant_serial_number: str
    event_id: str
    """The same whenever it is worked out again from the change (reliability E-3)."""
    event_type: EventType
    agreement_id: str
    charge_id: str | None
    occurred: datetime
    body: str
    subject: str
    """The charge whose history tells it, empty where it is the agreement's own."""
    sequence: int
    """The line of history that tells it; a subject and its sequence tell one event."""
    awaited: bool = False
    """Whether a receiver is still to be told of it."""


def event_of(happened: Happened) -> Event | None:
    """The event that tells merchants of `happened`, or None where they are not told."""
    if isinstance(happened, AgreementHappened):
        return _agreement_event(happened)
    return _charge_event(happened)


def _agreement_event(happened: AgreementHappened) -> Event | None:
    event_type = AGREEMENT_EVENTS.get(happened.what)
    if event_type is None:
        return None
    agreement = happened.agreement
    msn = agreement.merchant_serial_number
    sequence = agreement.history_length
    body: dict[str, Any] = {
        "agreementId": agreement.agreement_id,
        "agreementUUID": agreement.uuid,
        "agreementExternalId": agreement.external_id,
        "eventType": event_type,
        "occurred": iso(happened.occurred),
        "actor": happened.actor,
        "msn": msn,
    }
    return Event(
        msn,
        event_id(msn, agreement.agreement_id, "", sequence),
        event_type,
        agreement.agreement_id,
        None,
        happened.occurred,
        _compact({name: value for name, value in body.items() if value is not None}),
        "",
        sequence,
    )


def _charge_event(happened: ChargeHappened) -> Event | None:
    event_type = CHARGE_EVENTS.get(happened.what)
    if event_type is None:
        return None
    charge = happened.charge
    subject = happened.origin or charge.charge_id
    msn = charge.merchant_serial_number
    body: dict[str, Any] = {
        "agreementId": charge.agreement_id,
        "agreementExternalId": happened.agreement_external_id,
        "chargeId": charge.charge_id,
        "chargeExternalId": charge.external_id,
        "chargeType": charge.type,
        "eventType": event_type,
        "occurred": iso(happened.occurred),
        "amount": charge.amount,
        "currency": charge.currency,
        "amountCaptured": charge.captured,
        "amountCanceled": charge.cancelled,
        "amountRefunded": charge.refunded,
        "failureReason": happened.reason,
        "msn": msn,
    }
    body = {name: value for name, value in body.items() if value is not None}
    if happened.what in _TELLS_TRANSACTION:
        body["transactionId"] = happened.transaction_id
    return Event(
        msn,
        event_id(msn, charge.agreement_id, subject, charge.history_length),
        event_type,
        charge.agreement_id,
        charge.charge_id,
        happened.occurred,
        _compact(body),
        subject,
        charge.history_length,
    )


def _compact(body: dict[str, Any]) -> str:
    return msgspec.json.encode(body).decode()
