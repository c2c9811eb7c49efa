"""PostgreSQL: rows move in sets, and several processes share one database.

What a batch looks at is locked before it decides, table after table and key after key in one
order, so that two batches may wait for each other but never in a circle. The few rows that
everybody looks at and hardly anybody changes are not locked but compared (`statements.COMPARED`).
A batch that comes second is `Taken`: nothing of it is written, and the engine decides it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import OPEN
from avtale.engine.engine import StorageDown, Taken
from avtale.engine.rows import TABLE_OF, TABLES, Key, Table
from avtale.engine.world import Needs, World
from avtale.storage.batches import Batch, PostgreSQLBatch
from avtale.storage.columns import Shapes
from avtale.storage.connections import (
    FOR_QUERIES,
    FOR_ROWS,
    Connections,
    connect_to_migrate,
    connecting,
)
from avtale.storage.installation import OfInstallation, open_installation
from avtale.storage.migrations import migrations
from avtale.storage.statements import COMPARED, POSTGRESQL, loads, numbered
from avtale.storage.storage import Row, Value

if TYPE_CHECKING:
    from avtale.storage.connections import Borrowed

_MANY_LOADED = 128
"""More keys than this are loaded table by table: more round trips, half the work per row."""

_MANY_STORED = 16
"""More rows than this are copied rather than inserted: one round trip more, a third of the work."""

_MIGRATING = 0x617674616C65
"""The advisory lock of whoever migrates; another that starts meanwhile waits for it."""

_MIGRATIONS = "CREATE TABLE migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)"
_APPLIED = "SELECT number FROM migrations"
_APPLY = "INSERT INTO migrations VALUES ($1, $2)"

_OPEN_CHARGES = (
    "SELECT c.merchant_serial_number, c.charge_id"
    " FROM unnest($1::text[], $2::text[]) AS k (merchant_serial_number, agreement_id)"
    " CROSS JOIN LATERAL (SELECT merchant_serial_number, charge_id FROM charges"
    " WHERE charges.merchant_serial_number = k.merchant_serial_number"
    " AND charges.agreement_id = k.agreement_id AND charges.status = ANY ($3::text[]) OFFSET 0) c"
)


class PostgreSQLStorage(OfInstallation):
    """A database of a PostgreSQL server, 15 or newer.

    `dsn` is `postgresql://user@host:port/database`, or with `?host=/folder` for a socket.
    There are at most `pool_size` connections for rows and as many for queries, so that a list
    that takes its time holds up no payment.
    """

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, dsn: str, secret: bytes | None = None, *, pool_size: int = 8) -> None:
        """`secret` is the installation's, where it is not kept in the database."""
        self._dsn = dsn
        self._given = secret
        self.migrated: list[str] = []
        self._rows = Connections(dsn, pool_size, FOR_ROWS, at_once=1)
        self._queries = Connections(dsn, pool_size, FOR_QUERIES, at_once=0)

    # ── opening and closing ──

    async def open(self) -> None:
        """Connect, and bring the schema up to date; raises StorageDown with what to do about it."""
        await self._migrate()
        await self._rows.open()
        await self._queries.open()
        try:
            self._installation = await open_installation(self, self._given)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the connections; what is committed is there."""
        await self._rows.close()
        await self._queries.close()

    async def check(self) -> None:
        """Raise StorageDown where the server does not answer."""
        await self.select("migrations_applied")

    async def _migrate(self) -> None:
        connection = await connect_to_migrate(self._dsn)
        try:
            with connecting():
                await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATING)
                if not await connection.fetchval("SELECT to_regclass('migrations') IS NOT NULL"):
                    await connection.execute(_MIGRATIONS)
                applied = {number for (number,) in await connection.fetch(_APPLIED)}
                known = migrations()
                if applied - {migration.number for migration in known}:
                    raise StorageDown(
                        "the database was made by a newer avtale; update avtale to open it"
                    )
                for migration in known:
                    if migration.number not in applied:
                        async with connection.transaction():
                            await connection.execute(migration.sql("postgresql"))
                            await connection.execute(_APPLY, migration.number, migration.name)
                        self.migrated.append(migration.title)
        finally:
            with connecting():
                await connection.close(timeout=5)

    # ── the engine's side ──

    async def transact(self, needs: Needs, decide: Callable[[World], None]) -> None:
        """Load, decide and store in one transaction; see `Storage.transact`."""
        async with self._rows.borrowed() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            loaded = await _load(connection, needs, self._shapes, lock=True)
            decide(loaded.world)
            if not loaded.world.is_changed:
                await connection.execute("ROLLBACK")
                return
            for table, new, changed in loaded.world.changes():
                # Changes first: one may settle a charge's open payment before the next is begun.
                if changed and not table.append_only:
                    await _update(connection, table, changed, loaded)
                if new:
                    await _insert(connection, table, new, self._shapes)
            await _commit(connection)

    # ── everybody else's ──

    async def look(self, needs: Needs) -> World:
        """What `needs` names, in one snapshot."""
        async with self._rows.borrowed() as connection:
            if not needs.open_charges_of:
                # One statement has one snapshot.
                return (await _load(connection, needs, self._shapes, lock=False)).world
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            loaded = await _load(connection, needs, self._shapes, lock=False)
            await connection.execute("ROLLBACK")
            return loaded.world

    async def select(self, query: str, **parameters: Value) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        text, names = numbered(query)
        async with self._queries.borrowed() as connection:
            records = await connection.fetch(text, *(parameters[name] for name in names))
            return [tuple(record) for record in records]

    async def survey(self, query: str, **parameters: Value) -> list[tuple[Any, ...]]:
        """The same; here a query that takes long holds up nobody anyway."""
        return await self.select(query, **parameters)

    async def survey_rows(self, row: type[Row], query: str, **parameters: Value) -> list[Row]:
        """Rows of `row`, likewise."""
        return await self.rows(row, query, **parameters)

    async def survey_rows_with(
        self, row: type[Row], query: str, **parameters: Value
    ) -> list[tuple[Row, Any]]:
        """Rows, each with the one value behind its columns, likewise."""
        return await self.rows_with(row, query, **parameters)

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
        async with self._queries.borrowed() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            for query, parameters in statements:
                text, names = numbered(query)
                await connection.execute(text, *(parameters[name] for name in names))
            await _commit(connection)

    async def append(self, row: type[Row], rows: Sequence[Row]) -> None:
        """Rows of a table beside the engine's."""
        if not rows:
            return
        shape = self._shapes[row]
        records = [shape.write(each) for each in rows]
        async with self._queries.borrowed() as connection:
            await connection.copy_records_to_table(
                shape.table.name, columns=shape.names, records=records
            )

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Statements and rows of any table in one transaction, which sees the database as it was when it began."""
        async with self._queries.borrowed() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            yield PostgreSQLBatch(connection)
            await _commit(connection)


# ── loading ──


class _Loaded(NamedTuple):
    world: World
    versions: dict[tuple[type[Any], Key], str]
    """Which version of a compared row was looked at."""
    shapes: Shapes


async def _load(connection: Borrowed, needs: Needs, shapes: Shapes, *, lock: bool) -> _Loaded:
    loaded = _Loaded(World(needs), {}, shapes)
    wanted = {table.row: needs.keys.get(table.row, set()) for table in TABLES}
    if not needs.open_charges_of:
        await _take_in(loaded, connection, wanted, lock=lock)
        return loaded
    # Nobody adds a charge to an agreement that is locked, so its open charges are looked for once
    # it is. They are locked in one go with the charges that are named: one order must hold for all.
    rows = tuple(wanted)
    charges = rows.index(Charge)
    parents = {row: wanted[row] for row in rows[:charges]}
    unnamed = needs.open_charges_of - wanted[Agreement]
    parents[Agreement] = wanted[Agreement] | unnamed
    await _take_in(loaded, connection, parents, lock=lock, hidden=unnamed)
    agreements = zip(*sorted(needs.open_charges_of), strict=True)
    found = await connection.fetch(_OPEN_CHARGES, *agreements, sorted(OPEN))
    rest = {row: wanted[row] for row in rows[charges:]}
    rest[Charge] = wanted[Charge] | {tuple(record) for record in found}
    await _take_in(loaded, connection, rest, lock=lock)
    return loaded


async def _take_in(
    loaded: _Loaded,
    connection: Borrowed,
    wanted: Mapping[type[Any], set[Key]],
    *,
    lock: bool,
    hidden: AbstractSet[Key] = frozenset(),
) -> None:
    """Load rows by key; agreements that are `hidden` are only locked."""
    wanted = {row: keys for row, keys in wanted.items() if keys}
    found = await _found(connection, wanted, lock=lock)
    for row_type, records in zip(wanted, found, strict=True):
        key_of = TABLE_OF[row_type].key_of
        rows = loaded.shapes[row_type].read(records)
        if row_type in COMPARED:
            for row, record in zip(rows, records, strict=True):
                loaded.versions[row_type, key_of(row)] = record[-1]
        if hidden and row_type is Agreement:
            rows = [row for row in rows if key_of(row) not in hidden]
        loaded.world.take_in(row_type, rows)


async def _found(
    connection: Borrowed, wanted: Mapping[type[Any], set[Key]], *, lock: bool
) -> Sequence[Any]:
    """The records of each table: all in one statement, or many rows in one statement per table.

    Without locks it is always one, which has one snapshot.
    """
    if not wanted:
        return []
    arrays = {row: list(zip(*sorted(keys), strict=True)) for row, keys in wanted.items()}
    if lock and sum(map(len, wanted.values())) > _MANY_LOADED:
        return [await connection.fetch(POSTGRESQL[row].load, *keys) for row, keys in arrays.items()]
    all_arrays = [array for keys in arrays.values() for array in keys]
    found = await connection.fetchrow(loads(tuple(wanted), lock=lock), *all_arrays)
    assert found is not None
    return tuple(found)


# ── storing ──


async def _update(
    connection: Borrowed,
    table: Table,
    rows: Iterable[Any],
    loaded: _Loaded,
) -> None:
    rows = sorted(rows, key=_KEY_OF[table.row])
    columns = list(zip(*map(loaded.shapes[table.row].write_changes, rows), strict=True))
    if table.row in COMPARED:
        columns.append(tuple(loaded.versions[table.row, table.key_of(row)] for row in rows))
    status = await connection.execute(POSTGRESQL[table.row].update, *columns)
    if status != f"UPDATE {len(rows)}":
        raise Taken(f"{table.name}: {status} of {len(rows)}; another has changed the rest")


async def _insert(connection: Borrowed, table: Table, rows: Iterable[Any], shapes: Shapes) -> None:
    if not table.in_order:
        # Two batches that insert the same keys must not wait for each other in a circle.
        rows = sorted(rows, key=_KEY_OF[table.row])
    shape = shapes[table.row]
    records = [shape.write(row) for row in rows]
    if len(records) > _MANY_STORED:
        await connection.copy_records_to_table(table.name, columns=shape.names, records=records)
    else:
        await connection.execute(POSTGRESQL[table.row].insert, *zip(*records, strict=True))


async def _commit(connection: Borrowed) -> None:
    """Commit; where the connection breaks meanwhile, nobody knows the outcome until they look."""
    status = await connection.execute("COMMIT")
    if status != "COMMIT":
        raise StorageDown(f"COMMIT was answered with {status}")


_KEY_OF: dict[type[Any], Callable[[Any], Any]] = {
    table.row: attrgetter(*table.key) for table in TABLES
}
"""As `Table.key_of`, to sort many by; a key of one column comes without its tuple."""
