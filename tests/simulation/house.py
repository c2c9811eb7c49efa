"""The real thing, without HTTP: a sales unit, its database, and a process that can die at any ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from avtale.api.problem_responses import render
from avtale.charges.payments import Payment
from avtale.engine.command import Answer, Asked, Call, Command, Decided
from avtale.engine.engine import Engine, StorageDown
from avtale.engine.world import Needs, World
from avtale.gateways.gateway import Ask, GatewayAnswer
from avtale.gateways.simulated import SimulatedGateway
from avtale.payers import Payer
from avtale.problems import Problem
from avtale.processing.clocks import Clocks
from avtale.processing.runs import Runs
from avtale.processing.settlement import Settlement, record_command
from avtale.sales_units import Features, SalesUnit
from tests.simulation.books import Books

Result = TypeVar("Result")
Decide = Callable[[World, Call], Any]
Told = list[tuple[Payment, GatewayAnswer]]

MSN = "123456"
PATIENCE = timedelta(seconds=61)
"""Real time after which every lease is over."""


class Dead(BaseException):
    """The process is gone, in the middle of whatever it was doing."""


class Lifeline:
    """One process's way to the database; cut when the process dies."""

    def __init__(self, books: Books) -> None:
        self._storage = books
        self.is_alive = True
        self.dies_at_commit = False
        """Whether the process dies right after the next commit, before it can tell anybody."""

    async def transact(self, needs: Needs, decide: Callable[[World], None]) -> None:
        """A transaction, unless the process is dead."""
        if not self.is_alive:
            raise StorageDown("the process is dead")
        worlds: list[World] = []

        def decide_and_keep(world: World) -> None:
            decide(world)
            worlds.append(world)

        await self._storage.transact(needs, decide_and_keep)
        if self.dies_at_commit and worlds[-1].is_changed:
            self.is_alive = False
            raise StorageDown("the process died")


class FaultyGateway:
    """The simulated gateway behind a connection that fails, in a process that dies."""

    def __init__(self, engine: Engine, lifeline: Lifeline) -> None:
        self._gateway = SimulatedGateway(engine)
        self._lifeline = lifeline
        self.faults: list[str] = []
        """What the next asks meet: fail or die, before or after the gateway acts."""
        self.asked: list[list[str]] = []
        """Which charges were asked for, batch by batch."""
        self.told: list[GatewayAnswer] = []
        """What was answered, whether or not anybody heard it."""

    async def ask(self, asks: Sequence[Ask]) -> list[GatewayAnswer]:
        """As the simulated gateway answers, where nothing comes between."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "die before":
            self._die()
        self.asked.append([ask.charge_id for ask in asks])
        if fault == "fail before":
            raise ConnectionError("the gateway cannot be reached")
        self.told = await self._gateway.ask(asks)
        if fault == "die after":
            self._die()
        if fault == "fail after":
            raise ConnectionError("the connection broke before the answer came")
        return self.told

    def _die(self) -> NoReturn:
        self._lifeline.is_alive = False
        raise Dead


class House:
    """One sales unit in Norway whose clock stands still, and the process that serves it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        books: Books,
        now: datetime,
        payers: Sequence[Payer],
    ) -> None:
        self._loop = loop
        self.real_now = now
        self._seeds = 0
        self.books = books
        self.run(self.books.open())
        self.begin_process()
        unit = SalesUnit(MSN, "Nordic News", "NO", now, Features(unscheduled=True))
        self.put(unit.frozen_at(now), *payers)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """See something through to its end."""
        return self._loop.run_until_complete(work)

    def begin_process(self) -> None:
        """A process that knows nothing but what is in the database."""
        self.lifeline = Lifeline(self.books)
        self.engine = Engine(
            self.lifeline,
            "test",
            clock=lambda: self.real_now,
            seed=self._seed,
            render=render,
        )
        self.gateway = FaultyGateway(self.engine, self.lifeline)
        self.settlement = Settlement(self.engine, self.gateway)
        self.runs = Runs(self.engine, self.books, self.settlement)
        self.clocks = Clocks(self.engine, self.runs)

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self.lifeline.is_alive

    def begin_again(self) -> None:
        """A minute later: another process, in which the clock that was being moved stands still."""
        self.begin_process()
        self.real_now += PATIENCE
        self.run(self.clocks.ready(MSN))
        self.run(self.clocks.freeze(MSN, None))

    def close(self) -> None:
        """Forget everything."""
        self.run(self.books.close())

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of any query."""
        return self.run(self.books.read(query))

    # ── changing things ──

    def put(self, *rows: Any) -> None:
        """Write rows as nobody's operation."""

        def decide(world: World, call: Call) -> None:
            for row in rows:
                world.put(row)

        self.do(decide, Needs(), None)

    def do(self, decide: Decide, needs: Needs, msn: str | None = MSN) -> Any:
        """An act that carries no key, settled."""
        decided = self.run(self.engine.submit(Command("act", decide, needs, msn)))
        result = decided.unwrap()
        if decided.begun:
            self.run(self.settlement.settle(decided.begun))
        return result

    def ask(self, command: Command[Any]) -> Decided[Any]:
        """A request, seen through to its answer as the API does it; `claimed` where there is none yet."""
        decided = self.run(self.engine.submit(command))
        if decided.begun:
            self.run(self.settlement.settle(decided.begun))
        return self.run(self.engine.submit(command)) if decided.claimed else decided

    def open_payments(self) -> Told:
        """What the gateway was last asked for, as it stands in the database, with its answers."""
        keys = [(answer.payment_key,) for answer in self.gateway.told]
        world = self.run(self.books.look(Needs().of(Payment, *keys)))
        return [
            (world.get(Payment, *key), a) for key, a in zip(keys, self.gateway.told, strict=True)
        ]

    def record(self, told: Told) -> int:
        """Answers recorded by a process that was thought dead; how many of them counted."""
        if not told:
            return 0
        decided = self.run(self.engine.submit(record_command(told)))
        counted = decided.unwrap()
        if decided.begun:
            self.run(self.settlement.settle(decided.begun))
        return counted

    def _seed(self) -> bytes:
        self._seeds += 1
        return self._seeds.to_bytes(32, "big")


def request(
    decide: Decide, needs: Needs, asked: Asked, answer: Callable[[Any], Answer]
) -> Command[Any]:
    """A request that carries a key."""

    def answer_of(result: Any) -> Answer:
        if isinstance(result, Problem):
            return render(result, asked.path, asked.context_id)
        return answer(result)

    return Command("request", decide, needs, MSN, asked=asked, answer=answer_of)
