"""Five languages say the same, each as it writes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import avtale.pages
from avtale.agreements.campaigns import (
    Campaign,
    EventCampaign,
    FullFlexCampaign,
    PeriodCampaign,
    PriceCampaign,
)
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing, VariablePricing
from avtale.pages.numbers import amount_in
from avtale.pages.words import LANGUAGES, NAMES, Language, texts, words_of
from avtale.rulebook import MARKETS

MONDAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
PLACES = re.compile(r"{(\w+)}")
NB = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_with_the_same_places(language: Language) -> None:
    english, other = texts("en"), texts(language)
    assert other.keys() == english.keys()
    for name, text in english.items():
        assert set(PLACES.findall(other[name])) == set(PLACES.findall(text)), name
        assert other[name].strip() == other[name] != "", name


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_nothing_is_left_in_english(language: Language) -> None:
    """But words that are the same, and what is nothing but places."""
    english, other = texts("en"), texts(language)
    same = {name for name, text in english.items() if other[name] == text and len(text) > 12}
    assert {name for name in same if len(PLACES.sub("", english[name]).strip(" ,.()")) > 5} == set()


def test_every_text_is_used() -> None:
    root = Path(avtale.pages.__file__).parent.parent
    code = "".join(
        path.read_text("utf-8")
        for folder in ("pages", "landing", "phone")
        for path in (root / folder).rglob("*")
        if path.suffix in {".py", ".jinja"}
    )
    made_up = re.compile(
        r"(scope|every|length|status|told|error|notices|landing)\.|me\.(outcome_|[A-Z]+$)|_(one|many)$"
    )
    unused = [name for name in texts("en") if f'"{name}"' not in code and not made_up.search(name)]
    assert unused == []


@pytest.mark.parametrize(
    ("language", "amount"),
    [
        ("en", f"1,499.50{NB}kr"),
        ("nb", f"1{NB}499,50{NB}kr"),
        ("da", f"1.499,50{NB}kr"),
        ("sv", f"1{NB}499,50{NB}kr"),
        ("fi", f"1{NB}499,50{NB}kr"),
    ],
)
def test_money_is_written_as_the_language_does(language: Language, amount: str) -> None:
    assert words_of(language).money(1499_50, "NOK") == amount


def test_money_has_decimals_only_where_there_are_some() -> None:
    assert words_of("nb").money(499_00, "NOK") == f"499{NB}kr"
    assert words_of("fi").money(5, "EUR") == f"0,05{NB}€"


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("en", "5 December 2026"),
        ("nb", "5. desember 2026"),
        ("da", "5. december 2026"),
        ("sv", "5 december 2026"),
        ("fi", "5. joulukuuta 2026"),
    ],
)
def test_days_are_written_as_the_language_does(language: Language, day: str) -> None:
    assert words_of(language).day(date(2026, 12, 5)) == day


def test_a_moment_is_told_where_the_market_s_people_are() -> None:
    assert words_of("en").moment(MONDAY, MARKETS["FI"].zone) == "2 November 2026, 11:30"


@pytest.mark.parametrize(
    ("language", "every", "every_second"),
    [
        ("en", "every month", "every 2 months"),
        ("nb", "hver måned", "hver 2. måned"),
        ("da", "hver måned", "hver 2. måned"),
        ("sv", "varje månad", "var 2:e månad"),
        ("fi", "joka kuukausi", "joka 2. kuukausi"),
    ],
)
def test_intervals_are_said_as_people_say_them(
    language: Language, every: str, every_second: str
) -> None:
    words = words_of(language)
    assert words.interval(Interval("MONTH", 1)) == every
    assert words.interval(Interval("MONTH", 2)) == every_second


def test_prices_are_phrases() -> None:
    t, monthly = words_of("en"), Interval("MONTH", 1)
    assert t.price(LegacyPricing(399_00, "NOK"), monthly) == f"399{NB}kr every month"
    assert t.price(LegacyPricing(399_00, "NOK"), None) == f"399{NB}kr"
    assert t.price(VariablePricing(500_00, "NOK"), monthly).startswith("Varies, every month")
    assert t.price(FlexiblePricing("NOK"), None) == "Varies from payment to payment"


@pytest.mark.parametrize(
    ("campaign", "says"),
    [
        (
            PriceCampaign(1_00, datetime(2026, 12, 5, tzinfo=UTC)),
            f"1{NB}kr until 5 December 2026, then 399{NB}kr",
        ),
        (
            PeriodCampaign(0, Interval("WEEK", 10)),
            f"0{NB}kr for the first 10 weeks, then 399{NB}kr from 11 January 2027",
        ),
        (
            EventCampaign(1_00, datetime(2026, 12, 5, tzinfo=UTC), "Christmas"),
            f"1{NB}kr until 5 December 2026 (Christmas), then 399{NB}kr",
        ),
        (
            FullFlexCampaign(1_00, datetime(2026, 12, 5, tzinfo=UTC), Interval("DAY", 2)),
            f"1{NB}kr every 2 days until 5 December 2026, then 399{NB}kr",
        ),
    ],
)
def test_campaigns_say_the_ordinary_price_and_when_it_begins(campaign: Campaign, says: str) -> None:
    ordinary = LegacyPricing(399_00, "NOK")
    assert words_of("en").campaign(campaign, ordinary, MONDAY, MARKETS["NO"]) == says
    for language in LANGUAGES:
        told = words_of(language).campaign(campaign, ordinary, MONDAY, MARKETS["NO"])
        assert "399" in told
        assert "{" not in told


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(600, "10 minutes"), (61, "2 minutes"), (60, "1 minute"), (59, "59 seconds"), (0, "no time")],
)
def test_time_that_is_left_is_rounded_up(seconds: int, says: str) -> None:
    assert words_of("en").left(timedelta(seconds=seconds)) == says


def test_languages_are_called_by_their_own_names() -> None:
    assert set(NAMES) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("499", 499_00),
        ("499,50", 499_50),
        ("499.5", 499_50),
        (" 1 499 ", 1499_00),
        (f"1{NB}499,00", 1499_00),
        ("0", 0),
        ("", None),
        ("-5", None),
        ("4,999", None),
        ("12e3", None),
        ("\N{ARABIC-INDIC DIGIT FIVE}", None),
        ("1" * 30, None),
    ],
)
def test_amounts_are_read_as_people_write_them(written: str, amount: int | None) -> None:
    assert amount_in(written) == amount
