"""The book: everything a run has measured, by what it was measured of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.databases import Kind
from benchmarks.installation import Work
from benchmarks.load import Rate

AVTALE = "avtale"
LIMIT = "bare server"


class What(NamedTuple):
    """What a rate is of: who does which work, on which database (empty for peers), for how many at once."""

    who: str
    kind: Kind | None
    work: Work
    connections: int


class Start(NamedTuple):
    """From nothing to an answer, and what that takes; medians."""

    ms: float
    slowest_ms: float
    memory_mib: float | None


class Growth(NamedTuple):
    """The same work in a database that is nearly empty and in one that is full, in turn."""

    small: Rate
    large: Rate


class DueRun(NamedTuple):
    """All charges that were due at one moment."""

    charges: int
    workers: int
    seconds: float
    processor_seconds: float
    """Of the working processes; a database server's own is not in it."""
    peak_mib: float
    growth_mib: float

    @property
    def per_second(self) -> float:
        """Charges attempted, paid and written down in a second."""
        return self.charges / self.seconds


class Audit(NamedTuple):
    """Every invariant over every row."""

    charges: int
    seconds: float


class Delivered(NamedTuple):
    """Events that waited, sent to receivers that answer at once."""

    receivers: int
    workers: int
    hangs: bool
    """Whether there was one more that never answered."""
    deliveries: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Deliveries made and written down in a second."""
        return self.deliveries / self.seconds


class Burden(NamedTuple):
    """The same requests where nobody is told of them, and then where many are."""

    quiet: Rate
    told: Rate


@dataclass
class Book:
    """What is known so far."""

    rates: dict[What, Rate] = field(default_factory=dict)
    starts: dict[str, Start] = field(default_factory=dict)
    growths: dict[tuple[Kind, Work], Growth] = field(default_factory=dict)
    due_runs: dict[Kind, DueRun] = field(default_factory=dict)
    audits: dict[Kind, Audit] = field(default_factory=dict)
    delivered: dict[Kind, list[Delivered]] = field(default_factory=dict)
    burdens: dict[tuple[Kind, Work], Burden] = field(default_factory=dict)
    one_by_one: float | None = None
    """Creates in a second on PostgreSQL, one transaction each, over 32 connections."""
    peers: dict[str, str] = field(default_factory=dict)
    """What each peer's operations are."""
    facts: dict[str, str] = field(default_factory=dict)
    """Of the machine and the versions."""
    left_out: list[str] = field(default_factory=list)

    def rate(self, who: str, kind: Kind | None, work: Work, connections: int) -> Rate | None:
        """The rate, where it was measured."""
        return self.rates.get(What(who, kind, work, connections))
