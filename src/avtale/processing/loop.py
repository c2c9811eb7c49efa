"""A loop: a round of work for every sales unit that has some, within a second, or at once when somebody nudges it."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from avtale.engine.engine import StorageDown
from avtale.logs import Log
from avtale.problems import ResourceNotFound, Unavailable
from avtale.processing.clocks import Clocks


class Loop(ABC):
    """One per kind of work in a process; any number of processes may run one."""

    def __init__(self, log: Log, clocks: Clocks, tick_seconds: float) -> None:
        self.log = log
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
        """Begin nothing more; what is under way goes on to its end (`lasting.finish`)."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    def nudge(self) -> None:
        """There may be something to do right now."""
        self._nudged.set()

    @abstractmethod
    async def round(self) -> None:
        """Do what is due now in every unit."""

    async def _in_each(
        self, units: Iterable[str], work: Callable[[str, datetime], Awaitable[object]]
    ) -> None:
        """Have the work done in each unit whose clock nobody is moving; `work` gets the unit and its time."""
        for msn in units:
            try:
                now = await self._clocks.ready(msn)
                if now is not None:
                    await work(msn, now)
            except ResourceNotFound:
                # Erased meanwhile.
                continue
            except (StorageDown, Unavailable):
                raise
            except Exception:
                # Trouble of one unit is not the others'.
                self.log.exception("unit failed", merchant_serial_number=msn)

    async def _loop(self) -> None:
        while True:
            self._nudged.clear()
            try:
                await self.round()
            except (StorageDown, Unavailable) as error:
                self.log.warning("round put off", reason=str(error))
            except Exception:
                self.log.exception("round failed")
            self.last_round = asyncio.get_running_loop().time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tick_seconds):
                    await self._nudged.wait()
