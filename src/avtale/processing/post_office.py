"""The loop that sends: whatever is to be sent on any unit's clock goes out within a second, or at once when nudged.

Every receiver is served by a task of its own, so one that hangs costs the others nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from avtale.engine.command import Decided
from avtale.engine.engine import Engine, StorageDown
from avtale.logs import get_logger
from avtale.problems import ResourceNotFound, Unavailable
from avtale.processing.clocks import Clocks
from avtale.processing.deliveries import Deliveries

log = get_logger("avtale.deliveries")


class PostOffice:
    """One loop per process; any number of processes may run one."""

    def __init__(
        self, engine: Engine, deliveries: Deliveries, clocks: Clocks, *, tick_seconds: float = 1.0
    ) -> None:
        self._engine = engine
        self._deliveries = deliveries
        self._clocks = clocks
        self._tick_seconds = tick_seconds
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._served: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begin; whatever is committed in this process nudges."""
        self._engine.listeners.append(self._listen)
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """Send nothing more; what is on its way goes on to its end (`lasting.finish`)."""
        self._deliveries.stop()
        if self._task is None:
            return
        self._engine.listeners.remove(self._listen)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    async def round(self) -> None:
        """See to it that everybody is served to whom something is to be sent."""
        for msn in await self._deliveries.units_with_work(self._engine.real_now()):
            try:
                now = await self._clocks.ready(msn)
                if now is None:
                    continue
                for registration_id in await self._deliveries.receivers(msn, now):
                    self._serve(msn, registration_id)
            except ResourceNotFound:
                # Erased meanwhile.
                continue
            except (StorageDown, Unavailable):
                raise
            except Exception:
                # Trouble of one unit is not the others'.
                log.exception("unit failed", merchant_serial_number=msn)

    def _listen(self, decided: Sequence[Decided[Any]]) -> None:
        if any(each.happened for each in decided):
            self._nudged.set()

    def _serve(self, msn: str, registration_id: str) -> None:
        key = (msn, registration_id)
        if key not in self._served:
            task = asyncio.create_task(self._serve_one(msn, registration_id))
            self._served[key] = task
            task.add_done_callback(lambda _: self._served.pop(key, None))

    async def _serve_one(self, msn: str, registration_id: str) -> None:
        try:
            now = await self._clocks.ready(msn)
            if now is not None and await self._deliveries.serve(msn, registration_id, now):
                # While it was served, more may have come.
                self._nudged.set()
        except (StorageDown, Unavailable, ResourceNotFound) as error:
            log.warning("delivery put off", registration=registration_id, reason=str(error))
        except Exception:
            log.exception("receiver failed", registration=registration_id)

    async def _loop(self) -> None:
        while True:
            self._nudged.clear()
            try:
                await self.round()
            except (StorageDown, Unavailable) as error:
                log.warning("round put off", reason=str(error))
            except Exception:
                log.exception("round failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tick_seconds):
                    await self._nudged.wait()
