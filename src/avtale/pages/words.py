"""Words: the texts of the pages in five languages, with money, days and intervals as each language writes them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from avtale.agreements.campaigns import (
    Campaign,
    EventCampaign,
    FullFlexCampaign,
    PeriodCampaign,
    PriceCampaign,
    ends_at,
)
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing, Pricing
from avtale.money import Currency
from avtale.rulebook import Market

Language = Literal["en", "nb", "da", "sv", "fi"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

NAMES: Final[Mapping[str, str]] = {
    "en": "English",
    "nb": "Norsk",
    "da": "Dansk",
    "sv": "Svenska",
    "fi": "Suomi",
}
"""The languages in their own words."""

NO_BREAK: Final = "\N{NO-BREAK SPACE}"

_SPOKEN: Final[Mapping[str, Language]] = {
    **{language: language for language in LANGUAGES},
    "no": "nb",
    "nn": "nb",
}
"""What a browser calls a language, and what we do."""


class Writing(NamedTuple):
    """How a language writes numbers and days."""

    months: tuple[str, ...]
    day: str
    thousands: str
    decimal: str
    clock: str


def _months(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WRITING: Final[Mapping[Language, Writing]] = {
    "en": Writing(
        _months(
            "January February March April May June July August September October November December"
        ),
        "{day} {month} {year}",
        ",",
        ".",
        "%H:%M",
    ),
    "nb": Writing(
        _months(
            "januar februar mars april mai juni juli august september oktober november desember"
        ),
        "{day}. {month} {year}",
        NO_BREAK,
        ",",
        "%H.%M",
    ),
    "da": Writing(
        _months(
            "januar februar marts april maj juni juli august september oktober november december"
        ),
        "{day}. {month} {year}",
        ".",
        ",",
        "%H.%M",
    ),
    "sv": Writing(
        _months(
            "januari februari mars april maj juni juli augusti september oktober november december"
        ),
        "{day} {month} {year}",
        NO_BREAK,
        ",",
        "%H:%M",
    ),
    "fi": Writing(
        _months(
            "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta "
            "syyskuuta lokakuuta marraskuuta joulukuuta"
        ),
        "{day}. {month} {year}",
        NO_BREAK,
        ",",
        "%H.%M",
    ),
}
_SIGNS: Final[Mapping[Currency, str]] = {"NOK": "kr", "DKK": "kr", "EUR": "€"}


class Words:
    """The texts of one language; `words("home.greeting", name="Kari")`."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._texts = texts(language)
        self._writing = WRITING[language]

    def __call__(self, name: str, /, **values: object) -> str:
        """The text of that name, with values in its places; raises KeyError where there is none."""
        text = self._texts[name]
        return text.format_map(values) if values else text

    def count(self, name: str, number: int) -> str:
        """A text about so many things: `name_one` or `name_many`."""
        return self(f"{name}_one") if number == 1 else self(f"{name}_many", count=number)

    # ── numbers, days and times ──

    def money(self, minor_units: int, currency: Currency) -> str:
        """An amount: `499 kr`, `1 499,50 kr`; decimals only where there are some."""
        whole, hundredths = divmod(minor_units, 100)
        text = f"{whole:,}".replace(",", self._writing.thousands)
        if hundredths:
            text += f"{self._writing.decimal}{hundredths:02}"
        return f"{text}{NO_BREAK}{_SIGNS[currency]}"

    def day(self, day: date) -> str:
        """A day: `5 December 2026`, `5. desember 2026`."""
        writing = self._writing
        month = writing.months[day.month - 1]
        return writing.day.format(day=day.day, month=month, year=day.year)

    def moment(self, instant: datetime, zone: ZoneInfo) -> str:
        """A day and the time on it, where the market's people are."""
        local = instant.astimezone(zone)
        return f"{self.day(local.date())}, {local.strftime(self._writing.clock)}"

    def left(self, span: timedelta) -> str:
        """How much time is left, in whole minutes, the last one in seconds."""
        seconds = max(0, int(span.total_seconds()))
        if seconds == 0:
            return self("time.none_left")
        if seconds < 60:
            return self("time.seconds_many", count=seconds)
        return self.count("time.minutes", -(-seconds // 60))

    # ── prices ──

    def interval(self, interval: Interval) -> str:
        """How often: `every month`, `every 2 months`."""
        if interval.count == 1:
            return self(f"every.{interval.unit}")
        return self(f"every.{interval.unit}_many", count=interval.count)

    def length(self, interval: Interval) -> str:
        """How long: `month`, `2 months`."""
        if interval.count == 1:
            return self(f"length.{interval.unit}")
        return self(f"length.{interval.unit}_many", count=interval.count)

    def price(self, pricing: Pricing, interval: Interval | None) -> str:
        """What an agreement costs, in a phrase."""
        if isinstance(pricing, LegacyPricing):
            amount = self.money(pricing.amount, pricing.currency)
            if interval is None:
                return self("price.once", amount=amount)
            return self("price.legacy", amount=amount, interval=self.interval(interval))
        if isinstance(pricing, FlexiblePricing):
            return self("price.flexible")
        if interval is None:
            return self("price.variable_flexible")
        return self("price.variable", interval=self.interval(interval))

    def campaign(
        self, campaign: Campaign, ordinary: LegacyPricing, start: datetime, market: Market
    ) -> str:
        """What a campaign offers, until when, and what it costs afterwards."""
        values = {
            "price": self.money(campaign.price, ordinary.currency),
            "ordinary": self.money(ordinary.amount, ordinary.currency),
            "day": self.day(market.day_of(ends_at(campaign, start, market))),
        }
        match campaign:
            case PriceCampaign():
                return self("price.until", **values)
            case PeriodCampaign():
                return self("price.period", period=self.length(campaign.period), **values)
            case EventCampaign():
                return self("price.event", event=campaign.event_text, **values)
            case FullFlexCampaign():
                return self("price.flex", interval=self.interval(campaign.interval), **values)


@cache
def words_of(language: Language) -> Words:
    """The words of a language, read once."""
    return Words(language)


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Every text of a language by its name: `home.greeting`."""
    file = resources.files("avtale.pages").joinpath("texts", f"{language}.toml")
    sections = tomllib.loads(file.read_text("utf-8"))
    return {
        f"{section}.{name}": text
        for section, named in sections.items()
        for name, text in named.items()
    }


def language_of(chosen: str | None, accepted: str | None) -> Language:
    """The language of a page: as chosen, else the one that the browser likes best, else English."""
    if chosen in LANGUAGES:
        return next(language for language in LANGUAGES if language == chosen)
    liked: list[tuple[float, Language]] = []
    for each in (accepted or "")[:200].split(","):
        tag, _, weight = each.strip().partition(";q=")
        language = _SPOKEN.get(tag.partition("-")[0].strip().lower())
        if language is not None:
            liked.append((_weight(weight), language))
    return max(liked, key=lambda pair: pair[0])[1] if liked else "en"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
