"""A charge: one payment of an agreement, from its creation to the last refund.

Frozen: every method answers with the next charge, and with the line of history that tells why it differs.
Source: api-facts 3.13, 5; rulings §8.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from avtale.charges.lifecycle import ChargeStatus, Happening, next_status
from avtale.money import Currency

ChargeType = Literal["INITIAL", "RECURRING", "UNSCHEDULED"]
TransactionType = Literal["DIRECT_CAPTURE", "RESERVE_CAPTURE"]
ProcessingMode = Literal["MULTIPLE_ATTEMPTS", "SINGLE_ATTEMPT"]
HistoryEvent = Literal["CREATE", "RESERVE", "CAPTURE", "REFUND", "CANCEL", "FAIL"]
FailureReason = Literal[
    "user_action_required", "charge_amount_too_high", "non_technical_error", "technical_error"
]

FAILURE_DESCRIPTIONS: dict[FailureReason, str] = {
    "user_action_required": "User action required",
    "charge_amount_too_high": "Charge amount too high",
    "non_technical_error": "Non technical error",
    "technical_error": "Technical error",
}


class ChargeEntry(msgspec.Struct, frozen=True):
    """One line of a charge's history; written once, never changed."""

    merchant_serial_number: str
    charge_id: str
    sequence: int
    occurred: datetime
    event: HistoryEvent
    amount: int
    idempotency_key: str
    success: bool
    transaction_id: str | None
    payment_key: str | None
    chain: str
    """SHA-256 over the chain of the line before and this line, in hex (reliability H-5)."""


class Charge(msgspec.Struct, frozen=True):
    """One payment; amounts in minor units of `currency`, instants in UTC."""

    merchant_serial_number: str
    charge_id: str
    agreement_id: str
    external_id: str | None
    type: ChargeType
    transaction_type: TransactionType
    processing_mode: ProcessingMode
    amount: int
    currency: Currency
    description: str
    ceiling: int | None
    """What the agreement's pricing let through when the charge was created (reliability M-7)."""
    due_day: date
    retry_days: int
    created: datetime

    due: datetime
    status: ChargeStatus = "PENDING"
    failure_reason: FailureReason | None = None
    transaction_id: str | None = None
    reserved: int = 0
    captured: int = 0
    cancelled: int = 0
    refunded: int = 0
    reserved_at: datetime | None = None
    captured_at: datetime | None = None
    attempts: int = 0
    fence: int = 0
    """Grows with each claim; an outcome counts only where the fence it began under still stands."""
    payments: int = 0
    open_payment: str | None = None
    """The key of the one payment that is being asked of the gateway, if any."""
    wake_at: datetime | None = None
    """When the unit's clock next has something for this charge; None when it has not."""
    history_length: int = 0
    changed: datetime | None = None
    """When the last line of history occurred; the next is never before it (reliability H-3)."""
    chain: str = ""

    @property
    def held(self) -> int:
        """What is reserved and neither captured nor released; nothing where nothing was reserved."""
        return self.reserved - self.captured - self.cancelled if self.reserved else 0

    @property
    def refundable(self) -> int:
        """What was captured and has not been returned."""
        return self.captured - self.refunded

    @property
    def system_key(self) -> str:
        """The idempotency key that the system's own steps carry in history (rulings §8)."""
        return f"{self.charge_id}-{self.agreement_id}-ProcessPayment"

    def created_with(self, idempotency_key: str) -> tuple[Charge, ChargeEntry]:
        """The first line of history."""
        return self._tell("CREATE", self.amount, self.created, idempotency_key)

    def shown(self, wake_at: datetime) -> Charge:
        """The due day has begun: the payer sees the charge, the first attempt is at `wake_at`."""
        return replace(self, status=next_status(self.status, "shown"), wake_at=wake_at)

    def attempted(self, payment_key: str) -> Charge:
        """An attempt begins under `payment_key`."""
        claimed = self.claimed(payment_key)
        return replace(
            claimed,
            status=next_status(self.status, "attempted"),
            attempts=self.attempts + 1,
            wake_at=None,
        )

    def claimed(self, payment_key: str) -> Charge:
        """A payment is written down and will be asked for; the fence rises.

        What the charge waits for stays; nothing wakes it while the payment is open.
        """
        return replace(
            self,
            open_payment=payment_key,
            payments=self.payments + 1,
            fence=self.fence + 1,
        )

    def taken_over(self) -> Charge:
        """Another worker takes up the open payment; whoever had it before is fenced off."""
        return replace(self, fence=self.fence + 1)

    def declined(self, reason: FailureReason, wake_at: datetime) -> Charge:
        """An attempt failed and there will be another at `wake_at`."""
        return replace(
            self,
            status=next_status(self.status, "declined"),
            failure_reason=reason,
            open_payment=None,
            wake_at=wake_at,
        )

    def failed(
        self, reason: FailureReason, at: datetime, payment_key: str | None = None
    ) -> tuple[Charge, ChargeEntry]:
        """The last attempt failed; the charge is over."""
        over = replace(
            self,
            status=next_status(self.status, "failed"),
            failure_reason=reason,
            open_payment=None,
            wake_at=None,
        )
        return over._tell(
            "FAIL", self.amount, at, self.system_key, payment_key=payment_key, success=False
        )

    def reserved_by(
        self, at: datetime, transaction_id: str, payment_key: str, release_at: datetime
    ) -> tuple[Charge, ChargeEntry]:
        """The whole amount is held; it is released by itself at `release_at`."""
        held = replace(
            self,
            status=next_status(self.status, "reserved"),
            reserved=self.amount,
            reserved_at=at,
            transaction_id=transaction_id,
            failure_reason=None,
            open_payment=None,
            wake_at=release_at,
        )
        return held._tell("RESERVE", self.amount, at, self.system_key, transaction_id, payment_key)

    def paid(
        self, at: datetime, transaction_id: str, payment_key: str
    ) -> tuple[Charge, ChargeEntry]:
        """Reserved and captured in one: a direct capture went through."""
        taken = replace(
            self,
            status=next_status(self.status, "paid"),
            reserved=self.amount,
            captured=self.amount,
            reserved_at=at,
            captured_at=at,
            transaction_id=transaction_id,
            failure_reason=None,
            open_payment=None,
            wake_at=None,
        )
        return taken._tell("CAPTURE", self.amount, at, self.system_key, transaction_id, payment_key)

    def capture(
        self,
        amount: int,
        at: datetime,
        key: str,
        transaction_id: str,
        payment_key: str,
        release_at: datetime,
    ) -> tuple[Charge, ChargeEntry]:
        """`amount` moves to the merchant; what is still held is released at `release_at`."""
        in_full = amount == self.held
        captured = self.captured + amount
        happening = self._settling(captured) if in_full else "captured in part"
        taken = replace(
            self,
            status=next_status(self.status, happening),
            captured=captured,
            captured_at=at,
            open_payment=None,
            wake_at=None if in_full else release_at,
        )
        return taken._tell("CAPTURE", amount, at, key, transaction_id, payment_key)

    def cancel(self, at: datetime, key: str) -> tuple[Charge, ChargeEntry]:
        """Called off before any money was held."""
        gone = replace(
            self,
            status=next_status(self.status, "cancelled"),
            cancelled=self.amount,
            open_payment=None,
            wake_at=None,
        )
        return gone._tell("CANCEL", self.amount, at, key)

    def release(
        self, at: datetime, key: str, transaction_id: str, payment_key: str
    ) -> tuple[Charge, ChargeEntry]:
        """What is held goes back to the payer."""
        amount = self.held
        happening = self._settling(self.captured) if self.captured else "released"
        freed = replace(
            self,
            status=next_status(self.status, happening),
            cancelled=self.cancelled + amount,
            open_payment=None,
            wake_at=None,
        )
        return freed._tell("CANCEL", amount, at, key, transaction_id, payment_key)

    def refund(
        self, amount: int, at: datetime, key: str, transaction_id: str, payment_key: str
    ) -> tuple[Charge, ChargeEntry]:
        """`amount` of what was captured goes back to the payer."""
        in_full = amount == self.refundable
        happening: Happening = "refunded in full" if in_full else "refunded in part"
        returned = replace(
            self,
            status=next_status(self.status, happening),
            refunded=self.refunded + amount,
            open_payment=None,
        )
        return returned._tell("REFUND", amount, at, key, transaction_id, payment_key)

    def refused(
        self, event: HistoryEvent, amount: int, at: datetime, key: str, payment_key: str
    ) -> tuple[Charge, ChargeEntry]:
        """The gateway refused a capture, release or refund: a line that changes no amount."""
        unchanged = replace(self, open_payment=None)
        return unchanged._tell(event, amount, at, key, payment_key=payment_key, success=False)

    def woken_at(self, wake_at: datetime | None) -> Charge:
        """The same charge, with something else to wait for."""
        return replace(self, wake_at=wake_at)

    def _settling(self, captured: int) -> Happening:
        if self.refunded == 0:
            return "settled"
        return "settled after full refund" if self.refunded == captured else "settled after refund"

    def _tell(
        self,
        event: HistoryEvent,
        amount: int,
        at: datetime,
        key: str,
        transaction_id: str | None = None,
        payment_key: str | None = None,
        *,
        success: bool = True,
    ) -> tuple[Charge, ChargeEntry]:
        sequence = self.history_length + 1
        at = max(at, self.changed or at)
        chain = chained(
            self.chain, sequence, at, event, amount, key, success, transaction_id, payment_key
        )
        entry = ChargeEntry(
            self.merchant_serial_number,
            self.charge_id,
            sequence,
            at,
            event,
            amount,
            key,
            success,
            transaction_id,
            payment_key,
            chain,
        )
        return replace(self, history_length=sequence, changed=at, chain=chain), entry


def chained(  # noqa: PLR0913, PLR0917 -- everything a line of history says
    before: str,
    sequence: int,
    occurred: datetime,
    event: HistoryEvent,
    amount: int,
    key: str,
    success: bool,  # noqa: FBT001 -- one of the columns, in their order
    transaction_id: str | None,
    payment_key: str | None,
) -> str:
    """The chain after a line of history: a hash over the chain before and all the line says."""
    line = (
        f"{before}|{sequence}|{occurred.timestamp():.3f}|{event}|{amount}|{key}|{success:d}"
        f"|{transaction_id or ''}|{payment_key or ''}"
    )
    return hashlib.sha256(line.encode()).hexdigest()
