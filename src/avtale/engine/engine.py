"""The engine: takes the commands that are waiting, loads what they need, decides each, stores all, answers.

One batch is one transaction. Alone, a command costs one small transaction; under load, hundreds share
a commit. Nothing is answered before it is committed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from avtale.engine.command import Answer, Asked, Call, Command, Decided, InProgress
from avtale.engine.rows import StoredAnswer
from avtale.engine.world import Needs, World
from avtale.identifiers import Randomness
from avtale.logs import get_logger
from avtale.problems import IdempotencyConflict, Problem, Unavailable
from avtale.rulebook import Environment
from avtale.sales_units import SalesUnit

Result = TypeVar("Result")

log = get_logger("avtale.engine")

_GONE = "The database cannot take the work now; nothing was written."


class Taken(Exception):
    """A row that the batch inserts, or a lock it wants, was taken meanwhile: decide again."""


class StorageDown(Exception):
    """The database cannot be reached or cannot write; nothing of the transaction is there."""


class Transactions(Protocol):
    """What the engine needs of a database."""

    async def transact(self, needs: Needs, decide: Callable[[World], None]) -> None:
        """Load `needs`, let `decide` change the world, store it and commit; all or nothing.

        Raises Taken or StorageDown; then nothing was written.
        """


class Engine:
    """The pipeline; one per process."""

    def __init__(
        self,
        storage: Transactions,
        environment: Environment,
        *,
        clock: Callable[[], datetime],
        seed: Callable[[], bytes],
        render: Callable[[Problem, str, str], Answer],
        batch_size: int = 256,
        queue_size: int = 4096,
    ) -> None:
        self._storage = storage
        self._environment: Environment = environment
        self._clock = clock
        self._seed = seed
        self._render = render
        self._batch_size = batch_size
        self._queue_size = queue_size
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self.listeners: list[Callable[[Sequence[Decided[Any]]], None]] = []

    @property
    def environment(self) -> Environment:
        """Test or production."""
        return self._environment

    @property
    def queued(self) -> int:
        """How many commands wait."""
        return len(self._waiting)

    def real_now(self) -> datetime:
        """What the engine's clock says; for leases, and for those who stand outside of commands."""
        return self._clock()

    async def submit(self, command: Command[Result]) -> Decided[Result]:
        """Have a command decided; returns once it is committed.

        Raises Unavailable where the queue is full or the database is gone: then nothing was written.
        """
        if len(self._waiting) >= self._queue_size:
            raise Unavailable(
                "More requests are waiting than can be queued; try again in a moment."
            )
        waiting = _Waiting(command, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        await waiting.future
        return waiting.decided

    async def drain(self) -> None:
        """Wait until everything submitted so far is answered."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        try:
            while self._waiting:
                take = min(self._batch_size, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(take)]
                await self._run(batch)
        finally:
            self._worker = None

    async def _run(self, batch: list[_Waiting]) -> None:
        try:
            await self._attempt(batch)
        except Taken:
            if len(batch) == 1:
                await self._insist(batch[0])
            else:
                await self._run_one_by_one(batch)
            return
        except StorageDown as down:
            log.error("storage down", reason=str(down), commands=len(batch))  # noqa: TRY400 -- no fault of the code
            for waiting in batch:
                waiting.fail(Unavailable(_GONE, 2))
            return
        except Exception as unforeseen:
            log.exception("batch failed", commands=len(batch))
            if len(batch) == 1:
                batch[0].fail(unforeseen)
            else:
                # One of them is what the database does not take; the others shall not suffer for it.
                await self._run_one_by_one(batch)
            return
        for waiting in batch:
            waiting.finish()
        for listener in self.listeners:
            listener([waiting.decided for waiting in batch])

    async def _run_one_by_one(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            await self._run([waiting])

    async def _insist(self, waiting: _Waiting) -> None:
        """One command alone, a few times more: the row that was taken is there to be seen now."""
        for pause_seconds in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
            await asyncio.sleep(pause_seconds)
            try:
                await self._attempt([waiting])
            except Taken:
                continue
            except StorageDown as down:
                log.error("storage down", reason=str(down), commands=1)  # noqa: TRY400 -- no fault of the code
                waiting.fail(Unavailable(_GONE, 2))
            except Exception as unforeseen:
                log.exception("command failed", command=waiting.command.name)
                waiting.fail(unforeseen)
            else:
                waiting.finish()
                for listener in self.listeners:
                    listener([waiting.decided])
            return
        waiting.fail(Unavailable("Too many others change the same thing; try again in a moment."))

    async def _attempt(self, batch: list[_Waiting]) -> None:
        needs = Needs()
        for waiting in batch:
            waiting.reset()
            needs.join(waiting.command.needs)
        await self._storage.transact(needs, lambda world: self._decide_all(world, batch))

    def _decide_all(self, world: World, batch: list[_Waiting]) -> None:
        real_now = self._clock()
        randomness = Randomness(self._seed())
        for waiting in batch:
            self._decide(world, waiting, real_now, randomness)

    def _decide(
        self, world: World, waiting: _Waiting, real_now: datetime, randomness: Randomness
    ) -> None:
        command, decided = waiting.command, waiting.decided
        mark = world.mark()
        try:
            call = self._call(world, command, real_now, randomness)
            if command.asked is not None and _replay(world, call, command.asked, decided):
                return
            try:
                decided.result = command.decide(world, call)
            except Problem as problem:
                world.undo_to(mark)
                decided.problem = problem
            if command.asked is not None:
                _remember(world, call, command, decided)
            decided.happened = world.happened[mark[1] :]
            decided.begun = world.begun[mark[2] :]
        except Exception as unforeseen:
            world.undo_to(mark)
            waiting.error = unforeseen
            log.exception("command failed", command=command.name)

    def _call(
        self,
        world: World,
        command: Command[Any],
        real_now: datetime,
        randomness: Randomness,
    ) -> Call:
        msn, asked = command.merchant_serial_number, command.asked
        unit = world.find(SalesUnit, msn) if msn is not None else None
        if msn is not None and unit is None:
            raise Unavailable(f"The sales unit {msn} is gone.")
        return Call(
            now=unit.now(real_now) if unit is not None else real_now,
            real_now=real_now,
            environment=self._environment,
            randomness=randomness,
            sales_unit=unit,
            rulebook=unit.rulebook(self._environment) if unit is not None else None,
            idempotency_key=asked.idempotency_key if asked is not None else "",
            answers="\n".join(map(str, asked.scope(msn))) if asked is not None and msn else None,
            context_id=asked.context_id if asked is not None else None,
            render=self._render,
        )


class _Waiting:
    """A command and the future of whoever waits for it."""

    __slots__ = ("command", "decided", "error", "future")

    def __init__(self, command: Command[Any], future: asyncio.Future[None]) -> None:
        self.command = command
        self.future = future
        self.reset()

    def reset(self) -> None:
        self.decided: Decided[Any] = Decided()
        self.error: Exception | None = None

    def finish(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


def _replay(world: World, call: Call, asked: Asked, decided: Decided[Any]) -> bool:
    """Answer from what is stored under the key, where there is something."""
    stored = world.find(StoredAnswer, *asked.scope(call.merchant_serial_number))
    if stored is None:
        return False
    if stored.fingerprint != asked.fingerprint:
        decided.problem = IdempotencyConflict(
            "This Idempotency-Key was used before with another request; use a new key for a new request."
        )
    elif stored.state == "CLAIMED":
        decided.claimed = True
    else:
        assert stored.status is not None
        decided.answer = Answer(stored.status, stored.body or "")
        decided.replayed = stored.context_id != asked.context_id
    return True


def _remember(world: World, call: Call, command: Command[Any], decided: Decided[Any]) -> None:
    """Store the answer under the key, or that the gateway's answer is waited for."""
    asked = command.asked
    assert asked is not None
    assert command.answer is not None
    claimed = isinstance(decided.result, InProgress)
    answer = None if claimed else command.answer(decided.problem or decided.result)
    decided.claimed = claimed
    decided.answer = answer
    world.put(
        StoredAnswer(
            *asked.scope(call.merchant_serial_number),
            asked.fingerprint,
            asked.context_id,
            call.now,
            "CLAIMED" if answer is None else "DONE",
            answer.status if answer is not None else None,
            answer.body if answer is not None else None,
        )
    )
