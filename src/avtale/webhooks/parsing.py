"""Parsing: the body of a delivery as a typed event (api-facts 7.3, 7.4); for receivers.

What is not known is let through: members that are new are left aside, an event type that is new is an `UnknownEvent`.
Words that the vendor may add to, such as currencies and reasons, are text.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

AgreementEventType = Literal[
    "recurring.agreement-activated.v1",
    "recurring.agreement-rejected.v1",
    "recurring.agreement-stopped.v1",
    "recurring.agreement-expired.v1",
]
ChargeEventType = Literal[
    "recurring.charge-reserved.v1",
    "recurring.charge-captured.v1",
    "recurring.charge-canceled.v1",
    "recurring.charge-refunded.v1",
    "recurring.charge-failed.v1",
    "recurring.charge-creation-failed.v1",
]
# The catalogue has these names too; a test compares them. It is not imported, since it brings all rules along.

MinorUnits = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""An amount in minor units, no greater than every JSON reader can hold exactly."""


class MalformedEvent(ValueError):
    """The body is no event: no JSON object, without a type, or without what its type always has."""


class AgreementEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to an agreement."""

    event_type: AgreementEventType = msgspec.field(name="eventType")
    occurred: datetime
    msn: str
    """The sales unit."""
    agreement_id: str = msgspec.field(name="agreementId")
    agreement_uuid: str | None = msgspec.field(name="agreementUUID", default=None)
    agreement_external_id: str | None = msgspec.field(name="agreementExternalId", default=None)
    actor: str | None = None
    """Who did it: `MERCHANT`, `USER` or `ADMIN`; None where time did."""

    @property
    def deduplication_key(self) -> str:
        """The same for every copy of the event, and for no other event."""
        return _key(self.event_type, self.agreement_id, self.occurred.isoformat())


class ChargeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to a charge; amounts in minor units, totals as they are after the event."""

    event_type: ChargeEventType = msgspec.field(name="eventType")
    occurred: datetime
    msn: str
    """The sales unit."""
    agreement_id: str = msgspec.field(name="agreementId")
    agreement_external_id: str | None = msgspec.field(name="agreementExternalId", default=None)
    charge_id: str = msgspec.field(name="chargeId")
    charge_external_id: str | None = msgspec.field(name="chargeExternalId", default=None)
    charge_type: str = msgspec.field(name="chargeType")
    """`RECURRING`, `INITIAL` or `UNSCHEDULED`."""
    amount: MinorUnits
    """The charge's; what moved is told by the totals."""
    currency: str
    amount_captured: MinorUnits | None = msgspec.field(name="amountCaptured", default=None)
    amount_canceled: MinorUnits | None = msgspec.field(name="amountCanceled", default=None)
    amount_refunded: MinorUnits | None = msgspec.field(name="amountRefunded", default=None)
    transaction_id: str | None = msgspec.field(name="transactionId", default=None)
    """The operation's, where money was reserved, captured, released or refunded."""
    failure_reason: str | None = msgspec.field(name="failureReason", default=None)

    @property
    def deduplication_key(self) -> str:
        """The same for every copy of the event, and for no other event."""
        told = (self.event_type, self.agreement_id, self.charge_id)
        if self.transaction_id is not None:
            return _key(*told, self.transaction_id)
        totals = (self.amount_captured, self.amount_canceled, self.amount_refunded)
        return _key(*told, self.occurred.isoformat(), *map(str, totals))


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a type that is not known here; answer it with a success, or it is sent for seven days."""

    event_type: str
    data: dict[str, Any]
    """The body as it was read."""
    raw: bytes
    """The body as it came."""

    @property
    def deduplication_key(self) -> str:
        """The same for every copy of the event: the bytes are the same at every attempt."""
        return _key(self.event_type, hashlib.sha256(self.raw).hexdigest())


WebhookEvent = AgreementEvent | ChargeEvent | UnknownEvent

_TYPES: Final[dict[str, type[AgreementEvent | ChargeEvent]]] = {
    **dict.fromkeys(get_args(AgreementEventType), AgreementEvent),
    **dict.fromkeys(get_args(ChargeEventType), ChargeEvent),
}


def parse(body: bytes) -> WebhookEvent:
    """The event that a body tells; raises MalformedEvent. It says nothing about who sent it: `verify` first."""
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError("The body must be the bytes that came, neither text nor what was decoded.")
    raw = bytes(body)
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(f"The body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise MalformedEvent("The body is JSON, but no object.")
    event_type = data.get("eventType")
    if not isinstance(event_type, str):
        raise MalformedEvent("The body has no eventType, or one that is no text.")
    shape = _TYPES.get(event_type)
    if shape is None:
        return UnknownEvent(event_type=event_type, data=data, raw=raw)
    return _converted(data, shape)


def _converted(
    data: dict[str, Any], shape: type[AgreementEvent | ChargeEvent]
) -> AgreementEvent | ChargeEvent:
    if "actor" not in data and "Actor" in data:
        # The vendor's changelog of July 2026 writes it so, its older pages in lower case (api-facts 7.3).
        data = data | {"actor": data["Actor"]}
    try:
        event = msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        raise MalformedEvent(f"The body is no {data['eventType']}: {error}") from error
    if event.occurred.tzinfo is None:
        raise MalformedEvent("occurred does not say in which time zone.")
    return event


def _key(*parts: str) -> str:
    return "|".join(parts)
