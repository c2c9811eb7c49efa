"""The limit: a server without rules that does the same durable work, so that the rest is what avtale itself costs.

It reads what a request names (the stored answer and the agreement, or the charge and its history) and writes the same
three rows into the same tables, with the same settings, gathered into one commit as avtale does. It knows nothing else:
no framework, no token, no body is read, no rule is asked.

    python -m benchmarks.bare DATA PORT
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, Final

import asyncpg
import uvloop

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge, ChargeEntry
from avtale.engine.rows import StoredAnswer
from avtale.engine.world import Needs, World
from avtale.listening import Listener, take
from avtale.operations.sales_units import PUBLIC_UNIT
from avtale.storage.columns import SHAPES
from avtale.storage.statements import POSTGRESQL, SQLITE
from benchmarks.filling import Content, put_charge

Asked = tuple[str, str]
"""A create: the agreement's id and the idempotency key."""

Store = Callable[[Sequence[Asked]], Awaitable[None]]
Fetch = Callable[[str], Awaitable[Any]]

FEW: Final = 16
BATCH: Final = 256
CREATED: Final = b'{"chargeId":"chr-%s"}'
FETCHED: Final = (
    b'{"amount":%d,"currency":"NOK","id":"%s","status":"%s","description":"%s","due":"%s","history":[%s],'
    b'"retryDays":3,"transactionType":"DIRECT_CAPTURE","type":"RECURRING","transactionId":"%s",'
    b'"summary":{"captured":0,"refunded":0,"cancelled":0}}'
)
LINE: Final = b'{"occurred":"%d","event":"%s","amount":%d,"idempotencyKey":"%s","success":true}'

_numbers = count(1)


def _template() -> dict[type[Any], tuple[Any, ...]]:
    """The columns of a charge, its first line of history and its stored answer, as the rules make them."""
    world = World(Needs())
    put_charge(world, 0, Content(1))
    return {table.row: SHAPES[table.row].write(rows[0]) for table, rows, _ in world.changes()}


TEMPLATE: Final = _template()


def records(asked: Sequence[Asked]) -> dict[type[Any], list[tuple[Any, ...]]]:
    """The rows of a batch of creates, with names of their own."""
    made: dict[type[Any], list[tuple[Any, ...]]] = {Charge: [], ChargeEntry: [], StoredAnswer: []}
    charge, entry, answer = (TEMPLATE[row] for row in made)
    for agreement_id, key in asked:
        charge_id = f"chr-b{next(_numbers) * 2654435761 % 2**32:08x}"
        made[Charge].append((PUBLIC_UNIT, charge_id, agreement_id, *charge[3:]))
        made[ChargeEntry].append((PUBLIC_UNIT, charge_id, *entry[2:]))
        made[StoredAnswer].append((*answer[:2], agreement_id, key, *answer[4:]))
    return made


class Gathering:
    """Whatever waits goes into one transaction; whoever waits is told after the commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Asked, asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def create(self, asked: Asked) -> None:
        """Have one charge stored."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        await future

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            await self._store([asked for asked, _ in batch])
            for _, future in batch:
                future.set_result(None)
        self._worker = None


class OnSQLite:
    """As `avtale.storage.sqlite` has it: WAL, FULL, one connection that writes and one that reads."""

    def __init__(self, path: str) -> None:
        self._writer = _connection(path)
        self._reader = _connection(path)
        for pragma in ("synchronous = FULL", "wal_autocheckpoint = 4000", "foreign_keys = ON"):
            self._writer.execute(f"PRAGMA {pragma}")
        self._writer.execute("PRAGMA secure_delete = ON")
        self._committer = ThreadPoolExecutor(1)

    async def store(self, asked: Sequence[Asked]) -> None:
        """Read two rows and write three for each."""
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        for agreement_id, key in asked:
            scope = (PUBLIC_UNIT, "POST", agreement_id, key, "")
            writer.execute(SQLITE[StoredAnswer].load, scope).fetchone()
            writer.execute(SQLITE[Agreement].load, (PUBLIC_UNIT, agreement_id)).fetchone()
        for row, found in records(asked).items():
            writer.executemany(SQLITE[row].insert, found)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._committer, writer.execute, "COMMIT")

    async def fetch(self, charge_id: str) -> tuple[Any, Any]:
        """A charge and its history."""
        charge = self._reader.execute(SQLITE[Charge].load, (PUBLIC_UNIT, charge_id)).fetchone()
        lines = self._reader.execute(_HISTORY.format("?", "?"), (PUBLIC_UNIT, charge_id)).fetchall()
        return charge, lines


class OnPostgreSQL:
    """One connection that writes in sets, and some that read."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def store(self, asked: Sequence[Asked]) -> None:
        """Read two rows and write three for each, a statement for each table."""
        async with self._pool.acquire() as connection, connection.transaction():
            agreements = sorted({agreement_id for agreement_id, _ in asked})
            units = [PUBLIC_UNIT] * len(agreements)
            scopes = [(PUBLIC_UNIT, "POST", agreement, key, "") for agreement, key in asked]
            await connection.fetch(POSTGRESQL[StoredAnswer].load, *zip(*scopes, strict=True))
            await connection.fetch(POSTGRESQL[Agreement].load, units, agreements)
            for row, found in records(asked).items():
                shape = SHAPES[row]
                if len(found) > FEW:
                    await connection.copy_records_to_table(
                        shape.table.name, columns=shape.names, records=found
                    )
                else:
                    await connection.execute(POSTGRESQL[row].insert, *zip(*found, strict=True))

    async def fetch(self, charge_id: str) -> tuple[Any, Any]:
        """A charge and its history."""
        async with self._pool.acquire() as connection:
            charge = await connection.fetchrow(_CHARGE, PUBLIC_UNIT, charge_id)
            lines = await connection.fetch(_HISTORY.format("$1", "$2"), PUBLIC_UNIT, charge_id)
        return charge, lines


_CHARGE: Final = SQLITE[Charge].load.replace("?", "$1", 1).replace("?", "$2", 1)
_HISTORY: Final = (
    f"SELECT {', '.join(SHAPES[ChargeEntry].names)} FROM charge_history"
    " WHERE merchant_serial_number = {} AND charge_id = {} ORDER BY sequence"
)


def application(create: Callable[[Asked], Awaitable[None]], fetch: Fetch) -> Any:
    """The least that answers a create and a fetch over ASGI."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        parts = scope["path"].split("/")
        if scope["method"] == "POST":
            await receive()
            key = next(value for name, value in scope["headers"] if name == b"idempotency-key")
            await create((parts[4], key.decode()))
            status, body = 201, CREATED % key
        else:
            charge, lines = await fetch(parts[6])
            status, body = (200, _shown(charge, lines)) if charge else (404, b"{}")
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _shown(charge: Sequence[Any], lines: Sequence[Sequence[Any]]) -> bytes:
    history = b",".join(
        LINE % (line[3], line[4].encode(), line[5], line[6].encode()) for line in lines
    )
    texts = [str(charge[i]).encode() for i in (1, 15, 9, 11)]
    return FETCHED % (charge[7], *texts, history, str(charge[17]).encode())


def _connection(path: str) -> sqlite3.Connection:
    return sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256
    )


async def _keep(_connection: Any) -> None:
    """Nothing needs resetting between two loans."""


async def serve(data: str, port: int) -> None:
    """Listen until stopped."""
    if data.startswith("postgresql://"):
        pool = await asyncpg.create_pool(data, min_size=1, max_size=8, reset=_keep)
        database: OnPostgreSQL | OnSQLite = OnPostgreSQL(pool)
    else:
        database = OnSQLite(data)
    app = application(Gathering(database.store).create, database.fetch)
    listener = Listener(app, take("127.0.0.1", port))
    listener.start()
    await listener.ended()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
