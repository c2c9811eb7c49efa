"""SQLite: the embedded default. WAL, `synchronous=FULL`, one writing connection, one that reads.

A batch is loaded, decided and stored on the event loop's own thread, where it costs microseconds a row;
only the commit, which waits for the disk, is done on another.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from avtale.charges.charge import Charge
from avtale.engine.engine import StorageDown, Taken
from avtale.engine.rows import TABLE_OF, TABLES, Key
from avtale.engine.world import Needs, World
from avtale.storage.columns import SHAPES
from avtale.storage.migrations import migrations
from avtale.storage.statements import SQLITE, queries
from avtale.storage.storage import Row, Value

_BUSY_SECONDS = 5.0
_OPEN_CHARGES = SQLITE[Charge].load.partition(" WHERE ")[0] + (
    " WHERE merchant_serial_number = ? AND agreement_id = ?"
    " AND status IN ('PENDING', 'DUE', 'PROCESSING', 'RESERVED', 'PARTIALLY_CAPTURED')"
)


class SQLiteStorage:
    """A database file, or memory that nothing outlives (`path` None)."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: str | None) -> None:
        self.path = path
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="avtale-commit")
        self._writing = asyncio.Lock()

    # ── opening and closing ──

    async def open(self) -> None:
        """Connect, and bring the schema up to date; raises StorageDown with what to do about it."""
        try:
            self._connect()
            self._migrate()
        except sqlite3.Error as error:
            raise StorageDown(f"{self.path}: {error}") from error

    async def close(self) -> None:
        """Let go of the file; what is committed is there."""
        async with self._writing:
            self._disconnect()
        self._committer.shutdown(wait=True)

    async def check(self) -> None:
        """Raise StorageDown where the file cannot be read."""
        await self.select("migrations_applied")

    def _connect(self) -> None:
        if self.path is not None:
            # Made here, so that nobody else can read it from its first moment on.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self._writer = self._connection()
        if self.path is not None:
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.execute("PRAGMA wal_autocheckpoint = 4000")
            if self._writer.execute("PRAGMA synchronous").fetchone() != (2,):
                raise sqlite3.OperationalError("synchronous=FULL is not to be had")
        self._writer.execute("PRAGMA foreign_keys = ON")
        self._writer.execute("PRAGMA secure_delete = ON")
        self._writer.execute("PRAGMA cache_size = -16000")
        self._reader = self._writer
        if self.path is not None:
            self._reader = self._connection()
            self._reader.execute("PRAGMA query_only = ON")
            self._reader.execute("PRAGMA cache_size = -8000")

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path or ":memory:",
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            timeout=0 if self._writer is not None else _BUSY_SECONDS,
        )

    def _disconnect(self) -> None:
        for connection in {self._reader, self._writer}:
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        self._reader = self._writer = None

    def _migrate(self) -> None:
        writer = self._writer
        assert writer is not None
        writer.execute("BEGIN IMMEDIATE")
        try:
            writer.execute(
                "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
            )
            applied = {number for (number,) in writer.execute("SELECT number FROM migrations")}
            known = migrations()
            if applied - {migration.number for migration in known}:
                raise sqlite3.OperationalError(
                    "the database was made by a newer avtale; update avtale to open it"
                )
            for migration in known:
                if migration.number not in applied:
                    for statement in _statements(migration.sql("sqlite")):
                        writer.execute(statement)
                    writer.execute(
                        "INSERT INTO migrations VALUES (?, ?)", (migration.number, migration.name)
                    )
            writer.execute("COMMIT")
        except BaseException:
            writer.execute("ROLLBACK")
            raise

    # ── the engine's side ──

    async def transact(self, needs: Needs, decide: Callable[[World], None]) -> None:
        """Load, decide and store in one transaction; see `Storage.transact`."""
        async with self._writing:
            writer = await self._begin()
            try:
                world = _load(writer, needs)
                decide(world)
                if not world.is_changed:
                    writer.execute("ROLLBACK")
                    return
                _store(writer, world)
                await self._commit(writer)
            except sqlite3.IntegrityError as error:
                self._give_up(writer)
                if error.sqlite_errorcode in _TAKEN:
                    raise Taken(str(error)) from error
                raise
            except sqlite3.Error as error:
                self._give_up(writer)
                self._disconnect()
                raise StorageDown(str(error)) from error
            except BaseException:
                self._give_up(writer)
                raise

    async def _begin(self) -> sqlite3.Connection:
        waited = 0.0
        while True:
            try:
                if self._writer is None:
                    self._connect()
                assert self._writer is not None
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
                if not busy:
                    self._disconnect()
                if not busy or waited >= _BUSY_SECONDS:
                    raise StorageDown(str(error)) from error
                waited += 0.005
                await asyncio.sleep(0.005)
            else:
                return self._writer

    async def _commit(self, writer: sqlite3.Connection) -> None:
        if self.path is None:
            writer.execute("COMMIT")
            return
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._committer, writer.execute, "COMMIT")

    def _give_up(self, writer: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if writer.in_transaction:
                writer.execute("ROLLBACK")

    # ── everybody else's ──

    async def look(self, needs: Needs) -> World:
        """What `needs` names, in one snapshot."""
        reader = self._reading()
        try:
            if self.path is None:
                return _load(reader, needs)
            reader.execute("BEGIN")
            try:
                return _load(reader, needs)
            finally:
                reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StorageDown(str(error)) from error

    async def select(self, query: str, **parameters: Value) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        try:
            return self._reading().execute(queries()[query], parameters).fetchall()
        except sqlite3.Error as error:
            raise StorageDown(f"{query}: {error}") from error

    async def rows(self, row: type[Row], query: str, **parameters: Value) -> list[Row]:
        """The rows of a named query that selects all columns of `row`."""
        return SHAPES[row].read(await self.select(query, **parameters))

    async def execute(self, statements: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
        """Named statements in one transaction."""
        async with self._writing:
            writer = await self._begin()
            try:
                for query, parameters in statements:
                    writer.execute(queries()[query], dict(parameters))
                await self._commit(writer)
            except sqlite3.Error as error:
                self._give_up(writer)
                raise StorageDown(str(error)) from error

    def _reading(self) -> sqlite3.Connection:
        if self._reader is None:
            try:
                self._connect()
            except sqlite3.Error as error:
                self._disconnect()
                raise StorageDown(str(error)) from error
        assert self._reader is not None
        return self._reader


_TAKEN = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


def _load(connection: sqlite3.Connection, needs: Needs) -> World:
    world = World(needs)
    for table in TABLES:
        records: list[tuple[Any, ...]] = []
        keys = needs.keys.get(table.row)
        if keys:
            records.extend(_by_keys(connection, table.row, keys))
        if table.row is Charge and needs.open_charges_of:
            seen = {(record[0], record[1]) for record in records}
            for agreement in needs.open_charges_of:
                found = connection.execute(_OPEN_CHARGES, agreement)
                records.extend(record for record in found if record[:2] not in seen)
        if records:
            world.take_in(table.row, SHAPES[table.row].read(records))
    return world


def _by_keys(
    connection: sqlite3.Connection, row: type[Any], keys: Iterable[Key]
) -> Iterable[tuple[Any, ...]]:
    statement = SQLITE[row].load
    for key in keys:
        record = connection.execute(statement, key).fetchone()
        if record is not None:
            yield record


def _store(connection: sqlite3.Connection, world: World) -> None:
    for table, new, changed in world.changes():
        shape, statements = SHAPES[table.row], SQLITE[table.row]
        if new:
            connection.executemany(statements.insert, map(shape.write, new))
        if changed and not TABLE_OF[table.row].append_only:
            connection.executemany(statements.update, map(shape.write_changes, changed))


def _statements(script: str) -> Iterable[str]:
    """The statements of a script; `executescript` would commit what is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
