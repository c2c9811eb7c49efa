"""Notifications: what a payer's phone says by itself about payments (api-facts 4.4, 10.5).

A failed attempt is always told of, a payment that succeeded where the payer asked for it, an agreement that the
merchant stopped; these are rows. What is coming up the next day is worked out from the charges when somebody looks.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal

import msgspec

from avtale.charges.charge import Charge, FailureReason
from avtale.rulebook import Market

NotificationKind = Literal["attempt_failed", "payment_failed", "payment_made", "agreement_stopped"]

COMING_AT = time(10)
"""When payers are told of a payment of the next day, in the market's wall time."""


class Notification(msgspec.Struct, frozen=True):
    """One notification on one phone; `amount` in minor units, instants on the unit's clock."""

    notification_id: str
    phone_number: str
    merchant_serial_number: str
    agreement_id: str
    charge_id: str | None
    kind: NotificationKind
    occurred: datetime
    amount: int | None = None
    reason: FailureReason | None = None
    next_attempt: datetime | None = None
    """When the payment is tried again, where it is."""


def coming_at(due_day: date, created: datetime, market: Market) -> datetime:
    """When a payer is told of the payment of `due_day`: the day before, or at once where that has passed."""
    day_before = datetime.combine(due_day - timedelta(days=1), COMING_AT, market.zone)
    return max(day_before.astimezone(created.tzinfo), created)


def told_as_coming(charge: Charge, now: datetime, market: Market) -> datetime | None:
    """When the payer was told that the charge is coming, or None where that was not or not yet so.

    A charge that was called off before then was never told of.
    """
    if charge.type != "RECURRING":
        return None
    at = coming_at(charge.due_day, charge.created, market)
    called_off = charge.status == "CANCELLED" and not charge.reserved
    if at > now or (called_off and charge.changed is not None and charge.changed < at):
        return None
    return at
