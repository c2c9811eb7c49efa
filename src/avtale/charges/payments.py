"""A payment: what is asked of the gateway, written down before and after (design §1.3).

One row per intended ask, under a key made of charge, kind and sequence; at most one is open on a charge.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from avtale.money import Currency

PaymentKind = Literal["DIRECT_CAPTURE", "RESERVE", "CAPTURE", "CANCEL", "REFUND"]
PaymentStatus = Literal["ASKED", "UNCLEAR", "OK", "DECLINED"]

ATTEMPTS: frozenset[PaymentKind] = frozenset({"DIRECT_CAPTURE", "RESERVE"})
"""The kinds that try to get money out of a payer; the others act on money that is held or captured."""


class Payment(msgspec.Struct, frozen=True):
    """One ask of the gateway; amounts in minor units."""

    merchant_serial_number: str
    payment_key: str
    charge_id: str
    agreement_id: str
    kind: PaymentKind
    sequence: int
    amount: int
    currency: Currency
    payer: str
    run_at: datetime
    """The unit's time of the run, or of the request, that the ask belongs to."""
    cause: str
    """The idempotency key that history will carry."""
    answers: str | None
    """The stored answer that waits for this outcome, as its scope: `method path key variant`."""
    context_id: str | None
    asked: datetime
    """When it was first written down, on the unit's clock."""

    status: PaymentStatus = "ASKED"
    fence: int = 0
    asks: int = 0
    reason: str | None = None
    """What the gateway said when it declined."""
    transaction_id: str | None = None
    settled: datetime | None = None
    lease_until: datetime | None = None
    """Real time (not the unit's) after which another worker may take the ask up."""
    asked_again: datetime | None = None
    """When it was last taken up, on the unit's clock."""
    wake_at: datetime | None = None
    """When an unclear outcome is asked for again, on the unit's clock."""

    @property
    def is_open(self) -> bool:
        """Whether the gateway's answer is still to come."""
        return self.status in {"ASKED", "UNCLEAR"}

    def unclear(self, wake_at: datetime) -> Payment:
        """No clear answer came; it is asked for again, under the same key, at `wake_at`."""
        return replace(
            self, status="UNCLEAR", asks=self.asks + 1, lease_until=None, wake_at=wake_at
        )

    @property
    def last_asked(self) -> datetime:
        """When it was last asked for, on the unit's clock."""
        return self.asked_again or self.asked

    def taken_up(self, fence: int, at: datetime, lease_until: datetime) -> Payment:
        """Another worker, or another moment, asks under the same key."""
        return replace(self, fence=fence, asked_again=at, lease_until=lease_until, wake_at=None)

    def ok(self, at: datetime, transaction_id: str) -> Payment:
        """The gateway did it."""
        return replace(
            self,
            status="OK",
            asks=self.asks + 1,
            transaction_id=transaction_id,
            settled=at,
            lease_until=None,
            wake_at=None,
        )

    def declined(self, at: datetime, reason: str) -> Payment:
        """The gateway did not, and will not under this key."""
        return replace(
            self,
            status="DECLINED",
            asks=self.asks + 1,
            reason=reason,
            settled=at,
            lease_until=None,
            wake_at=None,
        )
