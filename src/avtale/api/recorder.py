"""The recorder: writes requests down beside the work, many at a time, and holds up none of them (sandbox §8).

What a request costs here is a line of text behind the last one; nothing of the request itself is held on to.
When more come than can be written, those that find no room are counted and dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import falcon.asgi
import msgspec

from avtale.api.routes import ROUTES
from avtale.engine import clock
from avtale.engine.engine import StorageDown
from avtale.instants import to_milliseconds
from avtale.logs import get_logger
from avtale.record import RecordedBatch, RecordedRequest
from avtale.sales_units import SalesUnit
from avtale.storage.storage import Storage

log = get_logger("avtale.record")

MOST_BYTES: Final = 8 * 1024 * 1024
"""How much may wait to be written down; some twenty-five thousand requests."""
PAUSE_SECONDS: Final = 0.25
LONGEST_VALUE: Final = 64
"""How much of a header is kept; the API itself takes 30 characters of each."""
FORGET_SECONDS: Final = 600.0
"""How often what is too old is looked for."""

PUBLISHED: Final = frozenset(route.operation for route in ROUTES)
_NAMES_BY_ANSWER: Final = frozenset({"draft_agreement", "create_charge"})
"""Operations whose answer says what the thing that they made is called."""


class _Ids(msgspec.Struct, rename="camel"):
    agreement_id: str | None = None
    charge_id: str | None = None


_NO_IDS: Final = _Ids()
_ids = msgspec.json.Decoder(_Ids)
_write = msgspec.json.Encoder().encode_into


class Recorder:
    """Takes notes of requests and writes them down a little later."""

    def __init__(
        self, storage: Storage, real_now: Callable[[], datetime], *, keep_days: int
    ) -> None:
        """`keep_days` of real time; 0 to take no notes at all."""
        self._storage = storage
        self._real_now = real_now
        self._keep = timedelta(days=keep_days)
        self._noted: dict[str, bytearray] = {}
        """The notes of each unit, as JSON that lacks its brackets."""
        self._bytes = 0
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.dropped = 0
        """How many requests were not written down, since there was no room for them or no database."""
        self.listeners: list[Callable[[str, RecordedRequest], None]] = []
        """Who is told of each request at once, and of which unit it was; usually nobody."""

    @property
    def is_on(self) -> bool:
        """Whether notes are taken."""
        return bool(self._keep)

    def note(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        operation: str,
        status: int,
        problem: str | None,
        seconds: float,
    ) -> None:
        """Write a request that was answered behind the last one; not where it is nobody's, or not of the API."""
        msn = getattr(req.context, "msn", None)
        if msn is None or operation not in PUBLISHED:
            return
        is_kept = bool(self._keep)
        if is_kept and self._bytes >= MOST_BYTES:
            self.dropped += 1
            is_kept = False
        if not (is_kept or self.listeners):
            return
        sent, path = req.get_header, req.path
        made = _NO_IDS
        if operation in _NAMES_BY_ANSWER and status < 300 and resp.data is not None:
            with contextlib.suppress(msgspec.DecodeError):
                made = _ids.decode(resp.data)
        request = RecordedRequest(
            req.context.context_id,
            self._real_now() - timedelta(seconds=seconds),
            req.method,
            path,
            operation,
            status,
            problem,
            int(seconds * 1_000_000),
            *_ids_of(path, made),
            resp.get_header("Idempotency-Replayed") is not None,
            _kept(sent("Idempotency-Key")),
            _kept(sent("Merchant-Serial-Number")),
            _kept(sent("Vipps-System-Name")),
            _kept(sent("Vipps-System-Version")),
            _kept(sent("Vipps-System-Plugin-Name")),
            _kept(sent("Vipps-System-Plugin-Version")),
            getattr(req.context, "remarks", ()),
        )
        for listener in self.listeners:
            listener(msn, request)
        if is_kept:
            self._write(msn, request)

    def _write(self, msn: str, request: RecordedRequest) -> None:
        noted = self._noted.get(msn)
        if noted is None:
            noted = self._noted[msn] = bytearray()
        else:
            noted += b","
        before = len(noted)
        _write(request, noted, -1)
        self._bytes += len(noted) - before

    async def flush(self) -> None:
        """Write down all that is noted; before a clock is moved, since it went by the old one."""
        async with self._writing:
            noted, self._noted, self._bytes = self._noted, {}, 0
            try:
                batches = [
                    _batch(unit, text, self._real_now())
                    for msn, text in noted.items()
                    # Of a unit that was erased meanwhile nothing is kept.
                    for unit in await self._storage.rows(SalesUnit, "sales_unit", msn=msn)
                ]
                await self._storage.append(RecordedBatch, batches)
            except StorageDown as error:
                # One line for each, so it is counted without being read.
                lost = sum(text.count(b"],[") + 1 for text in noted.values())
                self.dropped += lost
                log.warning("requests not recorded", count=lost, reason=str(error))

    def start(self) -> None:
        """Begin to write by itself."""
        if self.is_on:
            self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Write what is left, and end."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await self.flush()

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while not await self._ends_within(PAUSE_SECONDS):
            if self._noted:
                await self.flush()
            if loop.time() >= forget_at:
                forget_at = loop.time() + FORGET_SECONDS
                await self.forget()

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False

    async def forget(self) -> None:
        """Let go of what is older than it is kept."""
        before = to_milliseconds(self._real_now() - self._keep)
        with contextlib.suppress(StorageDown):
            while await self._storage.select("requests_before", before=before):
                await self._storage.execute([("forget_requests", {"before": before})])


def _batch(unit: SalesUnit, noted: bytearray, now: datetime) -> RecordedBatch:
    return RecordedBatch(
        clock.context_id(),
        unit.merchant_serial_number,
        now,
        unit.clock_at,
        unit.clock_offset_ms,
        f"[{noted.decode()}]",
    )


def _ids_of(path: str, made: _Ids) -> tuple[str | None, str | None]:
    """What the path names, and what the answer says that was made."""
    # /recurring/v3/agreements/{agreementId}/charges/{chargeId}/… and /recurring/v3/charges/{chargeId}
    match path.split("/"):
        case ["", "recurring", "v3", "charges", charge_id]:
            return None, charge_id
        case ["", "recurring", "v3", "agreements", "charges"]:
            return None, None
        case ["", "recurring", "v3", "agreements", agreement_id, "charges", charge_id, *_]:
            return agreement_id, charge_id
        case ["", "recurring", "v3", "agreements", agreement_id, *_]:
            return agreement_id, made.charge_id
        case _:
            return made.agreement_id, made.charge_id


def _kept(value: str | None) -> str | None:
    """A header as it is kept: not longer than it may be, and nothing in it that cannot be shown."""
    if value is None or (len(value) <= LONGEST_VALUE and value.isprintable()):
        return value
    return "".join(c for c in value[:LONGEST_VALUE] if c.isprintable())
