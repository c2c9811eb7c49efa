"""What waits to be sent costs nobody: neither another receiver, nor a request that waits for its answer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import asyncpg
import pytest

from avtale.engine.command import Command
from avtale.engine.world import Needs
from avtale.processing import deliveries
from avtale.storage.statements import numbered, queries
from tests.receivers import receiving
from tests.support import House, installation
from tests.webhooks.registering import pass_on, register

GIVEN = {"registration_id": "webhook-1", "msn": "123456", "moment": 10, "most": 50}


async def plan(database_url: str, query: str) -> str:
    """How the database goes about a query."""
    text, names = numbered(query)
    if "://" not in database_url:
        with closing(sqlite3.connect(database_url)) as file:
            told = file.execute(
                f"EXPLAIN QUERY PLAN {queries()[query]}", {name: GIVEN[name] for name in names}
            )
            return "\n".join(line for *_, line in told)
    connection = await asyncpg.connect(database_url)
    try:
        # Tables that hold nothing yet are read as a whole, whatever there is to find a row by.
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        rows = await connection.fetch(f"EXPLAIN {text}", *(GIVEN[name] for name in names))
        return "\n".join(line for (line,) in rows)
    finally:
        await connection.close()


@pytest.mark.parametrize("query", ["receivers_with_deliveries", "deliveries_due"])
async def test_what_is_due_is_found_receiver_by_receiver(database_url: str, query: str) -> None:
    async with installation(database_url):
        told = await plan(database_url, query)
    assert "deliveries_of_registration" in told, told
    assert "deliveries_waiting" not in told, told
    assert "deliveries_of_unit" not in told, told


REQUESTS = 12


async def test_requests_that_wait_go_first(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "GIVE_WAY_SECONDS", 5.0)
    async with installation(database_url, batch_size=1) as house, receiving() as receiver:
        shop = await house.shop()
        await register(shop, receiver.url)
        for _ in range(2):
            await shop.agreed()
        decided: list[int] = []
        seen: list[int] = []
        receiver.answers = _watching(house, shop.msn, decided, seen)
        await pass_on(shop)
    # They came while the first event was on its way; all but the one being decided were before the second.
    assert seen[0] == 0
    assert seen[1] >= REQUESTS - 1


async def test_events_are_sent_even_where_requests_never_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation(database_url) as house, receiving() as receiver:
        shop = await house.shop()
        await register(shop, receiver.url)
        await shop.agreed()
        monkeypatch.setattr(type(house.parts.engine), "queued", 1)
        await pass_on(shop)
    assert receiver.types == ["agreement-activated"]


def _watching(house: House, msn: str, decided: list[int], seen: list[int]) -> Iterator[int]:
    """Answers of a receiver that has requests made when it is told something, and counts what was decided by then."""

    async def ask(number: int) -> None:
        command = Command("look", lambda world, _call: world.put(world.unit(msn)), Needs(), msn)
        await house.parts.engine.submit(command)
        decided.append(number)

    seen.append(len(decided))
    asked = [asyncio.create_task(ask(number)) for number in range(REQUESTS)]
    yield 200
    seen.append(len(decided))
    yield 200
    assert len(asked) == REQUESTS
