"""How the fields of a row become columns and come back: instants as milliseconds, days and shapes as text."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from avtale.engine.rows import BESIDE, TABLE_OF, TABLES, Table
from avtale.instants import from_milliseconds, to_milliseconds
from avtale.storage.sealing import SEALED, Seal

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
    """The columns of a table, and rows turned into tuples of them and back.

    A run turns millions of rows; so the turning is written out as code once, at start, from the columns.
    """

    def __init__(self, table: Table, seal: Seal | None = None) -> None:
        """With `seal`, what is personal or secret is written sealed."""
        self.table = table
        hints = typing.get_type_hints(table.row)
        columns = (_column(name, hints[name]) for name in table.row.__struct_fields__)
        secret = SEALED.get(table.row, frozenset()) if seal is not None else frozenset()
        self.columns = tuple(
            _under(seal, column) if seal is not None and column.name in secret else column
            for column in columns
        )
        self.names = tuple(column.name for column in self.columns)
        self.changing = tuple(c for c in self.columns if c.name not in table.fixed)
        changes = (*self.changing, *(self._column(name) for name in table.key))
        self.write: Callable[[Any], tuple[Any, ...]] = _writer(self.columns)
        """All columns of a row, in order."""
        self.write_changes: Callable[[Any], tuple[Any, ...]] = _writer(changes)
        """The columns that may change, in order, and then the key."""
        self._read: Callable[[Sequence[Any]], Any] = _reader(table.row, self.columns)

    def read(self, records: Iterable[Sequence[Any]]) -> list[Any]:
        """Rows from records whose columns come in order."""
        read = self._read
        return [read(record) for record in records]

    def read_with(self, records: Iterable[Sequence[Any]]) -> list[tuple[Any, Any]]:
        """Rows, each with the one value that comes behind its columns."""
        read = self._read
        return [(read(record), record[-1]) for record in records]

    def _column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _writer(columns: Sequence[Column]) -> Callable[[Any], tuple[Any, ...]]:
    parts: list[str] = []
    names: dict[str, Any] = {}
    for i, column in enumerate(columns):
        value = f"row.{column.name}"
        if column.write is None:
            parts.append(value)
            continue
        names[f"write{i}"] = column.write
        if column.nullable:
            parts.append(f"None if (v := {value}) is None else write{i}(v)")
        else:
            parts.append(f"write{i}({value})")
    return _compiled("row", f"({', '.join(parts)},)", names)


def _reader(row: type[Any], columns: Sequence[Column]) -> Callable[[Sequence[Any]], Any]:
    parts: list[str] = []
    names: dict[str, Any] = {"row": row}
    for i, column in enumerate(columns):
        value = f"record[{i}]"
        if column.read is None:
            parts.append(value)
            continue
        names[f"read{i}"] = column.read
        if column.nullable:
            parts.append(f"None if (v := {value}) is None else read{i}(v)")
        else:
            parts.append(f"read{i}({value})")
    return _compiled("record", f"row({', '.join(parts)})", names)


def _compiled(argument: str, expression: str, names: dict[str, Any]) -> Callable[[Any], Any]:
    """A function of one argument; the expression is made of our own column names and nothing else."""
    made: Callable[[Any], Any] = eval(f"lambda {argument}: {expression}", names)  # noqa: S307
    return made


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
    # The same few prices, intervals and addresses come again and again.
    decode = lru_cache(maxsize=4096)(msgspec.json.Decoder(hint).decode)
    return Column(name, "TEXT", nullable, written_as_json, decode)


def _under(seal: Seal, column: Column) -> Column:
    """A column whose text is written sealed."""
    write, read = column.write, column.read

    def sealed(value: Any) -> str:
        return seal.sealed(value if write is None else write(value))

    def opened(text: str) -> Any:
        plain = seal.opened(text)
        return plain if read is None else read(plain)

    return column._replace(write=sealed, read=opened)


def written_as_json(value: Any) -> str:
    """A small shape as its column holds it."""
    return msgspec.json.encode(value).decode()


Shapes = Mapping[type[Any], Shape]

SHAPES: Shapes = {table.row: Shape(table) for table in (*TABLES, *BESIDE)}
"""The shapes of all rows, as if nothing were sealed: names, types, and what does not touch a disk."""


def shapes_under(seal: Seal) -> Shapes:
    """The shapes of all rows as one installation writes them."""
    return {**SHAPES, **{row: Shape(TABLE_OF[row], seal) for row in SEALED}}
