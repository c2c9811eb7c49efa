"""The post office: whatever is to be sent on any unit's clock goes out within a second, or at once when nudged.

Every receiver is served by a task of its own, so one that hangs costs the others nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from avtale.engine.command import Decided
from avtale.engine.engine import Engine, StorageDown
from avtale.logs import get_logger
from avtale.problems import ResourceNotFound, Unavailable
from avtale.processing.clocks import Clocks
from avtale.processing.deliveries import Deliveries
from avtale.processing.loop import Loop

log = get_logger("avtale.deliveries")


class PostOffice(Loop):
    """Sees to it that everybody is served to whom something is to be sent."""

    def __init__(
        self, engine: Engine, deliveries: Deliveries, clocks: Clocks, *, tick_seconds: float = 1.0
    ) -> None:
        super().__init__(log, clocks, tick_seconds)
        self._engine = engine
        self._deliveries = deliveries
        self._served: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begin; whatever is committed in this process nudges."""
        self._engine.listeners.append(self._listen)
        super().start()

    async def stop(self) -> None:
        """Send nothing more; what is on its way goes on to its end (`lasting.finish`)."""
        self._deliveries.stop()
        if self._task is not None:
            self._engine.listeners.remove(self._listen)
        await super().stop()

    async def round(self) -> None:
        """Begin to serve everybody who is not being served."""
        units = await self._deliveries.units_with_work(self._engine.real_now())
        await self._in_each(units, self._serve_unit)

    def _listen(self, decided: Sequence[Decided[Any]]) -> None:
        if any(each.happened for each in decided):
            self.nudge()

    async def _serve_unit(self, msn: str, now: datetime) -> None:
        for registration_id in await self._deliveries.receivers(msn, now):
            key = (msn, registration_id)
            if key not in self._served:
                task = asyncio.create_task(self._serve(msn, registration_id, now))
                self._served[key] = task
                task.add_done_callback(partial(self._forget, key))

    def _forget(self, key: tuple[str, str], _task: asyncio.Task[None]) -> None:
        del self._served[key]

    async def _serve(self, msn: str, registration_id: str, now: datetime) -> None:
        try:
            if await self._deliveries.serve(msn, registration_id, now):
                # While it was served, more may have come.
                self.nudge()
        except (StorageDown, Unavailable, ResourceNotFound) as error:
            log.warning("delivery put off", registration=registration_id, reason=str(error))
        except Exception:
            log.exception("receiver failed", registration=registration_id)
