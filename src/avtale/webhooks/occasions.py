"""Occasions: when each event is told, in every way in which its change can come about, and in which order.

The page of events is printed from this, and tests hold it against the life tables and against the service.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from avtale.agreements.lifecycle import AgreementHappening, AgreementStatus
from avtale.charges.lifecycle import ChargeStatus, Happening
from avtale.webhooks.catalogue import EventType

Cause = Literal["API", "payer", "run", "time", "bulk", "profile deleted"]


class Way(msgspec.Struct, frozen=True):
    """One way in which a change can come about."""

    cause: Cause
    how: str


class Occasion(msgspec.Struct, frozen=True):
    """What an event tells, and how that comes about."""

    event_type: EventType
    told: str
    """When it is told, in a sentence."""
    ways: tuple[Way, ...]
    steps: tuple[AgreementHappening | Happening, ...]
    """The steps of the life that it tells."""
    after_a_capture: tuple[Happening, ...] = ()
    """Those that it tells only where a part was captured before: the rest goes back."""


class Order(msgspec.Struct, frozen=True):
    """A thing that happens, and the events that it brings, in their order."""

    title: str
    events: tuple[EventType, ...]


SILENT: Final[dict[AgreementHappening | Happening, str]] = {
    "shown": "the due day has begun; the charge reads DUE",
    "attempted": "a run has begun to take the money; its outcome is told",
    "declined": "an attempt came to nothing and there will be another; only the last one is told",
}
"""Steps that no event tells, and why."""

OCCASIONS: Final[tuple[Occasion, ...]] = (
    Occasion(
        "recurring.agreement-activated.v1",
        "The agreement is ACTIVE. Where it has an initial charge, that is paid or reserved already.",
        (
            Way("payer", "approves, on the phone or through a persona"),
            Way("API", "`PATCH /agreements/{agreementId}/accept` (test environment)"),
        ),
        ("approved",),
    ),
    Occasion(
        "recurring.agreement-rejected.v1",
        "The payer said no; the agreement is STOPPED and was never ACTIVE.",
        (
            Way("payer", "rejects, on the phone or through a persona"),
            Way("payer", "cancels on the landing page, or goes back from it"),
            Way("profile deleted", "while the request waits"),
        ),
        ("rejected",),
    ),
    Occasion(
        "recurring.agreement-stopped.v1",
        "An agreement that was ACTIVE is STOPPED; `actor` tells by whom.",
        (
            Way("API", "`PATCH /agreements/{agreementId}` with `STOPPED`; `actor` is `MERCHANT`"),
            Way("payer", "stops it, on the phone or through a persona; `actor` is `USER`"),
            Way("profile deleted", "each of the payer's agreements; `actor` is `ADMIN`"),
        ),
        ("stopped",),
    ),
    Occasion(
        "recurring.agreement-expired.v1",
        "The agreement is EXPIRED and was never ACTIVE.",
        (
            Way("time", "nobody answered in time"),
            Way("payer", "approves, and the initial charge cannot be paid"),
            Way("payer", "approves, and is under 18"),
            Way("API", "`PATCH /agreements/{agreementId}/accept`, where either is so"),
        ),
        ("expired",),
    ),
    Occasion(
        "recurring.charge-reserved.v1",
        "The whole amount is held, until it is captured or cancelled (`RESERVE_CAPTURE`).",
        (
            Way("run", "a due or unscheduled charge is attempted, and there is money"),
            Way("payer", "approves an agreement with an initial charge"),
            Way("API", "`PATCH /agreements/{agreementId}/accept`, the same"),
        ),
        ("reserved",),
    ),
    Occasion(
        "recurring.charge-captured.v1",
        "Money has moved to the merchant, all of it or a part; `amountCaptured` is the total so far.",
        (
            Way("run", "a due or unscheduled charge with `DIRECT_CAPTURE` is attempted"),
            Way("payer", "approves an agreement with such an initial charge"),
            Way("API", "`PATCH /agreements/{agreementId}/accept`, the same"),
            Way("API", "`POST …/charges/{chargeId}/capture`, once for each capture"),
        ),
        (
            "paid",
            "captured in part",
            "settled",
            "settled after refund",
            "settled after full refund",
        ),
    ),
    Occasion(
        "recurring.charge-canceled.v1",
        "The charge is called off, or what was held and not captured goes back to the payer. "
        "Where money was held, `transactionId` tells the release; otherwise it is null.",
        (
            Way("API", "`DELETE …/charges/{chargeId}`"),
            Way("API", "the agreement is stopped: what waits is called off, what is held released"),
            Way("payer", "stops the agreement: what waits is called off, what is held stays"),
            Way("payer", "rejects an agreement with an initial charge"),
            Way("profile deleted", "what waits is called off, what is held released"),
            Way("run", "an attempt fails after the agreement was stopped"),
            Way("time", "a reservation, or the rest of one, was not captured in time"),
        ),
        ("cancelled", "released"),
        ("settled", "settled after refund", "settled after full refund"),
    ),
    Occasion(
        "recurring.charge-refunded.v1",
        "Captured money has gone back to the payer; `amountRefunded` is the total so far.",
        (Way("API", "`POST …/charges/{chargeId}/refund`, once for each refund"),),
        ("refunded in part", "refunded in full"),
    ),
    Occasion(
        "recurring.charge-failed.v1",
        "The charge is FAILED: there will be no more attempts. `failureReason` tells why.",
        (
            Way("run", "the last attempt of the last retry day comes to nothing"),
            Way("run", "the only attempt (`SINGLE_ATTEMPT`, `UNSCHEDULED`) comes to nothing"),
            Way("payer", "approves, and the initial charge cannot be paid, or is under 18"),
            Way("API", "`PATCH /agreements/{agreementId}/accept`, where either is so"),
            Way("time", "nobody answered an agreement with an initial charge"),
        ),
        ("failed",),
    ),
    Occasion(
        "recurring.charge-creation-failed.v1",
        "A charge of a bulk was taken in and then refused: it never came to be. "
        "`failureReason` is a sentence that tells why.",
        (Way("bulk", "`POST /agreements/charges`, once for each charge that is refused later"),),
        (),
    ),
)
"""One for each event, in the order of the catalogue."""

ORDERS: Final[tuple[Order, ...]] = (
    Order(
        "An agreement with an initial charge is approved (`DIRECT_CAPTURE`)",
        ("recurring.charge-captured.v1", "recurring.agreement-activated.v1"),
    ),
    Order(
        "An agreement with an initial charge is approved (`RESERVE_CAPTURE`)",
        ("recurring.charge-reserved.v1", "recurring.agreement-activated.v1"),
    ),
    Order(
        "An agreement with an initial charge is rejected",
        ("recurring.charge-canceled.v1", "recurring.agreement-rejected.v1"),
    ),
    Order(
        "An agreement with an initial charge expires, or the charge cannot be paid",
        ("recurring.charge-failed.v1", "recurring.agreement-expired.v1"),
    ),
    Order(
        "A charge is reserved, captured in two parts, and refunded",
        (
            "recurring.charge-reserved.v1",
            "recurring.charge-captured.v1",
            "recurring.charge-captured.v1",
            "recurring.charge-refunded.v1",
        ),
    ),
    Order(
        "The merchant stops an agreement with one charge waiting and one reserved",
        (
            "recurring.charge-canceled.v1",
            "recurring.agreement-stopped.v1",
            "recurring.charge-canceled.v1",
        ),
    ),
    Order(
        "The payer stops an agreement with one charge waiting and one reserved",
        ("recurring.charge-canceled.v1", "recurring.agreement-stopped.v1"),
    ),
    Order(
        "The payer's profile is deleted, with one charge waiting and one reserved",
        (
            "recurring.charge-canceled.v1",
            "recurring.agreement-stopped.v1",
            "recurring.charge-canceled.v1",
        ),
    ),
    Order(
        "A charge fails on its due day and is paid on a retry day",
        ("recurring.charge-captured.v1",),
    ),
)
"""What is told in which order; a test does each of these and compares."""


def told_by(
    status: AgreementStatus | ChargeStatus, step: AgreementHappening | Happening
) -> tuple[EventType, ...]:
    """The events of which one tells a step that is made from a status; none where it is silent."""
    return tuple(
        each.event_type
        for each in OCCASIONS
        if step in each.steps or (status == "PARTIALLY_CAPTURED" and step in each.after_a_capture)
    )
