"""Events on their way: spread to the receivers that want them, and every attempt written down (api-facts 7.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from avtale.engine.command import Call
from avtale.engine.rows import Key
from avtale.engine.world import World
from avtale.events import Happened
from avtale.identifiers import mint_uuid
from avtale.operations.webhooks import remove
from avtale.problems import Conflict, ResourceNotFound
from avtale.webhooks.backoff import next_attempt_at
from avtale.webhooks.catalogue import Event, event_of
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.webhooks.registration import Registration

LEASE = timedelta(seconds=30)
"""Real time for which a process that sends to a receiver keeps all others from it."""


class Outcome(NamedTuple):
    """What came of one attempt: the receiver's status, or what went wrong; `at` on the unit's clock."""

    delivery_id: str
    at: datetime
    status: int | None
    error: str | None
    excerpt: str
    milliseconds: int

    @property
    def is_success(self) -> bool:
        """Whether the receiver took it in: any 2xx, and a redirect is none (rulings §9)."""
        return self.status is not None and 200 <= self.status < 300


class Attempted(NamedTuple):
    """A delivery as it is after an attempt at it, and the attempt."""

    delivery: Delivery
    attempt: DeliveryAttempt


def spread_events(
    world: World, call: Call, events: Iterable[tuple[int, Key]], registrations: Sequence[str]
) -> int:
    """A delivery for each event and each receiver that wants it; answers with how many there are.

    `events` come with their places in the order of all events; what was spread already is left alone.
    """
    msn = call.merchant_serial_number
    receivers = [
        found for each in registrations if (found := world.find(Registration, each)) is not None
    ]
    made = 0
    for place, key in events:
        event = world.find(Event, *key)
        if event is None or not event.awaited:
            continue
        world.put(replace(event, awaited=False))
        for receiver in receivers:
            if not receiver.wants(event.event_type, msn) or not _is_since(receiver, event):
                continue
            made += 1
            world.put(
                Delivery(
                    delivery_id=mint_uuid(call.randomness),
                    merchant_serial_number=msn,
                    registration_id=receiver.registration_id,
                    place=place,
                    event_id=event.event_id,
                    event_type=event.event_type,
                    agreement_id=event.agreement_id,
                    charge_id=event.charge_id,
                    body=event.body,
                    created=call.now,
                    wake_at=call.now,
                )
            )
    return made


def _is_since(receiver: Registration, event: Event) -> bool:
    """Whether the event is none of before the registration; a partner's is by another clock."""
    return receiver.merchant_serial_number is None or event.occurred >= receiver.created


def claim_receiver(world: World, call: Call, registration_id: str) -> Registration | None:
    """Nobody else sends to this receiver for a while; None where somebody does, or nobody shall."""
    found = world.find(Registration, registration_id)
    if found is None or found.removed is not None:
        return None
    if found.lease_until is not None and found.lease_until > call.real_now:
        return None
    claimed = found.claimed(call.real_now + LEASE)
    world.put(claimed)
    return claimed


def record_attempts(
    world: World,
    call: Call,
    registration_id: str,
    fence: int,
    outcomes: Sequence[Outcome],
    *,
    release: bool,
) -> list[Attempted] | None:
    """Write down what came of attempts at one receiver; None where somebody else has taken over meanwhile.

    With `release`, the receiver is let go of; else the claim is good for a while longer.
    """
    receiver = world.find(Registration, registration_id)
    if receiver is None or receiver.fence != fence:
        return None
    written: list[Attempted] = []
    for outcome in outcomes:
        delivery = world.find(Delivery, outcome.delivery_id)
        if delivery is None or delivery.status != "WAITING":
            continue
        delivery = _after(delivery, outcome)
        attempt = DeliveryAttempt(
            delivery_id=delivery.delivery_id,
            attempt=delivery.attempts,
            merchant_serial_number=delivery.merchant_serial_number,
            occurred=outcome.at,
            status=outcome.status,
            error=outcome.error,
            excerpt=outcome.excerpt,
            milliseconds=outcome.milliseconds,
        )
        world.put(delivery)
        world.put(attempt)
        written.append(Attempted(delivery, attempt))
        if outcome.is_success:
            receiver = receiver.answered(outcome.at)
    if receiver.removed is not None:
        return written
    receiver = (
        receiver.released() if release else replace(receiver, lease_until=call.real_now + LEASE)
    )
    world.put(receiver)
    failed = any(not outcome.is_success for outcome in outcomes)
    if failed and receiver.merchant_serial_number is not None and receiver.is_silent(call.now):
        remove(world, call, receiver.gone(call.now, "silent"))
    return written


def _after(delivery: Delivery, outcome: Outcome) -> Delivery:
    if outcome.is_success:
        return delivery.delivered(outcome.at)
    first = delivery.first_try or outcome.at
    again = next_attempt_at(first, delivery.tries + 1, outcome.at)
    return delivery.refused(outcome.at, again)


def resend_delivery(world: World, call: Call, delivery_id: str) -> Delivery:
    """Send a delivery once more, whatever became of it; its back-off begins anew."""
    delivery = world.find(Delivery, delivery_id)
    if delivery is None or delivery.merchant_serial_number != call.merchant_serial_number:
        raise ResourceNotFound("There is no such delivery.")
    receiver = world.get(Registration, delivery.registration_id)
    if receiver.removed is not None:
        raise Conflict("The registration is gone; nothing can be sent there any more.")
    delivery = delivery.sent_again(call.now)
    world.put(delivery)
    return delivery


def send_by_hand(
    world: World,
    call: Call,
    happened: Happened,
    place: int,
    registrations: Sequence[str],
) -> list[Delivery]:
    """Send an event that did not happen to all who want its type, as if it were the latest; nothing else changes.

    Its id is a random one, where that of a real event is worked out from the change.
    Raises Conflict where nobody wants it.
    """
    event = event_of(happened)
    assert event is not None
    event_id, msn = mint_uuid(call.randomness), call.merchant_serial_number
    sent: list[Delivery] = []
    for registration_id in registrations:
        receiver = world.find(Registration, registration_id)
        if receiver is None or not receiver.wants(event.event_type, msn):
            continue
        delivery = Delivery(
            delivery_id=mint_uuid(call.randomness),
            merchant_serial_number=msn,
            registration_id=registration_id,
            place=place,
            event_id=event_id,
            event_type=event.event_type,
            agreement_id=event.agreement_id,
            charge_id=event.charge_id,
            body=event.body,
            created=call.now,
            wake_at=call.now,
        )
        world.put(delivery)
        sent.append(delivery)
    if not sent:
        raise Conflict(f"Nobody is registered for {event.event_type}; register a webhook first.")
    return sent
