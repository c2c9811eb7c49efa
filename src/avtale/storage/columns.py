"""How the fields of a row become columns and come back: instants as milliseconds, days and shapes as text."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

import msgspec

from avtale.engine.rows import TABLES, Table
from avtale.instants import from_milliseconds, to_milliseconds

SqlType = Literal["INTEGER", "TEXT"]

_PLAIN: dict[Any, SqlType] = {int: "INTEGER", str: "TEXT"}


class Column(NamedTuple):
    """One column: its name, type, and how a value goes in and out; None where it goes as it is."""

    name: str
    sql_type: SqlType
    nullable: bool
    write: Callable[[Any], Any] | None
    read: Callable[[Any], Any] | None


class Shape:
    """The columns of a table, and rows turned into tuples of them and back."""

    def __init__(self, table: Table) -> None:
        self.table = table
        hints = typing.get_type_hints(table.row)
        self.columns = tuple(_column(name, hints[name]) for name in table.row.__struct_fields__)
        self.names = tuple(column.name for column in self.columns)
        self.key_columns = tuple(c for c in self.columns if c.name in table.key)
        self.changing = tuple(c for c in self.columns if c.name not in table.fixed)
        self._reads = [(i, c.read) for i, c in enumerate(self.columns) if c.read is not None]
        self._writes = [(i, c.write) for i, c in enumerate(self.columns) if c.write is not None]
        self._change_writes = [(c.name, c.write) for c in self.changing]
        self._row = table.row

    def read(self, records: Iterable[Sequence[Any]]) -> list[Any]:
        """Rows from records whose columns come in order."""
        reads, row = self._reads, self._row
        if not reads:
            return [row(*record) for record in records]
        found = []
        for record in records:
            values = list(record)
            for index, read in reads:
                value = values[index]
                if value is not None:
                    values[index] = read(value)
            found.append(row(*values))
        return found

    def write(self, row: Any) -> list[Any]:
        """All columns of a row, in order."""
        values = list(msgspec.structs.astuple(row))
        for index, write in self._writes:
            value = values[index]
            if value is not None:
                values[index] = write(value)
        return values

    def write_changes(self, row: Any) -> list[Any]:
        """The columns that may change, in order, and then the key."""
        values = []
        for name, write in self._change_writes:
            value = getattr(row, name)
            values.append(value if write is None or value is None else write(value))
        values.extend(self.table.key_of(row))
        return values


def _column(name: str, hint: Any) -> Column:
    nullable = False
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        members = [m for m in typing.get_args(hint) if m is not type(None)]
        nullable = len(members) < len(typing.get_args(hint))
        if len(members) == 1:
            hint = members[0]
    if hint in _PLAIN:
        return Column(name, _PLAIN[hint], nullable, None, None)
    if typing.get_origin(hint) is Literal:
        return Column(name, "TEXT", nullable, None, None)
    if hint is bool:
        return Column(name, "INTEGER", nullable, int, bool)
    if hint is datetime:
        return Column(name, "INTEGER", nullable, to_milliseconds, from_milliseconds)
    if hint is date:
        return Column(name, "TEXT", nullable, date.isoformat, date.fromisoformat)
    return Column(name, "TEXT", nullable, _to_json, msgspec.json.Decoder(hint).decode)


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


SHAPES: dict[type[Any], Shape] = {table.row: Shape(table) for table in TABLES}
