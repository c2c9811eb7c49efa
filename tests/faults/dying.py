"""A process that ends itself, as `kill -9` would, at a step of its nth delivery; one that takes things back."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from typing import Any, Final, Literal, get_args

from avtale.engine import engine
from avtale.outbound.courier import SigningCourier
from avtale.processing import deliveries

Step = Literal[
    "while spreading",
    "before sending",
    "after the answer",
    "while writing down",
    "after writing down",
]

STEPS: Final[tuple[Step, ...]] = get_args(Step)

ON_PURPOSE: Final = "taken back on purpose"


def die_at(step: Step, nth: int) -> None:
    """From now on this process dies when it comes to a step for the nth time."""
    reached = itertools.count(1)

    def reach() -> None:
        if next(reached) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    match step:
        case "while spreading":
            # Its transaction is open, and what it has written is there for nobody else to see.
            _replace("spread_events", reach)
        case "while writing down":
            _replace("record_attempts", reach, only_with=4)
        case "before sending" | "after the answer":
            SigningCourier.bring = _around(SigningCourier.bring, step, reach)  # type: ignore[method-assign]  # a test's own
        case "after writing down":
            record = deliveries.Deliveries._record
            deliveries.Deliveries._record = _around(record, step, reach, only_with=3)  # type: ignore[method-assign]  # a test's own


def take_back_every(nth: int) -> None:
    """From now on every nth transaction with something that has happened is decided, and then not committed."""
    decide_all, seen = engine.Engine._decide_all, itertools.count(1)

    def decided(self: engine.Engine, world: Any, batch: Any) -> None:
        decide_all(self, world, batch)
        if world.happened and next(seen) % nth == 0:
            raise engine.StorageDown(ON_PURPOSE)

    engine.Engine._decide_all = decided  # type: ignore[method-assign]  # a test's own


def _replace(operation: str, reach: Callable[[], None], *, only_with: int | None = None) -> None:
    """An operation, and then the step; `only_with` is the place of an argument that must not be empty."""
    work: Callable[..., Any] = getattr(deliveries, operation)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        result = work(*arguments, **named)
        if only_with is None or arguments[only_with]:
            reach()
        return result

    setattr(deliveries, operation, wrapped)


def _around(
    work: Callable[..., Any],
    step: Step,
    reach: Callable[[], None],
    *,
    only_with: int | None = None,
) -> Callable[..., Any]:
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        if step == "before sending":
            reach()
        result = await work(*arguments, **named)
        if step != "before sending" and (only_with is None or arguments[only_with]):
            reach()
        return result

    return wrapped
