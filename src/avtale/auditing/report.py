"""What an audit comes to: the violations with their rows, what was checked, and how long it took."""

from __future__ import annotations

import msgspec

from avtale.auditing.invariants import Invariant

MOST_ROWS = 20
"""So many rows of a violation are told; the count tells of all."""

Cell = str | int | None
Row = dict[str, Cell]


class AuditImpossible(Exception):
    """There is nothing to audit, or it cannot be read; the sentence says what to do about it."""


class Violation(msgspec.Struct, frozen=True):
    """An invariant that does not hold: how many rows break it, and the first of them by name and key."""

    id: str
    sentence: str
    rows: tuple[Row, ...]
    count: int

    def __str__(self) -> str:
        """A line for the invariant, and one for each row."""
        rows = "" if self.count == 1 else "s"
        lines = [f"{self.id}  {self.sentence} ({self.count} row{rows})"]
        for row in self.rows:
            cells = (f"{name}={cell}" for name, cell in row.items() if cell is not None)
            lines.append("    " + " ".join(cells))
        if self.count > len(self.rows):
            lines.append(f"    … and {self.count - len(self.rows)} more")
        return "\n".join(lines)


class Report(msgspec.Struct, frozen=True):
    """The outcome of one audit; `violations` and `checked` are in the order of the invariants."""

    violations: tuple[Violation, ...]
    checked: tuple[Invariant, ...]
    charges: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether everything that was looked at holds."""
        return not self.violations


class Tally:
    """The rows that break one invariant, as they are found: all are counted, the first are kept."""

    __slots__ = ("count", "rows")

    def __init__(self, count: int = 0, rows: list[Row] | None = None) -> None:
        self.count = count
        self.rows: list[Row] = rows if rows is not None else []

    def add(self, row: Row) -> None:
        """One more."""
        self.count += 1
        if len(self.rows) < MOST_ROWS:
            self.rows.append(row)

    def join(self, other: Tally) -> None:
        """All that another check found."""
        self.count += other.count
        self.rows.extend(other.rows[: MOST_ROWS - len(self.rows)])
