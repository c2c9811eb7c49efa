"""Money adds up, refuses to mix, and never goes below zero."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtale.money import Currency, CurrencyMismatch, Money

amounts = st.integers(min_value=0, max_value=10**12)
currencies: st.SearchStrategy[Currency] = st.sampled_from(["NOK", "DKK", "EUR"])


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(399_00, "NOK"), "399 kr"),
        (Money(399_50, "NOK"), "399,50 kr"),
        (Money(399_05, "DKK"), "399,05 kr"),
        (Money(12_50, "EUR"), "12.50 EUR"),
        (Money(12_00, "EUR"), "12 EUR"),
        (Money(1, "DKK"), "0,01 kr"),
        (Money(0, "NOK"), "0 kr"),
        (Money(20_000_00, "NOK"), "20000 kr"),
    ],
)
def test_reads_as_people_write_it(money: Money, words: str) -> None:
    assert money.in_words() == words


def test_a_month_of_football_and_a_month_of_news_add_up() -> None:
    assert Money(499_00, "NOK").plus(Money(99_00, "NOK")) == Money(598_00, "NOK")


def test_takes_away_down_to_nothing_but_not_below() -> None:
    held = Money(499_00, "NOK")
    assert held.minus(held) == Money(0, "NOK")
    with pytest.raises(ValueError, match="499,01 kr is more than 499 kr"):
        held.minus(Money(499_01, "NOK"))


def test_is_never_made_below_zero() -> None:
    with pytest.raises(ValueError, match="never below zero"):
        Money(-1, "EUR")
    with pytest.raises(msgspec.ValidationError, match="never below zero"):
        msgspec.json.decode(b'{"minor_units": -1, "currency": "EUR"}', type=Money)


@given(amounts, amounts, currencies, currencies)
@settings(deadline=None)
def test_currencies_never_mix(one: int, other: int, this: Currency, that: Currency) -> None:
    a, b = Money(one, this), Money(other, that)
    if this == that:
        assert a.plus(b).minus(b) == a
        assert (a < b, a <= b, a > b, a >= b) == (
            one < other,
            one <= other,
            one > other,
            one >= other,
        )
        return
    for mixing in (a.plus, a.minus, a.__lt__, a.__le__, a.__gt__, a.__ge__):
        with pytest.raises(CurrencyMismatch) as refused:
            mixing(b)
        assert (refused.value.one, refused.value.other) == (this, that)
    assert a != b


@given(amounts, currencies)
@settings(deadline=None)
def test_words_lose_no_minor_unit(minor_units: int, currency: Currency) -> None:
    figure, name = Money(minor_units, currency).in_words().split(" ")
    whole, _, fraction = figure.replace(",", ".").partition(".")
    assert int(whole) * 100 + int(fraction or "0") == minor_units
    assert name == ("EUR" if currency == "EUR" else "kr")
