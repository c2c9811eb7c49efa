"""What every storage promises the engine, whichever database is behind it."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.engine.engine import Taken
from avtale.engine.rows import TABLE_OF
from avtale.engine.world import Needs, NotLoaded, World
from avtale.payers import Payer
from avtale.record import RecordedBatch
from avtale.sales_units import SalesUnit
from avtale.storage.columns import SHAPES
from avtale.storage.statements import numbered, queries
from avtale.storage.storage import Storage
from avtale.webhooks.catalogue import Event
from tests.storage.handling import (
    MISTAKES,
    add,
    around,
    change,
    connected,
    needs_of,
    opened,
    seen,
    uncommitted,
)
from tests.storage.samples import (
    ALWAYS_SET,
    AMOUNT,
    MONDAY,
    MSN,
    agreement,
    agreement_entry,
    before_and_after,
    charge,
    charge_entry,
    payer,
    relatives,
    shop,
    stored_answer,
    unit,
)

each_example = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────


@each_example
@given(null=relatives(filled=False), filled=relatives(filled=True))
async def test_every_row_comes_back_as_it_was_written(
    storage: Storage, null: list[Any], filled: list[Any]
) -> None:
    await add(storage, *null, *filled)
    assert await seen(storage, *null) == null
    assert await seen(storage, *filled) == filled


@settings(max_examples=1)
@given(null=relatives(filled=False), filled=relatives(filled=True))
def test_the_rows_of_these_tests_leave_no_nullable_column_out(
    null: list[Any], filled: list[Any]
) -> None:
    for without, having in zip(null, filled, strict=True):
        for column in SHAPES[type(without)].columns:
            if column.nullable and (type(without), column.name) not in ALWAYS_SET:
                assert getattr(without, column.name) is None, column.name
                assert getattr(having, column.name) is not None, column.name


async def test_many_rows_of_a_kind_come_back_from_one_batch(storage: Storage) -> None:
    await add(storage, *shop())
    many = [charge(f"chr-{n}", description=f"Måned {n} ⚽\t\\N\n{n}") for n in range(300)]
    await add(storage, *many)
    assert await seen(storage, *many) == many
    shown = [replace(one, status="DUE", wake_at=MONDAY) for one in many]
    await change(storage, *shown)
    assert await seen(storage, *shown) == shown


@each_example
@given(pairs=before_and_after())
async def test_a_change_touches_only_what_may_change(
    storage: Storage, pairs: list[tuple[Any, Any]]
) -> None:
    await add(storage, *(before for before, _ in pairs))
    await change(storage, *(after for _, after in pairs))
    expected = []
    for before, after in pairs:
        table = TABLE_OF[type(before)]
        fixed = before.__struct_fields__ if table.append_only else table.fixed
        expected.append(replace(after, **{name: getattr(before, name) for name in fixed}))
    assert await seen(storage, *(before for before, _ in pairs)) == expected


async def test_what_is_appended_is_never_changed(storage: Storage) -> None:
    await add(storage, *shop())
    await change(storage, agreement_entry(event="STOP"), charge_entry(amount=1))
    entries = [agreement_entry(), charge_entry()]
    assert await seen(storage, *entries) == entries


async def test_events_keep_the_order_in_which_they_happened(
    storage: Storage, database_url: str
) -> None:
    ids = [f"event-{n % 7}-{n}" for n in range(40)]
    events = [
        Event(
            merchant_serial_number=MSN,
            event_id=event_id,
            event_type="recurring.charge-captured.v1",
            agreement_id="agr_PremierL",
            charge_id="chr-January",
            subject="chr-January",
            sequence=sequence,
            occurred=MONDAY,
            body="{}",
        )
        for sequence, event_id in zip(range(len(ids), 0, -1), ids, strict=True)
    ]
    await add(storage, unit())
    await add(storage, *events[:10])
    await add(storage, *events[10:])
    found = await around(database_url, "SELECT event_id FROM events ORDER BY position")
    assert [event_id for (event_id,) in found] == ids


async def test_text_is_ordered_by_its_bytes(storage: Storage, database_url: str) -> None:
    names = ["Zebra", "aker", "Øl", "agr_Z", "agr_a", "ål", "Å", "10", "9"]
    await add(storage, *(payer(name) for name in names))
    found = await around(database_url, "SELECT phone_number FROM payers ORDER BY phone_number")
    assert [name for (name,) in found] == sorted(names)


# ── All or nothing ───────────────────────────────────────────────────────────────────────────────


async def test_a_world_that_is_not_changed_writes_nothing(storage: Storage) -> None:
    await add(storage, *shop())

    def decide(world: World) -> None:
        mark = world.mark()
        world.put(unit(name="Rugby on Screen"))
        world.put(payer("4799999999"))
        world.undo_to(mark)

    await storage.transact(needs_of(unit()), decide)
    await storage.transact(needs_of(unit()), lambda world: None)
    assert await seen(storage, unit(), payer("4799999999")) == [unit(), None]


async def test_a_batch_that_breaks_off_leaves_nothing(storage: Storage) -> None:
    await add(storage, unit())

    def decide(world: World) -> None:
        world.put(payer())
        world.put(unit(name="Rugby on Screen"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.transact(needs_of(unit(), payer()), decide)
    assert await seen(storage, unit(), payer()) == [unit(), None]
    await add(storage, payer())
    assert await seen(storage, payer()) == [payer()]


@pytest.mark.parametrize("count", [1, 100])
async def test_a_key_that_is_taken_leaves_nothing(storage: Storage, count: int) -> None:
    await add(storage, *shop(), charge("chr-7", description="first"))
    many = [charge(f"chr-{n}", description="second") for n in range(7, 7 + count)]
    with pytest.raises(Taken):
        await add(storage, payer("4799999999"), *many, stored_answer())
    assert await seen(storage, payer("4799999999"), stored_answer()) == [None, None]
    found = await seen(storage, *many)
    assert found == [charge("chr-7", description="first"), *[None] * (count - 1)]
    await add(storage, stored_answer())


async def test_a_number_too_big_for_any_column_is_a_mistake_and_leaves_nothing(
    storage: Storage,
) -> None:
    await add(storage, unit())
    with pytest.raises((OverflowError, asyncpg.DataError)):
        await add(storage, payer(), payer("4799999999", balance=2**63))
    assert await seen(storage, payer()) == [None]


async def test_a_batch_that_is_given_up_leaves_nothing(storage: Storage) -> None:
    """Reliability 2A-9: whoever waits may go away at any moment."""
    await add(storage, unit())
    for turns in range(12):
        task = asyncio.create_task(add(storage, payer(f"47{turns:08}"), payer(f"46{turns:08}")))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        one, other = await seen(storage, payer(f"47{turns:08}"), payer(f"46{turns:08}"))
        assert (one is None) == (other is None)
    await add(storage, payer())
    assert await seen(storage, payer()) == [payer()]


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_not_asked_for_is_not_in_the_world(storage: Storage) -> None:
    await add(storage, *shop())
    world = await storage.look(needs_of(agreement()))
    assert world.get(Agreement, MSN, "agr_PremierL") == agreement()
    with pytest.raises(NotLoaded):
        world.find(SalesUnit, MSN)


OPEN = [
    charge("chr-2", created=MONDAY + timedelta(days=2)),
    charge("chr-3", created=MONDAY + timedelta(days=3), status="DUE"),
    charge("chr-1", created=MONDAY + timedelta(days=4), status="RESERVED", reserved=AMOUNT),
]
OVER = [
    charge("chr-4", status="FAILED"),
    charge("chr-5", status="CHARGED", reserved=AMOUNT, captured=AMOUNT),
]


async def test_open_charges_are_those_that_are_not_over_oldest_first(storage: Storage) -> None:
    other = agreement("agr_Rugby01")
    theirs = charge("chr-6", agreement_id="agr_Rugby01")
    await add(storage, unit(), agreement(), other, *OPEN, *OVER, theirs)
    needs = needs_of(OVER[0], OPEN[2]).open_charges(MSN, "agr_PremierL")
    found: list[list[Charge]] = []
    await storage.transact(
        needs, lambda world: found.append(world.open_charges(MSN, "agr_PremierL"))
    )
    world = await storage.look(needs)
    assert found == [OPEN]
    assert world.open_charges(MSN, "agr_PremierL") == OPEN
    assert world.get(Charge, MSN, "chr-4") == OVER[0]
    with pytest.raises(NotLoaded):
        world.find(Agreement, MSN, "agr_PremierL")
    with pytest.raises(NotLoaded):
        world.open_charges(MSN, "agr_Rugby01")


async def test_the_open_charges_of_no_agreement_are_none(storage: Storage) -> None:
    world = await storage.look(Needs().open_charges(MSN, "agr_nowhere"))
    assert world.open_charges(MSN, "agr_nowhere") == []


async def test_a_look_sees_only_what_is_committed(storage: Storage, database_url: str) -> None:
    await add(storage, *shop())
    async with uncommitted(database_url, "UPDATE sales_units SET name = 'Rugby on Screen'"):
        assert await seen(storage, unit()) == [unit()]
    assert await seen(storage, unit()) == [unit(name="Rugby on Screen")]


@pytest.mark.parametrize("with_open_charges", [False, True])
async def test_a_look_is_one_moment(
    storage: Storage, database_url: str, with_open_charges: bool
) -> None:
    await add(storage, *shop())
    needs = needs_of(unit(), payer(), charge())
    if with_open_charges:
        needs.open_charges(MSN, "agr_PremierL")

    async def write() -> None:
        async with opened(database_url) as another:
            for n in range(60):
                name = f"Match {n}"
                await change(another, unit(name=name), payer(email=name), charge(chain=name))

    writing = asyncio.create_task(write())
    moments = set()
    while not writing.done():
        world = await storage.look(needs)
        names = world.unit(MSN).name, world.get(Payer, payer().phone_number).profile.email
        moments.add((*names, world.get(Charge, MSN, "chr-January").chain))
        await asyncio.sleep(0)
    await writing
    moments.discard((unit().name, payer().profile.email, charge().chain))
    assert moments
    assert {len({*names}) for names in moments} == {1}


# ── Named queries ────────────────────────────────────────────────────────────────────────────────


async def test_a_query_takes_its_parameters_by_name(storage: Storage) -> None:
    assert await storage.select("installation_value", name="motto") == []
    await storage.execute(
        [
            ("set_installation_value", {"name": "motto", "value": "Målet er 'alt' :value"}),
            ("set_installation_value", {"value": "second", "name": "other"}),
        ]
    )
    found = await storage.select("installation_value", name="motto")
    assert found == [("Målet er 'alt' :value",)]
    assert type(found[0]) is tuple


async def test_a_query_answers_with_rows(storage: Storage) -> None:
    await add(storage, *shop())
    assert await storage.rows(Charge, "charge_by_id", msn=MSN, charge_id="chr-January") == [
        charge()
    ]
    assert await storage.rows(Charge, "charge_by_id", msn=MSN, charge_id="chr-nowhere") == []


async def test_statements_are_executed_all_or_none(storage: Storage) -> None:
    good = ("set_installation_value", {"name": "motto", "value": "one for all"})
    with pytest.raises(KeyError):
        await storage.execute([good, ("no_such_query", {})])
    with pytest.raises(MISTAKES):
        await storage.execute([good, ("set_installation_value", {"name": "other", "value": None})])
    assert await storage.select("installation_value", name="motto") == []
    await storage.execute([good])
    assert await storage.select("installation_value", name="motto") == [("one for all",)]


async def test_every_query_is_understood(storage: Storage, database_url: str) -> None:
    refused = {}
    other = {"sqlite": "postgresql_", "postgresql": "sqlite_"}[storage.dialect]
    for query in queries():
        if query.startswith(other):
            continue
        try:
            if storage.dialect == "sqlite":
                with sqlite3.connect(database_url) as connection:
                    names = dict.fromkeys(numbered(query)[1])
                    connection.execute(f"EXPLAIN {queries()[query]}", names)
                connection.close()
            else:
                async with connected(database_url) as server:
                    await server.prepare(numbered(query)[0])
        except (sqlite3.Error, asyncpg.PostgresError) as error:
            refused[query] = str(error)
    assert refused == {}


# ── Beside the engine ────────────────────────────────────────────────────────────────────────────


async def test_rows_beside_the_engine_are_written_all_or_none(storage: Storage) -> None:
    def batch(offset_ms: int | None) -> RecordedBatch:
        return RecordedBatch(f"batch {offset_ms}", MSN, MONDAY, None, offset_ms, "[]")  # type: ignore[arg-type]

    async def written() -> list[RecordedBatch]:
        return await storage.rows(RecordedBatch, "batches_of_unit", msn=MSN, before=2**62, most=10)

    await storage.append(RecordedBatch, [])
    await storage.append(RecordedBatch, [batch(1), batch(2)])
    with pytest.raises((*MISTAKES, Taken)):
        await storage.append(RecordedBatch, [batch(3), batch(None)])
    assert await written() == [batch(2), batch(1)]
    await storage.append(RecordedBatch, [batch(4)])
    assert len(await written()) == 3
