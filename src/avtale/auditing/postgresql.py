"""PostgreSQL: one REPEATABLE READ, READ ONLY transaction, read through a cursor."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import Any, TypeVar

import asyncpg

from avtale.auditing.checks import Context, run_check
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
from avtale.auditing.work import CarryOut
from avtale.storage.migrations import migrations
from avtale.storage.statements import numbered

_CONNECT_SECONDS = 10
_DAMAGE_CLASS = "XX"
_SETTINGS = {
    "application_name": "avtale audit",
    "default_transaction_read_only": "on",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "work_mem": "32MB",
    "jit": "off",
}
_TABLE = re.compile(r"^CREATE TABLE (\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
_INDEX = re.compile(r"^CREATE (?:UNIQUE )?INDEX (\w+)", re.MULTILINE)
_TRIGGER = re.compile(r"^CREATE TRIGGER (\w+)[^;]*EXECUTE FUNCTION (\w+)", re.MULTILINE)
_FUNCTION = re.compile(
    r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)\(\).*?\$\$(.*?)\$\$", re.MULTILINE | re.DOTALL
)
_DROPPED = re.compile(r"^DROP (?:TABLE|INDEX|TRIGGER) (\w+)", re.MULTILINE)
_ALTERED = re.compile(r"^ALTER TABLE (\w+)", re.MULTILINE)
_RENAMED = re.compile(r"^ALTER TABLE (\w+) RENAME TO (\w+)", re.MULTILINE)
_CONSTRAINTS = {"p": "PRIMARY KEY", "u": "UNIQUE (", "f": "REFERENCES ", "c": "CHECK ("}
"""How a constraint of each kind is written, by the letter under which PostgreSQL keeps it."""

Result = TypeVar("Result")


class PostgreSQLSnapshot(Snapshot):
    """A transaction that reads, begun by the constructor; or one that sees what the named snapshot sees.

    Not for use inside of an event loop.

    Pages are left to PostgreSQL's own tool, `pg_amcheck`. References are not walked through: a foreign key
    that is valid and not disabled, which `schema` looks at, leads to a row.
    """

    leaves_out = frozenset({"intact", "references"})

    def __init__(self, dsn: str, same_as: str | None = None) -> None:
        self._dsn = dsn
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        try:
            self._connection = self._run(_connect(dsn, same_as))
            applied = self._run(
                self._connection.fetch("SELECT number FROM migrations ORDER BY number")
            )
            require_known([number for (number,) in applied], "The database")
        except asyncpg.UndefinedTableError:
            self.__exit__()
            raise AuditImpossible("The database is not one of avtale.") from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            self.__exit__()
            raise AuditImpossible(f"The database cannot be read: {_sentence(error)}.") from error
        except AuditImpossible:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                self._run(self._connection.close(timeout=_CONNECT_SECONDS))
        self._runner.close()

    def read(
        self, query: str, parameters: Mapping[str, str | int]
    ) -> tuple[Sequence[str], Iterator[Page]]:
        """The columns of a named query and its rows."""
        assert self._connection is not None
        text, names = numbered(query)
        statement = self._asked(self._connection.prepare(text))
        cursor = self._asked(_opened(statement, [parameters[name] for name in names]))
        return [attribute.name for attribute in statement.get_attributes()], self._pages(cursor)

    def second(self, context: Context) -> AbstractContextManager[CarryOut]:
        """Another connection that sees what this one sees."""
        assert self._connection is not None
        name = self._asked(self._connection.fetchval("SELECT pg_export_snapshot()"))
        return _twin(self._dsn, name, context)

    def intact(self) -> Iterator[Finding]:
        """Nothing."""
        return iter(())

    def references(self) -> Iterator[Finding]:
        """Nothing."""
        return iter(())

    def schema(self) -> Iterator[Finding]:
        """Tables and indexes of the migrations; constraints that are valid and enforced."""
        found = {(kind, name): sound for kind, name, sound in self._all("postgresql_objects")}
        for kind, name in _as_migrated():
            if not found.get((kind, name)):
                problem = "is not valid" if (kind, name) in found else "is missing"
                yield "PH-3", {kind: name, "problem": problem}
        kept = {
            (table, kind): number for table, kind, number in self._all("postgresql_constraints")
        }
        for (table, kind), number in _constraints_as_migrated().items():
            if kept.get((table, kind), 0) < number:
                words = _CONSTRAINTS[kind].removesuffix(" (").strip()
                yield "PH-3", {"table": table, "problem": f"lacks a constraint ({words})"}
        for name, table in self._all("postgresql_loose_constraints"):
            yield "PH-3", {"constraint": name, "table": table, "problem": "is not enforced"}
        yield from (finding for finding in self._triggers() if finding[0] == "PH-3")

    def history_triggers(self) -> Iterator[Finding]:
        """The triggers of the migrations, with their functions."""
        yield from (finding for finding in self._triggers() if finding[0] == "H-4")

    def answer_trigger(self) -> Iterator[Finding]:
        """The trigger of the migrations, with its function."""
        yield from (finding for finding in self._triggers() if finding[0] == "I-2")

    def _triggers(self) -> Iterator[Finding]:
        found = {name: body for name, body in self._all("postgresql_triggers")}  # noqa: C416 -- rows are not pairs to mypy
        for name, body in _triggers_as_migrated().items():
            if found.get(name) != body:
                problem = "is different" if name in found else "is missing or disabled"
                yield protects(name), {"trigger": name, "problem": problem}

    def _all(self, query: str) -> list[Sequence[Any]]:
        return [record for page in self.read(query, {})[1] for record in page]

    def _pages(self, cursor: Any) -> Iterator[Page]:
        while page := self._asked(cursor.fetch(PAGE)):
            yield page

    def _asked(self, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            return self._run(work)
        except asyncpg.PostgresError as error:
            if (error.sqlstate or "").startswith(_DAMAGE_CLASS):
                raise Damaged(_sentence(error)) from error
            raise AuditImpossible(f"The database cannot be read: {_sentence(error)}.") from error
        except (asyncpg.InterfaceError, OSError) as error:
            raise AuditImpossible(f"The database cannot be read: {_sentence(error)}.") from error

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)


@contextmanager
def _twin(dsn: str, name: str, context: Context) -> Iterator[CarryOut]:
    with PostgreSQLSnapshot(dsn, name) as twin:
        yield lambda check: run_check(twin, context, check)


async def _connect(dsn: str, same_as: str | None) -> asyncpg.Connection[asyncpg.Record]:
    connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS, server_settings=_SETTINGS)
    await connection.transaction(isolation="repeatable_read", readonly=True).start()
    if same_as is not None:
        join = f"SET TRANSACTION SNAPSHOT '{same_as}'"
        await connection.execute(join)
    return connection


async def _opened(statement: Any, parameters: Sequence[str | int]) -> Any:
    return await statement.cursor(*parameters)


def _sentence(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__


@cache
def _text() -> str:
    """What the migrations say, without comments."""
    text = "\n".join(migration.sql("postgresql") for migration in migrations())
    return re.sub(r"--[^\n]*", "", text)


@cache
def _as_migrated() -> list[tuple[str, str]]:
    """Tables and indexes by kind and name as it is in the end, less those that a later migration drops."""
    text = _text()
    gone, renamed = set(_DROPPED.findall(text)), dict(_RENAMED.findall(text))
    made = [("table", name) for name, _ in _TABLE.findall(text)]
    made += [("index", name) for name in _INDEX.findall(text)]
    return [(kind, renamed.get(name, name)) for kind, name in made if name not in gone]


@cache
def _constraints_as_migrated() -> dict[tuple[str, str], int]:
    """How many constraints of each kind a table was made with; not of tables that were altered since."""
    changed = {*_DROPPED.findall(_text()), *_ALTERED.findall(_text())}
    return {
        (table, kind): columns.count(words)
        for table, columns in _TABLE.findall(_text())
        for kind, words in _CONSTRAINTS.items()
        if table not in changed
    }


@cache
def _triggers_as_migrated() -> dict[str, str]:
    """Triggers by name, with the body of the function that each calls."""
    text = _text()
    bodies = dict(_FUNCTION.findall(text))
    gone = set(_DROPPED.findall(text))
    return {name: bodies[function] for name, function in _TRIGGER.findall(text) if name not in gone}
