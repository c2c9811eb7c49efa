"""SQLite: the embedded default. WAL, `synchronous=FULL`, one writing connection, one that reads.

A batch is loaded, decided and stored on the event loop's own thread, where it costs microseconds a row;
only the commit, which waits for the disk, is done on another.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sqlite3
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Literal

from avtale.engine.engine import StorageDown, Taken
from avtale.engine.world import Needs, World
from avtale.storage.batches import Batch, SQLiteBatch
from avtale.storage.installation import OfInstallation, open_installation
from avtale.storage.migrations import migrations, statements_of
from avtale.storage.sets import load, store
from avtale.storage.statements import queries
from avtale.storage.storage import Row, Value
from avtale.storage.surveying import survey

_BUSY_SECONDS = 5.0
_LOOK_SECONDS = 0.05
"""How long a file that was there is taken to be there, where something is read."""


class SQLiteStorage(OfInstallation):
    """A database file, or memory that nothing outlives (`path` None)."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, path: str | None, secret: bytes | None = None) -> None:
        """`secret` is the installation's, where it is not kept in the database."""
        self.path = path
        self._given = secret
        self.migrated: list[str] = []
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="avtale-commit")
        self._writing = asyncio.Lock()
        self._file: tuple[int, int] | None = None
        self._look_again_at = 0.0
        self._is_closed = False

    # ── opening and closing ──

    async def open(self) -> None:
        """Connect, and bring the schema up to date; raises StorageDown with what to do about it."""
        self._is_closed = False
        try:
            if self.path is not None:
                # A file that is there is not opened, since closing it would drop SQLite's locks on it.
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
                self._file = _identity(self.path)
            self._writer = self._writing_connection(wait_seconds=_BUSY_SECONDS)
            self._migrate(self._writer)
            # From now on waiting is done in `_begin`, where it holds up nothing else.
            self._writer.execute("PRAGMA busy_timeout = 0")
            self._reader = self._reading_connection()
        except (sqlite3.Error, OSError) as error:
            self._disconnect()
            raise StorageDown(f"{self.path}: {_sentence(error)}") from error
        try:
            self._installation = await open_installation(self, self._given)
        except BaseException:
            self._disconnect()
            raise
        if self._installation.sealed_late and self._writer is not None:
            # What stood there in plain text is in the log of the file until this.
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Let go of the file; what is committed is there."""
        async with self._writing:
            self._is_closed = True
            self._disconnect()
        self._committer.shutdown(wait=True)

    async def check(self) -> None:
        """Raise StorageDown where the file cannot be read."""
        self._look_again_at = 0.0
        await self.select("migrations_applied")

    def _writing_connection(self, wait_seconds: float = 0) -> sqlite3.Connection:
        writer = self._connection(wait_seconds)
        try:
            if self.path is not None:
                writer.execute("PRAGMA journal_mode = WAL")
                writer.execute("PRAGMA synchronous = FULL")
                writer.execute("PRAGMA wal_autocheckpoint = 4000")
                if writer.execute("PRAGMA synchronous").fetchone() != (2,):
                    raise sqlite3.OperationalError("synchronous=FULL is not to be had")
            writer.execute("PRAGMA foreign_keys = ON")
            writer.execute("PRAGMA secure_delete = ON")
            writer.execute("PRAGMA cache_size = -16000")
        except BaseException:
            writer.close()
            raise
        return writer

    def _reading_connection(self) -> sqlite3.Connection:
        reader = self._connection(wait_seconds=1)
        reader.execute("PRAGMA query_only = ON")
        reader.execute("PRAGMA cache_size = -8000")
        return reader

    def _connection(self, wait_seconds: float) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path or ":memory:",
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            timeout=wait_seconds,
        )

    def _disconnect(self) -> None:
        _close(self._reader)
        _close(self._writer)
        self._reader = self._writer = None

    def _require_file(self) -> None:
        """A file that was removed takes writes and loses them when it is closed; so look for it."""
        if self.path is not None and _identity(self.path) != self._file:
            raise FileNotFoundError(errno.ENOENT, "another file has taken its place; start anew")

    def _migrate(self, writer: sqlite3.Connection) -> None:
        writer.execute("BEGIN IMMEDIATE")
        try:
            writer.execute(
                "CREATE TABLE IF NOT EXISTS migrations"
                " (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
            )
            applied = {number for (number,) in writer.execute("SELECT number FROM migrations")}
            known = migrations()
            if applied - {migration.number for migration in known}:
                raise sqlite3.OperationalError(
                    "the database was made by a newer avtale; update avtale to open it"
                )
            for migration in known:
                if migration.number not in applied:
                    for statement in statements_of(migration.sql("sqlite")):
                        writer.execute(statement)
                    writer.execute(
                        "INSERT INTO migrations VALUES (?, ?)", (migration.number, migration.name)
                    )
                    self.migrated.append(migration.title)
            writer.execute("COMMIT")
        except BaseException:
            _undo(writer)
            raise

    # ── the engine's side ──

    async def transact(self, needs: Needs, decide: Callable[[World], None]) -> None:
        """Load, decide and store in one transaction; see `Storage.transact`."""
        async with self._writing:
            writer = await self._begin()
            with self._undone_on_error(writer):
                world = load(writer, needs, self._shapes)
                decide(world)
                if not world.is_changed:
                    writer.execute("ROLLBACK")
                    return
                store(writer, world, self._shapes)
                await self._commit(writer)

    async def _begin(self) -> sqlite3.Connection:
        waited = 0.0
        if self._is_closed:
            raise StorageDown("the database is closed")
        while True:
            try:
                self._require_file()
                if self._writer is None:
                    self._writer = self._writing_connection()
                self._writer.execute("BEGIN IMMEDIATE")
            except (sqlite3.Error, OSError) as error:
                busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
                if not busy:
                    self._look_again_at = 0.0
                    self._let_go_of_writer()
                if not busy or waited >= _BUSY_SECONDS:
                    raise StorageDown(f"{self.path}: {_sentence(error)}") from error
                waited += 0.005
                await asyncio.sleep(0.005)
            else:
                return self._writer

    async def _commit(self, writer: sqlite3.Connection) -> None:
        await self._on_thread(lambda: writer.execute("COMMIT"))

    @contextlib.contextmanager
    def _undone_on_error(self, writer: sqlite3.Connection) -> Iterator[None]:
        """Leave no transaction open, whatever happens in it, and say what an error means."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            _undo(writer)
            if error.sqlite_errorcode in _TAKEN:
                raise Taken(str(error)) from error
            raise
        except sqlite3.Error as error:
            _undo(writer)
            self._let_go_of_writer()
            raise StorageDown(f"{self.path}: {error}") from error
        except BaseException:
            _undo(writer)
            raise

    def _let_go_of_writer(self) -> None:
        """After an error the next one begins with a new connection; memory has only this one."""
        if self.path is not None:
            _close(self._writer)
            self._writer = None

    # ── everybody else's ──

    async def look(self, needs: Needs) -> World:
        """What `needs` names, in one snapshot."""
        try:
            reader = self._reading()
            if self.path is None:
                return load(reader, needs, self._shapes)
            reader.execute("BEGIN")
            try:
                return load(reader, needs, self._shapes)
            finally:
                reader.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            raise self._unreadable(error) from error

    async def select(self, query: str, **parameters: Value) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        try:
            return self._reading().execute(queries()[query], parameters).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise self._unreadable(error) from error

    async def survey(self, query: str, **parameters: Value) -> list[tuple[Any, ...]]:
        """The rows of a query that may take long; memory has but one connection to be asked."""
        if self.path is None:
            return await self.select(query, **parameters)
        try:
            self._require_file()
            return await survey(self.path, queries()[query], parameters)
        except (sqlite3.Error, OSError) as error:
            raise StorageDown(f"{self.path}: {_sentence(error)}") from error

    async def survey_rows(self, row: type[Row], query: str, **parameters: Value) -> list[Row]:
        """Rows of `row`, likewise."""
        return self._shapes[row].read(await self.survey(query, **parameters))

    async def survey_rows_with(
        self, row: type[Row], query: str, **parameters: Value
    ) -> list[tuple[Row, Any]]:
        """Rows, each with the one value behind its columns, likewise."""
        return self._shapes[row].read_with(await self.survey(query, **parameters))

    async def rows(self, row: type[Row], query: str, **parameters: Value) -> list[Row]:
        """The rows of a named query that selects all columns of `row`."""
        return self._shapes[row].read(await self.select(query, **parameters))

    async def rows_with(
        self, row: type[Row], query: str, **parameters: Value
    ) -> list[tuple[Row, Any]]:
        """Rows, each with the one value that is selected behind its columns."""
        return self._shapes[row].read_with(await self.select(query, **parameters))

    async def execute(self, statements: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
        """Named statements in one transaction."""
        async with self._writing:
            writer = await self._begin()
            with self._undone_on_error(writer):
                for query, parameters in statements:
                    writer.execute(queries()[query], dict(parameters))
                await self._commit(writer)

    async def append(self, row: type[Row], rows: Sequence[Row]) -> None:
        """Rows of a table beside the engine's, written on the committing thread."""
        if rows:
            shape = self._shapes[row]
            async with self.batch() as batch:
                await batch.insert(shape.table.name, shape.names, [shape.write(r) for r in rows])

    @contextlib.asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Statements and rows of any table in one transaction."""
        async with self._writing:
            writer = await self._begin()
            with self._undone_on_error(writer):
                yield SQLiteBatch(writer, self._on_thread)
                await self._commit(writer)

    async def _on_thread(self, work: Callable[[], Any]) -> Any:
        """Do something on the committing thread; memory has nothing to wait for.

        Whoever is cancelled waits for the thread all the same: nobody else may use the connection, or close it,
        while the thread is in the middle of something.
        """
        if self.path is None:
            return work()
        running = asyncio.get_running_loop().run_in_executor(self._committer, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            while not running.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([running])
            raise

    def _reading(self) -> sqlite3.Connection:
        # A look costs a read a tenth of itself; a write never goes without one.
        if (now := monotonic()) >= self._look_again_at:
            self._require_file()
            self._look_again_at = now + _LOOK_SECONDS
        if self.path is None and self._writer is not None:
            return self._writer
        if self._reader is None:
            self._reader = self._reading_connection()
        return self._reader

    def _unreadable(self, error: sqlite3.Error | OSError) -> StorageDown:
        """What to say of it; the next read begins with a new connection."""
        _close(self._reader)
        self._reader = None
        return StorageDown(f"{self.path}: {_sentence(error)}")


_TAKEN = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    # A unit is being erased while something is written for it.
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
}


def _identity(path: str) -> tuple[int, int]:
    """Which file it is, whatever it is called."""
    found = os.stat(path)  # noqa: PTH116 -- a Path costs more than the look itself
    return found.st_dev, found.st_ino


def _sentence(error: sqlite3.Error | OSError) -> str:
    return str(error) if isinstance(error, sqlite3.Error) else error.strerror or str(error)


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        with contextlib.suppress(sqlite3.Error):
            connection.close()


def _undo(writer: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        if writer.in_transaction:
            writer.execute("ROLLBACK")
