"""Intervals count from the first day and forget no month's end."""

from calendar import monthrange
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtale.agreements.intervals import Interval, IntervalUnit

days = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31))
counts = st.integers(min_value=1, max_value=31)
units: st.SearchStrategy[IntervalUnit] = st.sampled_from(["YEAR", "MONTH", "WEEK", "DAY"])


@pytest.mark.parametrize(
    ("unit", "count", "text", "length"),
    [
        ("MONTH", 1, "every month", "1 month"),
        ("MONTH", 2, "every 2 months", "2 months"),
        ("YEAR", 1, "every year", "1 year"),
        ("WEEK", 3, "every 3 weeks", "3 weeks"),
        ("DAY", 31, "every 31 days", "31 days"),
        ("DAY", 1, "every day", "1 day"),
    ],
)
def test_reads_in_english(unit: IntervalUnit, count: int, text: str, length: str) -> None:
    assert Interval(unit, count).text == text
    assert Interval(unit, count).length == length


@pytest.mark.parametrize(
    ("interval", "day", "times", "expected"),
    [
        (Interval("MONTH", 1), date(2027, 1, 31), 1, date(2027, 2, 28)),
        (Interval("MONTH", 1), date(2028, 1, 31), 1, date(2028, 2, 29)),
        (Interval("MONTH", 1), date(2027, 1, 31), 2, date(2027, 3, 31)),
        (Interval("MONTH", 1), date(2027, 1, 31), 3, date(2027, 4, 30)),
        (Interval("MONTH", 2), date(2027, 12, 31), 1, date(2028, 2, 29)),
        (Interval("MONTH", 12), date(2028, 2, 29), 1, date(2029, 2, 28)),
        (Interval("YEAR", 1), date(2028, 2, 29), 1, date(2029, 2, 28)),
        (Interval("YEAR", 1), date(2028, 2, 29), 4, date(2032, 2, 29)),
        (Interval("WEEK", 2), date(2027, 12, 25), 1, date(2028, 1, 8)),
        (Interval("DAY", 1), date(2028, 2, 28), 1, date(2028, 2, 29)),
        (Interval("DAY", 31), date(2027, 12, 31), 1, date(2028, 1, 31)),
        (Interval("YEAR", 1), date(2027, 6, 1), 0, date(2027, 6, 1)),
    ],
)
def test_comes_round_on_the_day_people_expect(
    interval: Interval, day: date, times: int, expected: date
) -> None:
    assert interval.after(day, times) == expected


@given(units, counts, days, st.integers(min_value=0, max_value=60))
@settings(deadline=None)
def test_every_round_is_later_than_the_one_before(
    unit: IntervalUnit, count: int, day: date, times: int
) -> None:
    interval = Interval(unit, count)
    assert interval.after(day, times) < interval.after(day, times + 1)


@given(units.filter(lambda unit: unit in ("MONTH", "YEAR")), counts, days, st.integers(0, 60))
@settings(deadline=None)
def test_a_month_keeps_the_anchor_day_or_gives_its_last(
    unit: IntervalUnit, count: int, day: date, times: int
) -> None:
    reached = Interval(unit, count).after(day, times)
    months = (reached.year - day.year) * 12 + reached.month - day.month
    assert months == times * count * (12 if unit == "YEAR" else 1)
    assert reached.day == min(day.day, monthrange(reached.year, reached.month)[1])


@given(counts, days, st.integers(min_value=0, max_value=60))
@settings(deadline=None)
def test_weeks_and_days_are_plain_arithmetic(count: int, day: date, times: int) -> None:
    assert Interval("DAY", count).after(day, times) == day + timedelta(days=count * times)
    assert Interval("WEEK", count).after(day, times) == day + timedelta(days=7 * count * times)


@pytest.mark.parametrize("count", [0, -1, 32])
def test_a_count_outside_1_to_31_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 31"):
        Interval("MONTH", count)
    with pytest.raises(msgspec.ValidationError, match="1 to 31"):
        msgspec.convert({"unit": "MONTH", "count": count}, Interval)


def test_intervals_are_not_counted_backwards() -> None:
    with pytest.raises(ValueError, match="forwards"):
        Interval("MONTH", 1).after(date(2027, 1, 1), -1)
