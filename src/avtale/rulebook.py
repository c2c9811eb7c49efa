"""Every number and date rule the API publishes, chosen by environment, market and sales unit.

Nothing else in the code writes such a number. A rule that turns out wrong is changed here.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from avtale.money import Currency

Environment = Literal["test", "production"]
MarketCode = Literal["NO", "DK", "FI"]

_ONE_DAY: Final = timedelta(days=1)
# Room for every day of two years in three markets, and for a clock that wanders.
_DAYS_REMEMBERED: Final = 8192


class Market(msgspec.Struct, frozen=True, cache_hash=True):
    """A country's currency, its calendar and the wall times of its processing runs (rulings §2).

    Days are calendar days of `zone_name`. Instants are aware and answered in UTC; one without a
    zone raises `ValueError`.

    Where the clocks change, a wall time that does not exist is read with the offset from before
    the change, so it moves forward by the length of the gap; one that exists twice is taken the
    first time. Days are remembered, since a large run asks about the same few over and over.
    """

    code: MarketCode
    currency: Currency
    zone_name: str
    run_times: tuple[time, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The market's time zone, which `ZoneInfo` itself keeps after the first time."""
        return ZoneInfo(self.zone_name)

    def day_of(self, instant: datetime) -> date:
        """The market's calendar day at an instant."""
        if instant.tzinfo is None:
            raise ValueError(f"{instant} has no time zone, so it is on no particular day.")
        try:
            return instant.astimezone(self.zone).date()
        except OverflowError:
            # A merchant may well write 9999-12-31T23:59:59Z, which is already year 10000 in Oslo.
            return date.max if instant.year > 1 else date.min

    def start_of_day(self, day: date) -> datetime:
        """The instant at which a day of the market begins."""
        return _start_of_day(self, day)

    def runs_on(self, day: date) -> tuple[datetime, ...]:
        """The processing runs of a day, in order."""
        return _runs_on(self, day)

    def next_run(self, after: datetime) -> datetime:
        """The first processing run strictly after an instant."""
        day = self.day_of(after)
        while True:
            for run in _runs_on(self, day):
                if run > after:
                    return run
            day += _ONE_DAY


@lru_cache(maxsize=_DAYS_REMEMBERED)
def _start_of_day(market: Market, day: date) -> datetime:
    return _at_wall_time(market, day, time.min)


@lru_cache(maxsize=_DAYS_REMEMBERED)
def _runs_on(market: Market, day: date) -> tuple[datetime, ...]:
    # A set, because a run pushed out of a gap may land on the next one.
    return tuple(sorted({_at_wall_time(market, day, wall) for wall in market.run_times}))


def _at_wall_time(market: Market, day: date, wall: time) -> datetime:
    # `fold` is 0 here, which is exactly what the docstring of Market promises for both changes.
    return datetime.combine(day, wall, market.zone).astimezone(UTC)


_NORWEGIAN_RUNS: Final = (time(9), time(17))
_MOBILEPAY_RUNS: Final = (time(3), time(13), time(18), time(20), time(22), time(23))

MARKETS: Final[Mapping[MarketCode, Market]] = MappingProxyType(
    {
        "NO": Market("NO", "NOK", "Europe/Oslo", _NORWEGIAN_RUNS),
        "DK": Market("DK", "DKK", "Europe/Copenhagen", _MOBILEPAY_RUNS),
        "FI": Market("FI", "EUR", "Europe/Helsinki", _MOBILEPAY_RUNS),
    }
)


class Rulebook(msgspec.Struct, frozen=True):
    """The numbers that hold for one sales unit, and the dates that follow from them.

    `PUBLISHED` says what each field means and where it comes from.
    """

    environment: Environment
    market: Market
    token_lifetime_seconds: int
    lead_days: int
    horizon_years: int
    visible_days: int
    approval_minutes: int
    landing_minutes: int
    max_retry_days: int
    capture_days: int
    partial_release_days: int
    refund_days: int
    userinfo_hours: int
    legacy_ceiling_factor: int
    suggested_max_ceiling: int
    smallest_payment: int
    bulk_items: int
    page_items: int
    max_page_items: int
    webhooks_per_event: int

    @property
    def is_test(self) -> bool:
        """Whether force accept, simulated payers, clock control and magic amounts exist."""
        return self.environment == "test"

    def earliest_due(self, today: date) -> date:
        """The first due day that a charge created today may have."""
        return today + timedelta(days=self.lead_days)

    def latest_due(self, today: date) -> date:
        """The last due day that a charge created today may have; 29 February looks to the 28th."""
        year = today.year + self.horizon_years
        return today.replace(year=year, day=min(today.day, monthrange(year, today.month)[1]))

    def becomes_due_at(self, due_day: date) -> datetime:
        """The instant at which a PENDING charge reads DUE.

        "Less than 30 days off" is the 29th day before, hence the one day less.
        """
        days_before = max(self.visible_days - 1, 0)
        return self.market.start_of_day(due_day - timedelta(days=days_before))

    def first_attempt_at(self, due_day: date) -> datetime:
        """The first run of the due day."""
        return self.market.runs_on(due_day)[0]

    def last_attempt_at(self, due_day: date, retry_days: int) -> datetime:
        """The last run of the last retry day; a charge still unpaid after it is FAILED."""
        return self.market.runs_on(due_day + timedelta(days=retry_days))[-1]

    def next_attempt_at(self, after: datetime, due_day: date, retry_days: int) -> datetime | None:
        """The first run strictly after an instant within the retry window, or None past its end."""
        first = self.first_attempt_at(due_day)
        if after < first:
            return first
        run = self.market.next_run(after)
        return run if run <= self.last_attempt_at(due_day, retry_days) else None

    def expires_at(self, created: datetime) -> datetime:
        """The instant at which an agreement stops waiting for its payer."""
        return created + timedelta(minutes=self.approval_minutes)

    def capture_deadline(self, reserved_at: datetime) -> datetime:
        """The first instant at which a reservation can no longer be captured or cancelled."""
        return self._end_of_window(reserved_at, self.capture_days)

    def partial_release_at(self, last_capture_at: datetime) -> datetime:
        """The instant at which what a PARTIALLY_CAPTURED charge still holds is let go.

        The capture window may end sooner; the earlier of the two counts.
        """
        return self._end_of_window(last_capture_at, self.partial_release_days)

    def refund_deadline(self, captured_at: datetime) -> datetime:
        """The first instant at which a capture can no longer be refunded."""
        return self._end_of_window(captured_at, self.refund_days)

    def legacy_ceiling(self, price: int) -> int:
        """The largest charge on an agreement of that price, in minor units."""
        return price * self.legacy_ceiling_factor

    def _end_of_window(self, opened: datetime, days: int) -> datetime:
        # A window of n days lasts through the whole of the n-th day after the one it opened on.
        return self.market.start_of_day(self.market.day_of(opened) + timedelta(days=days + 1))


class Rule(msgspec.Struct, frozen=True):
    """What one field of the rulebook means, and where it comes from."""

    field: str
    sentence: str
    source: str


class UnknownRule(ValueError):
    """An override names a rule that is not in the book, or that nobody may change."""

    def __init__(self, field: str) -> None:
        self.field = field
        changeable = ", ".join(OVERRIDABLE)
        super().__init__(f"No rule {field!r} can be changed. These rules can: {changeable}.")


class UnsoundRule(ValueError):
    """An override gives a rule a value that makes no sense."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        changeable = ", ".join(OVERRIDABLE)
        super().__init__(f"{field} {reason}. These rules can be changed: {changeable}.")


PUBLISHED: Final[tuple[Rule, ...]] = (
    Rule(
        "token_lifetime_seconds",
        "An access token is good for this many seconds: an hour in test, a day in production.",
        "rulings §1; access token guide 2023-11",
    ),
    Rule(
        "lead_days",
        "A RECURRING charge is due at least this many calendar days of the market ahead.",
        "rulings §1; recurring changelog 2025-10 has 1 in production too",
    ),
    Rule("horizon_years", "A charge is due at most this many years ahead.", "rulings §1"),
    Rule(
        "visible_days",
        "A charge reads DUE when it is due in less than this many days; at 0, on the due day.",
        "rulings §1; the live service behaves as with 30",
    ),
    Rule(
        "approval_minutes",
        "An agreement waits this many minutes for its payer, then expires.",
        "rulings §1; landing page guide",
    ),
    Rule(
        "landing_minutes",
        "The landing page takes this many of those minutes; the rest are for the app.",
        "api-facts 10.2; landing page guide",
    ),
    Rule(
        "max_retry_days",
        "A charge may be tried again for at most this many days after its due day.",
        "rulings §1; recurring guide 2023",
    ),
    Rule(
        "capture_days",
        "A reservation can be captured or cancelled for this many days; late capture makes it 180.",
        "rulings §1; payment lifecycle guide 2026-08",
    ),
    Rule(
        "partial_release_days",
        "A partly captured charge lets go of the rest this many days after its last capture.",
        "rulings §8; the vendor says only: some days",
    ),
    Rule("refund_days", "A capture can be refunded for this many days after it.", "rulings §1"),
    Rule(
        "userinfo_hours",
        "A payer's details can be fetched for this many hours after consent.",
        "rulings §1; userinfo guide",
    ),
    Rule(
        "legacy_ceiling_factor",
        "One charge on a LEGACY agreement is at most this many times its price.",
        "rulings §1; recurring guide 2023",
    ),
    Rule(
        "suggested_max_ceiling",
        "suggestedMaxAmount is at most this many minor units of the market's currency.",
        "rulings §1; best practices 2026",
    ),
    Rule(
        "smallest_payment",
        "No payment is smaller than this many minor units of the market's currency.",
        "rulings §1; best practices 2026",
    ),
    Rule("bulk_items", "One bulk creation carries at most this many charges.", "rulings §1"),
    Rule(
        "page_items",
        "A list page holds this many items unless the request says otherwise.",
        "rulings §1; technical update 2025-02",
    ),
    Rule(
        "max_page_items",
        "A list page may be asked to hold at most this many items.",
        "rulings §1; technical update 2025-02",
    ),
    Rule(
        "webhooks_per_event",
        "A sales unit has at most this many webhook registrations for one event type.",
        "rulings §1; webhooks guide",
    ),
    Rule(
        "is_test",
        "Force accept, simulated payers, clock control and magic amounts exist in test only.",
        "rulings §1; recurring guide 2023",
    ),
)

OVERRIDABLE: Final = tuple(rule.field for rule in PUBLISHED if rule.field != "is_test")

# What may be set at all. An integer's name ends with its unit, and the unit knows what makes sense.
_IN_REASON: Final[Mapping[str, range]] = {
    "seconds": range(1, 31_536_001),
    "minutes": range(1, 10_081),
    "hours": range(87_601),
    "days": range(3_661),
    "years": range(1, 11),
    "factor": range(1, 1_001),
    "ceiling": range(1, 2**31),
    "payment": range(1, 2**31),
    "items": range(1, 10_001),
    "event": range(1, 1_001),
}
_IN_ORDER: Final = (("page_items", "max_page_items"), ("smallest_payment", "suggested_max_ceiling"))

_TOKEN_LIFETIME_SECONDS: Final[Mapping[Environment, int]] = {"test": 3600, "production": 86_400}
_LEAD_DAYS: Final[Mapping[Environment, int]] = {"test": 1, "production": 2}
_CAPTURE_DAYS: Final[Mapping[MarketCode, int]] = {"NO": 180, "DK": 14, "FI": 14}
_LATE_CAPTURE_DAYS: Final = 180
_SUGGESTED_MAX: Final[Mapping[MarketCode, int]] = {"NO": 2_000_000, "DK": 30_000_000, "FI": 200_000}
_SMALLEST_PAYMENT: Final[Mapping[MarketCode, int]] = {"NO": 100, "DK": 1, "FI": 1}


def rulebook_for(
    environment: Environment,
    market_code: MarketCode,
    overrides: Mapping[str, int] = MappingProxyType({}),
    *,
    late_capture: bool = False,
) -> Rulebook:
    """The rulebook of a sales unit: what is published, then what was set for that unit.

    An override of `capture_days` wins over `late_capture`. Raises `UnknownRule` for a name that
    is not in `OVERRIDABLE`, `UnsoundRule` for a value out of sense, `ValueError` for an
    environment or market that does not exist. Equal arguments give the same object.
    """
    return _rulebook(environment, market_code, _checked(overrides), late_capture=late_capture)


def _checked(overrides: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    # Checked before the cache is asked, which takes True and 1.0 for 1.
    for field, value in overrides.items():
        if field not in OVERRIDABLE:
            raise UnknownRule(field)
        allowed = _IN_REASON[field.rpartition("_")[2]]
        if type(value) is not int or value not in allowed:
            reason = f"is a whole number from {allowed[0]} to {allowed[-1]}"
            raise UnsoundRule(field, reason)
    return tuple(sorted(overrides.items()))


@lru_cache(maxsize=1024)
def _rulebook(
    environment: Environment,
    market_code: MarketCode,
    overrides: tuple[tuple[str, int], ...],
    *,
    late_capture: bool,
) -> Rulebook:
    if environment not in get_args(Environment):
        raise ValueError(f"There is no environment {environment!r}; there is test and production.")
    if market_code not in MARKETS:
        raise ValueError(f"There is no market {market_code!r}; there are {', '.join(MARKETS)}.")
    published = Rulebook(
        environment=environment,
        market=MARKETS[market_code],
        token_lifetime_seconds=_TOKEN_LIFETIME_SECONDS[environment],
        lead_days=_LEAD_DAYS[environment],
        horizon_years=2,
        visible_days=0,
        approval_minutes=10,
        landing_minutes=5,
        max_retry_days=14,
        capture_days=_LATE_CAPTURE_DAYS if late_capture else _CAPTURE_DAYS[market_code],
        partial_release_days=7,
        refund_days=365,
        userinfo_hours=168,
        legacy_ceiling_factor=5,
        suggested_max_ceiling=_SUGGESTED_MAX[market_code],
        smallest_payment=_SMALLEST_PAYMENT[market_code],
        bulk_items=2000,
        page_items=500,
        max_page_items=2000,
        webhooks_per_event=25,
    )
    book = msgspec.structs.replace(published, **dict(overrides))
    for smaller, larger in _IN_ORDER:
        if getattr(book, smaller) > (most := getattr(book, larger)):
            raise UnsoundRule(smaller, f"is at most {larger}, which is {most}")
    return book
