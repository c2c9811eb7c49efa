"""Every day of two years begins, runs and ends on the right second in all three markets.

The expected instants are worked out from the European rule for summer time alone, so that they
do not lean on the time zone database that is under test.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise

import pytest

from avtale.rulebook import MARKETS, Market, MarketCode, Rulebook, rulebook_for

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
# 2028 is a leap year, and both have their two changes of the clock.
FIRST, LAST = date(2027, 1, 1), date(2028, 12, 31)

STANDARD_HOURS: dict[MarketCode, int] = {"NO": 1, "DK": 1, "FI": 2}
RUN_HOURS: dict[MarketCode, tuple[int, ...]] = {
    "NO": (9, 17),
    "DK": (3, 13, 18, 20, 22, 23),
    "FI": (3, 13, 18, 20, 22, 23),
}

in_every_market = pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS)


def two_years() -> Iterator[date]:
    day = FIRST
    while day <= LAST:
        yield day
        day += DAY


def last_sunday(year: int, month: int) -> date:
    day = date(year, month, 31)
    return day - timedelta(days=(day.weekday() + 1) % 7)


def is_summer(instant: datetime) -> bool:
    begins = datetime.combine(last_sunday(instant.year, 3), time(1), UTC)
    ends = datetime.combine(last_sunday(instant.year, 10), time(1), UTC)
    return begins <= instant < ends


def at_wall_time(market: Market, day: date, wall: time) -> datetime:
    """The first instant that reads so; in the gap, the one that would without the change."""
    winter = datetime.combine(day, wall, UTC) - timedelta(hours=STANDARD_HOURS[market.code])
    summer = winter - timedelta(hours=1)
    return summer if is_summer(summer) else winter


@in_every_market
def test_every_day_begins_at_its_midnight_and_not_a_second_sooner(market: Market) -> None:
    for day in two_years():
        start = market.start_of_day(day)
        assert start == at_wall_time(market, day, time.min)
        assert start.tzinfo is UTC
        assert market.day_of(start - SECOND) == day - DAY
        assert market.day_of(start) == day
        assert market.day_of(start + SECOND) == day
        assert market.day_of(market.start_of_day(day + DAY) - SECOND) == day


@in_every_market
def test_every_run_of_every_day_is_on_its_second(market: Market) -> None:
    for day in two_years():
        expected = [at_wall_time(market, day, time(hour)) for hour in RUN_HOURS[market.code]]
        runs = market.runs_on(day)
        assert list(runs) == expected
        assert all(one < other for one, other in pairwise(runs))
        assert all(market.day_of(run) == day and run.tzinfo is UTC for run in runs)


@in_every_market
def test_the_next_run_is_strictly_after_every_instant(market: Market) -> None:
    runs = [run for day in two_years() for run in market.runs_on(day)]
    for run, following in pairwise(runs):
        assert market.next_run(run - SECOND) == run
        assert market.next_run(run) == following
        assert market.next_run(run + SECOND) == following
        assert market.next_run(following - SECOND) == following


@in_every_market
def test_days_are_23_24_and_25_hours_long(market: Market) -> None:
    odd = {}
    for day in two_years():
        hours = (market.start_of_day(day + DAY) - market.start_of_day(day)) / timedelta(hours=1)
        if hours != 24:
            odd[day] = hours
    assert odd == {
        date(2027, 3, 28): 23,
        date(2027, 10, 31): 25,
        date(2028, 3, 26): 23,
        date(2028, 10, 29): 25,
    }


def test_norway_runs_at_nine_and_five_oslo_time() -> None:
    assert MARKETS["NO"].runs_on(date(2027, 1, 15)) == (
        datetime(2027, 1, 15, 8, tzinfo=UTC),
        datetime(2027, 1, 15, 16, tzinfo=UTC),
    )
    assert MARKETS["NO"].runs_on(date(2027, 7, 15)) == (
        datetime(2027, 7, 15, 7, tzinfo=UTC),
        datetime(2027, 7, 15, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize(("code", "hours_ahead"), [("DK", 1), ("FI", 2)])
def test_denmark_and_finland_run_six_times_a_day(code: MarketCode, hours_ahead: int) -> None:
    runs = MARKETS[code].runs_on(date(2027, 1, 15))
    assert [run.hour + hours_ahead for run in runs] == [3, 13, 18, 20, 22, 23]


def test_a_run_that_does_not_exist_moves_forward_past_the_gap() -> None:
    # In Helsinki the clock goes from 03:00 straight to 04:00, which is 01:00 UTC.
    helsinki = MARKETS["FI"]
    assert helsinki.runs_on(date(2027, 3, 28))[0] == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert helsinki.runs_on(date(2027, 3, 28))[0].astimezone(helsinki.zone).hour == 4


def test_a_run_that_exists_twice_is_taken_the_first_time() -> None:
    # In Helsinki 03:00 comes at 00:00 UTC and again at 01:00 UTC.
    runs = MARKETS["FI"].runs_on(date(2027, 10, 31))
    assert runs[0] == datetime(2027, 10, 31, 0, tzinfo=UTC)
    assert len(runs) == 6


def test_runs_that_meet_after_a_gap_are_one_run_in_order() -> None:
    crowded = Market("FI", "EUR", "Europe/Helsinki", (time(4, 15), time(3, 30), time(4, 30)))
    assert crowded.runs_on(date(2027, 3, 28)) == (
        datetime(2027, 3, 28, 1, 15, tzinfo=UTC),
        datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
    )


def test_markets_with_other_runs_do_not_share_what_is_remembered() -> None:
    day = date(2027, 5, 17)
    noon = Market("NO", "NOK", "Europe/Oslo", (time(12),))
    assert len(MARKETS["NO"].runs_on(day)) == 2
    assert noon.runs_on(day) == (datetime(2027, 5, 17, 10, tzinfo=UTC),)


@in_every_market
def test_an_instant_without_a_zone_is_refused(market: Market) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        market.day_of(datetime(2027, 5, 17, 12, tzinfo=UTC).replace(tzinfo=None))


@in_every_market
def test_the_ends_of_the_calendar_have_a_day(market: Market) -> None:
    assert market.day_of(datetime.max.replace(tzinfo=UTC)) == date.max
    assert market.day_of(datetime.min.replace(tzinfo=UTC)) == date.min
    before_all = datetime.min.replace(tzinfo=timezone(timedelta(hours=12)))
    assert market.day_of(before_all) == date.min


# The windows of the rulebook, over the same two years.

in_every_rulebook = pytest.mark.parametrize(
    "rules",
    [rulebook_for("production", code) for code in MARKETS]
    + [
        rulebook_for("test", "DK", late_capture=True),
        rulebook_for("test", "FI", {"capture_days": 0}),
    ],
    ids=[*MARKETS, "late capture", "same day"],
)


@in_every_rulebook
def test_every_window_lasts_through_its_last_day_and_not_a_second_longer(rules: Rulebook) -> None:
    market = rules.market
    for day in two_years():
        start, end = market.start_of_day(day), market.start_of_day(day + DAY) - SECOND
        for window, days in (
            (rules.capture_deadline, rules.capture_days),
            (rules.partial_release_at, rules.partial_release_days),
            (rules.refund_deadline, rules.refund_days),
        ):
            closes = window(start)
            assert window(end) == closes
            assert market.day_of(closes - SECOND) == day + timedelta(days=days)
            assert market.day_of(closes) == day + timedelta(days=days + 1)


@in_every_market
@pytest.mark.parametrize("visible_days", [0, 1, 2, 30, 35])
def test_every_charge_turns_due_on_the_second_it_should(market: Market, visible_days: int) -> None:
    rules = rulebook_for("test", market.code, {"visible_days": visible_days})
    for due_day in two_years():
        turns = rules.becomes_due_at(due_day)
        days_off = (due_day - market.day_of(turns)).days
        days_off_just_before = (due_day - market.day_of(turns - SECOND)).days
        if visible_days == 0:
            assert (days_off_just_before, days_off) == (1, 0)
        else:
            assert days_off < visible_days <= days_off_just_before


@in_every_market
@pytest.mark.parametrize("retry_days", [0, 1, 14])
def test_every_run_of_the_retry_window_is_an_attempt_and_no_other_is(
    market: Market, retry_days: int
) -> None:
    rules = rulebook_for("production", market.code)
    for due_day in two_years():
        expected = [
            run for later in range(retry_days + 1) for run in market.runs_on(due_day + later * DAY)
        ]
        attempts = []
        at = rules.next_attempt_at(market.start_of_day(due_day - DAY), due_day, retry_days)
        while at is not None:
            attempts.append(at)
            at = rules.next_attempt_at(at, due_day, retry_days)
        assert attempts == expected
        assert rules.first_attempt_at(due_day) == expected[0]
        assert rules.last_attempt_at(due_day, retry_days) == expected[-1]


@in_every_market
def test_the_window_opens_and_closes_to_the_second(market: Market) -> None:
    rules = rulebook_for("production", market.code)
    for due_day in two_years():
        first, last = rules.first_attempt_at(due_day), rules.last_attempt_at(due_day, 3)
        assert rules.next_attempt_at(first - SECOND, due_day, 3) == first
        assert rules.next_attempt_at(first, due_day, 3) == market.next_run(first)
        assert rules.next_attempt_at(last - SECOND, due_day, 3) == last
        assert rules.next_attempt_at(last, due_day, 3) is None
        assert rules.next_attempt_at(last + SECOND, due_day, 3) is None
