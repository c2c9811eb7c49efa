"""Intervals: how often an agreement expects to be charged, counted from its first day."""

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal

import msgspec

IntervalUnit = Literal["YEAR", "MONTH", "WEEK", "DAY"]

# The published bounds of `count` (DraftAgreementV3).
SMALLEST_COUNT = 1
LARGEST_COUNT = 31


class Interval(msgspec.Struct, frozen=True, rename="camel"):
    """A rhythm such as every second month. A `count` outside 1 to 31 raises `ValueError`."""

    unit: IntervalUnit
    count: int

    def __post_init__(self) -> None:
        if not SMALLEST_COUNT <= self.count <= LARGEST_COUNT:
            raise ValueError(
                f"An interval counts {SMALLEST_COUNT} to {LARGEST_COUNT} units, not {self.count}."
            )

    @property
    def length(self) -> str:
        """How long it lasts, in English: `1 month`, `2 months`."""
        unit = self.unit.lower()
        return f"{self.count} {unit}" if self.count == 1 else f"{self.count} {unit}s"

    @property
    def text(self) -> str:
        """How often it comes, in English: `every month`, `every 2 months` (rulings §7)."""
        return f"every {self.unit.lower()}" if self.count == 1 else f"every {self.length}"

    def after(self, day: date, times: int = 1) -> date:
        """The day `times` intervals after `day`.

        Count from the first day rather than step by step: 31 January plus one month is the last
        of February, plus two is 31 March again. A month without the day gives its last day.
        """
        if times < 0:
            raise ValueError(f"Intervals are counted forwards, not {times} times.")
        steps = self.count * times
        if self.unit == "DAY":
            return day + timedelta(days=steps)
        if self.unit == "WEEK":
            return day + timedelta(weeks=steps)
        return _months_after(day, steps if self.unit == "MONTH" else 12 * steps)


def _months_after(day: date, months: int) -> date:
    years, month_index = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month_index + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
