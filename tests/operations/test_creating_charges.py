"""A charge is created on an ACTIVE agreement, in time, within what the pricing lets through."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement
from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing
from avtale.charges.charge import Charge, ChargeEntry
from avtale.identifiers import Randomness
from avtale.operations.charges import create_charge
from avtale.problems import (
    ChargeAmountTooHigh,
    ChargeCreationFailed,
    ChargeDueInTooLong,
    ChargeDueTooSoon,
    Conflict,
    InvalidAgreementId,
    InvalidSaleUnit,
    ResourceNotFound,
    UnsupportedFeature,
    ValidationFailed,
)
from avtale.rulebook import Environment, MarketCode
from avtale.wire.charges import CreateCharge
from tests.operations.workbench import ID, MSN, NOW, PRICE, Bench, variable

CHARGE: dict[str, Any] = {
    "amount": PRICE,
    "description": "November",
    "transactionType": "DIRECT_CAPTURE",
    "due": "2026-11-04",
    "retryDays": 2,
}
UNSCHEDULED: dict[str, Any] = {"type": "UNSCHEDULED", "due": None, "retryDays": None}


def create(bench: Bench, agreement_id: str = ID, **members: Any) -> Charge:
    body = {name: value for name, value in {**CHARGE, **members}.items() if value is not None}
    if "orderId" in body:
        bench.needs.of(Charge, (MSN, body["orderId"]))
    created = msgspec.convert(body, CreateCharge)
    return create_charge(bench.world, bench.call(), agreement_id, created)


# ── What it becomes ──────────────────────────────────────────────────────────────────────────────


def test_a_charge_is_pending_until_its_due_day_begins_in_the_market() -> None:
    bench = Bench()
    bench.agreement()
    charge = create(bench)
    assert (charge.status, charge.type) == ("PENDING", "RECURRING")
    assert (charge.due_day, charge.retry_days) == (date(2026, 11, 4), 2)
    assert charge.wake_at == datetime(2026, 11, 3, 23, tzinfo=UTC), "midnight in Oslo"
    assert charge.due == datetime(2026, 11, 4, tzinfo=UTC), "as answers write it"


def test_a_charge_is_written_with_its_first_line_of_history() -> None:
    bench = Bench()
    bench.agreement(external_id="sub-1")
    charge = create(bench)
    [entry] = bench.written(ChargeEntry)
    assert (entry.sequence, entry.event, entry.amount) == (1, "CREATE", PRICE)
    assert (entry.idempotency_key, entry.success, entry.occurred) == ("key-1", True, NOW)
    assert bench.find(Charge, MSN, charge.charge_id) == charge
    assert bench.told == ["created"]
    assert bench.fact("created").agreement_external_id == "sub-1"


def test_a_charge_without_an_order_id_is_chr_and_seven_characters() -> None:
    bench = Bench()
    bench.agreement()
    charge = create(bench)
    assert charge.charge_id.startswith("chr-")
    assert len(charge.charge_id) == len("chr-") + 7
    assert charge.charge_id[4:].isalnum()


def test_two_charges_that_mint_the_same_id_get_ids_of_their_own() -> None:
    bench = Bench()
    bench.agreement()
    bench.randomness = Randomness(b"again")
    first = create(bench)
    bench.randomness = Randomness(b"again")
    assert create(bench).charge_id != first.charge_id


def test_an_order_id_becomes_the_id_of_the_charge() -> None:
    bench = Bench()
    bench.agreement()
    charge = create(bench, orderId="november-2026", externalId="INV-1")
    assert (charge.charge_id, charge.external_id) == ("november-2026", "INV-1")


def test_a_charge_is_attempted_many_times_unless_it_says_once() -> None:
    bench = Bench()
    bench.agreement()
    assert create(bench).processing_mode == "MULTIPLE_ATTEMPTS"
    once = create(bench, processingMode="SINGLE_ATTEMPT", retryDays=0)
    assert once.processing_mode == "SINGLE_ATTEMPT"


def test_a_charge_takes_the_currency_of_its_agreement() -> None:
    for market, currency in (("DK", "DKK"), ("FI", "EUR")):
        bench = Bench(market)  # type: ignore[arg-type]  # one of the three
        bench.agreement()
        assert create(bench).currency == currency


def test_with_thirty_visible_days_a_charge_reads_due_when_it_is_less_than_30_days_off() -> None:
    bench = Bench(rules={"visible_days": 30})
    bench.agreement()
    far = create(bench, due="2026-12-02")
    assert (far.status, far.wake_at) == ("PENDING", datetime(2026, 11, 2, 23, tzinfo=UTC))
    near = create(bench, due="2026-12-01")
    assert near.status == "DUE"
    assert near.wake_at == datetime(2026, 12, 1, 8, tzinfo=UTC), "the first run of its day"


def test_an_unscheduled_charge_is_attempted_once_and_at_once() -> None:
    bench = Bench(unscheduled=True)
    bench.agreement()
    charge = create(bench, **UNSCHEDULED)
    assert (charge.type, charge.processing_mode) == ("UNSCHEDULED", "SINGLE_ATTEMPT")
    assert (charge.status, charge.wake_at, charge.due) == ("PENDING", NOW, NOW)


# ── Lead time and horizon ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("environment", "rules", "earliest"),
    [
        ("test", {}, "2026-11-03"),
        ("production", {}, "2026-11-04"),
        ("production", {"lead_days": 1}, "2026-11-03"),
    ],
)
def test_a_charge_is_due_one_day_ahead_in_test_and_two_in_production(
    environment: Environment, rules: dict[str, int], earliest: str
) -> None:
    bench = Bench(environment=environment, rules=rules)
    bench.agreement()
    create(bench, due=earliest)
    day_before = str(date.fromisoformat(earliest) - timedelta(days=1))
    with pytest.raises(ChargeDueTooSoon, match=earliest) as refusal:
        create(bench, due=day_before)
    assert str(bench.rules.lead_days) in refusal.value.detail


def test_days_are_counted_in_the_market_not_in_utc() -> None:
    late = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
    oslo = Bench(now=late)
    oslo.agreement()
    with pytest.raises(ChargeDueTooSoon, match="2026-11-04"):
        create(oslo, due="2026-11-03")
    earlier = Bench(now=late - timedelta(hours=1))
    earlier.agreement()
    create(earlier, due="2026-11-03")


def test_helsinki_is_an_hour_ahead_of_oslo() -> None:
    half_past_ten_in_the_evening = datetime(2026, 11, 2, 22, 30, tzinfo=UTC)
    bench = Bench("FI", now=half_past_ten_in_the_evening)
    bench.agreement()
    with pytest.raises(ChargeDueTooSoon):
        create(bench, due="2026-11-03")


def test_a_charge_is_due_within_two_years() -> None:
    bench = Bench()
    bench.agreement()
    create(bench, due="2028-11-02")
    with pytest.raises(ChargeDueInTooLong, match="2028-11-02") as refusal:
        create(bench, due="2028-11-03")
    assert "2 years" in refusal.value.detail


# ── The ceiling ──────────────────────────────────────────────────────────────────────────────────


def test_a_fixed_price_lets_five_times_as_much_through() -> None:
    bench = Bench()
    bench.agreement(pricing=LegacyPricing(100_00, "NOK"))
    assert create(bench, amount=500_00).ceiling == 500_00
    with pytest.raises(ChargeAmountTooHigh, match="50000"):
        create(bench, amount=500_01)


@pytest.mark.parametrize(("chosen", "ceiling"), [(300_00, 500_00), (800_00, 800_00)])
def test_variable_pricing_lets_the_larger_of_both_maxima_through(chosen: int, ceiling: int) -> None:
    bench = Bench()
    bench.agreement(pricing=variable(500_00), max_amount=chosen)
    assert create(bench, amount=ceiling).ceiling == ceiling
    with pytest.raises(ChargeAmountTooHigh, match=str(ceiling)):
        create(bench, amount=ceiling + 1)


def test_flexible_pricing_lets_everything_through() -> None:
    bench = Bench()
    bench.agreement(pricing=FlexiblePricing("NOK"))
    assert create(bench, amount=2**31 - 1).ceiling is None


def test_the_ceiling_holds_for_unscheduled_charges_too() -> None:
    bench = Bench(unscheduled=True)
    bench.agreement(pricing=LegacyPricing(100_00, "NOK"))
    with pytest.raises(ChargeAmountTooHigh):
        create(bench, amount=500_01, **UNSCHEDULED)


# ── Other refusals ───────────────────────────────────────────────────────────────────────────────


def test_retry_days_are_required_and_at_most_fourteen() -> None:
    bench = Bench()
    bench.agreement()
    for days in (0, 14):
        assert create(bench, retryDays=days).retry_days == days
    for wrong in (None, -1, 15):
        with pytest.raises(ValidationFailed) as refusal:
            create(bench, retryDays=wrong)
        assert [fault.name for fault in refusal.value.faults] == ["retryDays"]


def test_a_single_attempt_has_no_retry_days() -> None:
    bench = Bench()
    bench.agreement()
    with pytest.raises(ValidationFailed):
        create(bench, processingMode="SINGLE_ATTEMPT", retryDays=1)


def test_an_unscheduled_charge_has_neither_due_day_nor_retries_nor_mode() -> None:
    bench = Bench(unscheduled=True)
    bench.agreement()
    with pytest.raises(ValidationFailed) as refusal:
        create(bench, type="UNSCHEDULED", processingMode="SINGLE_ATTEMPT")
    assert {fault.name for fault in refusal.value.faults} == {"due", "retryDays", "processingMode"}


@pytest.mark.parametrize("status", ["PENDING", "STOPPED", "EXPIRED"])
def test_only_an_active_agreement_takes_charges(status: AgreementStatus) -> None:
    bench = Bench()
    bench.agreement(status)
    with pytest.raises(ChargeCreationFailed, match=status):
        create(bench)
    assert not bench.world.is_changed


def test_an_order_id_is_unique_in_the_unit_whatever_the_agreement() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("CANCELLED", charge_id="order-77", agreement_id="agr_another")
    with pytest.raises(Conflict, match="orderId"):
        create(bench, orderId="order-77")


def test_unscheduled_charges_need_the_approval_of_the_unit() -> None:
    bench = Bench()
    bench.agreement()
    with pytest.raises(UnsupportedFeature, match="'UNSCHEDULED'") as refusal:
        create(bench, **UNSCHEDULED)
    assert not refusal.value.forbidden


def test_a_unit_that_may_only_reserve_is_refused_direct_capture() -> None:
    bench = Bench(direct_capture=False)
    bench.agreement()
    with pytest.raises(UnsupportedFeature, match="DIRECT_CAPTURE"):
        create(bench)
    create(bench, transactionType="RESERVE_CAPTURE")


@pytest.mark.parametrize(("market", "smallest"), [("NO", 100), ("DK", 1), ("FI", 1)])
def test_no_charge_is_smaller_than_the_smallest_payment(market: MarketCode, smallest: int) -> None:
    bench = Bench(market)
    bench.agreement()
    create(bench, amount=smallest)
    with pytest.raises(ValidationFailed) as refusal:
        create(bench, amount=smallest - 1)
    assert [fault.name for fault in refusal.value.faults] == ["amount"]


def test_refusals_come_in_the_published_order() -> None:
    """Each line mends what the line before was refused for, and meets the next."""
    bench = Bench(recurring=False, direct_capture=False)
    bench.lacks(Agreement, MSN, ID)
    wrong: dict[str, Any] = {
        "type": "UNSCHEDULED",
        "due": None,
        "retryDays": None,
        "amount": 1,
        "orderId": "taken",
    }
    with pytest.raises(InvalidSaleUnit):
        create(bench, "nonsense", **wrong)
    bench = Bench(direct_capture=False)
    bench.lacks(Agreement, MSN, ID)
    with pytest.raises(ValidationFailed):
        create(bench, "nonsense", **wrong)
    wrong["amount"] = 2_500_00
    with pytest.raises(InvalidAgreementId):
        create(bench, "nonsense", **wrong)
    with pytest.raises(ResourceNotFound):
        create(bench, **wrong)
    bench.agreement("STOPPED")
    with pytest.raises(ChargeCreationFailed):
        create(bench, **wrong)
    bench.charge("FAILED", charge_id="taken", agreement_id="agr_another")
    bench.agreement(pricing=LegacyPricing(100_00, "NOK"))
    with pytest.raises(UnsupportedFeature, match="UNSCHEDULED"):
        create(bench, **wrong)
    wrong |= {"type": "RECURRING", "due": "2026-11-02", "retryDays": 0}
    with pytest.raises(UnsupportedFeature, match="DIRECT_CAPTURE"):
        create(bench, **wrong)
    wrong["transactionType"] = "RESERVE_CAPTURE"
    with pytest.raises(ChargeDueTooSoon):
        create(bench, **wrong)
    wrong["due"] = "2029-01-01"
    with pytest.raises(ChargeDueInTooLong):
        create(bench, **wrong)
    wrong["due"] = "2026-11-03"
    with pytest.raises(ChargeAmountTooHigh):
        create(bench, **wrong)
    wrong["amount"] = 500_00
    with pytest.raises(Conflict):
        create(bench, **wrong)
    del wrong["orderId"]
    assert create(bench, **wrong).status == "PENDING"
