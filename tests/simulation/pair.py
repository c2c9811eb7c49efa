"""The real thing and the reference model, driven side by side and compared after every step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from avtale.agreements.agreement import Actor, Agreement
from avtale.api.answers import json_answer
from avtale.api.links import LANDING_MARK
from avtale.charges.charge import Charge, TransactionType
from avtale.charges.payments import PaymentKind
from avtale.engine.command import Answer
from avtale.engine.world import Needs
from avtale.operations import agreements, approvals, charges
from avtale.payers import Outcome, Payer
from avtale.wire.agreements import (
    DraftAgreement,
    DraftAgreementAnswer,
    InitialCharge,
    UpdateAgreement,
)
from avtale.wire.charges import (
    BulkAnswer,
    BulkCharge,
    CaptureCharge,
    CreateCharge,
    CreateChargeAnswer,
    RefundCharge,
)
from avtale.wire.terms import PricingRequest, PricingUpdate
from tests.simulation import house
from tests.simulation.comparing import same
from tests.simulation.house import MSN
from tests.simulation.records import HOUR, Order, at, day_of
from tests.simulation.side_by_side import KARI, SideBySide, payer_row

PricingType = Literal["LEGACY", "VARIABLE", "FLEXIBLE"]


class Pair(SideBySide):
    """Whatever merchants, payers and the clock can do, done in both."""

    # ── merchants ──

    def draft(
        self,
        pricing: PricingType,
        price: int,
        first: tuple[PaymentKind, int] | None = None,
        order: str | None = None,
    ) -> str:
        """An agreement, with its initial charge where there is one; answers with our name for it."""
        name = f"a{len(self.keys)}"
        order = order or f"first-{name}"
        body = DraftAgreement(
            pricing=PricingRequest(
                type=pricing,
                amount=price if pricing == "LEGACY" else None,
                suggested_max_amount=price if pricing == "VARIABLE" else None,
                currency="NOK",
            ),
            merchant_redirect_url="https://nordic.example/thanks",
            merchant_agreement_url="https://nordic.example/me",
            product_name="Premier League",
            initial_charge=first and _initial(order, *first),
        )
        asked = first and Order(order, name, "INITIAL", first[0], first[1], date.max)

        def answer(agreement: Agreement) -> Answer:
            url = f"https://nordic.example/landing?v=2&token={LANDING_MARK}"
            drafted = DraftAgreementAnswer(
                agreement_id=agreement.agreement_id,
                uuid=agreement.uuid,
                vipps_confirmation_url=url,
                charge_id=agreement.initial_charge_id,
            )
            return json_answer(201, drafted)

        self.request(
            "POST /recurring/v3/agreements",
            body,
            Needs().of(Charge, (MSN, order)),
            lambda world, call: agreements.draft_agreement(world, call, body),
            lambda key: self.model.draft(name, pricing, price, asked),
            answer,
            lambda answer: self.ids.update({name: msgspec.json.decode(answer)["agreementId"]}),
        )
        return name

    def update_price(self, name: str, pricing: PricingType, price: int) -> str:
        """Another price, or another suggested maximum."""
        changes = PricingUpdate(
            amount=price if pricing == "LEGACY" else None,
            suggested_max_amount=price if pricing == "VARIABLE" else None,
        )
        body = UpdateAgreement(pricing=changes)
        return self.request(
            f"PATCH /recurring/v3/agreements/{self.ids[name]}",
            body,
            self._needs(name),
            lambda world, call: agreements.update_agreement(world, call, self.ids[name], body),
            lambda key: self.model.update_price(name, pricing, price),
        )

    def stop(self, name: str) -> str:
        """The merchant stops."""
        body = UpdateAgreement(status="STOPPED")
        return self.request(
            f"PATCH /recurring/v3/agreements/{self.ids[name]}",
            body,
            self._needs(name).open_charges(MSN, self.ids[name]),
            lambda world, call: agreements.update_agreement(world, call, self.ids[name], body),
            lambda key: self.model.stop(name, "MERCHANT"),
        )

    def create(self, order: Order) -> str:
        """A charge."""
        unscheduled = order.type == "UNSCHEDULED"
        body = CreateCharge(
            amount=order.amount,
            description="October",
            transaction_type=_transaction(order.kind),
            type="UNSCHEDULED" if unscheduled else "RECURRING",
            due=None if unscheduled else order.due,
            retry_days=None if unscheduled else order.retry_days,
            processing_mode="SINGLE_ATTEMPT" if order.is_single and not unscheduled else None,
            order_id=order.name,
        )
        agreement_id = self.ids[order.agreement]
        return self.request(
            f"POST /recurring/v3/agreements/{agreement_id}/charges",
            body,
            self._needs(order.agreement, order.name),
            lambda world, call: charges.create_charge(world, call, agreement_id, body),
            lambda key: self.model.create(order),
            lambda charge: json_answer(201, CreateChargeAnswer(charge.charge_id)),
        )

    def create_many(self, orders: Sequence[Order]) -> str:
        """A bulk; both must find the same items right."""
        body = [
            BulkCharge(
                agreement_id=self.ids[order.agreement],
                amount=order.amount,
                description="October",
                transaction_type=_transaction(order.kind),
                due=order.due,
                retry_days=order.retry_days,
                order_id=order.name,
            )
            for order in orders
        ]
        needs, batch = Needs(), f"batch-{len(self.keys)}"
        for order in orders:
            needs.join(self._needs(order.agreement, order.name))
        kept: list[str] = []

        def judge(verdicts: list[list[str]]) -> Answer:
            right = (item.order_id for item, bad in zip(body, verdicts, strict=True) if not bad)
            return json_answer(202, BulkAnswer((), tuple(right)))

        return self.request(
            "POST /recurring/v3/agreements/charges",
            body,
            needs,
            lambda world, call: charges.create_charges(world, call, body, batch),
            lambda key: kept.extend(self.model.create_many(list(orders))),
            judge,
            lambda answer: same("bulk", msgspec.json.decode(answer)["validCharges"], kept),
        )

    def cancel(self, name: str) -> str:
        """A cancel."""
        agreement_id = self._of(name)
        return self.request(
            f"DELETE /recurring/v3/agreements/{agreement_id}/charges/{name}",
            None,
            self._needs(self.model.charges[name].order.agreement, name),
            lambda world, call: charges.cancel_charge(world, call, agreement_id, name),
            lambda key: self.model.cancel(name, key),
        )

    def capture(self, name: str, amount: int) -> str:
        """A capture."""
        agreement_id, body = self._of(name), CaptureCharge(amount)
        return self.request(
            f"POST /recurring/v3/agreements/{agreement_id}/charges/{name}/capture",
            body,
            self._needs(self.model.charges[name].order.agreement, name),
            lambda world, call: charges.capture_charge(world, call, agreement_id, name, body),
            lambda key: self.model.capture(name, amount, key),
        )

    def refund(self, name: str, amount: int) -> str:
        """A refund."""
        agreement_id, body = self._of(name), RefundCharge(amount, "Sorry")
        return self.request(
            f"POST /recurring/v3/agreements/{agreement_id}/charges/{name}/refund",
            body,
            self._needs(self.model.charges[name].order.agreement, name),
            lambda world, call: charges.refund_charge(world, call, agreement_id, name, body),
            lambda key: self.model.refund(name, amount, key),
        )

    def accept(self, name: str, phone: str) -> str:
        """The published force accept."""
        agreement_id = self.ids[name]
        return self.request(
            f"PATCH /recurring/v3/agreements/{agreement_id}/accept",
            phone,
            self._needs(name, self._first(name)).of(Payer, (phone,)),
            lambda world, call: approvals.accept_agreement(world, call, agreement_id, phone),
            lambda key: self.model.approve(name, phone, None, key),
        )

    # ── payers ──

    def approve(self, name: str, phone: str, maximum: int | None = None) -> str:
        """The payer says yes on the phone."""
        agreement_id = self.ids[name]
        needs = self._needs(name, self._first(name)).of(Payer, (phone,))
        return self.act(
            needs,
            lambda world, call: approvals.approve_agreement(
                world, call, agreement_id, phone, maximum
            ),
            lambda: self.model.approve(name, phone, maximum),
        )

    def reject(self, name: str) -> str:
        """The payer says no."""
        return self.act(
            self._needs(name, self._first(name)),
            lambda world, call: approvals.reject_agreement(world, call, self.ids[name]),
            lambda: self.model.reject(name),
        )

    def set_maximum(self, name: str, maximum: int) -> str:
        """The payer chooses another maximum."""
        return self.act(
            self._needs(name),
            lambda world, call: approvals.set_max_amount(world, call, self.ids[name], maximum),
            lambda: self.model.set_maximum(name, maximum),
        )

    def stop_by(self, name: str, actor: Actor) -> str:
        """The payer stops, or is deleted."""
        return self.act(
            self._needs(name).open_charges(MSN, self.ids[name]),
            lambda world, call: agreements.stop_agreement(world, call, self.ids[name], actor),
            lambda: self.model.stop(name, actor),
        )

    def set_payer(
        self,
        phone: str,
        *,
        balance: int | None = None,
        works: bool | None = None,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """Money comes and goes, a card breaks and is mended, what comes next is decided."""
        known = self.model.bank.payers[phone]
        self.deposits += 0 if balance is None else balance - known.balance
        known.balance = known.balance if balance is None else balance
        known.works = known.works if works is None else works
        known.outcomes += outcomes
        self.house.do(
            lambda world, call: world.put(payer_row(phone, known)),
            Needs().of(Payer, (phone,)),
            None,
        )
        self.compare()

    # ── time ──

    def advance(self, by: timedelta) -> str:
        """The clock goes through everything on the way; what was left behind is taken up first."""
        if self.model.left_behind():
            self.recover()
        target = self.model.now + by
        return self.both(
            lambda: self.house.run(self.house.clocks.advance(MSN, to=target)),
            lambda: self.model.advance(target),
        )

    def sleep_through(self, by: timedelta) -> None:
        """No process runs for a while; whatever is due waits."""
        self.model.now += by
        until = self.model.now
        self.house.run(self.house.clocks._move(MSN, lambda unit, _: unit.frozen_at(until)))
        self.compare()

    def work(self) -> str:
        """What is due is done, without moving the clock."""
        return self.advance(timedelta())

    def attempt_now(self, name: str) -> str:
        """Somebody has a charge attempted before its run."""
        return self.both(
            lambda: self.house.run(self.house.runs.attempt_now(MSN, self._of(name), name)),
            lambda: self.model.attempt_now(name),
        )

    def recover(self) -> str:
        """Another process takes up what was left behind."""
        self.house.real_now += house.PATIENCE
        return self.both(
            lambda: self.house.run(self.house.runs.recover(self.house.real_now)),
            lambda: self.model.ask_again(self.model.left_behind()),
        )

    def quiesce(self) -> None:
        """All faults are over, what is under way comes to its end, and every key answers as before."""
        self.advance(2 * HOUR)
        while any(charge.payment for charge in self.model.charges.values()):
            self.advance(2 * HOUR)
        for key in self.keys:
            self.replay(key)

    # ── in short ──

    def active(self, pricing: PricingType = "LEGACY", price: int = 499, phone: str = KARI) -> str:
        """An agreement that its payer has approved."""
        name = self.draft(pricing, price)
        assert self.approve(name, phone) == ""
        return name

    def due(self, agreement: str, kind: str, amount: int = 700, retry_days: int = 0) -> str:
        """A charge for tomorrow, which has begun; its first run is at nine."""
        name = f"c{len(self.keys)}"
        order = Order(name, agreement, "RECURRING", kind, amount, self.day(1), retry_days)
        assert self.create(order) == ""
        assert self.advance(at(self.day(1), 8) - self.model.now) == ""
        return name

    def run(self) -> str:
        """The clock goes to the next moment."""
        moment = self.model.next_moment()
        assert moment is not None
        return self.advance(moment - self.model.now)

    def reserved(self, agreement: str, amount: int = 700) -> str:
        """A charge that holds its amount."""
        name = self.due(agreement, "RESERVE", amount)
        self.run()
        assert self.status(name) == "RESERVED"
        return name

    def status(self, name: str) -> str:
        """A charge's status."""
        return self.model.charges[name].status

    # ── names ──

    def _of(self, name: str) -> str:
        return self.ids[self.model.charges[name].order.agreement]

    def _first(self, name: str) -> str | None:
        first = self.model.agreements[name].initial
        return first.order.name if first else None

    def _needs(self, name: str, order: str | None = None) -> Needs:
        needs = Needs().of(Agreement, (MSN, self.ids[name]))
        return needs.of(Charge, (MSN, order)) if order else needs

    def day(self, offset: int) -> date:
        """The market's day so many days from now."""
        return day_of(self.model.now) + timedelta(days=offset)


def _transaction(kind: str) -> TransactionType:
    return "DIRECT_CAPTURE" if kind == "DIRECT_CAPTURE" else "RESERVE_CAPTURE"


def _initial(order: str, kind: str, amount: int) -> InitialCharge:
    return InitialCharge(
        amount=amount,
        description="First month",
        transaction_type=_transaction(kind),
        order_id=order,
    )
