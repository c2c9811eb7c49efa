"""A receiver that does not take an event in is tried again, less and less often, for seven days."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from avtale.webhooks.backoff import LONGEST, next_attempt_at

BEGIN = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def schedule() -> list[timedelta]:
    """When attempts are made, from the first one on."""
    at, made = BEGIN, 1
    found = [timedelta()]
    while (again := next_attempt_at(BEGIN, made, at)) is not None:
        found.append(again - BEGIN)
        at, made = again, made + 1
    return found


def test_the_pauses_are_those_that_the_vendor_names() -> None:
    times = schedule()
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[:3] == [timedelta(seconds=2)] * 3
    assert pauses[3:5] == [timedelta(seconds=60), timedelta(seconds=120)]
    assert pauses[5:28] == [timedelta(hours=1)] * 23
    assert set(pauses[28:]) == {timedelta(days=1)}


def test_the_29th_attempt_is_the_last_of_the_hourly_ones() -> None:
    times = schedule()
    assert times[28] - times[27] == timedelta(hours=1)
    assert times[29] - times[28] == timedelta(days=1)


def test_it_ends_within_seven_days() -> None:
    times = schedule()
    assert times[-1] <= LONGEST == timedelta(days=7)
    assert LONGEST - times[-1] < timedelta(days=1)
    assert len(times) == 35
