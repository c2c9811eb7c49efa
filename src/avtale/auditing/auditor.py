"""The audit itself: one snapshot, all checks, one report; a second process helps where a file is large."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from threading import Lock

from avtale.auditing.checks import Context, context_of, run_check
from avtale.auditing.helper import Helper
from avtale.auditing.invariants import INVARIANTS, Invariant
from avtale.auditing.postgresql import PostgreSQLSnapshot
from avtale.auditing.report import AuditImpossible, Report, Tally, Violation
from avtale.auditing.snapshots import Damaged, Snapshot
from avtale.auditing.sqlite import SQLiteSnapshot
from avtale.engine.clock import real_now

Progress = Callable[[Invariant, float], None]

LARGE_BYTES = 128 * 1024 * 1024
"""From this size on, a second process is worth starting."""

_LONGEST_FIRST = [
    "audit_causes",
    "audit_payments",
    "audit_payments_of_charges",
    "audit_chain",
    "audit_histories",
    "audit_events_of_charges",
    "audit_charges",
    "audit_event_ids",
    "audit_events",
    "intact",
    "references",
]


def audit(
    data: str,
    *,
    quiescent: bool = False,
    progress: Progress | None = None,
    clock: Callable[[], datetime] = real_now,
) -> Report:
    """Look for every violation of every invariant in a database, which is only read and may be in use.

    `data` is the path of a SQLite file or a `postgresql://` URL. With `quiescent`, nothing may be under way any more.
    `progress` is told of each invariant that has been looked at, and the share of the audit that is done.
    `clock` is what avtale's own clock shows. Raises AuditImpossible. Not for use inside of an event loop.
    """
    began = time.perf_counter()
    with ExitStack() as stack:
        snapshot, helper = _open(data, stack)
        context = context_of(snapshot, clock(), quiescent=quiescent)
        due = [each for each in INVARIANTS if quiescent or not each.quiescent]
        work = _Work(due, snapshot.leaves_out, progress)
        if helper is not None:
            helper.assist(context, work.take, work.done, work.give_back)
        _carry_out(work, snapshot, context)
        if helper is not None:
            helper.join()
            _carry_out(work, snapshot, context)
        work.tell()
        [[(charges,)]] = snapshot.read("audit_size", {})[1]
        return Report(work.violations(), work.checked(), charges, time.perf_counter() - began)


def _open(data: str, stack: ExitStack) -> tuple[Snapshot, Helper | None]:
    if data.startswith(("postgresql://", "postgres://")):
        return stack.enter_context(PostgreSQLSnapshot(data)), None
    if data == "memory:":
        raise AuditImpossible("memory: keeps nothing that could be audited.")
    snapshot = stack.enter_context(SQLiteSnapshot(Path(data)))
    if Path(data).stat().st_size >= LARGE_BYTES:
        helper = stack.enter_context(Helper(Path(data)))
        if helper.begin_with(snapshot):
            return snapshot, helper
    snapshot.begin()
    return snapshot, None


def _carry_out(work: _Work, snapshot: Snapshot, context: Context) -> None:
    while (check := work.take()) is not None:
        try:
            work.done(check, run_check(snapshot, context, check))
        except Damaged as damaged:
            work.failed(check, str(damaged))
        work.tell()


class _Work:
    """The checks that are still to do, and what the others found; for two workers at a time."""

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
        """A check that its worker did not carry out."""
        with self._lock:
            self._to_do.append(check)

    def done(self, check: str, found: dict[str, Tally]) -> None:
        """What a check found."""
        with self._lock:
            self._done.add(check)
            for invariant, tally in found.items():
                self._found[invariant].join(tally)

    def failed(self, check: str, reason: str) -> None:
        """A check that came upon damage."""
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
        return tuple(self._violations())

    def _violations(self) -> Iterator[Violation]:
        for each in INVARIANTS:
            tally = self._found.get(each.id)
            if tally is not None:
                yield Violation(each.id, each.sentence, tuple(tally.rows), tally.count)


def _rank(check: str) -> int:
    return _LONGEST_FIRST.index(check) if check in _LONGEST_FIRST else len(_LONGEST_FIRST)
