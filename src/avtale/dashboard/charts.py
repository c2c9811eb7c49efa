"""Pictures of money and days, as figures that a template draws: no script, no style of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple, get_args

from avtale.charges.charge import ChargeEntry
from avtale.charges.lifecycle import ChargeStatus

Sort = Literal["good", "waits", "bad", "off"]
"""How a charge stands, in four words: money moved, something is to come, it failed, it was called off."""

SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
SORT_OF: Final[Mapping[ChargeStatus, Sort]] = {
    "PENDING": "waits",
    "DUE": "waits",
    "PROCESSING": "waits",
    "RESERVED": "good",
    "PARTIALLY_CAPTURED": "good",
    "CHARGED": "good",
    "PARTIALLY_REFUNDED": "good",
    "REFUNDED": "off",
    "CANCELLED": "off",
    "FAILED": "bad",
}
HEIGHT: Final = 120
WIDTH: Final = 20
"""Of a day's column, and what lies between two."""
GAP: Final = 4


class Part(NamedTuple):
    """A piece of a column."""

    sort: str
    y: float
    height: float
    number: int
    amount: int


class Column(NamedTuple):
    """One day, or one step of a life."""

    x: int
    label: str
    parts: tuple[Part, ...]
    number: int
    amount: int
    is_today: bool = False


class Days(NamedTuple):
    """Charges per day."""

    columns: tuple[Column, ...]
    width: int
    most: int
    """How many charges the highest column stands for."""


def days(
    found: Iterable[tuple[str, ChargeStatus, int, int]], first: date, last: date, today: date
) -> Days:
    """Columns from `first` to `last`; `found` are due day, status, count and sum."""
    counts: dict[str, dict[Sort, list[int]]] = {}
    for due_day, status, count, amount in found:
        of_sort = counts.setdefault(due_day, {}).setdefault(SORT_OF[status], [0, 0])
        of_sort[0] += count
        of_sort[1] += amount
    most = max((sum(n for n, _ in each.values()) for each in counts.values()), default=0)
    columns = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        of_day = counts.get(day.isoformat(), {})
        parts, top = [], float(HEIGHT)
        for sort in SORTS:
            count, amount = of_day.get(sort, (0, 0))
            if count:
                height = max(2.0, round(count / most * HEIGHT, 1))
                top -= height
                parts.append(Part(sort, round(top, 1), height, count, amount))
        columns.append(
            Column(
                number * (WIDTH + GAP),
                day.isoformat(),
                tuple(parts),
                sum(part.number for part in parts),
                sum(part.amount for part in parts),
                day == today,
            )
        )
    return Days(tuple(columns), len(columns) * (WIDTH + GAP) - GAP, most)


# ── The life of a charge's money ─────────────────────────────────────────────────────────────────

STEP_WIDTH: Final = 64
STEP_GAP: Final = 16


class Money(NamedTuple):
    """Where the money of a charge is after each step of its history."""

    columns: tuple[Column, ...]
    width: int


def money(history: Sequence[ChargeEntry], amount: int) -> Money:
    """A column for each line of history that did something: held, captured and kept, returned, let go."""
    held = captured = refunded = released = 0
    columns: list[Column] = []
    for entry in history:
        if entry.success:
            match entry.event:
                case "RESERVE":
                    held = entry.amount
                case "CAPTURE":
                    captured += entry.amount
                    held = max(0, held - entry.amount)
                case "REFUND":
                    refunded += entry.amount
                case "CANCEL":
                    released += entry.amount
                    held = max(0, held - entry.amount)
                case "CREATE" | "FAIL":
                    pass
        levels = {
            "kept": captured - refunded,
            "held": held,
            "returned": refunded,
            "released": released,
        }
        columns.append(_step(len(columns), entry, levels, amount))
    width = max(1, len(columns)) * (STEP_WIDTH + STEP_GAP) - STEP_GAP
    return Money(tuple(columns), width)


def _step(number: int, entry: ChargeEntry, levels: Mapping[str, int], amount: int) -> Column:
    parts, top = [], float(HEIGHT)
    for sort, level in levels.items():
        if level > 0:
            height = max(2.0, round(level / max(amount, 1) * HEIGHT, 1))
            top -= height
            parts.append(Part(sort, round(top, 1), height, 1, level))
    label = entry.event if entry.success or entry.event == "FAIL" else f"{entry.event} refused"
    x = number * (STEP_WIDTH + STEP_GAP)
    return Column(x, label, tuple(parts), len(parts), entry.amount)
