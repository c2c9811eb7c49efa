"""Batches: statements and whole tables of rows in one transaction, written on a thread where the database is a file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from avtale.storage.statements import numbered, queries

if TYPE_CHECKING:
    from avtale.storage.connections import Borrowed

Records = Sequence[Sequence[Any]]


class Batch(Protocol):
    """One transaction; it is committed where the work in it ends, and undone where that fails."""

    async def select(self, query: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        ...

    def pages(
        self, query: str, size: int, **parameters: str | int | None
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        """The same, so many rows at a time; other statements may come in between."""
        ...

    async def execute(self, query: str, **parameters: str | int | None) -> None:
        """A named statement."""
        ...

    async def insert(self, table: str, columns: Sequence[str], records: Records) -> None:
        """Rows into a table, in order; the names are ours."""
        ...


class SQLiteBatch:
    """A batch on the writing connection; `run` does something on the thread that commits."""

    def __init__(
        self, writer: sqlite3.Connection, run: Callable[[Callable[[], Any]], Awaitable[Any]]
    ) -> None:
        self._writer = writer
        self._run = run

    async def select(self, query: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """See `Batch`."""
        sql = queries()[query]
        found: list[tuple[Any, ...]] = await self._run(
            lambda: self._writer.execute(sql, parameters).fetchall()
        )
        return found

    async def pages(
        self, query: str, size: int, **parameters: str | int | None
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        """See `Batch`."""
        sql = queries()[query]
        cursor = await self._run(lambda: self._writer.execute(sql, parameters))
        while page := await self._run(lambda: cursor.fetchmany(size)):
            yield page

    async def execute(self, query: str, **parameters: str | int | None) -> None:
        """See `Batch`."""
        sql = queries()[query]
        await self._run(lambda: self._writer.execute(sql, parameters))

    async def insert(self, table: str, columns: Sequence[str], records: Records) -> None:
        """See `Batch`."""
        marks = ", ".join("?" for _ in columns)
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        await self._run(lambda: self._writer.executemany(sql, records))


class PostgreSQLBatch:
    """A batch on a borrowed connection, in a transaction that is open."""

    def __init__(self, connection: Borrowed) -> None:
        self._connection = connection

    async def select(self, query: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """See `Batch`."""
        text, names = numbered(query)
        records = await self._connection.fetch(text, *(parameters[name] for name in names))
        return [tuple(record) for record in records]

    async def pages(
        self, query: str, size: int, **parameters: str | int | None
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        """See `Batch`."""
        text, names = numbered(query)
        cursor = await self._connection.cursor(text, *(parameters[name] for name in names))
        while page := await cursor.fetch(size):
            yield [tuple(record) for record in page]

    async def execute(self, query: str, **parameters: str | int | None) -> None:
        """See `Batch`."""
        text, names = numbered(query)
        await self._connection.execute(text, *(parameters[name] for name in names))

    async def insert(self, table: str, columns: Sequence[str], records: Records) -> None:
        """See `Batch`."""
        await self._connection.copy_records_to_table(table, columns=columns, records=records)
