"""PostgreSQL alone: locks without queues, and plans that stay right."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from msgspec.structs import replace

from avtale.engine.engine import StorageDown, Taken
from avtale.engine.rows import TABLES
from avtale.engine.world import Needs, World
from avtale.storage import connections
from avtale.storage.columns import SHAPES
from avtale.storage.postgresql import PostgreSQLStorage
from avtale.storage.statements import COMPARED, POSTGRESQL, loads
from tests.storage.handling import (
    ROOT,
    add,
    around,
    change,
    connected,
    meanwhile,
    needs_of,
    seen,
    uncommitted,
)
from tests.storage.samples import AMOUNT, MSN, agreement, charge, payer, shop, unit


@pytest.fixture
def url(postgresql_database: str) -> str:
    return postgresql_database


@pytest.fixture
def storage(postgresql: PostgreSQLStorage) -> PostgreSQLStorage:
    return postgresql


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
