"""What we ask of whoever moves the money: batches of asks, each under its own key, each with an answer.

A gateway promises one thing above all: asked twice under one key, it acts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from avtale.charges.payments import Payment, PaymentKind
from avtale.money import Currency

GatewayResult = Literal["OK", "DECLINED", "UNCLEAR"]


class Ask(msgspec.Struct, frozen=True):
    """One thing asked; `amount` in minor units, `at` on the unit's clock."""

    payment_key: str
    merchant_serial_number: str
    charge_id: str
    kind: PaymentKind
    amount: int
    currency: Currency
    payer: str
    at: datetime


class GatewayAnswer(msgspec.Struct, frozen=True):
    """What came back for one ask."""

    payment_key: str
    result: GatewayResult
    reason: str | None = None
    """Why it was declined, in the gateway's words."""
    transaction_id: str | None = None
    known_at: datetime | None = None
    """When an unclear outcome is worth asking for again, on the unit's clock; None for soon."""


class Gateway(Protocol):
    """Whoever moves the money."""

    async def ask(self, asks: Sequence[Ask]) -> list[GatewayAnswer]:
        """Answers in the order of the asks; an exception means that all of them are unclear."""
        ...


def ask_of(payment: Payment) -> Ask:
    """The ask that a payment row stands for."""
    return Ask(
        payment.payment_key,
        payment.merchant_serial_number,
        payment.charge_id,
        payment.kind,
        payment.amount,
        payment.currency,
        payment.payer,
        payment.last_asked,
    )
