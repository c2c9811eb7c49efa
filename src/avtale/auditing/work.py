"""The work of an audit: the checks that are still to do, who does them, and what they found."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from threading import Lock, Thread

from avtale.auditing.invariants import INVARIANTS, Invariant
from avtale.auditing.report import AuditImpossible, Tally, Violation
from avtale.auditing.snapshots import Damaged

Progress = Callable[[Invariant, float], None]

CarryOut = Callable[[str], dict[str, Tally]]
"""Carries a check out and answers with what it found, by invariant."""

_LONGEST_FIRST = (
    "audit_causes",
    "audit_payments",
    "audit_chain",
    "audit_payments_of_charges",
    "audit_histories",
    "audit_charges",
    "audit_events_of_charges",
    "audit_heads",
    "audit_event_ids",
    "intact",
    "references",
    "audit_lines",
)


class Work:
    """The checks of one audit; any number of workers may take them."""

    def __init__(
        self, due: Sequence[Invariant], left_out: Iterable[str], progress: Progress | None
    ) -> None:
        self._due = [each for each in due if not set(each.checks) & set(left_out)]
        self._progress = progress
        self._lock = Lock()
        named = dict.fromkeys(check for each in self._due for check in each.checks)
        self._to_do = deque(sorted(named, key=_rank))
        self._found: defaultdict[str, Tally] = defaultdict(Tally)
        self._done: set[str] = set()
        self._told: set[str] = set()
        self._checks = len(named)

    def take(self) -> str | None:
        """The next check, if there is one."""
        with self._lock:
            return self._to_do.popleft() if self._to_do else None

    def give_back(self, check: str) -> None:
        """A check that its worker could not carry out."""
        with self._lock:
            self._to_do.append(check)

    def done(self, check: str, found: dict[str, Tally]) -> None:
        """What a check found."""
        with self._lock:
            self._done.add(check)
            for invariant, tally in found.items():
                self._found[invariant].join(tally)

    def failed(self, check: str, reason: str) -> None:
        """A check that came upon damage: its invariants stay unchecked, and the damage is told."""
        with self._lock:
            self._found["PH-1"].add({"check": check, "message": reason})

    def tell(self) -> None:
        """Tell of the invariants that have been looked at since the last time."""
        for each in self.checked():
            if self._progress is not None and each.id not in self._told:
                self._told.add(each.id)
                self._progress(each, len(self._done) / self._checks)

    def checked(self) -> tuple[Invariant, ...]:
        """The invariants whose checks have all been carried out."""
        with self._lock:
            return tuple(each for each in self._due if self._done.issuperset(each.checks))

    def violations(self) -> tuple[Violation, ...]:
        """What was found, in the order of the invariants."""
        return tuple(
            Violation(each.id, each.sentence, tuple(tally.rows), tally.count)
            for each in INVARIANTS
            if (tally := self._found.get(each.id)) is not None
        )


class WorkerGone(Exception):
    """Whoever carries out checks in another process does not answer."""


class Colleague:
    """A second worker. Its thread mostly waits for another process; where it fails, it is done without."""

    def __init__(self, work: Work, place: AbstractContextManager[CarryOut]) -> None:
        self._work = work
        self._place = place
        self._thread = Thread(target=self._run, name="avtale-audit", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until all it took is done or given back."""
        self._thread.join()

    def _run(self) -> None:
        check: str | None = None
        try:
            with self._place as carry_out:
                while (check := self._work.take()) is not None:
                    self._work.done(check, carry_out(check))
        except (WorkerGone, Damaged, AuditImpossible):
            if check is not None:
                self._work.give_back(check)


def _rank(check: str) -> int:
    return _LONGEST_FIRST.index(check) if check in _LONGEST_FIRST else len(_LONGEST_FIRST)
