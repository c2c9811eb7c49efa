"""A merchant changes an ACTIVE agreement, member by member."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.agreements.intervals import Interval
from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing, VariablePricing
from avtale.operations.agreements import update_agreement
from avtale.problems import (
    IllegalAgreementUpdate,
    InvalidAgreementId,
    InvalidSuggestedMaxAmount,
    ResourceNotFound,
    ValidationFailed,
)
from avtale.wire.agreements import UpdateAgreement
from tests.operations.workbench import ID, MSN, NOW, Bench, variable


def update(bench: Bench, agreement_id: str = ID, **members: Any) -> Agreement:
    body = msgspec.convert(members, UpdateAgreement)
    return update_agreement(bench.world, bench.call(), agreement_id, body)


# ── What changes ─────────────────────────────────────────────────────────────────────────────────


def test_named_members_change_and_the_rest_stays() -> None:
    bench = Bench()
    before = bench.agreement()
    after = update(
        bench,
        productName="Champions League",
        productDescription="All matches",
        merchantAgreementUrl="https://news.example/you",
        externalId="sub-2",
        pricing={"amount": 599_00},
    )
    assert after.product_name == "Champions League"
    assert after.product_description == "All matches"
    assert after.merchant_agreement_url == "https://news.example/you"
    assert after.external_id == "sub-2"
    assert after.pricing == LegacyPricing(599_00, "NOK")
    assert (after.status, after.start, after.interval) == ("ACTIVE", before.start, before.interval)


def test_an_update_is_told_and_leaves_a_line_of_history() -> None:
    bench = Bench()
    bench.agreement()
    update(bench, productName="Champions League")
    [entry] = bench.written(AgreementEntry)
    assert (entry.event, entry.actor, entry.idempotency_key) == ("UPDATE", "MERCHANT", "key-1")
    assert entry.occurred == NOW
    assert bench.told == ["updated"]


def test_there_is_no_limit_to_how_much_a_price_may_grow() -> None:
    bench = Bench()
    bench.agreement()
    assert update(bench, pricing={"amount": 2**31 - 1}).pricing == LegacyPricing(2**31 - 1, "NOK")


def test_a_new_rhythm_or_none() -> None:
    bench = Bench()
    bench.agreement()
    weekly = {"type": "RECURRING", "period": {"unit": "WEEK", "count": 2}}
    assert update(bench, interval=weekly).interval == Interval("WEEK", 2)


def test_an_interval_may_become_flexible() -> None:
    bench = Bench()
    bench.agreement()
    assert update(bench, interval={"type": "FLEXIBLE"}).interval is None


def test_the_suggested_maximum_of_variable_pricing_may_change_and_the_payers_own_stays() -> None:
    bench = Bench()
    bench.agreement(pricing=variable(500_00), max_amount=300_00)
    after = update(bench, pricing={"suggestedMaxAmount": 700_00})
    assert after.pricing == VariablePricing(700_00, "NOK", 300_00)


# ── Refusals, in their order ─────────────────────────────────────────────────────────────────────


def test_an_update_of_nothing_is_refused() -> None:
    bench = Bench()
    bench.agreement()
    with pytest.raises(ValidationFailed):
        update(bench)


def test_faults_come_before_the_agreement_is_looked_for() -> None:
    bench = Bench()
    bench.lacks(Agreement, MSN, "agr_unknown")
    with pytest.raises(ValidationFailed):
        update(bench, "agr_unknown", pricing={"amount": 1})
    with pytest.raises(ResourceNotFound):
        update(bench, "agr_unknown", pricing={"amount": 100})


@pytest.mark.parametrize("agreement_id", ["agr_", "agr_" + "a" * 33, "AGR_abc", "abc", "agr_a-b"])
def test_an_id_that_has_not_the_form_of_one_is_refused_as_such(agreement_id: str) -> None:
    with pytest.raises(InvalidAgreementId):
        update(Bench(), agreement_id, productName="Champions League")


@pytest.mark.parametrize("status", ["PENDING", "STOPPED", "EXPIRED"])
def test_only_an_active_agreement_can_be_updated(status: AgreementStatus) -> None:
    bench = Bench()
    bench.agreement(status)
    with pytest.raises(IllegalAgreementUpdate, match=status):
        update(bench, productName="Champions League")
    assert not bench.world.is_changed


def test_a_price_belongs_to_legacy_pricing_alone() -> None:
    for pricing in (variable(), FlexiblePricing("NOK")):
        bench = Bench()
        bench.agreement(pricing=pricing)
        with pytest.raises(ValidationFailed) as refusal:
            update(bench, pricing={"amount": 100})
        assert [fault.name for fault in refusal.value.faults] == ["pricing.amount"]


def test_a_suggested_maximum_belongs_to_variable_pricing_alone() -> None:
    bench = Bench()
    bench.agreement()
    with pytest.raises(ValidationFailed) as refusal:
        update(bench, pricing={"suggestedMaxAmount": 100})
    assert [fault.name for fault in refusal.value.faults] == ["pricing.suggestedMaxAmount"]


def test_a_suggested_maximum_above_the_ceiling_is_refused_by_its_own_name() -> None:
    bench = Bench()
    bench.agreement(pricing=variable())
    with pytest.raises(InvalidSuggestedMaxAmount, match="2000000"):
        update(bench, pricing={"suggestedMaxAmount": 2_000_001})


def test_a_price_below_the_smallest_payment_is_refused() -> None:
    bench = Bench()
    bench.agreement()
    with pytest.raises(ValidationFailed) as refusal:
        update(bench, pricing={"amount": 99})
    assert refusal.value.faults[0].name == "pricing.amount"
