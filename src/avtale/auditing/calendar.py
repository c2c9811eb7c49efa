"""Days of the market, looked up for the few instants that SQL could not place (reliability T-7, T-8, L-3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec

from avtale.auditing.report import AuditImpossible
from avtale.instants import from_milliseconds
from avtale.rulebook import MARKETS, MarketCode, Rulebook, rulebook_for
from avtale.sales_units import Features

DAY_MS = 86_400_000
_EASTERNMOST_MS = 3 * 3_600_000
"""Markets lie one to three hours east of UTC."""
_GRACE_MS = 60_000
"""What is due now is done within a minute, once everything has come to rest."""


@lru_cache(maxsize=1024)
def rulebook_of(market: MarketCode, features: str, rules: str) -> Rulebook:
    """The rulebook of a unit, from its columns; of the test environment, whose windows are the widest.

    Rules are taken as they stand: what was within the rules when it happened is found fault with
    where the unit's rules were made narrower since.
    """
    try:
        late_capture = msgspec.json.decode(features, type=Features).late_capture
        overrides = msgspec.json.decode(rules, type=dict[str, int])
        return rulebook_for("test", market, overrides, late_capture=late_capture)
    except ValueError as error:
        raise AuditImpossible(f"A sales unit has rules that cannot be read: {error}") from error


def bounds(units: Iterable[Sequence[Any]]) -> dict[str, int]:
    """How far SQL may go without a calendar: whatever keeps to these keeps to the rules of every unit.

    `units` are the columns market, features and rules.
    """
    books = [rulebook_of(*unit) for unit in units] or [rulebook_for("test", "NO")]
    return {
        "lead_ms": max(book.lead_days for book in books) * DAY_MS + _EASTERNMOST_MS,
        "horizon_ms": (min(book.horizon_years for book in books) * 365 - 1) * DAY_MS,
        "capture_ms": min(book.capture_days for book in books) * DAY_MS,
        "refund_ms": min(book.refund_days for book in books) * DAY_MS,
    }


def is_due_within_rules(book: Rulebook, created: int, due_day: str) -> bool:
    """Whether a charge created then could be due on that day (T-8)."""
    today, due = book.market.day_of(from_milliseconds(created)), date.fromisoformat(due_day)
    return book.earliest_due(today) <= due <= book.latest_due(today)


def is_answered_as(due_day: str, due: int) -> bool:
    """Whether the instant `due` is the day's beginning in UTC (rulings §2)."""
    return from_milliseconds(due).isoformat() == f"{due_day}T00:00:00+00:00"


def is_within_attempts(
    market: MarketCode, due_day: str, retry_days: int, run_at: int, asked: int
) -> bool:
    """Whether an attempt falls on its due day or a retry day (T-7).

    Outside of these there may be one that somebody asked for by hand: at no run, and begun at once.
    """
    calendar, run = MARKETS[market], from_milliseconds(run_at)
    day, due = calendar.day_of(run), date.fromisoformat(due_day)
    if 0 <= (day - due).days <= retry_days:
        return True
    return run_at == asked and run not in calendar.runs_on(day)


def is_a_run(market: MarketCode, instant: int) -> bool:
    """Whether the market has a processing run at that instant."""
    run = from_milliseconds(instant)
    return run in MARKETS[market].runs_on(MARKETS[market].day_of(run))


def has_failed_in_time(book: Rulebook, due_day: str, retry_days: int, failed: int) -> bool:
    """Whether a charge failed no sooner than at its last attempt (T-7)."""
    last = book.last_attempt_at(date.fromisoformat(due_day), retry_days)
    return from_milliseconds(failed) >= last


def may_still_wait(book: Rulebook, due_day: str, retry_days: int, now: int) -> bool:
    """Whether there is an attempt to come, or the last one was just now (L-3)."""
    last = book.last_attempt_at(date.fromisoformat(due_day), retry_days)
    return from_milliseconds(now - _GRACE_MS) <= last


def is_within_window(book: Rulebook, kind: str, opened: int, asked_for: int) -> bool:
    """Whether a capture or refund was asked for before its window closed (T-8)."""
    since = from_milliseconds(opened)
    end = book.capture_deadline(since) if kind == "CAPTURE" else book.refund_deadline(since)
    return from_milliseconds(asked_for) < end
