"""How each check is carried out: most are a query whose rows speak for themselves, some need a hash or a calendar."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from avtale.api.links import LANDING_MARK
from avtale.auditing import calendar
from avtale.auditing.report import Row, Tally
from avtale.auditing.snapshots import Finding, Snapshot
from avtale.identifiers import ALPHABET, event_id
from avtale.instants import to_milliseconds
from avtale.operations.payments import LEASE
from avtale.rulebook import MARKETS

SKEW_MS = 5_000
"""So far may the clocks of two machines be apart (reliability H-3)."""


class Context(msgspec.Struct, frozen=True):
    """What every check is given: the parameters of the queries."""

    parameters: dict[str, str | int]


def context_of(snapshot: Snapshot, now: datetime, *, quiescent: bool) -> Context:
    """The context of an audit at the real instant `now`, which is taken after the snapshot was."""
    units = [unit for page in snapshot.read("audit_units", {})[1] for unit in page]
    return Context(
        {
            "real_now": to_milliseconds(now),
            "quiescent": int(quiescent),
            "skew_ms": SKEW_MS,
            "latest_lease": to_milliseconds(now + LEASE) + SKEW_MS,
            "newline": "\n",
            "landing_mark": LANDING_MARK,
            "id_characters": f"{ALPHABET}-_",
            **{f"currency_{code.lower()}": market.currency for code, market in MARKETS.items()},
            **calendar.bounds(units),
        }
    )


def run_check(snapshot: Snapshot, context: Context, check: str) -> dict[str, Tally]:
    """What a check finds, by invariant; raises Damaged where it cannot be carried out to its end."""
    found: defaultdict[str, Tally] = defaultdict(Tally)
    for invariant, row in _CHECKS.get(check, _query)(snapshot, context, check):
        found[invariant].add(row)
    return found


Judge = Callable[[str, Row], bool]
"""Whether an invariant holds for a row that SQL left to the calendar."""


def _query(snapshot: Snapshot, context: Context, check: str) -> Iterator[Finding]:
    return _judged(snapshot, context, check, lambda _id, _row: False)


def _judged(snapshot: Snapshot, context: Context, check: str, holds: Judge) -> Iterator[Finding]:
    """Rows of a query that begins with ids; one with a question mark is put to `holds`."""
    names, pages = snapshot.read(check, context.parameters)
    for page in pages:
        for record in page:
            row: Row = dict(zip(names[1:], record[1:], strict=True))
            for broken in record[0].split():
                if not broken.endswith("?"):
                    yield broken, _told(row)
                elif not _holds(holds, broken[:-1], row):
                    yield broken[:-1], _told(row)


def _holds(holds: Judge, invariant: str, row: Row) -> bool:
    try:
        return holds(invariant, row)
    except (ValueError, OverflowError):
        # No such day, or no such instant: certainly not as it should be.
        return False


_FOR_THE_JUDGE = {"market", "features", "rules", "now"}


def _told(row: Row) -> Row:
    return {name: cell for name, cell in row.items() if name not in _FOR_THE_JUDGE}


def _charges(snapshot: Snapshot, context: Context, check: str) -> Iterator[Finding]:
    def holds(invariant: str, row: Mapping[str, Any]) -> bool:
        book = calendar.rulebook_of(row["market"], row["features"], row["rules"])
        due_day, retry_days = row["due_day"], row["retry_days"]
        if invariant == "T-8":
            return calendar.is_due_within_rules(book, row["created"], due_day)
        if invariant == "T-7":
            return calendar.has_failed_in_time(book, due_day, retry_days, row["changed"])
        return calendar.may_still_wait(book, due_day, retry_days, row["now"])

    return _judged(snapshot, context, check, holds)


def _payments(snapshot: Snapshot, context: Context, check: str) -> Iterator[Finding]:
    def holds(invariant: str, row: Mapping[str, Any]) -> bool:
        if invariant == "T-7":
            return calendar.is_within_attempts(
                row["market"], row["due_day"], row["retry_days"], row["run_at"], row["asked"]
            )
        book = calendar.rulebook_of(row["market"], row["features"], row["rules"])
        return calendar.is_within_window(book, row["kind"], row["opened"], row["run_at"])

    return _judged(snapshot, context, check, holds)


def _runs(snapshot: Snapshot, context: Context, check: str) -> Iterator[Finding]:
    def holds(_: str, row: Mapping[str, Any]) -> bool:
        return not calendar.is_a_run(row["market"], row["run_at"])

    return _judged(snapshot, context, check, holds)


def _due_days(snapshot: Snapshot, context: Context, check: str) -> Iterator[Finding]:
    def holds(_: str, row: Mapping[str, Any]) -> bool:
        return calendar.is_answered_as(row["due_day"], row["due"])

    return _judged(snapshot, context, check, holds)


def _chain(snapshot: Snapshot, context: Context, check: str) -> Iterator[Finding]:
    """Every line hashed again, on top of the one before; after a broken link, on top of what is written."""
    _, pages = snapshot.read(check, context.parameters)
    sha256 = hashlib.sha256
    unit = charge = before = ""
    for page in pages:
        for msn, charge_id, sequence, chain, line in page:
            if charge_id != charge or msn != unit:
                unit, charge, before = msn, charge_id, ""
            if sha256((before + line).encode()).hexdigest() != chain:
                yield (
                    "H-5",
                    {"merchant_serial_number": msn, "charge_id": charge_id, "sequence": sequence},
                )
            before = chain


def _event_ids(snapshot: Snapshot, context: Context, check: str) -> Iterator[Finding]:
    _, pages = snapshot.read(check, context.parameters)
    for page in pages:
        for msn, agreement_id, subject, sequence, written in page:
            if written != event_id(msn, agreement_id, subject, sequence):
                yield "E-3", {"merchant_serial_number": msn, "event_id": written}


def _of_the_database(snapshot: Snapshot, _: Context, check: str) -> Iterator[Finding]:
    findings: Iterator[Finding] = getattr(snapshot, check)()
    return findings


_CHECKS: dict[str, Callable[[Snapshot, Context, str], Iterator[Finding]]] = {
    "audit_charges": _charges,
    "audit_payments": _payments,
    "audit_attempts_of_one_run": _runs,
    "audit_due_days": _due_days,
    "audit_chain": _chain,
    "audit_event_ids": _event_ids,
    **dict.fromkeys(
        ("intact", "references", "schema", "history_triggers", "answer_trigger"), _of_the_database
    ),
}
