"""PostgreSQL's connections: how they are set up and lent, and what their errors mean."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import asyncpg

from avtale.engine.engine import StorageDown, Taken

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record]
    Borrowed = PoolConnectionProxy[asyncpg.Record]

_OLDEST_SERVER = 15
_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 30

FOR_QUERIES = {
    "application_name": "avtale",
    "statement_timeout": f"{_STATEMENT_SECONDS}s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "jit": "off",
}
FOR_ROWS = FOR_QUERIES | {
    # Rows are reached by their keys, whatever the tables hold.
    # Such a plan is made once and stays right while the tables grow.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

# What is acknowledged is on disk, whatever the server's default; a stricter one is left as it is.
_LASTING = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)

_LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_TAKEN = {
    "23503",  # foreign_key_violation: a unit is being erased while another writes for it
    "23505",  # unique_violation: another inserted the row first
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available: another held a row for too long
}
_DOWN = {
    "25006",  # read_only_sql_transaction: a standby, or a disk that is full
    "25P03",  # idle_in_transaction_session_timeout: we stood still
    "25P04",  # transaction_timeout
    "40003",  # statement_completion_unknown
}
# Connections, resources, an operator's intervention, the system below, the server's own faults.
_DOWN_CLASSES = {"08", "53", "57", "58", "XX"}


class Connections:
    """A pool that heals by itself: whoever asks when the server is back gets a new connection."""

    def __init__(self, dsn: str, size: int, settings: dict[str, str], *, at_once: int) -> None:
        self._open: Callable[[], Awaitable[asyncpg.Pool[asyncpg.Record]]] = lambda: (
            asyncpg.create_pool(
                dsn,
                min_size=at_once,
                max_size=size,
                max_queries=sys.maxsize,
                timeout=_CONNECT_SECONDS,
                command_timeout=_STATEMENT_SECONDS + 5,
                statement_cache_size=512,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=0,
                server_settings=settings,
                init=_prepare,
                reset=_keep,
            )
        )
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Connect; raises StorageDown."""
        with connecting():
            self._pool = await self._open()

    async def close(self) -> None:
        """Let go of all connections; those that are lent are waited for, but not for long."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), _CONNECT_SECONDS)
        except TimeoutError:
            pool.terminate()

    @contextlib.asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Borrowed]:
        """A connection, and inside it errors that mean Taken, StorageDown or a mistake of ours.

        A transaction that is still open at the end of an error is undone.
        """
        pool = self._pool
        if pool is None:
            raise StorageDown("the database is not open")
        with connecting():
            connection = await pool.acquire(timeout=_CONNECT_SECONDS)
        try:
            with _told_apart():
                yield connection
        except BaseException as error:
            await _give_up(connection, error)
            raise
        finally:
            # What was committed stays committed, even if the connection breaks right after.
            with contextlib.suppress(*_LOST):
                await pool.release(connection)


async def connect_to_migrate(dsn: str) -> Connection:
    """A connection that waits as long as it takes; raises StorageDown where avtale cannot live."""
    unhurried = {"application_name": "avtale", "statement_timeout": "0", "lock_timeout": "0"}
    with connecting():
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS, server_settings=unhurried)
    version = connection.get_server_version().major
    encoding = connection.get_settings().server_encoding
    reason = None
    if version < _OLDEST_SERVER:
        reason = f"the server is PostgreSQL {version}; {_OLDEST_SERVER} or newer is needed"
    elif encoding != "UTF8":
        reason = f"the database is encoded in {encoding}; create one with ENCODING 'UTF8'"
    if reason is not None:
        await connection.close(timeout=_CONNECT_SECONDS)
        raise StorageDown(reason)
    return connection


@contextlib.contextmanager
def connecting() -> Iterator[None]:
    """Whatever goes wrong before there is work: the database cannot be used."""
    try:
        yield
    except (asyncpg.PostgresError, ValueError, *_LOST) as error:
        raise StorageDown(_sentence(error)) from error


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except asyncpg.InvalidCachedStatementError as error:
        # A table was migrated under a prepared statement, which is prepared anew the next time.
        raise Taken(_sentence(error)) from error
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        if state in _TAKEN:
            raise Taken(_sentence(error)) from error
        if state in _DOWN or state[:2] in _DOWN_CLASSES:
            raise StorageDown(_sentence(error)) from error
        raise
    except _LOST as error:
        raise StorageDown(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "nothing came of it in time"
    return str(error) or type(error).__name__


async def _give_up(connection: Borrowed, error: BaseException) -> None:
    """Undo what is open; a connection that cannot is dropped, and the server undoes it."""
    try:
        if isinstance(error, Exception):
            if connection.is_in_transaction():
                await connection.execute("ROLLBACK")
            return
    except (asyncpg.PostgresError, *_LOST):
        pass
    # One that is lost already went back to the pool by itself.
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _prepare(connection: Connection) -> None:
    await connection.execute(_LASTING)
    # A sum of integers is an integer, as it is in SQLite.
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=_number, format="text"
    )


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


async def _keep(_connection: Connection) -> None:
    """Whoever begins a transaction ends it, so that nothing needs resetting between two loans."""
