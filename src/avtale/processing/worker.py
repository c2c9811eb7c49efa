"""The worker: whatever is due on any unit's clock is done within a second, or at once when somebody nudges it."""

from __future__ import annotations

import asyncio

from avtale.engine.engine import Engine
from avtale.logs import get_logger
from avtale.processing.clocks import Clocks
from avtale.processing.loop import Loop
from avtale.processing.runs import Runs


class Worker(Loop):
    """Does what is due; tells whether it still does."""

    def __init__(
        self, engine: Engine, runs: Runs, clocks: Clocks, *, tick_seconds: float = 1.0
    ) -> None:
        super().__init__(get_logger("avtale.worker"), clocks, tick_seconds)
        self._engine = engine
        self._runs = runs

    @property
    def is_started(self) -> bool:
        """Whether this process is meant to run the loop."""
        return self._task is not None

    @property
    def is_alive(self) -> bool:
        """Whether the loop runs and is not stuck; a round over a million charges takes its time."""
        running = self._task is not None and not self._task.done()
        return running and self.late_seconds < max(600.0, 10 * self._tick_seconds)

    @property
    def late_seconds(self) -> float:
        """How much later than planned the loop is with its next round; 0 before the first one ended."""
        if self.last_round is None:
            return 0.0
        since = asyncio.get_running_loop().time() - self.last_round
        return max(0.0, since - self._tick_seconds)

    async def round(self) -> None:
        """Do what is due now in every unit."""
        real_now = self._engine.real_now()
        await self._runs.recover(real_now)
        await self._in_each(await self._runs.units_with_work(real_now), self._runs.catch_up)
