"""The reference model: what a sales unit in Norway should see, said once more and without a database."""

from contextlib import suppress
from datetime import datetime

from tests.simulation import records as r
from tests.simulation.bank import Bank, Entry
from tests.simulation.records import EARLY, Agreement, Charge, Order, Payment

REFUSED = {"CAPTURE": "charge-capture-failed", "REFUND": "operation-failed"}
HIGHEST = 2_000_000

Late = list[tuple[Charge, Payment, int, Entry | None]]
"""Answers that a process holds: charge, payment, the claim it asked under, what the bank said."""


class Refusal(Exception):
    """A request that changes nothing; its argument is the published identifier, or `refused`."""


class Died(Exception):
    """The process is gone; what was committed stays."""


def refuse(slug: str, when: bool) -> None:
    if when:
        raise Refusal(slug)


class Model:
    """One sales unit of the test environment, with its clock."""

    def __init__(self, now: datetime, bank: Bank) -> None:
        self.now, self.bank = now, bank
        self.agreements: dict[str, Agreement] = {}
        self.charges: dict[str, Charge] = {}
        self.bulk: list[tuple[datetime, Order]] = []
        self.answers: dict[str, str] = {}  # what became of keys whose answer was the bank's
        self.faults: list[str] = []  # what the next asks meet: fail or die, before or after it acts
        self.asked: list[list[str]] = []  # the order in which the real thing asked; any is right
        self.late: Late = []

    # ── merchants ──

    def draft(self, name: str, pricing: str, price: int, first: Order | None) -> None:
        refuse("invalid-suggested-max-amount", pricing == "VARIABLE" and price > HIGHEST)
        refuse("conflict", first is not None and first.name in self.charges)
        agreement = Agreement(pricing, price, self.now + 10 * r.MINUTE)
        self.agreements[name] = agreement
        if first:
            agreement.initial = self._new(Charge(first, agreement, [], None))

    def create(self, order: Order) -> None:
        self.check(order, {*self.charges})
        days = [] if order.type == "UNSCHEDULED" else range(order.retry_days + 1)
        runs = [run for day in days for run in r.runs_of(order.due + day * r.DAY)]
        wake = r.at(order.due) if runs else self.now
        self._new(Charge(order, self.agreements[order.agreement], runs, wake))

    def check(self, order: Order, taken: set[str]) -> None:
        agreement, today = self.agreements[order.agreement], r.day_of(self.now)
        refuse("charge-creation-failed", agreement.status != "ACTIVE")
        refuse("charge-due-too-soon", order.type == "RECURRING" and order.due <= today)
        refuse("charge-amount-too-high", order.amount > agreement.ceiling)
        refuse("conflict", order.name in taken)

    def create_many(self, orders: list[Order]) -> list[str]:
        """The names of those that are right; they come to be when work is next done."""
        kept: list[Order] = []
        for order in orders:
            with suppress(Refusal):
                self.check(order, {*self.charges, *(other.name for other in kept)})
                kept.append(order)
        self.bulk += [(self.now, order) for order in kept]
        return [order.name for order in kept]

    def cancel(self, name: str, key: str) -> None:
        charge = self._at_rest(name)
        early = charge.status in EARLY
        refuse("cancel-charge-failed", early and charge.order.type == "INITIAL")
        refuse("cancel-charge-failed", not early and not charge.held)
        refuse("cancel-charge-failed", self.now >= charge.deadline)
        if early:
            charge.over("CANCELLED", "CANCEL")
        else:
            self._settle([self._begin(charge, "CANCEL", charge.held, key)])

    def capture(self, name: str, amount: int, key: str) -> None:
        charge = self._at_rest(name)
        refuse("charge-capture-failed", amount > charge.held or self.now >= charge.deadline)
        self._settle([self._begin(charge, "CAPTURE", amount, key)])

    def refund(self, name: str, amount: int, key: str) -> None:
        charge = self._at_rest(name)
        refuse("operation-failed", amount > charge.sum("CAPTURE") - charge.sum("REFUND"))
        refuse("operation-failed", self.now >= r.end_of(charge.captured_at or self.now, 365))
        self._settle([self._begin(charge, "REFUND", amount, key)])

    def update_price(self, name: str, pricing: str, price: int) -> None:
        agreement = self.agreements[name]
        refuse("illegal-agreement-update", agreement.status != "ACTIVE")
        refuse("validation-error", agreement.pricing != pricing)
        refuse("invalid-suggested-max-amount", pricing == "VARIABLE" and price > HIGHEST)
        agreement.price = price

    def stop(self, name: str, actor: str) -> None:
        agreement, begun = self.agreements[name], list[Charge]()
        if agreement.status == "STOPPED" and actor == "MERCHANT":
            return
        refuse("illegal-agreement-update", agreement.status != "ACTIVE")
        agreement.status, agreement.stopped_by = "STOPPED", actor
        for charge in self.charges.values():
            if charge.agreement is agreement and charge.status in EARLY:
                charge.over("CANCELLED", "CANCEL")
            elif charge.agreement is agreement and not charge.payment and actor != "USER":
                begun += self._let_go(charge)
        self._settle(begun)

    # ── payers ──

    def approve(self, name: str, phone: str, maximum: int | None, key: str = "") -> None:
        agreement = self._waiting(name)
        refuse("validation-error", maximum is not None and agreement.pricing != "VARIABLE")
        if self.bank.payers[phone].is_minor:
            self._expire(agreement)
            return
        agreement.payer, agreement.maximum = phone, maximum or agreement.price
        if agreement.initial:
            self._settle([self._attempt(agreement.initial, self.now, key)])
        else:
            agreement.status = "ACTIVE"

    def reject(self, name: str) -> None:
        agreement = self._waiting(name)
        if agreement.initial:
            agreement.initial.over("CANCELLED", "CANCEL")
        agreement.status, agreement.stopped_by = "STOPPED", "USER"

    def set_maximum(self, name: str, maximum: int) -> None:
        agreement = self.agreements[name]
        refuse("refused", agreement.status != "ACTIVE")
        refuse("validation-error", agreement.pricing != "VARIABLE")
        agreement.maximum = maximum

    # ── time ──

    def next_moment(self) -> datetime | None:
        charges = self.charges.values()
        moments = [c.payment.wake if c.payment else c.wake for c in charges]
        moments += [a.expires for a in self.agreements.values() if a.waits]
        moments += [created for created, _ in self.bulk]
        return min((moment for moment in moments if moment), default=None)

    def advance(self, target: datetime) -> None:
        while (moment := self.next_moment()) and moment <= target:
            self.now = max(self.now, moment)
            self._do_due(moment)
        self.now = target

    def attempt_now(self, name: str) -> None:
        charge = self._at_rest(name)
        refuse("refused", charge.status not in EARLY or charge.order.type == "INITIAL")
        self._settle(self._try(charge, self.now))

    def left_behind(self) -> list[str]:
        """Charges with a payment that was begun and never heard of again."""
        return [n for n, c in self.charges.items() if c.payment and not c.payment.is_unclear]

    def ask_again(self, names: list[str]) -> None:
        """A process claims these charges' open payments and asks under the same names."""
        for name in names:
            payment = self.charges[name].payment
            assert payment
            payment.claims += 1
            payment.asked, payment.wake, payment.is_unclear = self.now, None, False
        self._settle([self.charges[name] for name in names])

    def hear_late(self, late: Late) -> int:
        """A process that was thought dead records what it knows; how much of it still counts."""
        stand = [(c, e) for c, p, claims, e in late if c.payment is p and p.claims == claims]
        self._settle(self._record(stand))
        return len(stand)

    def _do_due(self, moment: datetime) -> None:
        waiting, self.bulk = self.bulk, []
        for _, order in waiting:
            with suppress(Refusal):
                self.create(order)
        for agreement in self.agreements.values():
            if agreement.waits and agreement.expires <= moment:
                self._expire(agreement)
        begun: list[Charge] = []
        for charge in self.charges.values():
            if charge.payment or not charge.wake or charge.wake > moment:
                continue
            if charge.status == "PENDING" and charge.order.type == "RECURRING":
                charge.status, charge.wake = "DUE", charge.runs[0]
            elif charge.status in EARLY:
                begun += self._try(charge, charge.wake)
            else:
                begun += self._let_go(charge)
        self._settle(begun)
        unclear = [(n, c.payment.wake) for n, c in self.charges.items() if c.payment]
        self.ask_again([name for name, wake in unclear if wake and wake <= moment])

    # ── the three steps of a payment ──

    def _try(self, charge: Charge, run_at: datetime) -> list[Charge]:
        agreement = charge.agreement
        if agreement.pricing == "VARIABLE" and charge.order.amount > (agreement.maximum or 0):
            charge.declined("charge_amount_too_high", run_at)
            return []
        return [self._attempt(charge, run_at)]

    def _attempt(self, charge: Charge, run_at: datetime, key: str = "") -> Charge:
        charge.status, charge.wake = "PROCESSING", None
        return self._begin(charge, charge.order.kind, charge.order.amount, key, run_at)

    def _let_go(self, charge: Charge) -> list[Charge]:
        return [self._begin(charge, "CANCEL", charge.held)] if charge.held else []

    def _begin(
        self, charge: Charge, kind: str, amount: int, key: str = "", run_at: datetime | None = None
    ) -> Charge:
        charge.payments += 1
        name, payer = (charge.order.name, charge.payments), charge.agreement.payer
        charge.payment = Payment(kind, amount, name, payer, run_at or self.now, self.now, key)
        if key:
            self.answers[key] = "waiting"
        return charge

    def _settle(self, begun: list[Charge]) -> None:
        while begun:
            fault = self.faults.pop(0) if self.faults else ""
            if fault == "die before":
                raise Died
            order = self.asked.pop(0) if self.asked else []
            names = sorted(charge.order.name for charge in begun)
            assert sorted(order) == names, f"asked for {order}, not {names}"
            asked = [(self.charges[name], self.charges[name].payment) for name in order]
            late: Late = []
            for charge, payment in asked:
                assert payment
                entry = None if fault == "fail before" else self.bank.ask(payment)
                late.append((charge, payment, payment.claims, entry))
            if fault == "die after":
                self.late = late
                raise Died
            begun = self._record([(c, None if fault else e) for c, _, _, e in late])

    def _record(self, outcomes: list[tuple[Charge, Entry | None]]) -> list[Charge]:
        """Take answers in; answers with charges whose money must go back at once."""
        begun: list[Charge] = []
        for charge, entry in outcomes:
            payment, agreement, slug = charge.payment, charge.agreement, ""
            assert payment
            if entry is None or not entry.is_clear:
                known_at = entry.known_at if entry else None
                payment.wake = max(known_at or self.now, self.now + r.MINUTE)
                payment.is_unclear = True
                continue
            charge.payment = None
            if entry.result == "OK":
                charge.paid(payment, self.now)
            elif payment.is_attempt:
                technical = entry.result == "technical_error"
                why = "technical_error" if technical else "user_action_required"
                charge.declined(why, payment.run_at)
            else:
                slug = REFUSED[payment.kind]
                charge.history.append((payment.kind, payment.amount, False))
            if payment.key:
                self.answers[payment.key] = slug
            if agreement.status == "PENDING":
                agreement.status = "EXPIRED" if charge.status == "FAILED" else "ACTIVE"
            elif agreement.stopped_by in {"MERCHANT", "ADMIN"}:
                begun += self._let_go(charge)
        return begun

    # ── small things ──

    def _new(self, charge: Charge) -> Charge:
        charge.history.append(("CREATE", charge.order.amount, True))
        self.charges[charge.order.name] = charge
        return charge

    def _expire(self, agreement: Agreement) -> None:
        agreement.status = "EXPIRED"
        if agreement.initial:
            agreement.initial.failure = "user_action_required"
            agreement.initial.over("FAILED", "FAIL")

    def _waiting(self, name: str) -> Agreement:
        agreement = self.agreements[name]
        refuse("refused", not agreement.waits or self.now >= agreement.expires)
        return agreement

    def _at_rest(self, name: str) -> Charge:
        refuse("conflict", self.charges[name].payment is not None)
        return self.charges[name]
