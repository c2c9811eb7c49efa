"""The reference model's records: agreements, charges and payments as plain values, and days in Oslo.

It shares nothing with avtale but words and figures, so that a mistake has to be made twice to go unseen.
Amounts are øre, instants are UTC. What became of a charge's amount is worked out from its history.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EARLY = ("PENDING", "DUE")


def day_of(instant: datetime) -> date:
    return instant.astimezone(OSLO).date()


def at(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), OSLO).astimezone(UTC)


def runs_of(day: date) -> list[datetime]:
    return [at(day, 9), at(day, 17)]


def end_of(opened: datetime, days: int) -> datetime:
    """The end of a window: `days` whole days after the day on which it opened."""
    return at(day_of(opened) + (days + 1) * DAY)


@dataclass
class Agreement:
    """What a payer has agreed to, or not yet."""

    pricing: str
    price: int
    expires: datetime
    status: str = "PENDING"
    maximum: int | None = None
    payer: str = ""
    stopped_by: str = ""
    initial: "Charge | None" = None

    @property
    def waits(self) -> bool:
        return self.status == "PENDING" and not self.payer

    @property
    def ceiling(self) -> int:
        if self.pricing == "LEGACY":
            return 5 * self.price
        return 2**31 if self.pricing == "FLEXIBLE" else max(self.price, self.maximum or 0)


class Order(NamedTuple):
    """A charge as a merchant asks for it."""

    name: str
    agreement: str
    type: str
    kind: str
    amount: int
    due: date
    retry_days: int = 0
    is_single: bool = False


@dataclass
class Payment:
    """One thing asked of the bank; `key` is the merchant's, where an answer waits for it."""

    kind: str
    amount: int
    name: tuple[str, int]
    payer: str
    run_at: datetime
    asked: datetime
    key: str = ""
    claims: int = 1
    wake: datetime | None = None
    is_unclear: bool = False

    @property
    def is_attempt(self) -> bool:
        return self.kind in {"DIRECT_CAPTURE", "RESERVE"}


@dataclass
class Charge:
    """A charge: its history, what it waits for, and the one payment that may be open on it."""

    order: Order
    agreement: Agreement
    runs: list[datetime]
    wake: datetime | None
    status: str = "PENDING"
    failure: str | None = None
    taken_at: datetime | None = None
    captured_at: datetime | None = None
    payment: Payment | None = None
    payments: int = 0
    history: list[tuple[str, int, bool]] = field(default_factory=list)

    def sum(self, event: str) -> int:
        return sum(amount for what, amount, success in self.history if what == event and success)

    @property
    def held(self) -> int:
        return self.order.amount - self.sum("CAPTURE") - self.sum("CANCEL") if self.taken_at else 0

    @property
    def deadline(self) -> datetime:
        return end_of(self.taken_at, 180) if self.taken_at else datetime.max.replace(tzinfo=UTC)

    def over(self, status: str, event: str) -> None:
        self.status, self.wake = status, None
        self.history.append((event, self.order.amount, status != "FAILED"))

    def paid(self, payment: Payment, now: datetime) -> None:
        if payment.is_attempt:
            self.taken_at, self.failure = now, None
        self.history.append((payment.kind.removeprefix("DIRECT_"), payment.amount, True))
        captured, refunded = self.sum("CAPTURE"), self.sum("REFUND")
        if payment.kind in {"DIRECT_CAPTURE", "CAPTURE"}:
            self.captured_at = now
        if not self.held:
            paid = "PARTIALLY_REFUNDED" if refunded else "CHARGED"
            whole = "REFUNDED" if captured else "CANCELLED"
            self.status, self.wake = whole if refunded == captured else paid, None
        elif payment.kind != "REFUND":
            self.status = "PARTIALLY_CAPTURED" if captured else "RESERVED"
            self.wake = min(end_of(now, 7), self.deadline) if captured else self.deadline

    def declined(self, why: str, run_at: datetime) -> None:
        later = [run for run in self.runs if run > run_at]
        if self.agreement.status == "STOPPED":
            self.over("CANCELLED", "CANCEL")
        elif later and not self.order.is_single:
            self.status, self.failure, self.wake = "DUE", why, later[0]
        else:
            self.failure = why
            self.over("FAILED", "FAIL")
