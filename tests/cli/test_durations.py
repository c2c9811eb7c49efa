"""Durations as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.cli.durations import read_duration


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("15d", {"days": 15}),
        ("36h", {"hours": 36}),
        ("1d12h", {"days": 1, "hours": 12}),
        ("90m", {"minutes": 90}),
        ("2w", {"days": 14}),
        ("1w1d", {"days": 8}),
        ("1D 12H", {"days": 1, "hours": 12}),
        ("0s", {"seconds": 0}),
        ("1d2h3m4s", {"days": 1, "hours": 2, "minutes": 3, "seconds": 4}),
    ],
)
def test_reads_what_people_type(typed: str, parts: dict[str, int]) -> None:
    assert read_duration(typed) == parts


@pytest.mark.parametrize(
    "typed",
    ["", "d", "15", "15x", "-1d", "1.5d", "1d-2h", "\u0661\u0665d", "1d\n2q", "1d1d", "9999999d"],
)
def test_refuses_what_is_no_duration_and_says_how_to_say_it(typed: str) -> None:
    with pytest.raises(ValueError, match=r"15d|twice"):
        read_duration(typed)


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_reads_back_what_it_means(days: int, minutes: int) -> None:
    assert read_duration(f"{days}d{minutes}m") == {"days": days, "minutes": minutes}
