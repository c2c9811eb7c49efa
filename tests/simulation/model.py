"""The reference model: what a sales unit in Norway should see, said once more, without a database.

It shares nothing with avtale but words and figures, so that a mistake has to be made twice to go
unseen. It holds agreements, charges, payers with money, the gateway's books, the clock and the runs
of one unit in the test environment. Amounts are øre, instants are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ATTEMPTS = {"DIRECT_CAPTURE", "RESERVE"}
CEILING = 2_000_000
MAGIC = {
    **dict.fromkeys((182, 183, 184, 197, 202), "refused"),
    **{151: "insufficient_funds", 186: "card_expired", 187: "card_blocked", 201: "unknown"},
}
MAGIC_REFUNDS = {123: "payer_gone", 124: "refused"}
REFUSALS = {
    "CAPTURE": "charge-capture-failed",
    "CANCEL": "cancel-charge-failed",
    "REFUND": "operation-failed",
}


def day_of(instant: datetime) -> date:
    return instant.astimezone(OSLO).date()


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, OSLO).astimezone(UTC)


def runs(day: date) -> list[datetime]:
    return [datetime.combine(day, time(hour), OSLO).astimezone(UTC) for hour in (9, 17)]


class Refusal(Exception):
    """A request that changes nothing; its argument is the published identifier, or `refused`."""


class Died(Exception):
    """The process is gone; what was committed stays."""


@dataclass
class Payer:
    balance: int
    works: bool = True
    is_minor: bool = False
    outcomes: list[str] = field(default_factory=list)


@dataclass
class Agreement:
    name: str
    pricing: str
    price: int
    expires: datetime
    status: str = "PENDING"
    maximum: int | None = None
    payer: str | None = None
    stopped_by: str | None = None
    initial: Charge | None = None

    @property
    def is_being_approved(self) -> bool:
        return self.status == "PENDING" and self.payer is not None

    @property
    def ceiling(self) -> int | None:
        if self.pricing == "LEGACY":
            return 5 * self.price
        return max(self.price, self.maximum or 0) if self.pricing == "VARIABLE" else None


@dataclass
class Payment:
    kind: str
    amount: int
    number: int
    run_at: datetime
    key: str | None
    asked: datetime
    claims: int = 1
    wake: datetime | None = None
    is_unclear: bool = False


@dataclass
class Entry:
    """A line of the gateway's books."""

    kind: str
    amount: int
    result: str
    reason: str | None = None
    is_told: bool = True
    known_at: datetime | None = None


@dataclass
class Charge:
    name: str
    agreement: Agreement
    type: str
    transaction: str
    amount: int
    due: date
    retry_days: int
    is_single: bool
    wake: datetime | None
    status: str = "PENDING"
    reserved: int = 0
    captured: int = 0
    cancelled: int = 0
    refunded: int = 0
    failure: str | None = None
    reserved_at: datetime | None = None
    captured_at: datetime | None = None
    payment: Payment | None = None
    payments: int = 0
    history: list[tuple[str, int, bool]] = field(default_factory=list)

    @property
    def held(self) -> int:
        return self.reserved - self.captured - self.cancelled

    def capture_deadline(self) -> datetime:
        assert self.reserved_at is not None
        return midnight(day_of(self.reserved_at) + 181 * DAY)

    def runs(self) -> list[datetime]:
        return [run for n in range(self.retry_days + 1) for run in runs(self.due + n * DAY)]

    def tell(self, event: str, amount: int, success: bool = True) -> None:
        self.history.append((event, amount, success))

    def call_off(self) -> None:
        self.status, self.cancelled, self.wake = "CANCELLED", self.amount, None
        self.tell("CANCEL", self.amount)

    def fail(self, why: str) -> None:
        self.status, self.failure, self.wake = "FAILED", why, None
        self.tell("FAIL", self.amount, False)

    def settle(self) -> None:
        self.wake = None
        if self.captured == 0:
            self.status = "CANCELLED"
        elif self.refunded == 0:
            self.status = "CHARGED"
        else:
            whole = self.refunded == self.captured
            self.status = "REFUNDED" if whole else "PARTIALLY_REFUNDED"


Item = tuple[str, str, int, date, int]
"""A waiting item of a bulk: order id, agreement, amount, due day, retry days."""
Late = list[tuple[Charge, Payment, int, Entry | None]]
"""Answers that a process holds: charge, payment, the claim it asked under, what the gateway said."""


class Model:
    def __init__(self, now: datetime, payers: dict[str, Payer]) -> None:
        self.now, self.payers = now, payers
        self.deposits = sum(payer.balance for payer in payers.values())
        self.agreements: dict[str, Agreement] = {}
        self.charges: dict[str, Charge] = {}
        self.ledger: dict[tuple[str, int], Entry] = {}
        self.bulk: list[tuple[datetime, Item]] = []
        self.answers: dict[str, str | None] = {}
        self.waiting: set[str] = set()
        self.faults: list[str] = []
        self.asked: list[list[str]] = []
        """The order in which the real gateway was asked, batch by batch: any order is right."""
        self.late: Late = []

    # ── merchants ──

    def draft(
        self, name: str, pricing: str, price: int, first: tuple[str, str, int] | None
    ) -> None:
        if (pricing != "FLEXIBLE" and price < 100) or (first and first[2] < 100):
            raise Refusal("validation-error")
        if pricing == "VARIABLE" and price > CEILING:
            raise Refusal("invalid-suggested-max-amount")
        if first and first[0] in self.charges:
            raise Refusal("conflict")
        agreement = Agreement(name, pricing, price, self.now + 10 * MINUTE)
        self.agreements[name] = agreement
        if first:
            order, transaction, amount = first
            agreement.initial = Charge(
                order, agreement, "INITIAL", transaction, amount, day_of(self.now), 0, True, None
            )
            self._new(agreement.initial)

    def update_price(self, name: str, amount: int, member: str) -> None:
        agreement = self.agreements[name]
        if amount < 100:
            raise Refusal("validation-error")
        if agreement.status != "ACTIVE":
            raise Refusal("illegal-agreement-update")
        if agreement.pricing != member:
            raise Refusal("validation-error")
        if member == "VARIABLE" and amount > CEILING:
            raise Refusal("invalid-suggested-max-amount")
        agreement.price = amount

    def stop(self, name: str, actor: str) -> None:
        agreement = self.agreements[name]
        if agreement.status == "STOPPED" and actor == "MERCHANT":
            return
        if agreement.status != "ACTIVE":
            raise Refusal("illegal-agreement-update")
        agreement.status, agreement.stopped_by = "STOPPED", actor
        begun = []
        for charge in self.charges.values():
            if charge.agreement is agreement and charge.payment is None:
                if charge.status in {"PENDING", "DUE"}:
                    charge.call_off()
                elif charge.held and actor != "USER":
                    begun.append(self._begin(charge, "CANCEL", charge.held))
        self._settle(begun)

    def create(
        self,
        order: str,
        name: str,
        type_: str,
        transaction: str,
        amount: int,
        due: date,
        retry_days: int,
        is_single: bool = False,
    ) -> None:
        unscheduled, today = type_ == "UNSCHEDULED", day_of(self.now)
        if amount < 100 or not 0 <= retry_days <= 14 or (is_single and retry_days):
            raise Refusal("validation-error")
        agreement = self.agreements[name]
        if agreement.status != "ACTIVE":
            raise Refusal("charge-creation-failed")
        if not unscheduled and due <= today:
            raise Refusal("charge-due-too-soon")
        if not unscheduled and due > today.replace(year=today.year + 2, day=min(today.day, 28)):
            raise Refusal("charge-due-in-too-long")
        if agreement.ceiling is not None and amount > agreement.ceiling:
            raise Refusal("charge-amount-too-high")
        if order in self.charges:
            raise Refusal("conflict")
        wake, due = (self.now, today) if unscheduled else (midnight(due), due)
        single = is_single or unscheduled
        self._new(Charge(order, agreement, type_, transaction, amount, due, retry_days, single, wake))

    def create_many(self, items: Sequence[Item]) -> list[bool]:
        """Which items are right; those are created when the unit's work is next done."""
        kept: list[bool] = []
        for item in items:
            before = dict(self.charges)
            try:
                if any(item[0] == other[0] for other, ok in zip(items, kept, strict=False) if ok):
                    raise Refusal("conflict")
                self._create_item(item)
            except Refusal:
                kept.append(False)
            else:
                kept.append(True)
            self.charges = before
        self.bulk += [(self.now, item) for item, ok in zip(items, kept, strict=True) if ok]
        return kept

    def cancel(self, order: str, key: str) -> None:
        charge = self._at_rest(order)
        if charge.status in {"PENDING", "DUE"}:
            if charge.type == "INITIAL":
                raise Refusal("cancel-charge-failed")
            charge.call_off()
        elif not charge.held or self.now >= charge.capture_deadline():
            raise Refusal("cancel-charge-failed")
        else:
            self._settle([self._begin(charge, "CANCEL", charge.held, key)])

    def capture(self, order: str, amount: int, key: str) -> None:
        if amount < 1:
            raise Refusal("validation-error")
        charge = self._at_rest(order)
        if amount > charge.held or self.now >= charge.capture_deadline():
            raise Refusal("charge-capture-failed")
        self._settle([self._begin(charge, "CAPTURE", amount, key)])

    def refund(self, order: str, amount: int, key: str) -> None:
        if amount < 1:
            raise Refusal("validation-error")
        charge = self._at_rest(order)
        left = charge.captured - charge.refunded
        if (
            amount > left
            or not charge.captured_at
            or self.now >= midnight(day_of(charge.captured_at) + 366 * DAY)
        ):
            raise Refusal("operation-failed")
        self._settle([self._begin(charge, "REFUND", amount, key)])

    # ── payers ──

    def approve(self, name: str, phone: str, maximum: int | None, key: str | None) -> None:
        agreement = self._waiting(name)
        if maximum is not None and (
            agreement.pricing != "VARIABLE" or not 100 <= maximum <= CEILING
        ):
            raise Refusal("validation-error")
        if self.payers[phone].is_minor:
            self._expire(agreement)
            return
        agreement.payer = phone
        if agreement.pricing == "VARIABLE":
            agreement.maximum = agreement.price if maximum is None else maximum
        if agreement.initial is None:
            agreement.status = "ACTIVE"
        else:
            self._settle([self._begin_attempt(agreement.initial, self.now, key)])

    def reject(self, name: str) -> None:
        agreement = self._waiting(name)
        if agreement.initial is not None:
            agreement.initial.call_off()
        agreement.status, agreement.stopped_by = "STOPPED", "USER"

    def set_maximum(self, name: str, maximum: int) -> None:
        agreement = self.agreements[name]
        if agreement.status != "ACTIVE":
            raise Refusal("refused")
        if agreement.pricing != "VARIABLE" or not 100 <= maximum <= CEILING:
            raise Refusal("validation-error")
        agreement.maximum = maximum

    def set_balance(self, phone: str, balance: int) -> None:
        self.deposits += balance - self.payers[phone].balance
        self.payers[phone].balance = balance

    # ── time ──

    def next_moment(self) -> datetime | None:
        moments = [c.wake for c in self.charges.values() if c.wake and c.payment is None]
        moments += [c.payment.wake for c in self.charges.values() if c.payment and c.payment.wake]
        moments += [a.expires for a in self.agreements.values() if self._is_asked(a)]
        moments += [created for created, _ in self.bulk]
        return min(moments, default=None)

    def advance(self, target: datetime) -> None:
        while (moment := self.next_moment()) is not None and moment <= target:
            self.now = max(self.now, moment)
            self._do_due(moment)
        self.now = target

    def attempt_now(self, order: str) -> None:
        charge = self.charges[order]
        if charge.payment is None and charge.status in {"PENDING", "DUE"} and charge.wake:
            self._settle(self._try(charge, self.now))

    def recover(self, orders: Iterable[str]) -> None:
        """Another process takes up what these charges' process left behind."""
        self._settle([self._claim(self.charges[order]) for order in orders])

    def left_behind(self) -> list[str]:
        """Charges whose payment was begun and never heard of again."""
        return [
            name for name, c in self.charges.items() if c.payment and not c.payment.is_unclear
        ]

    def hear_late(self, late: Late) -> int:
        """A process that was thought dead records what it knows; how many of it still counted."""
        stand = [
            (charge, entry)
            for charge, payment, claims, entry in late
            if charge.payment is payment and payment.claims == claims
        ]
        self._settle(self._record(stand))
        return len(stand)

    def _do_due(self, moment: datetime) -> None:
        waiting, self.bulk = self.bulk, []
        for _, item in waiting:
            try:
                self._create_item(item)
            except Refusal:
                continue
        for agreement in self.agreements.values():
            if self._is_asked(agreement) and agreement.expires <= moment:
                self._expire(agreement)
        begun: list[Charge] = []
        for charge in self.charges.values():
            if charge.wake is None or charge.wake > moment or charge.payment is not None:
                continue
            if charge.status == "PENDING" and charge.type == "RECURRING":
                charge.status, charge.wake = "DUE", runs(charge.due)[0]
            elif charge.status in {"PENDING", "DUE"}:
                begun += self._try(charge, charge.wake)
            else:
                begun.append(self._begin(charge, "CANCEL", charge.held))
        self._settle(begun)
        open_ones = [c for c in self.charges.values() if c.payment and c.payment.wake]
        ripe = [c for c in open_ones if c.payment and c.payment.wake and c.payment.wake <= moment]
        self._settle([self._claim(charge) for charge in ripe])

    # ── the three steps of a payment ──

    def _try(self, charge: Charge, run_at: datetime) -> list[Charge]:
        agreement = charge.agreement
        if agreement.pricing == "VARIABLE" and charge.amount > (agreement.maximum or 0):
            self._decline(charge, "charge_amount_too_high", run_at)
            return []
        return [self._begin_attempt(charge, run_at)]

    def _begin_attempt(self, charge: Charge, run_at: datetime, key: str | None = None) -> Charge:
        charge.status, charge.wake = "PROCESSING", None
        kind = "RESERVE" if charge.transaction == "RESERVE_CAPTURE" else "DIRECT_CAPTURE"
        return self._begin(charge, kind, charge.amount, key, run_at)

    def _begin(
        self,
        charge: Charge,
        kind: str,
        amount: int,
        key: str | None = None,
        run_at: datetime | None = None,
    ) -> Charge:
        charge.payments += 1
        charge.payment = Payment(
            kind, amount, charge.payments, run_at or self.now, key, self.now
        )
        if key:
            self.waiting.add(key)
        return charge

    def _claim(self, charge: Charge) -> Charge:
        payment = charge.payment
        assert payment is not None
        payment.claims += 1
        payment.asked, payment.wake, payment.is_unclear = self.now, None, False
        return charge

    def _settle(self, begun: list[Charge]) -> None:
        while begun:
            fault = self.faults.pop(0) if self.faults else ""
            order = self.asked.pop(0) if self.asked else []
            assert sorted(order) == sorted(charge.name for charge in begun), (order, begun)
            begun.sort(key=lambda charge: order.index(charge.name))
            entries: list[Entry | None] = [None] * len(begun)
            if not fault.endswith("before"):
                entries = [self._gateway(charge) for charge in begun]
            if fault.startswith("die"):
                if fault == "die after":
                    self.late = [
                        (charge, charge.payment, charge.payment.claims, entry)
                        for charge, entry in zip(begun, entries, strict=True)
                        if charge.payment is not None
                    ]
                raise Died
            if fault:
                entries = [None] * len(begun)
            begun = self._record(list(zip(begun, entries, strict=True)))

    def _gateway(self, charge: Charge) -> Entry | None:
        """Ask under the payment's key; None where the answer is not clear."""
        payment = charge.payment
        assert payment is not None
        name = (charge.name, payment.number)
        entry = self.ledger.get(name)
        if entry is None:
            entry = self.ledger[name] = self._act(charge, payment, self._fate(charge, payment))
        elif entry.known_at is not None and entry.known_at <= payment.asked:
            entry = self.ledger[name] = self._act(charge, payment, "ok")
        elif not entry.is_told:
            entry.is_told = True
        elif entry.known_at is None:
            return entry
        payment.wake = entry.known_at
        return entry if entry.is_told and entry.known_at is None else None

    def _fate(self, charge: Charge, payment: Payment) -> str:
        if payment.kind == "REFUND":
            return MAGIC_REFUNDS.get(payment.amount, "ok")
        if payment.kind not in ATTEMPTS:
            return "ok"
        scripted = self.payers[charge.agreement.payer or ""].outcomes
        return scripted.pop(0) if scripted else MAGIC.get(payment.amount, "ok")

    def _act(self, charge: Charge, payment: Payment, fate: str) -> Entry:
        entry = Entry(payment.kind, payment.amount, "OK")
        payer = self.payers[charge.agreement.payer or ""]
        if fate == "unknown":
            entry.result, entry.known_at = "UNKNOWN", payment.asked + HOUR
            return entry
        entry.is_told = fate != "timeout"
        reason = None if fate in {"ok", "timeout"} else fate
        if payment.kind in ATTEMPTS and reason is None:
            if not payer.works:
                reason = "card_blocked"
            elif payer.balance < payment.amount:
                reason = "insufficient_funds"
        if reason is not None:
            entry.result, entry.reason = "DECLINED", reason
        elif payment.kind in ATTEMPTS:
            payer.balance -= payment.amount
        elif payment.kind != "CAPTURE":
            payer.balance += payment.amount
        return entry

    def _record(self, outcomes: Sequence[tuple[Charge, Entry | None]]) -> list[Charge]:
        """Take answers in; answers with charges whose money must go back at once."""
        begun: list[Charge] = []
        for charge, entry in outcomes:
            payment, agreement = charge.payment, charge.agreement
            assert payment is not None
            if entry is None:
                payment.is_unclear = True
                payment.wake = max(payment.wake or self.now, self.now + MINUTE)
                continue
            charge.payment, slug = None, None
            if entry.result == "OK":
                self._paid(charge, payment)
            elif payment.kind in ATTEMPTS:
                technical = entry.reason == "technical_error"
                why = "technical_error" if technical else "user_action_required"
                self._decline(charge, why, payment.run_at)
            else:
                slug = REFUSALS[payment.kind]
                charge.tell(payment.kind, payment.amount, False)
            if payment.key:
                self.waiting.discard(payment.key)
                self.answers[payment.key] = slug
            if agreement.is_being_approved:
                agreement.status = "EXPIRED" if charge.status == "FAILED" else "ACTIVE"
            elif agreement.stopped_by in {"MERCHANT", "ADMIN"} and charge.held:
                begun.append(self._begin(charge, "CANCEL", charge.held))
        return begun

    def _paid(self, charge: Charge, payment: Payment) -> None:
        amount = payment.amount
        charge.tell(payment.kind.replace("DIRECT_", ""), amount)
        if payment.kind in ATTEMPTS:
            charge.reserved, charge.reserved_at, charge.failure = amount, self.now, None
        if payment.kind == "RESERVE":
            charge.status, charge.wake = "RESERVED", charge.capture_deadline()
        elif payment.kind in {"DIRECT_CAPTURE", "CAPTURE"}:
            charge.captured += amount
            charge.captured_at = self.now
            if charge.held:
                charge.status = "PARTIALLY_CAPTURED"
                charge.wake = min(midnight(day_of(self.now) + 8 * DAY), charge.capture_deadline())
            else:
                charge.settle()
        elif payment.kind == "CANCEL":
            charge.cancelled += amount
            charge.settle()
        else:
            charge.refunded += amount
            if not charge.held:
                charge.settle()

    def _decline(self, charge: Charge, why: str, run_at: datetime) -> None:
        later = [run for run in charge.runs() if run > run_at]
        if charge.agreement.status == "STOPPED":
            charge.call_off()
        elif later and not charge.is_single:
            charge.status, charge.failure, charge.wake = "DUE", why, later[0]
        else:
            charge.fail(why)

    # ── small things ──

    def _new(self, charge: Charge) -> None:
        charge.tell("CREATE", charge.amount)
        self.charges[charge.name] = charge

    def _create_item(self, item: Item) -> None:
        order, name, amount, due, retry_days = item
        self.create(order, name, "RECURRING", "DIRECT_CAPTURE", amount, due, retry_days)

    def _expire(self, agreement: Agreement) -> None:
        if agreement.initial is not None:
            agreement.initial.fail("user_action_required")
        agreement.status = "EXPIRED"

    def _is_asked(self, agreement: Agreement) -> bool:
        return agreement.status == "PENDING" and not agreement.is_being_approved

    def _waiting(self, name: str) -> Agreement:
        agreement = self.agreements[name]
        if not self._is_asked(agreement) or self.now >= agreement.expires:
            raise Refusal("refused")
        return agreement

    def _at_rest(self, order: str) -> Charge:
        charge = self.charges[order]
        if charge.payment is not None:
            raise Refusal("conflict")
        return charge
