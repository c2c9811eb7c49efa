"""Good databases made bad by hand, one invariant at a time; what is done to them stands in `spoilings.sql`."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from avtale.charges.charge import chained
from avtale.identifiers import event_id
from avtale.instants import from_milliseconds

_HEADING = re.compile(
    r"^-- spoil: (?P<id>[A-Z]+-\d+): (?P<what>[^\[\n]+?)(?: \[(?P<how>[a-z ]+)\])?\n", re.MULTILINE
)


class Spoiling(NamedTuple):
    """What is done to a good database so that exactly one invariant no longer holds."""

    id: str
    what: str
    how: frozenset[str]
    statements: tuple[str, ...]


def _read() -> tuple[Spoiling, ...]:
    text = Path(__file__).with_suffix(".sql").read_text("utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return tuple(
        Spoiling(
            heading["id"],
            heading["what"],
            frozenset((heading["how"] or "").split()),
            _statements(text[heading.end() : end]),
        )
        for heading, end in zip(headings, ends, strict=True)
    )


def _statements(script: str) -> tuple[str, ...]:
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    assert not re.sub(r"--[^\n]*", "", statement).strip(), f"unfinished: {statement}"
    return tuple(found)


SPOILINGS = _read()


def spoiling(what: str) -> Spoiling:
    """The spoiling with this heading."""
    [found] = [each for each in SPOILINGS if each.what == what]
    return found


def spoiled(good: Path, by: Spoiling, path: Path) -> Path:
    """A copy of a good database, spoiled."""
    shutil.copy(good, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.create_function("event_id", 4, event_id)
        connection.execute("PRAGMA ignore_check_constraints = ON")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall()
        in_the_way = [
            (name, sql)
            for name, sql in triggers
            if "unprotected" not in by.how or any(name in each for each in by.statements)
        ]
        for name, _ in in_the_way:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in by.statements:
            connection.execute(statement)
        if not by.how & {"unchained", "unprotected"}:
            rechain(connection)
        if "unprotected" not in by.how:
            for _, sql in in_the_way:
                connection.execute(sql)
    return path


def rechain(connection: sqlite3.Connection) -> None:
    """Make every chain fit the lines as they are now."""
    ends: dict[tuple[str, str], str] = {}
    lines = connection.execute(
        "SELECT merchant_serial_number, charge_id, sequence, occurred, event, amount,"
        " idempotency_key, success, transaction_id, payment_key"
        " FROM charge_history ORDER BY 1, 2, 3"
    ).fetchall()
    for msn, charge_id, sequence, occurred, event, amount, key, success, *last in lines:
        before, at = ends.get((msn, charge_id), ""), from_milliseconds(occurred)
        chain = chained(before, sequence, at, event, amount, key, bool(success), *last)
        ends[msn, charge_id] = chain
        connection.execute(
            "UPDATE charge_history SET chain = ?"
            " WHERE merchant_serial_number = ? AND charge_id = ? AND sequence = ?",
            (chain, msn, charge_id, sequence),
        )
    connection.executemany(
        "UPDATE charges SET chain = ? WHERE merchant_serial_number = ? AND charge_id = ?",
        ((end, *charge) for charge, end in ends.items()),
    )
