"""How a request that changes something is answered: decided once, settled where money moves, replayed ever after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import falcon.asgi

from avtale.api.problem_responses import render
from avtale.engine.command import Answer, Asked, Call, Command, Decided
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.problems import Problem, Unavailable
from avtale.processing.lasting import see_through
from avtale.processing.settlement import Settlement

PATIENCE_SECONDS = 10.0
"""How long a request waits for another with its key, or for a gateway that does not answer clearly."""

Render = Callable[[Any], Answer]


class Writes:
    """Submits commands that carry an idempotency key and sees them through to their answer."""

    def __init__(
        self, engine: Engine, settlement: Settlement, nudge: Callable[[], None] = lambda: None
    ) -> None:
        self._engine = engine
        self._settlement = settlement
        self._nudge = nudge

    async def perform(  # noqa: PLR0913 -- the parts of a command
        self,
        resp: falcon.asgi.Response,
        name: str,
        msn: str,
        asked: Asked,
        needs: Needs,
        decide: Callable[[World, Call], Any],
        answer: Render,
        *,
        complete: Callable[[str], str] | None = None,
        wakes: bool = False,
    ) -> None:
        """Have it decided and write the stored answer into `resp`.

        `complete` puts into the body what is not stored; with `wakes`, the processing loop has a look at once.
        """

        def answer_of(result: Any) -> Answer:
            if isinstance(result, Problem):
                return render(result, asked.path, asked.context_id)
            return answer(result)

        command = Command(name, decide, needs, msn, asked=asked, answer=answer_of)
        decided = await self._submit(command)
        if wakes and decided.problem is None:
            self._nudge()
        final = await self._final(command) if decided.claimed else decided
        if final.problem is not None and final.answer is None:
            raise final.problem
        assert final.answer is not None
        status, body = final.answer
        send(resp, Answer(status, complete(body) if complete is not None else body))
        if final.replayed:
            resp.set_header("Idempotency-Replayed", "true")

    async def _submit(self, command: Command[Any]) -> Decided[Any]:
        """Have it decided; what that begins goes on to its end even where the client has gone away."""
        decided = await self._engine.submit(command)
        if decided.begun:
            await see_through(self._settlement.settle(decided.begun))
        return decided

    async def _final(self, command: Command[Any]) -> Decided[Any]:
        """The stored answer, as soon as whoever works on it has finished.

        Where the unit was reset or restored meanwhile, the key is gone; then all begins anew.
        """
        waited, pause = 0.0, 0.005
        while True:
            decided = await self._submit(command)
            if not decided.claimed:
                return decided
            if waited >= PATIENCE_SECONDS:
                raise Unavailable(
                    "The outcome is not known yet; repeat the request with the same Idempotency-Key.",
                    retry_after_seconds=5,
                )
            await asyncio.sleep(pause)
            waited += pause
            pause = min(pause * 2, 0.25)


def send(resp: falcon.asgi.Response, answer: Answer) -> None:
    """Write a stored answer into a response."""
    resp.status = answer.status
    if answer.status == 204:
        return
    resp.data = answer.body.encode()
    resp.content_type = "application/json" if answer.status < 400 else "application/problem+json"
