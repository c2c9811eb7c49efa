"""A draft is checked against the unit and its market, then waits ten minutes for its payer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.agreements.campaigns import PeriodCampaign
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing, VariablePricing
from avtale.charges.charge import Charge
from avtale.identifiers import Randomness, is_agreement_id
from avtale.operations.agreements import draft_agreement
from avtale.problems import (
    Conflict,
    InvalidSaleUnit,
    InvalidSuggestedMaxAmount,
    UnsupportedFeature,
    ValidationFailed,
)
from avtale.rulebook import MarketCode
from avtale.wire.agreements import DraftAgreement
from tests.operations.workbench import ID, MSN, NOW, Bench

DRAFT: dict[str, Any] = {
    "pricing": {"type": "LEGACY", "amount": 499_00, "currency": "NOK"},
    "interval": {"unit": "MONTH", "count": 1},
    "merchantRedirectUrl": "https://news.example/welcome",
    "merchantAgreementUrl": "https://news.example/me",
    "productName": "Premier League",
}
INITIAL: dict[str, Any] = {
    "amount": 499_00,
    "description": "The first month",
    "transactionType": "RESERVE_CAPTURE",
}


def draft(bench: Bench, **members: Any) -> Agreement:
    body = {name: value for name, value in {**DRAFT, **members}.items() if value is not None}
    return draft_agreement(bench.world, bench.call(), msgspec.convert(body, DraftAgreement))


def initial_charge(bench: Bench, agreement: Agreement) -> Charge:
    assert agreement.initial_charge_id is not None
    charge = bench.find(Charge, MSN, agreement.initial_charge_id)
    assert isinstance(charge, Charge)
    return charge


# ── What it becomes ──────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_pending_and_waits_ten_minutes() -> None:
    agreement = draft(Bench())
    assert agreement.status == "PENDING"
    assert agreement.wake_at == NOW + timedelta(minutes=10)
    assert (agreement.start, agreement.stop, agreement.payer) == (None, None, None)


def test_a_draft_is_written_with_its_first_line_of_history() -> None:
    bench = Bench()
    agreement = draft(bench)
    [entry] = bench.written(AgreementEntry)
    assert (entry.sequence, entry.event, entry.actor) == (1, "CREATE", "MERCHANT")
    assert (entry.occurred, entry.idempotency_key) == (NOW, "key-1")
    assert bench.find(Agreement, MSN, agreement.agreement_id) == agreement
    assert bench.told == ["drafted"]


def test_an_agreement_id_is_agr_and_seven_characters_and_the_uuid_is_of_version_4() -> None:
    agreement = draft(Bench())
    assert is_agreement_id(agreement.agreement_id)
    assert len(agreement.agreement_id) == len("agr_") + 7
    assert agreement.uuid[14] == "4"
    assert agreement.uuid[19] in "89ab"


def test_two_drafts_that_mint_the_same_id_get_ids_of_their_own() -> None:
    bench = Bench()
    bench.randomness = Randomness(b"again")
    first = draft(bench)
    bench.randomness = Randomness(b"again")
    second = draft(bench)
    assert second.agreement_id != first.agreement_id
    assert len(second.agreement_id) > len(first.agreement_id)
    assert is_agreement_id(second.agreement_id)


def test_two_initial_charges_that_mint_the_same_id_get_ids_of_their_own() -> None:
    bench = Bench()
    bench.randomness = Randomness(b"again")
    first = draft(bench, initialCharge=INITIAL)
    bench.randomness = Randomness(b"again")
    second = draft(bench, initialCharge=INITIAL)
    assert first.initial_charge_id != second.initial_charge_id
    assert initial_charge(bench, second).agreement_id == second.agreement_id


def test_everything_that_was_said_is_kept() -> None:
    agreement = draft(
        Bench(skip_landing_page=True),
        productDescription="All matches",
        externalId="sub-1",
        isApp=True,
        merchantRedirectUrl="news://home",
        phoneNumber="4791234567",
        scope="name email",
        skipLandingPage=True,
        paymentMethod={"blockedSources": ["COMMERCIAL_CARDS"]},
        campaign={
            "type": "PERIOD_CAMPAIGN",
            "price": 0,
            "period": {"unit": "MONTH", "count": "2"},
        },
    )
    assert agreement.product_description == "All matches"
    assert agreement.external_id == "sub-1"
    assert (agreement.is_app, agreement.merchant_redirect_url) == (True, "news://home")
    assert (agreement.phone_number, agreement.skip_landing_page) == ("4791234567", True)
    assert agreement.scope == "name email"
    assert agreement.blocked_sources == ("COMMERCIAL_CARDS",)
    assert agreement.campaign == PeriodCampaign(0, Interval("MONTH", 2))
    assert agreement.interval == Interval("MONTH", 1)


def test_pricing_without_a_type_is_legacy() -> None:
    agreement = draft(Bench(), pricing={"amount": 100, "currency": "NOK"})
    assert agreement.pricing == LegacyPricing(100, "NOK")


def test_variable_and_flexible_pricing_need_no_price() -> None:
    variable = {"type": "VARIABLE", "suggestedMaxAmount": 3000, "currency": "NOK"}
    assert draft(Bench(), pricing=variable).pricing == VariablePricing(3000, "NOK")
    flexible = {"type": "FLEXIBLE", "currency": "NOK"}
    assert draft(Bench(), pricing=flexible).pricing == FlexiblePricing("NOK")


def test_an_agreement_may_have_no_interval() -> None:
    assert draft(Bench(), interval=None).interval is None


@pytest.mark.parametrize("number", ["+4791234567", "abc", "1234567", "1" * 16, "47 91234567"])
def test_a_phone_number_that_is_none_is_ignored(number: str) -> None:
    assert draft(Bench(), phoneNumber=number).phone_number is None


def test_the_national_id_is_dropped_from_the_scope_of_a_unit_that_may_not_ask_for_it() -> None:
    assert draft(Bench(), scope="name nin email").scope == "name email"
    assert draft(Bench(), scope="nin").scope is None
    assert draft(Bench(nin=True), scope="name nin email").scope == "name nin email"


# ── The initial charge ───────────────────────────────────────────────────────────────────────────


def test_an_initial_charge_is_pending_while_the_agreement_is() -> None:
    bench = Bench()
    charge = initial_charge(bench, draft(bench, initialCharge=INITIAL))
    assert (charge.type, charge.status, charge.due) == ("INITIAL", "PENDING", NOW)
    assert (charge.amount, charge.currency) == (499_00, "NOK")
    assert charge.transaction_type == "RESERVE_CAPTURE"
    assert charge.wake_at is None, "nothing but the payer's answer wakes it"
    assert bench.told == ["drafted", "created"]


def test_an_initial_charge_without_an_order_id_is_chr_and_seven_characters() -> None:
    bench = Bench()
    charge = initial_charge(bench, draft(bench, initialCharge=INITIAL))
    assert charge.charge_id.startswith("chr-")
    assert len(charge.charge_id) == len("chr-") + 7


def test_an_order_id_becomes_the_id_of_the_initial_charge() -> None:
    bench = Bench()
    bench.lacks(Charge, MSN, "order-77")
    agreement = draft(bench, initialCharge={**INITIAL, "orderId": "order-77", "externalId": "x"})
    charge = initial_charge(bench, agreement)
    assert (charge.charge_id, charge.external_id) == ("order-77", "x")


def test_an_initial_charge_has_no_ceiling() -> None:
    bench = Bench()
    pricing = {"amount": 100, "currency": "NOK"}
    initial = {**INITIAL, "amount": 2_000_000_000}
    charge = initial_charge(bench, draft(bench, pricing=pricing, initialCharge=initial))
    assert (charge.amount, charge.ceiling) == (2_000_000_000, None)


# ── Refusals, in their order ─────────────────────────────────────────────────────────────────────


def test_a_unit_without_the_product_drafts_nothing() -> None:
    bench = Bench(recurring=False)
    with pytest.raises(InvalidSaleUnit, match="123456"):
        draft(bench, pricing={"type": "LEGACY", "currency": "EUR"})
    assert not bench.world.is_changed


def test_all_faults_of_a_body_are_told_at_once() -> None:
    with pytest.raises(ValidationFailed) as refusal:
        draft(
            Bench(),
            pricing={"type": "LEGACY", "amount": 99, "currency": "DKK"},
            merchantRedirectUrl="javascript:alert(1)",
            merchantAgreementUrl=None,
            skipLandingPage=True,
            initialCharge={**INITIAL, "amount": 1},
        )
    assert {fault.name for fault in refusal.value.faults} == {
        "pricing.amount",
        "pricing.currency",
        "merchantRedirectUrl",
        "merchantAgreementUrl",
        "phoneNumber",
        "initialCharge.amount",
    }


@pytest.mark.parametrize(
    ("market", "ceiling"), [("NO", 2_000_000), ("DK", 30_000_000), ("FI", 200_000)]
)
def test_a_suggested_maximum_above_the_ceiling_of_the_currency_has_a_refusal_of_its_own(
    market: MarketCode, ceiling: int
) -> None:
    bench = Bench(market)
    pricing = {"type": "VARIABLE", "currency": bench.rules.market.currency}
    draft(bench, pricing={**pricing, "suggestedMaxAmount": ceiling})
    with pytest.raises(InvalidSuggestedMaxAmount, match=str(ceiling)) as refusal:
        draft(bench, pricing={**pricing, "suggestedMaxAmount": ceiling + 1})
    assert refusal.value.faults[0].name == "pricing.suggestedMaxAmount"


def test_skipping_the_landing_page_needs_the_approval_of_the_unit() -> None:
    with pytest.raises(UnsupportedFeature, match="skipLandingPage") as refusal:
        draft(Bench(), skipLandingPage=True, phoneNumber="4791234567")
    assert refusal.value.forbidden


def test_faults_come_before_the_suggested_maximum_and_that_before_the_landing_page() -> None:
    too_much = {"type": "VARIABLE", "currency": "NOK", "suggestedMaxAmount": 2_000_001}
    with pytest.raises(ValidationFailed):
        draft(Bench(), pricing=too_much, skipLandingPage=True)
    with pytest.raises(InvalidSuggestedMaxAmount):
        draft(Bench(), pricing=too_much, skipLandingPage=True, phoneNumber="4791234567")


def test_an_order_id_that_is_taken_in_the_unit_is_a_conflict() -> None:
    bench = Bench()
    bench.charge(charge_id="order-77")
    with pytest.raises(Conflict, match="orderId"):
        draft(bench, initialCharge={**INITIAL, "orderId": "order-77"})


def test_a_unit_that_may_only_reserve_is_refused_direct_capture() -> None:
    bench = Bench(direct_capture=False)
    with pytest.raises(UnsupportedFeature, match="DIRECT_CAPTURE") as refusal:
        draft(bench, initialCharge={**INITIAL, "transactionType": "DIRECT_CAPTURE"})
    assert not refusal.value.forbidden
    draft(bench, initialCharge=INITIAL)


# ── Markets ──────────────────────────────────────────────────────────────────────────────────────


def test_the_agreement_url_is_required_in_norway_alone() -> None:
    for market, currency in (("DK", "DKK"), ("FI", "EUR")):
        pricing = {"amount": 499_00, "currency": currency}
        body = {"pricing": pricing, "merchantAgreementUrl": None}
        bench = Bench(market)  # type: ignore[arg-type]  # one of the three
        assert draft(bench, **body).merchant_agreement_url is None
    with pytest.raises(ValidationFailed) as refusal:
        draft(Bench("NO"), merchantAgreementUrl=None)
    assert [fault.name for fault in refusal.value.faults] == ["merchantAgreementUrl"]


@pytest.mark.parametrize(("market", "smallest"), [("NO", 100), ("DK", 1), ("FI", 1)])
def test_the_smallest_payment_depends_on_the_market(market: MarketCode, smallest: int) -> None:
    bench = Bench(market)
    currency = bench.rules.market.currency
    draft(bench, pricing={"amount": smallest, "currency": currency})
    with pytest.raises(ValidationFailed) as refusal:
        draft(bench, pricing={"amount": smallest - 1, "currency": currency})
    [fault] = refusal.value.faults
    assert fault.name == "pricing.amount"
    assert str(smallest) in fault.reason


def test_a_draft_does_not_touch_another_agreement() -> None:
    bench = Bench()
    before = bench.agreement("ACTIVE")
    draft(bench)
    assert bench.find(Agreement, MSN, ID) == before
