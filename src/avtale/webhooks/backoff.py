"""Back-off: when a receiver that did not take an event in is tried again, and when that is given up (api-facts 7.6).

About two seconds between the first four attempts, then one minute, two minutes, hourly up to the 29th attempt,
then daily; seven days in all.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

LONGEST: Final = timedelta(days=7)
"""After this long an event that nobody took in is lost."""

_PAUSES: Final = (
    *[timedelta(seconds=2)] * 3,
    timedelta(seconds=60),
    timedelta(seconds=120),
    *[timedelta(hours=1)] * 23,
)
"""After the first attempt, the second, and so on up to the 28th, which the 29th follows."""

_DAILY: Final = timedelta(days=1)


def pause_after(attempts_made: int) -> timedelta:
    """How long to wait after so many attempts (1 or more)."""
    return _PAUSES[attempts_made - 1] if attempts_made <= len(_PAUSES) else _DAILY


def next_attempt_at(
    first_attempt: datetime, attempts_made: int, last_attempt: datetime
) -> datetime | None:
    """When to try again after so many attempts (1 or more), or None where that is given up."""
    at = last_attempt + pause_after(attempts_made)
    return at if at <= first_attempt + LONGEST else None
