"""The audit itself: one snapshot, all checks, one report; where there is much to read, two read it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from pathlib import Path

from avtale.auditing.checks import Context, context_of, run_check
from avtale.auditing.helper import Helper
from avtale.auditing.invariants import INVARIANTS
from avtale.auditing.postgresql import PostgreSQLSnapshot
from avtale.auditing.report import AuditImpossible, Report
from avtale.auditing.snapshots import Damaged, Snapshot
from avtale.auditing.sqlite import SQLiteSnapshot
from avtale.auditing.work import CarryOut, Colleague, Progress, Work
from avtale.engine.clock import real_now

MANY_CHARGES = 50_000
"""From so many on, a second worker is worth its start."""

Place = Callable[[Context], AbstractContextManager[CarryOut]]
"""Where a second worker sees what the first one sees."""


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
        snapshot, place = _open(data, stack)
        try:
            # The clock is read after the snapshot was taken, so that nothing in it is ahead of time.
            context = context_of(snapshot, clock(), quiescent=quiescent)
        except Damaged as damaged:
            raise AuditImpossible(f"The database cannot be read: {damaged}.") from damaged
        due = [each for each in INVARIANTS if quiescent or not each.quiescent]
        work = Work(due, snapshot.leaves_out, progress)
        if place is not None:
            colleague = Colleague(work, place(context))
            _carry_out(work, snapshot, context)
            colleague.join()
        _carry_out(work, snapshot, context)
        work.tell()
        return Report(
            violations=work.violations(),
            checked=work.checked(),
            charges=_charges(snapshot),
            seconds=time.perf_counter() - began,
        )


def _open(data: str, stack: ExitStack) -> tuple[Snapshot, Place | None]:
    if data.startswith(("postgresql://", "postgres://")):
        server = stack.enter_context(PostgreSQLSnapshot(data))
        return server, server.second if _charges(server) >= MANY_CHARGES else None
    if data == "memory:":
        raise AuditImpossible("memory: keeps nothing that could be audited.")
    file = stack.enter_context(SQLiteSnapshot(Path(data)))
    file.begin()
    if _charges(file) >= MANY_CHARGES:
        helper = stack.enter_context(Helper(Path(data)))
        if helper.begin_with(file):
            return file, helper.second
        file.begin()
    return file, None


def _charges(snapshot: Snapshot) -> int:
    """How many charges there are; none where they cannot even be counted."""
    try:
        [[(charges,)]] = snapshot.read("audit_size", {})[1]
    except Damaged:
        return 0
    return int(charges)


def _carry_out(work: Work, snapshot: Snapshot, context: Context) -> None:
    while (check := work.take()) is not None:
        try:
            work.done(check, run_check(snapshot, context, check))
        except Damaged as damaged:
            work.failed(check, str(damaged))
        work.tell()
