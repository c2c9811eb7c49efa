"""An engine over a database of its own, with commands as small as they come."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from avtale.api.problem_responses import render
from avtale.engine.command import Answer, Asked, Call, Command
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.payers import Payer, made_up_payer
from avtale.problems import Problem
from avtale.sales_units import SalesUnit
from avtale.storage.sqlite import SQLiteStorage

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
MSN = "123456"
KARI, OLA = "4791234567", "4799999999"

_context_ids = itertools.count(1)


class Counting(SQLiteStorage):
    """SQLite that counts its transactions and remembers, in `log`, when each was through."""

    def __init__(self, path: str | None = None) -> None:
        super().__init__(path)
        self.transactions = 0
        self.log: list[str] = []

    async def transact(self, needs: Needs, decide: Callable[[World], None]) -> None:
        """As SQLite does, and counted."""
        self.transactions += 1
        await super().transact(needs, decide)
        self.log.append("committed")


def different_seeds() -> Callable[[], bytes]:
    """Another seed each time."""
    seeds = (str(number).encode() for number in itertools.count())
    return lambda: next(seeds)


def these_seeds(*first: bytes) -> Callable[[], bytes]:
    """These seeds first, and then others."""
    seeds: Iterator[bytes] = itertools.chain(first, (str(n).encode() for n in itertools.count()))
    return lambda: next(seeds)


@asynccontextmanager
async def running(
    storage: Any = None,
    *,
    seed: Callable[[], bytes] | None = None,
    batch_size: int = 256,
    queue_size: int = 4096,
) -> AsyncIterator[Engine]:
    """An engine at work; the clock of the machine stands still."""
    storage = storage or SQLiteStorage(None)
    await storage.open()
    engine = Engine(
        storage,
        "test",
        clock=lambda: NOW,
        seed=seed or different_seeds(),
        render=render,
        batch_size=batch_size,
        queue_size=queue_size,
    )
    try:
        yield engine
    finally:
        await engine.drain()
        await storage.close()


async def outcomes(engine: Engine, *commands: Command[Any]) -> list[Any]:
    """How commands that wait together end: Decided, or what was raised."""
    submitted = (engine.submit(command) for command in commands)
    return await asyncio.gather(*submitted, return_exceptions=True)


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────


def of_payer(decide: Callable[[World, Call], Any], phone_number: str = KARI) -> Command[Any]:
    """A command that looks at one payer."""
    return Command("test", decide, Needs().of(Payer, (phone_number,)))


def arrives(phone_number: str = KARI) -> Command[Payer]:
    """A payer is there."""

    def decide(world: World, _call: Call) -> Payer:
        payer = made_up_payer(phone_number, "NO")
        world.put(payer)
        return payer

    return of_payer(decide, phone_number)


def earns(amount: int, phone_number: str = KARI) -> Command[int]:
    """A payer has so much more; answers with how much that is."""

    def decide(world: World, _call: Call) -> int:
        payer = world.get(Payer, phone_number)
        balance = (payer.balance or 0) + amount
        world.put(msgspec.structs.replace(payer, balance=balance))
        return balance

    return of_payer(decide, phone_number)


def looks(phone_number: str = KARI) -> Command[Payer | None]:
    """Somebody looks whether a payer is there."""
    return of_payer(lambda world, _call: world.find(Payer, phone_number), phone_number)


def opens(msn: str = MSN, at: datetime | None = None) -> Command[SalesUnit]:
    """A sales unit is there; with `at`, its clock stands still."""

    def decide(world: World, call: Call) -> SalesUnit:
        unit = SalesUnit(msn, "Nordic News", "NO", call.now)
        unit = unit if at is None else unit.frozen_at(at)
        world.put(unit)
        return unit

    return Command("test", decide, Needs().of(SalesUnit, (msn,)))


def request(
    decide: Callable[[World, Call], Any],
    *,
    key: str = "key-1",
    body: str = "{}",
    msn: str = MSN,
    method: str = "POST",
    path: str = "/x",
    variant: str = "",
    needs: Needs | None = None,
    answer: Callable[[Any], Answer] | None = None,
) -> Command[Any]:
    """A request with an idempotency key, answered with 201 and what `decide` says."""
    context_id = f"context-{next(_context_ids)}"

    def answered(result: Any) -> Answer:
        if isinstance(result, Problem):
            return render(result, path, context_id)
        return Answer(201, str(result))

    asked = Asked(method, path, key, variant, body, context_id)
    return Command("test", decide, needs or Needs(), msn, asked=asked, answer=answer or answered)
