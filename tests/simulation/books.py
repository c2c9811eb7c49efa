"""Databases that a simulation can look into, and hand to the auditor."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Protocol

from avtale.storage.postgresql import PostgreSQLStorage
from avtale.storage.sqlite import SQLiteStorage
from avtale.storage.storage import Storage


class Books(Storage, Protocol):
    """A storage whose rows can be read by any query."""

    async def read(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query in SQL."""
        ...

    async def copied(self, folder: Path) -> str:
        """Where the auditor finds it all."""
        ...


class InMemory(SQLiteStorage):
    """SQLite without a file."""

    def __init__(self) -> None:
        super().__init__(None)

    async def read(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query in SQL."""
        assert self._writer is not None
        return self._writer.execute(query).fetchall()

    async def copied(self, folder: Path) -> str:
        """A file with everything in it."""
        path = folder / "copy.db"
        path.unlink(missing_ok=True)
        copy = sqlite3.connect(path)
        assert self._writer is not None
        self._writer.backup(copy)
        copy.close()
        return str(path)


class OnServer(PostgreSQLStorage):
    """A database of its own on PostgreSQL."""

    async def read(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query in SQL."""
        async with self._queries.borrowed() as connection:
            return [tuple(record) for record in await connection.fetch(query)]

    async def copied(self, folder: Path) -> str:
        """The database itself."""
        return self._dsn
