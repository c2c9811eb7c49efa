"""The loop: whatever is due on any unit's clock is done within a second, or at once when somebody nudges it."""

from __future__ import annotations

import asyncio
import contextlib

from avtale.engine.engine import Engine, StorageDown
from avtale.logs import get_logger
from avtale.problems import ResourceNotFound, Unavailable
from avtale.processing.clocks import Clocks
from avtale.processing.runs import Runs

log = get_logger("avtale.worker")


class Worker:
    """One loop per process; any number of processes may run one."""

    def __init__(
        self, engine: Engine, runs: Runs, clocks: Clocks, *, tick_seconds: float = 1.0
    ) -> None:
        self._engine = engine
        self._runs = runs
        self._clocks = clocks
        self._tick_seconds = tick_seconds
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.last_round: float | None = None
        """The event loop's time at the end of the last round; None before the first."""

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """Begin nothing more; a batch that is under way goes on to its end (`lasting.finish`)."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    def nudge(self) -> None:
        """There may be something to do right now."""
        self._nudged.set()

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
        for msn in await self._runs.units_with_work(real_now):
            try:
                now = await self._clocks.ready(msn)
                if now is not None:
                    await self._runs.catch_up(msn, now)
            except ResourceNotFound:
                # Erased meanwhile.
                continue
            except (StorageDown, Unavailable):
                raise
            except Exception:
                # Trouble of one unit is not the others'.
                log.exception("unit failed", merchant_serial_number=msn)

    async def _loop(self) -> None:
        while True:
            self._nudged.clear()
            try:
                await self.round()
            except (StorageDown, Unavailable) as error:
                log.warning("round put off", reason=str(error))
            except Exception:
                log.exception("round failed")
            self.last_round = asyncio.get_running_loop().time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tick_seconds):
                    await self._nudged.wait()
