"""The schema: it grows by migrations, mirrors the rows, and refuses what the rules forbid."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from avtale.charges.charge import Charge
from avtale.clients import Grant
from avtale.engine.engine import StorageDown, Taken
from avtale.engine.rows import TABLES, BulkItem
from avtale.storage import migrations, postgresql, sqlite
from avtale.storage.columns import SHAPES
from avtale.storage.migrations import Migration
from avtale.storage.storage import Storage
from tests.storage.handling import MISTAKES, ROOT, add, around, change, opened, seen, storage_at
from tests.storage.samples import (
    ALWAYS_SET,
    AMOUNT,
    MONDAY,
    MSN,
    agreement,
    agreement_entry,
    charge,
    charge_entry,
    payment,
    shop,
    stored_answer,
    unit,
)

# ── Migrations ───────────────────────────────────────────────────────────────────────────────────


async def applied(storage: Storage) -> list[tuple[Any, ...]]:
    return await storage.select("migrations_applied")


async def test_a_new_database_has_every_migration_in_order(storage: Storage) -> None:
    assert await applied(storage) == [(m.number, m.name) for m in migrations.migrations()]


async def test_opening_again_migrates_nothing_and_keeps_everything(
    storage: Storage, database_url: str
) -> None:
    await add(storage, *shop())
    async with opened(database_url) as again:
        assert await applied(again) == await applied(storage)
        assert await seen(again, *shop()) == shop()


async def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from tests.storage.handling import opened\n"
        "async def main():\n"
        "    async with opened(sys.argv[1]): pass\n"
        "asyncio.run(main())"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, database_url, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        _, complaints = await process.communicate()
        assert complaints == b""
        assert process.returncode == 0
    async with opened(database_url) as storage:
        assert len(await applied(storage)) == len(migrations.migrations())


async def test_a_migration_that_fails_half_way_leaves_nothing_and_can_be_tried_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations.migrations()
    whole = "CREATE TABLE later (name TEXT NOT NULL);\n"
    broken = Migration(len(known) + 1, "later", whole * 2)

    def ship(migration: Migration) -> None:
        for module in (sqlite, postgresql):
            monkeypatch.setattr(module, "migrations", lambda: [*known, migration])

    ship(broken)
    with pytest.raises(StorageDown, match="later"):
        await storage_at(database_url).open()
    ship(broken._replace(text=whole))
    async with opened(database_url) as storage:
        assert (await applied(storage))[-1] == (len(known) + 1, "later")
        assert await around(database_url, "SELECT name FROM later") == []


async def test_a_database_of_a_newer_avtale_is_not_opened(database_url: str) -> None:
    async with opened(database_url):
        pass
    await around(database_url, "INSERT INTO migrations (number, name) VALUES (999, 'tomorrow')")
    with pytest.raises(StorageDown, match="newer avtale; update avtale to open it"):
        await storage_at(database_url).open()


# ── Columns ──────────────────────────────────────────────────────────────────────────────────────


async def columns_of(url: str, table: str) -> dict[str, tuple[str, bool]]:
    """Name, type, and whether null is allowed, of each column that the database has."""
    if not url.startswith("postgresql:"):
        found = await around(url, 'SELECT name, type, "notnull" FROM pragma_table_info(?)', table)
        return {name: (kind, not notnull) for name, kind, notnull in found}
    types = {"bigint": "INTEGER", "text": "TEXT"}
    found = await around(
        url,
        "SELECT column_name::text, data_type::text, is_nullable = 'YES'"
        " FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ?",
        table,
    )
    return {name: (types[kind], nullable) for name, kind, nullable in found}


async def test_the_schema_is_what_the_rows_say(storage: Storage, database_url: str) -> None:
    for table in TABLES:
        declared = {
            column.name: (
                column.sql_type,
                column.nullable and (table.row, column.name) not in ALWAYS_SET,
            )
            for column in SHAPES[table.row].columns
        }
        found = await columns_of(database_url, table.name)
        if table.name == "events":
            # The order in which events are sent; the database hands it out.
            assert found.pop("position")[0] == "INTEGER"
        assert found == declared, table.name


async def test_a_value_of_another_type_is_refused(storage: Storage, database_url: str) -> None:
    await add(storage, *shop())
    with pytest.raises((sqlite3.IntegrityError, asyncpg.DataError, TypeError)):
        await around(database_url, "UPDATE charges SET amount = ?", "four hundred")


# ── Money ────────────────────────────────────────────────────────────────────────────────────────

SOUND: dict[str, dict[str, Any]] = {
    "PENDING": {},
    "DUE": {},
    "PROCESSING": {"open_payment": "payment-1"},
    "FAILED": {"failure_reason": "user_action_required"},
    "RESERVED": {"reserved": AMOUNT},
    "PARTIALLY_CAPTURED": {"reserved": AMOUNT, "captured": 100_00},
    "CHARGED": {"reserved": AMOUNT, "captured": AMOUNT},
    "PARTIALLY_REFUNDED": {"reserved": AMOUNT, "captured": AMOUNT, "refunded": 100_00},
    "REFUNDED": {"reserved": AMOUNT, "captured": AMOUNT, "refunded": AMOUNT},
    "CANCELLED": {"cancelled": AMOUNT},
}
"""A charge in every status, as it may be."""

ALSO_SOUND: list[tuple[str, dict[str, Any]]] = [
    ("PARTIALLY_CAPTURED", {"refunded": 100_00}),
    ("CHARGED", {"captured": 100_00, "cancelled": AMOUNT - 100_00}),
    ("PARTIALLY_REFUNDED", {"captured": 200_00, "cancelled": AMOUNT - 200_00}),
    ("REFUNDED", {"captured": 100_00, "refunded": 100_00, "cancelled": AMOUNT - 100_00}),
    ("CANCELLED", {"reserved": AMOUNT}),
    ("CHARGED", {"transaction_type": "DIRECT_CAPTURE"}),
    ("PENDING", {"amount": 2**31 - 1, "ceiling": None}),
    ("PENDING", {"ceiling": AMOUNT}),
]

UNSOUND: list[tuple[str, dict[str, Any]]] = [
    # M-1: whole minor units of a known currency that fit 32 bits
    ("PENDING", {"amount": -1}),
    ("PENDING", {"amount": 2**31, "ceiling": None}),
    ("PENDING", {"currency": "SEK"}),
    # M-2: nothing is captured that was not reserved, nor refunded that was not captured
    ("RESERVED", {"reserved": AMOUNT - 1}),
    ("CHARGED", {"reserved": 0}),
    ("PARTIALLY_CAPTURED", {"reserved": 0}),
    ("PARTIALLY_CAPTURED", {"refunded": 100_01}),
    ("PARTIALLY_CAPTURED", {"refunded": -1}),
    ("CHARGED", {"captured": AMOUNT + 1}),
    ("CHARGED", {"captured": AMOUNT, "cancelled": 1}),
    ("REFUNDED", {"refunded": AMOUNT + 1}),
    ("RESERVED", {"cancelled": -1}),
    ("RESERVED", {"captured": -1}),
    # M-5: a direct capture takes all or nothing
    ("PARTIALLY_CAPTURED", {"transaction_type": "DIRECT_CAPTURE"}),
    # M-6: the status says what the sums say
    ("PENDING", {"reserved": AMOUNT}),
    ("PENDING", {"cancelled": AMOUNT}),
    ("DUE", {"reserved": AMOUNT}),
    ("DUE", {"cancelled": AMOUNT}),
    ("PROCESSING", {"open_payment": None}),
    ("PROCESSING", {"reserved": AMOUNT}),
    ("PROCESSING", {"cancelled": AMOUNT}),
    ("FAILED", {"reserved": AMOUNT}),
    ("FAILED", {"cancelled": AMOUNT}),
    ("RESERVED", {"reserved": 0}),
    ("RESERVED", {"captured": 1}),
    ("RESERVED", {"cancelled": 1}),
    ("PARTIALLY_CAPTURED", {"captured": 0}),
    ("PARTIALLY_CAPTURED", {"captured": AMOUNT}),
    ("PARTIALLY_CAPTURED", {"cancelled": 1}),
    ("CHARGED", {"captured": AMOUNT - 1}),
    ("CHARGED", {"captured": 0, "cancelled": AMOUNT}),
    ("CHARGED", {"refunded": 1}),
    ("PARTIALLY_REFUNDED", {"refunded": 0}),
    ("PARTIALLY_REFUNDED", {"refunded": AMOUNT}),
    ("PARTIALLY_REFUNDED", {"captured": AMOUNT - 1}),
    ("REFUNDED", {"refunded": AMOUNT - 1}),
    ("REFUNDED", {"captured": 0, "refunded": 0, "cancelled": AMOUNT}),
    ("REFUNDED", {"captured": AMOUNT - 1, "refunded": AMOUNT - 1}),
    ("CANCELLED", {"cancelled": AMOUNT - 1}),
    ("CANCELLED", {"reserved": AMOUNT, "captured": 1, "cancelled": AMOUNT - 1}),
    ("PAID", {}),
    # M-7: within what the agreement's pricing let through
    ("PENDING", {"ceiling": AMOUNT - 1}),
    # and a charge has a first line of history, and a window that does not end before it begins
    ("PENDING", {"history_length": 0}),
    ("PENDING", {"retry_days": -1}),
]


def charge_that_is(status: str, differences: dict[str, Any], number: int) -> Charge:
    sums = SOUND.get(status, {}) | {"status": status} | differences
    return charge(f"chr-{number}", **sums)


async def test_sound_charges_are_stored(storage: Storage) -> None:
    cases = [*((status, {}) for status in SOUND), *ALSO_SOUND]
    sound = [charge_that_is(*case, n) for n, case in enumerate(cases)]
    await add(storage, unit(), agreement(), *sound)
    assert await seen(storage, *sound) == sound


async def is_refused(storage: Storage, row: Any) -> bool:
    try:
        await add(storage, row)
    except MISTAKES:
        return True
    return False


async def test_a_charge_that_breaks_a_money_rule_is_refused(storage: Storage) -> None:
    await add(storage, unit(), agreement())
    charges = [charge_that_is(*case, n) for n, case in enumerate(UNSOUND)]
    refused = [await is_refused(storage, unsound) for unsound in charges]
    stored = [case for case, no in zip(UNSOUND, refused, strict=True) if not no]
    assert stored == []
    assert await seen(storage, *charges) == [None] * len(charges)


async def test_a_change_that_breaks_a_money_rule_is_refused(storage: Storage) -> None:
    await add(storage, *shop())
    overdrawn = charge(status="CHARGED", reserved=AMOUNT, captured=AMOUNT, refunded=1)
    with pytest.raises(MISTAKES):
        await change(storage, overdrawn)
    assert await seen(storage, overdrawn) == [charge()]


async def test_a_payment_that_makes_no_sense_is_refused(storage: Storage) -> None:
    nonsense: list[dict[str, Any]] = [
        {"status": "OK"},
        {"status": "OK", "settled": MONDAY},
        {"settled": MONDAY},
        {"transaction_id": "1234567890"},
        {"amount": 0},
        {"amount": 2**31},
        {"kind": "GIFT"},
    ]
    await add(storage, *shop())
    stored = [case for case in nonsense if not await is_refused(storage, payment(**case))]
    assert stored == []
    assert await seen(storage, payment()) == [None]


async def test_a_charge_has_one_open_payment_at_most(storage: Storage) -> None:
    await add(storage, *shop(), payment(1))
    with pytest.raises(Taken):
        await add(storage, payment(2))
    with pytest.raises(Taken):
        await add(storage, payment(2, status="UNCLEAR"))
    assert await seen(storage, payment(2)) == [None]


async def test_the_next_payment_may_begin_in_the_batch_that_settles_the_last(
    storage: Storage,
) -> None:
    await add(storage, *shop(), payment(1))
    settled = payment(1, status="DECLINED", settled=MONDAY, reason="insufficient_funds")
    await change(storage, settled, payment(2))
    assert await seen(storage, settled, payment(2)) == [settled, payment(2)]


# ── Relations ────────────────────────────────────────────────────────────────────────────────────

ORPHANS = [
    agreement(merchant_serial_number="999999"),
    agreement_entry(agreement_id="agr_nowhere"),
    charge("chr-orphan", agreement_id="agr_nowhere"),
    charge_entry(charge_id="chr-nowhere"),
    payment(charge_id="chr-nowhere"),
    stored_answer(merchant_serial_number="999999"),
    Grant("nobody", MSN, MONDAY),
    BulkItem(MSN, "batch-1", 0, "agr_nowhere", "order-1", "key-1", "{}", MONDAY),
]


async def test_a_row_without_its_parent_is_refused(storage: Storage) -> None:
    """As if it had been taken: the unit may be erased at this moment, and a second look tells."""
    await add(storage, *shop())
    for orphan in ORPHANS:
        with pytest.raises(Taken):
            await add(storage, orphan)
    assert await seen(storage, *ORPHANS) == [None] * len(ORPHANS)


async def test_a_charge_of_another_shop_s_agreement_is_refused(storage: Storage) -> None:
    """Reliability T-1: a child belongs to the sales unit of its parent."""
    await add(storage, *shop(), unit("654321"))
    with pytest.raises(Taken):
        await add(storage, charge(merchant_serial_number="654321"))


# ── What stands ──────────────────────────────────────────────────────────────────────────────────


async def test_history_is_neither_changed_nor_deleted(storage: Storage, database_url: str) -> None:
    await add(storage, *shop())
    for table in ("charge_history", "agreement_history"):
        with pytest.raises(MISTAKES, match="history is never changed"):
            await around(database_url, f"UPDATE {table} SET idempotency_key = 'another'")
        with pytest.raises(MISTAKES, match="history is kept"):
            await around(database_url, f"DELETE FROM {table}")
    assert await seen(storage, *shop()) == shop()


@pytest.mark.parametrize("table", ["charge_history", "agreement_history"])
async def test_history_goes_with_the_sales_unit_that_is_erased(
    storage: Storage, database_url: str, table: str
) -> None:
    await add(storage, *shop())
    await around(database_url, "INSERT INTO erasing (merchant_serial_number) VALUES ('654321')")
    with pytest.raises(MISTAKES, match="history is kept"):
        await around(database_url, f"DELETE FROM {table}")
    await around(database_url, "INSERT INTO erasing (merchant_serial_number) VALUES (?)", MSN)
    with pytest.raises(MISTAKES, match="history is never changed"):
        await around(database_url, f"UPDATE {table} SET idempotency_key = 'another'")
    await around(database_url, f"DELETE FROM {table}")
    assert await around(database_url, f"SELECT count(*) FROM {table}") == [(0,)]


async def test_a_stored_answer_that_is_done_stays_as_it_is(storage: Storage) -> None:
    done = stored_answer(state="DONE", status=201, body='{"chargeId": "chr-January"}')
    await add(storage, unit(), stored_answer())
    await change(storage, done)
    for another in (replace(done, body="{}"), replace(done, status=204), stored_answer()):
        with pytest.raises(MISTAKES, match="a stored answer is never changed"):
            await change(storage, another)
    assert await seen(storage, done) == [done]


async def test_an_answer_that_decides_is_stored(storage: Storage) -> None:
    answers = [
        stored_answer(f"key-{status}", state="DONE", status=status)
        for status in (200, 201, 204, 400, 404, 409, 499)
    ]
    await add(storage, unit(), *answers)
    assert await seen(storage, *answers) == answers


async def test_an_answer_that_decides_nothing_is_never_stored(storage: Storage) -> None:
    """Reliability I-1: a server error or a limit is not the last word on a key."""
    await add(storage, unit())
    undecided = [None, 302, 408, 425, 429, 500, 503]
    answers = [stored_answer(state="DONE", status=status) for status in undecided]
    stored = [one.status for one in answers if not await is_refused(storage, one)]
    assert stored == []
    assert await seen(storage, stored_answer()) == [None]
