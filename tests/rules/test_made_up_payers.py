"""People who are made up look right for their market, and cannot be anybody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.payers import PUBLIC_PAYER, Payer, made_up_payer
from avtale.rulebook import MarketCode

NUMBERS = st.integers(10**9, 10**10 - 1).map(str)
CONTROL_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def controlled(digits: str, weights: tuple[int, ...]) -> bool:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 == 0


@given(NUMBERS)
def test_norwegian_ids_are_synthetic_and_have_their_control_digits(number: str) -> None:
    payer = made_up_payer(number, "NO")
    born = payer.profile.birth_date
    assert payer.profile.nin[:6] == f"{born.day:02}{born.month + 80:02}{born:%y}"
    assert controlled(payer.profile.nin[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    assert controlled(payer.profile.nin, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))


@given(NUMBERS)
def test_danish_ids_are_those_of_test_persons(number: str) -> None:
    payer = made_up_payer(number, "DK")
    assert re.fullmatch(r"\d{10}", payer.profile.nin)
    assert int(payer.profile.nin[:2]) == payer.profile.birth_date.day + 60


@given(NUMBERS)
def test_finnish_ids_are_of_the_range_that_nobody_gets(number: str) -> None:
    payer = made_up_payer(number, "FI")
    assert re.fullmatch(r"\d{6}[-A]9\d\d[0-9A-Y]", payer.profile.nin)
    checked = CONTROL_LETTERS[int(payer.profile.nin[:6] + payer.profile.nin[7:10]) % 31]
    assert payer.profile.nin[-1] == checked


@given(NUMBERS, st.sampled_from(["NO", "DK", "FI"]))
def test_everybody_is_grown_up_and_has_an_address_that_nobody_reads(
    number: str, market: MarketCode
) -> None:
    payer = made_up_payer(number, market)
    assert 1950 <= payer.profile.birth_date.year <= 1999
    assert re.fullmatch(r"[a-z.0-9]+@example\.com", payer.profile.email)
    assert payer.profile.address.country == market
    assert payer.profile.address.region == payer.profile.address.region.upper()


@given(NUMBERS, st.sampled_from(["NO", "DK", "FI"]))
def test_the_same_number_is_always_the_same_person(number: str, market: MarketCode) -> None:
    assert made_up_payer(number, market) == made_up_payer(number, market)


@pytest.mark.parametrize("market", ["NO", "DK", "FI"])
def test_kari_is_kari_everywhere(market: MarketCode) -> None:
    kari: Payer = made_up_payer(PUBLIC_PAYER, market)
    assert kari.name == "Kari Nordmann"
