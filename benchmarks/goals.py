"""The goals: what avtale must reach, and whether it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from benchmarks.book import AVTALE, LIMIT, Book
from benchmarks.databases import Kind
from benchmarks.installation import Work


class Figure(NamedTuple):
    """A figure, and the limit of the machine for the same work where there is one."""

    value: float
    limit: float | None = None


class Goal(NamedTuple):
    """One figure and what it must reach."""

    work: str
    unit: str
    target: float
    figure: Callable[[Book], Figure | None]
    at_most: bool = False
    decimals: int = 0

    def shown(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:,.{self.decimals}f}{self.unit}"

    def verdict(self, value: float) -> str:
        """Met or not, and by how much."""
        if self.at_most and value <= 0:
            return "met"
        share = self.target / value if self.at_most else value / self.target
        if share >= 1:
            return f"met, {share:.2f} ×"
        if self.at_most:
            return f"**not met**, {value / self.target - 1:.0%} over"
        return f"**not met**, {1 - share:.0%} short"


def _start(book: Book) -> Figure | None:
    start = book.starts.get(AVTALE)
    return Figure(start.ms) if start is not None else None


def _memory(book: Book) -> Figure | None:
    start = book.starts.get(AVTALE)
    if start is None or start.memory_mib is None:
        return None
    return Figure(start.memory_mib)


def _rate(kind: Kind, work: Work) -> Callable[[Book], Figure | None]:
    def find(book: Book) -> Figure | None:
        rate = book.rate(AVTALE, kind, work, 32)
        limit = book.rate(LIMIT, kind, work, 32)
        if rate is None:
            return None
        return Figure(rate.per_second, limit.per_second if limit is not None else None)

    return find


def _growth(kind: Kind, work: Work) -> Callable[[Book], Figure | None]:
    def find(book: Book) -> Figure | None:
        growth = book.growths.get((kind, work))
        if growth is None:
            return None
        return Figure(growth.large.per_second / growth.small.per_second * 100)

    return find


def _due(kind: Kind) -> Callable[[Book], Figure | None]:
    def find(book: Book) -> Figure | None:
        run = book.due_runs.get(kind)
        return Figure(run.per_second) if run is not None else None

    return find


def _flat(book: Book) -> Figure | None:
    run = book.due_runs.get("SQLite")
    return Figure(run.growth_mib) if run is not None else None


def _audit(book: Book) -> Figure | None:
    audit = book.audits.get("SQLite")
    return Figure(audit.seconds) if audit is not None else None


def goals(charges: int) -> tuple[Goal, ...]:
    """The goals, for a database of `charges`; those for a million are asked of fewer, too."""
    many = f"{charges:,} charges"
    return (
        Goal("start to first answer", " ms", 300, _start, at_most=True),
        Goal("memory, all processes", " MiB", 60, _memory, at_most=True),
        Goal("create a charge, SQLite, 32 connections", "/s", 6_000, _rate("SQLite", "create")),
        Goal("read a charge, SQLite, 32 connections", "/s", 12_000, _rate("SQLite", "fetch")),
        Goal(
            "create a charge, PostgreSQL, 32 connections",
            "/s",
            5_000,
            _rate("PostgreSQL", "create"),
        ),
        *(
            Goal(f"{verb} among {many}, {kind}, of an empty one", " %", 80, _growth(kind, work))
            for kind in KINDS
            for work, verb in VERBS.items()
        ),
        Goal(f"a due run over {many}, SQLite", "/s", 30_000, _due("SQLite")),
        Goal("memory that run takes on the way", " MiB", 16, _flat, at_most=True),
        Goal(f"a due run over {many}, PostgreSQL, two workers", "/s", 25_000, _due("PostgreSQL")),
        # Fewer are given less time, but never less than it takes to begin.
        Goal(f"audit of {many}", " s", max(5, charges * 6e-5), _audit, at_most=True, decimals=1),
    )


VERBS: Final[dict[Work, str]] = {"create": "create", "fetch": "read"}
KINDS: Final[tuple[Kind, ...]] = ("SQLite", "PostgreSQL")
