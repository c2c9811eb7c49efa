"""The simulated gateway's own books: what it did under which key, and what it was told to do.

Kept apart from the charges on purpose, so that `avtale audit` can compare the two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from avtale.charges.payments import PaymentKind
from avtale.money import Currency
from avtale.payers import Outcome

LedgerResult = Literal["OK", "DECLINED", "UNKNOWN"]


class LedgerEntry(msgspec.Struct, frozen=True):
    """One ask, under the key it came with; a second ask under the key finds this and moves nothing."""

    payment_key: str
    merchant_serial_number: str
    charge_id: str
    kind: PaymentKind
    amount: int
    currency: Currency
    payer: str
    occurred: datetime
    transaction_id: str

    result: LedgerResult
    reason: str | None = None
    answered: bool = True
    """False while the answer is late: the thing is done or not, and nobody has been told."""
    known_at: datetime | None = None
    """When an outcome that is still UNKNOWN becomes known, on the unit's clock."""


class Script(msgspec.Struct, frozen=True):
    """What the next attempts on one charge will meet, first one first."""

    merchant_serial_number: str
    charge_id: str
    outcomes: tuple[Outcome, ...] = ()
