"""The statements that load and store rows, built from the shapes; every other query is written in `queries/`.

Rows move in sets: one statement per table and batch. SQLite runs a statement once per row of the set, which for an
embedded database costs no more; PostgreSQL gets each column as one array.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from avtale.clients import Client, Grant
from avtale.sales_units import SalesUnit
from avtale.storage.columns import SHAPES, Shape

_NAMES = {shape.table.name: shape.names for shape in SHAPES.values()}
_COLUMNS_OF = re.compile(r"\{([a-z_]+)(?: as ([a-z]+))?\}")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


class Statements(NamedTuple):
    """What one table needs."""

    load: str
    insert: str
    update: str
    load_many: str = ""
    """SQLite's way to load many rows at once: all of the key but its last column, and a JSON array of those."""


def for_sqlite(shape: Shape) -> Statements:
    """Parameters are the columns in order; a load takes one key."""
    table, columns = shape.table.name, ", ".join(shape.names)
    by_key = " AND ".join(f"{name} = ?" for name in shape.table.key)
    many = by_key.removesuffix("= ?") + "IN (SELECT value FROM json_each(?))"  # noqa: S608
    marks = ", ".join("?" for _ in shape.names)
    changes = ", ".join(f"{column.name} = ?" for column in shape.changing)
    return Statements(
        f"SELECT {columns} FROM {table} WHERE {by_key}",  # noqa: S608 -- names are ours
        f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608
        f"UPDATE {table} SET {changes} WHERE {by_key}" if shape.changing else "",  # noqa: S608
        # Longer keys are those of requests, which come with keys that have little in common.
        f"SELECT {columns} FROM {table} WHERE {many}" if len(shape.table.key) < 3 else "",  # noqa: S608
    )


COMPARED: frozenset[type[Any]] = frozenset({SalesUnit, Client, Grant})
"""Rows that nearly every command looks at and hardly any changes.

PostgreSQL does not lock them, or all processes would queue up behind one sales unit. A load brings the
row's version along (`xmin`, the transaction that wrote it), and an update counts only where it still stands.
"""


def _arrays(shape: Shape, names: Sequence[str], first: int = 1) -> str:
    """Parameters, one array per named column, as the rows of `k`."""
    types = {c.name: "bigint" if c.sql_type == "INTEGER" else "text" for c in shape.columns}
    marks = ", ".join(f"${i}::{types.get(name, 'text')}[]" for i, name in enumerate(names, first))
    return f"unnest({marks}) AS k ({', '.join(names)})"


def _is_key(shape: Shape) -> str:
    return " AND ".join(f"{shape.table.name}.{name} = k.{name}" for name in shape.table.key)


def for_postgresql(shape: Shape) -> Statements:
    """Parameters are one array per column; an update of a compared row ends with its versions.

    A load locks, as `loads` does.
    """
    table, columns = shape.table, ", ".join(shape.names)
    changes = ", ".join(f"{column.name} = k.{column.name}" for column in shape.changing)
    given, stands = [*(column.name for column in shape.changing), *table.key], _is_key(shape)
    if table.row in COMPARED:
        given, stands = [*given, "version"], f"{stands} AND {table.name}.xmin::text = k.version"
    return Statements(
        load=f"SELECT t.* FROM {_looked_up(table.row, lock=True)}",  # noqa: S608
        insert=f"INSERT INTO {table.name} ({columns}) SELECT * FROM {_arrays(shape, shape.names)}",  # noqa: S608
        update=f"UPDATE {table.name} SET {changes} FROM {_arrays(shape, given)} WHERE {stands}"  # noqa: S608
        if not table.append_only
        else "",
    )


@cache
def loads(rows: tuple[type[Any], ...], *, lock: bool = False) -> str:
    """One statement that loads rows of several tables: an array of records for each of `rows`.

    Parameters are, table after table, one array per column of the key. Rows are looked up one by
    one, and locked, in the order given.
    """
    found, first = [], 1
    for row in rows:
        rows_of_one = _looked_up(row, lock=lock, first=first)
        found.append(f"ARRAY(SELECT ROW(t.*) FROM {rows_of_one})")  # noqa: S608
        first += len(SHAPES[row].table.key)
    return f"SELECT {', '.join(found)}"


def _looked_up(row: type[Any], *, lock: bool, first: int = 1) -> str:
    """Rows by key as `t`, each looked up in a subquery of its own.

    Otherwise the planner may join a table that is small by reading all of it, and go on doing so
    while the table grows. The lock is the one that an update takes; it lets others refer to the row
    by a foreign key.
    """
    shape = SHAPES[row]
    table, columns = shape.table, ", ".join(shape.names)
    if row in COMPARED:
        columns += ", xmin::text"
    is_locked = lock and row not in COMPARED and not table.append_only
    return (
        f"{_arrays(shape, table.key, first)} CROSS JOIN LATERAL "  # noqa: S608
        f"(SELECT {columns} FROM {table.name} WHERE {_is_key(shape)} "
        f"{'FOR NO KEY UPDATE' if is_locked else 'OFFSET 0'}) t"
    )


@cache
def queries() -> dict[str, str]:
    """The named queries of `queries/*.sql`.

    Parameters are written `:name`; `{charges}` or `{charges as c}` stands for the columns of a row, in order.
    """
    found: dict[str, str] = {}
    for entry in resources.files("avtale.storage").joinpath("queries").iterdir():
        if not entry.name.endswith(".sql"):
            continue
        for part in entry.read_text("utf-8").split("-- name: ")[1:]:
            name, _, text = part.partition("\n")
            if name.strip() in found:
                raise ValueError(f"two queries are named {name.strip()}")
            found[name.strip()] = _COLUMNS_OF.sub(_columns, text.strip())
    return found


def _columns(match: re.Match[str]) -> str:
    prefix = f"{match[2]}." if match[2] else ""
    return ", ".join(prefix + name for name in _NAMES[match[1]])


@cache
def numbered(query: str) -> tuple[str, tuple[str, ...]]:
    """A named query for PostgreSQL: `$1` for each `:name`, and the names in that order.

    INTEGER is BIGINT, as in the migrations: SQLite's integers have 64 bits.
    """
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text = re.sub(r"\bINTEGER\b", "BIGINT", queries()[query])
    return _PARAMETER.sub(number, text), tuple(names)


SQLITE = {row: for_sqlite(shape) for row, shape in SHAPES.items()}
POSTGRESQL = {row: for_postgresql(shape) for row, shape in SHAPES.items()}
