"""Why a charge is as it is: the chain of causes that led there, in sentences, and what comes next (sandbox §8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from avtale.charges.charge import FAILURE_DESCRIPTIONS, Charge
from avtale.money import Money
from avtale.rulebook import Market
from avtale.wire.record import TimelineEntryAnswer, WhyAnswer


def why_answer(charge: Charge, entries: Sequence[TimelineEntryAnswer], market: Market) -> WhyAnswer:
    """`entries` are those of the charge alone, oldest first; times are the market's own."""
    because = [_plan(charge)]
    because += [
        f"{_local(entry.occurred, market)}: {entry.detail}"
        for entry in entries
        if entry.kind in {"charge", "payment"} or entry.context_id
    ]
    if charge.failure_reason is not None:
        because.append(
            f"It failed for good: {FAILURE_DESCRIPTIONS[charge.failure_reason].lower()}."
        )
    return WhyAnswer(
        charge_id=charge.charge_id,
        agreement_id=charge.agreement_id,
        merchant_serial_number=charge.merchant_serial_number,
        status=charge.status,
        because=tuple(because),
        next=_next(charge, market),
    )


def _plan(charge: Charge) -> str:
    amount = Money(charge.amount, charge.currency).in_words()
    if charge.type != "RECURRING":
        return f"It is {charge.type}: {amount}, attempted at once and never again."
    last = charge.due_day + timedelta(days=charge.retry_days)
    many = charge.retry_days != 1
    return (
        f"It is {amount}, due on {charge.due_day}, with {charge.retry_days} retry day{'s' * many}: "
        f"the last attempt is on {last}."
    )


def _next(charge: Charge, market: Market) -> str:
    wake = "" if charge.wake_at is None else _local(charge.wake_at, market)
    match charge.status:
        case "PENDING":
            return (
                f"At {wake} it is DUE and shown to the payer." if wake else "It is attempted now."
            )
        case "DUE":
            return f"The next attempt is at {wake}." if wake else "It waits for its next attempt."
        case "PROCESSING":
            return "The gateway's answer is waited for; it is asked again under the same key until it is clear."
        case "RESERVED" | "PARTIALLY_CAPTURED":
            held = Money(charge.held, charge.currency).in_words()
            until = f"; at {wake} what was not captured is released" if wake else ""
            return f"{held} is held for the merchant to capture or release{until}."
        case "CHARGED" | "PARTIALLY_REFUNDED":
            left = Money(charge.refundable, charge.currency).in_words()
            return f"Nothing happens by itself; {left} can be refunded."
        case "REFUNDED" | "FAILED" | "CANCELLED":
            return f"Nothing: {charge.status} is an end."


def _local(at: datetime, market: Market) -> str:
    return f"{at.astimezone(market.zone):%Y-%m-%d %H:%M}"
