"""Pricing says how much one charge may take, and how much the payer lets it."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtale.agreements.pricing import (
    FlexiblePricing,
    LegacyPricing,
    Pricing,
    VariablePricing,
    charge_ceiling,
    payer_limit,
)
from avtale.rulebook import rulebook_for

NORWAY = rulebook_for("test", "NO")
amounts = st.integers(min_value=1, max_value=2_000_000)


def test_legacy_ceiling_is_five_times_the_price() -> None:
    premier_league = LegacyPricing(499_00, "NOK")
    assert charge_ceiling(premier_league, NORWAY) == 2_495_00
    assert payer_limit(premier_league) is None


def test_legacy_ceiling_follows_the_rulebook_of_the_sales_unit() -> None:
    generous = rulebook_for("test", "NO", {"legacy_ceiling_factor": 10})
    assert charge_ceiling(LegacyPricing(499_00, "NOK"), generous) == 4_990_00


def test_flexible_has_neither_ceiling_nor_limit() -> None:
    assert charge_ceiling(FlexiblePricing("DKK"), NORWAY) is None
    assert payer_limit(FlexiblePricing("DKK")) is None


def test_variable_without_a_choice_goes_by_the_suggestion() -> None:
    electricity = VariablePricing(3_000_00, "NOK")
    assert charge_ceiling(electricity, NORWAY) == 3_000_00
    assert payer_limit(electricity) == 3_000_00


def test_a_careful_payer_lowers_the_limit_but_not_the_ceiling() -> None:
    electricity = VariablePricing(3_000_00, "NOK", max_amount=800_00)
    assert charge_ceiling(electricity, NORWAY) == 3_000_00
    assert payer_limit(electricity) == 800_00


def test_a_payer_who_chose_nothing_at_all_lets_nothing_through() -> None:
    assert payer_limit(VariablePricing(3_000_00, "NOK", max_amount=0)) == 0


def test_a_generous_payer_raises_both() -> None:
    electricity = VariablePricing(3_000_00, "NOK", max_amount=5_000_00)
    assert charge_ceiling(electricity, NORWAY) == 5_000_00
    assert payer_limit(electricity) == 5_000_00


@given(amounts, st.none() | amounts)
@settings(deadline=None)
def test_whatever_the_payer_accepts_may_be_created(suggested: int, chosen: int | None) -> None:
    pricing = VariablePricing(suggested, "NOK", chosen)
    limit, ceiling = payer_limit(pricing), charge_ceiling(pricing, NORWAY)
    assert limit is not None
    assert ceiling is not None
    assert limit <= ceiling
    assert ceiling in (suggested, chosen)


@pytest.mark.parametrize(
    ("pricing", "json"),
    [
        (LegacyPricing(2500, "NOK"), b'{"type":"LEGACY","amount":2500,"currency":"NOK"}'),
        (
            VariablePricing(3000, "EUR"),
            b'{"type":"VARIABLE","suggestedMaxAmount":3000,"currency":"EUR"}',
        ),
        (
            VariablePricing(3000, "EUR", 2000),
            b'{"type":"VARIABLE","suggestedMaxAmount":3000,"currency":"EUR","maxAmount":2000}',
        ),
        (FlexiblePricing("DKK"), b'{"type":"FLEXIBLE","currency":"DKK"}'),
    ],
)
def test_reads_and_writes_the_published_shape(pricing: Pricing, json: bytes) -> None:
    assert msgspec.json.encode(pricing) == json
    assert msgspec.json.decode(json, type=Pricing) == pricing


def test_a_currency_outside_the_three_markets_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="SEK"):
        msgspec.json.decode(b'{"type":"FLEXIBLE","currency":"SEK"}', type=Pricing)
