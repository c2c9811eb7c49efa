"""How the storage tests handle a database: open it, write rows, go around it, and put engines on it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.engine.clock import real_now, seed
from avtale.engine.command import Answer, Asked, Call, Command
from avtale.engine.engine import Engine
from avtale.engine.rows import TABLE_OF
from avtale.engine.world import Needs, World
from avtale.problems import Conflict, Problem
from avtale.sales_units import SalesUnit
from avtale.storage.postgresql import PostgreSQLStorage
from avtale.storage.sqlite import SQLiteStorage
from avtale.storage.storage import Storage
from tests.storage.samples import MSN, agreement, charge

ROOT = Path(__file__).parents[2]
"""Where `tests` can be imported from."""

MISTAKES = (sqlite3.IntegrityError, asyncpg.PostgresError)
"""What the databases call it when our own code breaks a rule of theirs."""


def storage_at(url: str) -> Storage:
    """The storage for a URL, not yet open."""
    return PostgreSQLStorage(url) if url.startswith("postgresql:") else SQLiteStorage(url)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Storage]:
    """The storage for a URL, open for a while."""
    storage = storage_at(url)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


def needs_of(*rows: Any) -> Needs:
    """Needs that name these rows."""
    needs = Needs()
    for row in rows:
        needs.of(type(row), TABLE_OF[type(row)].key_of(row))
    return needs


async def add(storage: Storage, *rows: Any) -> None:
    """Write rows without looking whether they are there."""

    def decide(world: World) -> None:
        for row in rows:
            world.put(row)

    await storage.transact(Needs(), decide)


async def change(storage: Storage, *rows: Any) -> None:
    """Look at rows and then write them."""

    def decide(world: World) -> None:
        for row in rows:
            world.put(row)

    await storage.transact(needs_of(*rows), decide)


async def seen(storage: Storage, *rows: Any) -> list[Any]:
    """What the database has under the keys of these rows; None where it has nothing."""
    world = await storage.look(needs_of(*rows))
    return [world.find(type(row), *TABLE_OF[type(row)].key_of(row)) for row in rows]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection to PostgreSQL that no storage knows of."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def around(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement in a connection of its own, as nobody should."""
    if not url.startswith("postgresql:"):
        with closing(sqlite3.connect(url, isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            return connection.execute(statement, values).fetchall()
    marks = iter(range(1, len(values) + 1))
    numbered = re.sub(r"\?", lambda _: f"${next(marks)}", statement)
    async with connected(url) as server:
        return [tuple(record) for record in await server.fetch(numbered, *values)]


@asynccontextmanager
async def uncommitted(url: str, statement: str) -> AsyncIterator[None]:
    """Somebody else's change, committed at the end."""
    if not url.startswith("postgresql:"):
        with closing(sqlite3.connect(url, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement)
            yield
            connection.execute("COMMIT")
        return
    async with connected(url) as server, server.transaction():
        await server.execute(statement)
        yield


def meanwhile(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What another process does while a batch is being decided."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, around(url, statement)).result()


def engine_on(storage: Storage) -> Engine:
    """An engine of its own, as another process has one."""

    def render(problem: Problem, path: str, context_id: str) -> Answer:
        return Answer(400, f"{type(problem).__name__} {path} {context_id}")

    return Engine(storage, "test", clock=real_now, seed=seed, render=render)


def count_up(name: str = "count_up") -> Command[int]:
    """Read a number from the shop and write the next: the command that a lost update would spoil."""

    def decide(world: World, call: Call) -> int:
        offset_ms = call.unit.clock_offset_ms + 1
        world.put(
            SalesUnit(MSN, call.unit.name, "NO", call.unit.created, clock_offset_ms=offset_ms)
        )
        return offset_ms

    return Command(name, decide, Needs(), MSN)


def create_charge(idempotency_key: str, charge_id: str) -> Command[Charge]:
    """A charge under a key, refused where its order id is taken."""

    def decide(world: World, call: Call) -> Charge:
        if world.find(Charge, MSN, charge_id) is not None:
            raise Conflict("This orderId is taken.")
        world.get(Agreement, MSN, "agr_PremierL").require_active()
        made = charge(charge_id)
        world.put(made)
        return made

    def answer(outcome: Charge | Problem) -> Answer:
        if isinstance(outcome, Problem):
            return Answer(409, str(outcome))
        return Answer(201, outcome.charge_id)

    needs = needs_of(agreement(), charge(charge_id))
    return Command(
        "create_charge",
        decide,
        needs,
        MSN,
        asked=Asked("POST", "/recurring/v3/agreements", idempotency_key, "", "f" * 64, "context-1"),
        answer=answer,
    )
