"""Work that goes on to its end even where whoever asked for it has gone away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from avtale.logs import get_logger

Result = TypeVar("Result")

log = get_logger("avtale.lasting")

_under_way: set[asyncio.Task[Any]] = set()


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


def _ended(task: asyncio.Task[Any]) -> None:
    _under_way.discard(task)


def _tell(task: asyncio.Task[Any]) -> None:
    """Nobody waits for the error of a task that was left to itself, so the log has it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("left to itself and failed", reason=str(error))
