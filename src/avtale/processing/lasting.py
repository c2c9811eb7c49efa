"""Work that goes on to its end even where whoever asked for it has gone away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from avtale.logs import get_logger

Result = TypeVar("Result")

log = get_logger("avtale.lasting")

_under_way: set[asyncio.Task[Any]] = set()

FINISH_SECONDS = 5.0
"""How long the end of a process waits for such work; what is not done by then, the next process takes up."""


async def see_through(work: Coroutine[Any, Any, Result]) -> Result:
    """The work's result; a caller that is cancelled leaves the work to itself."""
    task = asyncio.create_task(work)
    # The loop holds on to tasks weakly.
    _under_way.add(task)
    task.add_done_callback(_ended)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_tell)
        raise


async def finish(seconds: float = FINISH_SECONDS) -> None:
    """Wait until all that goes on in this loop has come to its end, but not longer than so many seconds."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    while under_way := [task for task in _under_way if task.get_loop() is loop]:
        left = give_up - loop.time()
        if left <= 0:
            log.warning("left to the next process", tasks=len(under_way))
            return
        await asyncio.wait(under_way, timeout=left)


def _ended(task: asyncio.Task[Any]) -> None:
    _under_way.discard(task)


def _tell(task: asyncio.Task[Any]) -> None:
    """Nobody waits for the error of a task that was left to itself, so the log has it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("left to itself and failed", reason=str(error))
