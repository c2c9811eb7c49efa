"""SQLite: a file that is opened for reading only, live or copied, and the same view of it for two readers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Self

from avtale.auditing.report import AuditImpossible
from avtale.auditing.snapshots import (
    PAGE,
    Damaged,
    Finding,
    Page,
    Snapshot,
    protects,
    require_known,
)
from avtale.storage.migrations import migrations
from avtale.storage.statements import queries

_BUSY_SECONDS = 5.0
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}
_TRIES = 50


class SQLiteSnapshot(Snapshot):
    """A transaction that reads; the file may be written meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = _connect(path)

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def begin(self) -> None:
        """See the database as it is now, and no later change."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")
            applied = self._connection.execute("SELECT number FROM migrations ORDER BY number")
            require_known([number for (number,) in applied], str(self.path))
        except sqlite3.Error as error:
            raise _impossible(self.path, error) from error

    def read(
        self, query: str, parameters: Mapping[str, str | int]
    ) -> tuple[Sequence[str], Iterator[Page]]:
        """The columns of a named query and its rows."""
        return self._read(queries()[query], parameters)

    def intact(self) -> Iterator[Finding]:
        """Pages, records and indexes as SQLite itself checks them.

        CHECK constraints are left out: what they say is said again by the invariants, by name.
        """
        _, pages = self._read("PRAGMA quick_check(100)", {})
        for page in pages:
            for (message,) in page:
                if message != "ok":
                    yield "PH-1", {"message": message}

    def references(self) -> Iterator[Finding]:
        """Every declared foreign key."""
        _, pages = self._read("PRAGMA foreign_key_check", {})
        for page in pages:
            for table, rowid, parent, _ in page:
                yield "PH-2", {"table": table, "rowid": rowid, "parent": parent}

    def schema(self) -> Iterator[Finding]:
        """Tables and indexes as the migrations make them, all of them STRICT."""
        yield from (finding for finding in self._different() if finding[0] == "PH-3")
        _, pages = self.read("sqlite_loose_tables", {})
        for page in pages:
            for (name,) in page:
                yield "PH-3", {"table": name, "problem": "is not STRICT"}

    def history_triggers(self) -> Iterator[Finding]:
        """The triggers of the migrations."""
        yield from (finding for finding in self._different() if finding[0] == "H-4")

    def answer_trigger(self) -> Iterator[Finding]:
        """The trigger of the migrations."""
        yield from (finding for finding in self._different() if finding[0] == "I-2")

    def _different(self) -> Iterator[Finding]:
        _, pages = self.read("sqlite_objects", {})
        found = {(kind, name): _plain(sql) for page in pages for kind, name, sql in page}
        for (kind, name), sql in _as_migrated().items():
            if found.get((kind, name)) != sql:
                problem = "is different" if (kind, name) in found else "is missing"
                yield (
                    protects(name) if kind == "trigger" else "PH-3",
                    {kind: name, "problem": problem},
                )

    def _read(
        self, sql: str, parameters: Mapping[str, str | int]
    ) -> tuple[Sequence[str], Iterator[Page]]:
        try:
            cursor = self._connection.execute(sql, parameters)
        except sqlite3.Error as error:
            raise _trouble(self.path, error) from error
        return [column[0] for column in cursor.description], self._pages(cursor)

    def _pages(self, cursor: sqlite3.Cursor) -> Iterator[Page]:
        try:
            while page := cursor.fetchmany(PAGE):
                yield page
        except sqlite3.Error as error:
            raise _trouble(self.path, error) from error


class Watch:
    """Tells whether anything was committed between two looks."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def version(self) -> int:
        """A number that another's commit changes."""
        [(version,)] = self._connection.execute("PRAGMA data_version")
        return int(version)


def begin_together(own: SQLiteSnapshot, begin_other: Callable[[], None]) -> bool:
    """Begin two snapshots of one moment; False where writers leave no gap to do it in."""
    try:
        with Watch(own.path) as watch:
            for _ in range(_TRIES):
                version = watch.version()
                own.begin()
                begin_other()
                if watch.version() == version:
                    return True
    except sqlite3.Error as error:
        raise _impossible(own.path, error) from error
    return False


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise AuditImpossible(f"There is no file {path}.")
    if path.is_dir():
        raise AuditImpossible(f"{path} is a folder; name the database file in it.")
    try:
        return _opened(path, "mode=ro")
    except sqlite3.Error as error:
        # A file in WAL mode needs a file beside it to be read, which a read-only folder does not let it have.
        # Where nobody has left one, nobody writes, and the file can be read as it is.
        unreadable = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN
        if not unreadable or Path(f"{path}-wal").exists():
            raise _impossible(path, error) from error
    try:
        return _opened(path, "mode=ro&immutable=1")
    except sqlite3.Error as error:
        raise _impossible(path, error) from error


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_SECONDS,
    )
    try:
        # Sixteen MiB, said in KiB.
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _trouble(path: Path, error: sqlite3.Error) -> Exception:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
        return Damaged(str(error))
    return _impossible(path, error)


def _impossible(path: Path, error: sqlite3.Error) -> AuditImpossible:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB or "no such table: migrations" in str(error):
        return AuditImpossible(f"{path} is not a database of avtale.")
    return AuditImpossible(f"{path} cannot be read: {error}.")


@cache
def _as_migrated() -> dict[tuple[str, str], str]:
    """Everything that the migrations make, by kind and name."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        for migration in migrations():
            fresh.executescript(migration.sql("sqlite"))
        return {
            (kind, name): _plain(sql)
            for kind, name, sql in fresh.execute(queries()["sqlite_objects"])
        }


def _plain(sql: str) -> str:
    """A statement without comments and line breaks, which mean nothing."""
    return " ".join(re.sub(r"--[^\n]*", "", sql).split())
