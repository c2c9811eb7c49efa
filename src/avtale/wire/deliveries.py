"""Deliveries and inboxes as the control API shows them (sandbox §6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from avtale.problems import Fault
from avtale.rulebook import Rulebook
from avtale.webhooks.catalogue import Event, EventType
from avtale.webhooks.delivery import Delivery, DeliveryAttempt, DeliveryStatus
from avtale.webhooks.registration import Registration
from avtale.webhooks.signing import signed_headers
from avtale.wire.members import Instant, in_range_of_utc, to_the_second


class AttemptAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One attempt: what was sent, and what came back."""

    attempt: int
    occurred: Instant
    headers: dict[str, str]
    """As they were sent; the signature is worked out again from what is kept."""
    status: int | UnsetType = UNSET
    error: str | UnsetType = UNSET
    answer: str
    """The beginning of what the receiver said."""
    milliseconds: int


class DeliveryAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One event on its way to one receiver."""

    delivery_id: str
    """What every attempt carries as `webhook-id`."""
    registration_id: str
    url: str
    event_type: EventType
    agreement_id: str
    charge_id: str | UnsetType = UNSET
    created: Instant
    status: DeliveryStatus
    body: str
    attempts: tuple[AttemptAnswer, ...]
    next_attempt: Instant | UnsetType = UNSET
    blocked_by: str | UnsetType = UNSET
    """The delivery that has to succeed, or be given up, first."""


class EventAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An event, as merchants are told of it."""

    event_id: str
    event_type: EventType
    agreement_id: str
    charge_id: str | UnsetType = UNSET
    occurred: Instant
    body: msgspec.Raw


class ReplaySince(msgspec.Struct, frozen=True, kw_only=True):
    """From when on deliveries are sent once more, on the unit's clock."""

    since: Instant

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """An instant that is none in UTC."""
        return in_range_of_utc("since", self.since)


class SendEvent(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An event that is to be sent as it would look for an agreement, or for a charge."""

    event_type: EventType
    agreement_id: str | None = None
    charge_id: str | None = None

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """The one id that the event is about."""
        # What has not the shape is missing here, and told of elsewhere.
        event_type: str | None = self.event_type
        if event_type is None:
            return []
        needed, given = "agreementId", self.agreement_id
        if ".charge-" in event_type:
            needed, given = "chargeId", self.charge_id
        return [] if given else [Fault(needed, f"is required for {event_type}")]


class SentAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The deliveries that are on their way."""

    delivery_ids: tuple[str, ...]


class ArrivedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came to an inbox; `verified` is null where no webhook is registered at it."""

    received: Instant
    method: str
    target: str
    headers: dict[str, str]
    body: str
    event: Any
    verified: bool | None
    reason: str | UnsetType = UNSET


def delivery_answer(
    delivery: Delivery,
    registration: Registration,
    attempts: Sequence[DeliveryAttempt],
    blocked_by: str | None,
) -> DeliveryAnswer:
    """A delivery with its attempts, the first one first."""
    return DeliveryAnswer(
        delivery_id=delivery.delivery_id,
        registration_id=delivery.registration_id,
        url=registration.url,
        event_type=delivery.event_type,
        agreement_id=delivery.agreement_id,
        charge_id=delivery.charge_id or UNSET,
        created=to_the_second(delivery.created),
        status=delivery.status,
        body=delivery.body,
        attempts=tuple(_attempt(delivery, registration, each) for each in attempts),
        next_attempt=UNSET if delivery.wake_at is None else to_the_second(delivery.wake_at),
        blocked_by=blocked_by or UNSET,
    )


def event_answer(event: Event) -> EventAnswer:
    """An event, with the body that is sent."""
    return EventAnswer(
        event_id=event.event_id,
        event_type=event.event_type,
        agreement_id=event.agreement_id,
        charge_id=event.charge_id or UNSET,
        occurred=to_the_second(event.occurred),
        body=msgspec.Raw(event.body.encode()),
    )


def _attempt(
    delivery: Delivery, registration: Registration, attempt: DeliveryAttempt
) -> AttemptAnswer:
    return AttemptAnswer(
        attempt=attempt.attempt,
        occurred=to_the_second(attempt.occurred),
        headers=_sent(delivery, registration, attempt.occurred),
        status=UNSET if attempt.status is None else attempt.status,
        error=attempt.error or UNSET,
        answer=attempt.excerpt,
        milliseconds=attempt.milliseconds,
    )


def _sent(delivery: Delivery, registration: Registration, at: datetime) -> dict[str, str]:
    return signed_headers(
        registration.url,
        delivery.body.encode(),
        registration.secret,
        at,
        webhook_id=delivery.delivery_id,
    )
