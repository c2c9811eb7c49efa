"""What waits for one receiver costs the others nothing: it is not even read when something else is looked for."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import asyncpg
import pytest

from avtale.storage.statements import numbered, queries
from tests.support import installation

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
