"""A world built by hand: a sales unit, an agreement, charges in any status, and nothing but plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from avtale.agreements.agreement import Actor, Agreement
from avtale.agreements.intervals import Interval
from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import LegacyPricing, Pricing, VariablePricing
from avtale.api.problem_responses import render
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import ChargeStatus
from avtale.charges.payments import Payment, PaymentKind
from avtale.engine.command import Call
from avtale.engine.rows import TABLE_OF
from avtale.engine.world import Needs, World
from avtale.events import AgreementHappened, ChargeHappened
from avtale.gateways.gateway import GatewayAnswer
from avtale.identifiers import Randomness, payment_key
from avtale.rulebook import Environment, MarketCode
from avtale.sales_units import Features, SalesUnit

MSN = "123456"
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
"""Half past ten in Oslo, on Monday 2 November 2026."""

ID = "agr_5kSeqz1"
PRICE = 499_00
KARI = "4791234567"


class Bench:
    """One sales unit and a world that holds what was put on the bench, and nothing else."""

    def __init__(
        self,
        market: MarketCode = "NO",
        *,
        environment: Environment = "test",
        now: datetime = NOW,
        rules: dict[str, int] | None = None,
        **features: bool,
    ) -> None:
        self.environment: Environment = environment
        self.now = now
        self.unit = SalesUnit(
            MSN, "Nordic News", market, NOW, Features(**features), rules or {}
        ).frozen_at(now)
        self.rules = self.unit.rulebook(environment)
        self.needs = Needs()
        self.world = World(self.needs)
        self.randomness = Randomness(b"the same every time")
        self.has(self.unit)

    def has(self, row: Any) -> Any:
        """Put a row into the world, as the database would."""
        self.needs.of(type(row), TABLE_OF[type(row)].key_of(row))
        self.world.take_in(type(row), [row])
        return row

    def lacks(self, row_type: type[Any], *key: str | int) -> None:
        """Say that somebody looked for a row and there is none."""
        self.needs.of(row_type, key)

    def call(
        self, key: str = "key-1", *, now: datetime | None = None, answers: str | None = None
    ) -> Call:
        """A merchant's request, or somebody's act, at this moment."""
        return Call(
            now=now or self.now,
            real_now=now or self.now,
            environment=self.environment,
            randomness=self.randomness,
            sales_unit=self.unit,
            idempotency_key=key,
            answers=answers,
            render=render,
        )

    def find(self, row_type: type[Any], *key: str | int) -> Any:
        """A row as it is now, or None."""
        return self.world.find(row_type, *key)

    # ── agreements ──

    def agreement(
        self,
        status: AgreementStatus = "ACTIVE",
        *,
        stopped_by: Actor = "MERCHANT",
        max_amount: int | None = None,
        **members: Any,
    ) -> Agreement:
        """An agreement in a status, on the bench."""
        agreement = self._aged(drafted(self, **members), status, stopped_by, max_amount)
        self.has(agreement)
        self.needs.open_charges(MSN, agreement.agreement_id)
        return agreement

    def _aged(
        self, agreement: Agreement, status: AgreementStatus, by: Actor, max_amount: int | None
    ) -> Agreement:
        if status == "EXPIRED":
            return agreement.expired(self.now)[0]
        if status == "PENDING":
            return agreement
        agreement, _ = agreement.approved_by(KARI, max_amount, None).activated(self.now)
        return agreement.stopped(self.now, by, "key-0")[0] if status == "STOPPED" else agreement

    # ── charges ──

    def charge(self, status: ChargeStatus = "PENDING", **members: Any) -> Charge:
        """A charge in a status, on the bench; with `part`, so much of it was captured or refunded."""
        part = members.pop("part", 100_00)
        charge = aged(self, created(self, **members), status, part)
        self.has(charge)
        if charge.open_payment is not None:
            self.has(open_payment_of(self, charge))
        return charge

    # ── what came of it ──

    @property
    def told(self) -> list[str]:
        """What happened, in order, in the words of the facts."""
        return [happened.what for happened in self.world.happened]

    def fact(self, what: str) -> Any:
        """The one fact of a kind."""
        [fact] = [fact for fact in self.world.happened if fact.what == what]
        assert isinstance(fact, AgreementHappened | ChargeHappened)
        return fact

    def written(self, row_type: type[Any]) -> list[Any]:
        """The rows of a kind that would be stored."""
        return [
            row
            for table, new, changed in self.world.changes()
            if table.row is row_type
            for row in (*new, *changed)
        ]


def drafted(bench: Bench, **members: Any) -> Agreement:
    """An agreement that was just drafted."""
    pricing: Pricing = LegacyPricing(PRICE, bench.rules.market.currency)
    agreement = Agreement(
        merchant_serial_number=MSN,
        agreement_id=ID,
        uuid="9c2ca95c-245f-4a2e-aab2-4a08eb78e6fb",
        created=bench.now,
        merchant_redirect_url="https://news.example/welcome",
        is_app=False,
        phone_number=None,
        scope=None,
        skip_landing_page=False,
        blocked_sources=None,
        campaign=None,
        initial_charge_id=None,
        product_name="Premier League",
        product_description=None,
        merchant_agreement_url="https://news.example/me",
        external_id=None,
        pricing=pricing,
        interval=Interval("MONTH", 1),
    )
    agreement, _ = agreement.drafted(bench.rules.expires_at(bench.now), "key-0")
    return msgspec.structs.replace(agreement, **members)


def variable(suggested: int = 500_00) -> Pricing:
    """A price that the payer puts a maximum to."""
    return VariablePricing(suggested, "NOK")


def created(bench: Bench, **members: Any) -> Charge:
    """A PENDING charge that was just created, due on Wednesday."""
    day = bench.rules.market.day_of(bench.now).replace(day=4)
    charge = Charge(
        merchant_serial_number=MSN,
        charge_id="november-1",
        agreement_id=ID,
        external_id=None,
        type="RECURRING",
        transaction_type="RESERVE_CAPTURE",
        processing_mode="MULTIPLE_ATTEMPTS",
        amount=PRICE,
        currency=bench.rules.market.currency,
        description="November",
        ceiling=None,
        due_day=day,
        retry_days=0,
        created=bench.now,
        due=datetime(day.year, day.month, day.day, tzinfo=UTC),
        wake_at=bench.rules.becomes_due_at(day),
    )
    return msgspec.structs.replace(charge, **members).created_with("key-0")[0]


def aged(bench: Bench, charge: Charge, status: ChargeStatus, part: int) -> Charge:
    """The charge later in its life, in `status`; `part` is what was captured or refunded of it."""
    now, rules = bench.now, bench.rules
    if status == "PENDING":
        return charge
    if status == "CANCELLED":
        return charge.cancel(now, "key-0")[0]
    if charge.type == "RECURRING":
        charge = charge.shown(rules.first_attempt_at(charge.due_day))
    if status == "DUE":
        return charge
    kind: PaymentKind = (
        "RESERVE" if charge.transaction_type == "RESERVE_CAPTURE" else "DIRECT_CAPTURE"
    )
    charge = charge.attempted(key_of(charge, kind))
    if status == "PROCESSING":
        return charge
    if status == "FAILED":
        return charge.failed("user_action_required", now)[0]
    if kind == "DIRECT_CAPTURE":
        charge = charge.paid(now, "1000000001", "paid")[0]
    else:
        release_at = rules.capture_deadline(now)
        charge = charge.reserved_by(now, "1000000001", "reserved", release_at)[0]
        captured = part if status == "PARTIALLY_CAPTURED" else charge.amount
        if status != "RESERVED":
            later = rules.partial_release_at(now)
            charge = charge.capture(captured, now, "key-0", "1000000002", "captured", later)[0]
    if status in {"PARTIALLY_REFUNDED", "REFUNDED"}:
        back = charge.amount if status == "REFUNDED" else part
        charge = charge.refund(back, now, "key-0", "1000000003", "refunded")[0]
    assert charge.status == status
    return charge


def key_of(charge: Charge, kind: str) -> str:
    """The key under which the gateway is asked next."""
    return payment_key(MSN, charge.charge_id, kind, charge.payments + 1)


def open_payment_of(bench: Bench, charge: Charge, **members: Any) -> Payment:
    """The payment that a charge waits for."""
    assert charge.open_payment is not None
    *_, kind, sequence = charge.open_payment.split(":")
    payment = Payment(
        merchant_serial_number=MSN,
        payment_key=charge.open_payment,
        charge_id=charge.charge_id,
        agreement_id=charge.agreement_id,
        kind=kind,  # type: ignore[arg-type]  # a key is made of one of the kinds
        sequence=int(sequence),
        amount=charge.amount,
        currency=charge.currency,
        payer=KARI,
        run_at=bench.rules.first_attempt_at(charge.due_day),
        cause=charge.system_key,
        answers=None,
        context_id=None,
        asked=bench.now,
        fence=charge.fence,
        lease_until=bench.now,
    )
    return msgspec.structs.replace(payment, **members)


def ok(key: str) -> GatewayAnswer:
    """The gateway did it."""
    return GatewayAnswer(key, "OK", transaction_id="5001419121")


def declined(key: str, reason: str = "insufficient_funds") -> GatewayAnswer:
    """The gateway did not."""
    return GatewayAnswer(key, "DECLINED", reason=reason)


def unclear(key: str, known_at: datetime | None = None) -> GatewayAnswer:
    """Nobody knows."""
    return GatewayAnswer(key, "UNCLEAR", known_at=known_at)
