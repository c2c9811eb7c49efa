"""Habits come at their times, and make sense or are refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.personas import DEEDS_ON, Deed, Habit, first_time, next_time
from avtale.problems import ValidationFailed
from avtale.rulebook import MARKETS
from avtale.sandbox.cast import cast, persona_called, persona_in

OSLO = MARKETS["NO"]
MONDAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def day(instant: datetime | None) -> date | None:
    return None if instant is None else OSLO.day_of(instant)


@pytest.mark.parametrize(
    ("of_month", "first", "then"),
    [
        (5, date(2026, 11, 5), date(2026, 12, 5)),
        (2, date(2026, 11, 2), date(2026, 12, 2)),
        (1, date(2026, 12, 1), date(2027, 1, 1)),
        (31, date(2026, 11, 30), date(2026, 12, 31)),
    ],
)
def test_a_monthly_habit_comes_on_its_day(of_month: int, first: date, then: date) -> None:
    habit = Habit("monthly", "empty", day=of_month)
    at = first_time(habit, MONDAY, MONDAY, OSLO)
    assert at is not None
    assert day(at) == first
    assert day(next_time(habit, at, OSLO)) == then


@given(st.integers(1, 31), st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))
def test_a_monthly_habit_comes_once_in_every_month(of_month: int, begin: datetime) -> None:
    habit = Habit("monthly", "empty", day=of_month)
    at = next_time(habit, begin.replace(tzinfo=UTC), OSLO)
    months = []
    for _ in range(14):
        assert at is not None
        months.append(day(at))
        at = next_time(habit, at, OSLO)
    numbers = [each.year * 12 + each.month for each in months if each is not None]
    assert numbers == list(range(numbers[0], numbers[0] + 14))


def test_some_days_after_the_start_is_the_beginning_of_that_day() -> None:
    habit = Habit("days after start", "stop", days=12)
    assert first_time(habit, MONDAY, MONDAY, OSLO) == OSLO.start_of_day(date(2026, 11, 14))
    assert next_time(habit, MONDAY + timedelta(days=12), OSLO) is None


def test_a_day_that_has_passed_when_the_persona_is_taken_on_is_now() -> None:
    habit = Habit("days after start", "stop", days=12)
    later = MONDAY + timedelta(days=30)
    assert first_time(habit, MONDAY, later, OSLO) == later


@pytest.mark.parametrize(
    ("habit", "says"),
    [
        (Habit("request", "stop"), "`stop` is nothing to do when `request`"),
        (Habit("monthly", "empty"), "`day` belongs to `monthly`"),
        (Habit("notice", "empty", day=3), "`day` belongs to `monthly`"),
        (Habit("days after start", "stop"), "`days` belongs to `days after start`"),
        (Habit("monthly", "empty", day=3, minutes=2), "`minutes` belongs to `request`"),
        (Habit("monthly", "fill", day=3), "`fill` needs an `amount`"),
        (Habit("monthly", "empty", day=3, amount=7), "`amount` belongs to"),
    ],
)
def test_a_habit_that_makes_no_sense_says_why(habit: Habit, says: str) -> None:
    fault = habit.fault()
    assert fault is not None
    assert says in fault


def test_every_deed_can_be_done_on_some_occasion() -> None:
    assert frozenset().union(*DEEDS_ON.values()) == set(get_args(Deed))


def test_the_personas_that_come_along_are_read_and_named() -> None:
    assert {"payday", "leaves-on-day-12", "card-expires-2027-03", "raises-the-maximum"} <= set(
        cast()
    )
    for persona in cast().values():
        assert persona.name
        assert persona.about
        assert all(habit.fault() is None for habit in persona.habits)


def test_a_name_that_nobody_has_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValidationFailed) as refused:
        persona_called("nobody")
    [fault] = refused.value.faults
    assert "payday" in fault.reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "Invalid value"),
        ("about = 'nameless'", "name"),
        ("name = 'X'\n[[habits]]\nwhen = 'tomorrow'\ndo = 'stop'", "tomorrow"),
        ("name = 'X'\n[[habits]]\nwhen = 'monthly'\ndo = 'stop'", "habit 1: `day`"),
        ("name = 'X'\n[[habits]]\nwhen = 'request'\ndo = 'approve'\nminutes = 11", "minutes"),
    ],
)
def test_a_file_that_describes_nobody_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        persona_in(text)
