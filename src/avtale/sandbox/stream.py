"""The stream of a sales unit: what happens there, told while it happens (server-sent events; sandbox §4, §8).

It tells of this process. Where several serve one database, each tells of what it did itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import falcon.asgi
import msgspec
from falcon.asgi import SSEvent
from falcon.media import BaseHandler

from avtale.engine.command import Decided
from avtale.engine.engine import StorageDown
from avtale.events import AgreementHappened, Happened
from avtale.operations.deliveries import Attempted
from avtale.pages.streams import LOOK_SECONDS, MOST_STREAMS
from avtale.problems import ResourceNotFound, Unavailable
from avtale.record import RecordedRequest, Seen
from avtale.sales_units import SalesUnit
from avtale.sandbox.tools import Tools
from avtale.webhooks.registration import Registration
from avtale.wire.control import MissedAnswer, ProgressAnswer
from avtale.wire.deliveries import delivery_answer
from avtale.wire.members import to_the_second
from avtale.wire.record import request_answer
from avtale.wire.telling import told


class Brought(NamedTuple):
    """An attempt at a delivery, and at whom."""

    receiver: Registration
    attempted: Attempted


MOST_WAITING: Final = 5_000
"""How much may wait for a reader; of what is more, the oldest is forgotten."""

MOST_AT_ONCE: Final = 500
"""How much is told in one go: some five milliseconds, in which nobody else is served."""

PROGRESS_SECONDS: Final = 0.25
"""How often an advance says how far it has come; one that is done sooner says nothing."""

Heard = RecordedRequest | Seen | Happened | Brought | ProgressAnswer
"""Something to be told, as it was met; it is put into words only for whoever gets to read it."""

_encode = msgspec.json.Encoder().encode


class Stream:
    """Hears what happens in this process and tells whoever listens; where nobody does, it hears nothing."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._ears: set[_Ear] = set()
        self._advances: dict[str, _Advance] = {}
        self._is_closed = False
        tools.board.endings.append(self._close)

    def open(self, resp: falcon.asgi.Response, unit: SalesUnit) -> None:
        """Answer with all that happens in the unit from now on; raises Unavailable where too many listen."""
        if len(self._ears) >= MOST_STREAMS:
            raise Unavailable("Too many streams are open; close some of them.", 30)
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("X-Content-Type-Options", "nosniff")
        resp.sse = self._events(_Ear(unit))

    async def _events(self, ear: _Ear) -> AsyncIterator[SSEvent]:
        self._add(ear)
        try:
            yield SSEvent(comment=f"what happens in sales unit {ear.msn}, from now on")
            while not self._is_closed:
                if ear.unit is None:
                    ear.unit = await self._tools.directory.sales_unit(ear.msn)
                words = ear.next_words(ear.unit)
                if words:
                    yield Words(words)
                elif not await ear.hears_more(LOOK_SECONDS):
                    # Another process may have moved the clock.
                    ear.unit = None
                    # Only with a word is it seen that a reader has gone.
                    yield SSEvent(comment="still here")
        except (ResourceNotFound, StorageDown):
            # There is no such unit any more, or no way to know; whoever listens may try again.
            return
        finally:
            self._remove(ear)

    def _close(self) -> None:
        """The server stops: every stream ends."""
        self._is_closed = True
        for ear in self._ears:
            ear.wake()

    # ── hearing ──

    def _add(self, ear: _Ear) -> None:
        if not self._ears:
            self._tools.recorder.listeners.append(self._requested)
            self._tools.engine.listeners.append(self._decided)
            self._tools.deliveries.listeners.append(self._attempted)
            self._tools.clocks.listeners.append(self._moved)
            self._tools.clocks.release_listeners.append(self._released)
        self._ears.add(ear)

    def _remove(self, ear: _Ear) -> None:
        self._ears.discard(ear)
        if not self._ears:
            self._tools.recorder.listeners.remove(self._requested)
            self._tools.engine.listeners.remove(self._decided)
            self._tools.deliveries.listeners.remove(self._attempted)
            self._tools.clocks.listeners.remove(self._moved)
            self._tools.clocks.release_listeners.remove(self._released)
            self._advances.clear()

    def _requested(self, msn: str, request: RecordedRequest) -> None:
        for ear in self._ears:
            if ear.msn == msn:
                ear.hear(request if ear.unit is None else _seen(ear.unit, request))

    def _decided(self, decided: Sequence[Decided[Any]]) -> None:
        for each in decided:
            if isinstance(each.result, SalesUnit):
                # Its clock was moved, perhaps; requests are told with what it shows.
                self._looked_at(each.result)
            for fact in each.happened:
                self._happened(fact)

    def _looked_at(self, unit: SalesUnit) -> None:
        for ear in self._ears:
            if ear.msn == unit.merchant_serial_number:
                ear.unit = unit

    def _released(self, msn: str) -> None:
        """The unit may be another one: reset, or put back to what it was."""
        for ear in self._ears:
            if ear.msn == msn:
                ear.unit = None
                ear.wake()

    def _happened(self, fact: Happened) -> None:
        about = fact.agreement if isinstance(fact, AgreementHappened) else fact.charge
        msn = about.merchant_serial_number
        for ear in self._ears:
            if ear.msn == msn:
                ear.hear(fact)
        advance = self._advances.get(msn)
        if advance is not None:
            advance.count += 1
            self._tell_progress(msn, advance)

    def _attempted(self, receiver: Registration, attempts: Sequence[Attempted]) -> None:
        for ear in self._ears:
            for each in attempts:
                if ear.msn == each.delivery.merchant_serial_number:
                    ear.hear(Brought(receiver, each))

    def _moved(self, msn: str, at: datetime, to: datetime, count: int) -> None:
        """A clock is being advanced; where it has got to where it goes, that is over."""
        advance = self._advances.setdefault(msn, _Advance(at, to, count))
        advance.at, advance.to, advance.count = at, to, count
        self._tell_progress(msn, advance)
        if at == to:
            del self._advances[msn]

    def _tell_progress(self, msn: str, advance: _Advance) -> None:
        now = asyncio.get_running_loop().time()
        is_over = advance.at == advance.to
        if now < advance.tell_at and not (is_over and advance.is_told):
            return
        advance.tell_at, advance.is_told = now + PROGRESS_SECONDS, True
        word = ProgressAnswer(
            at=to_the_second(advance.at), to=to_the_second(advance.to), count=advance.count
        )
        for ear in self._ears:
            if ear.msn == msn:
                ear.hear(word)


class _Advance:
    """An advance under way: where its clock stands, where it goes, and how much has happened."""

    def __init__(self, at: datetime, to: datetime, count: int) -> None:
        self.at, self.to, self.count = at, to, count
        self.tell_at = asyncio.get_running_loop().time() + PROGRESS_SECONDS
        self.is_told = False


class _Ear:
    """One reader, and what waits to be told to it."""

    def __init__(self, unit: SalesUnit) -> None:
        self.msn = unit.merchant_serial_number
        self.unit: SalesUnit | None = unit
        """As it was last seen; None where it may be another by now."""
        self._waiting: deque[Heard] = deque()
        self._missed = 0
        self._woken = asyncio.Event()

    def hear(self, heard: Heard) -> None:
        """Tell it next; the oldest is forgotten where too much waits."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(heard)
        self._woken.set()

    def wake(self) -> None:
        """There is something to be seen to, though nothing is to be told."""
        self._woken.set()

    def next_words(self, unit: SalesUnit) -> bytes:
        """The next events, as they are sent; empty where nothing waits."""
        words = []
        if self._missed:
            words.append(_event("missed", MissedAnswer(count=self._missed)))
            self._missed = 0
        number = min(MOST_AT_ONCE, len(self._waiting))
        words += [_said(self._waiting.popleft(), unit) for _ in range(number)]
        return b"".join(words)

    async def hears_more(self, seconds: float) -> bool:
        """Wait until there is more; False where there was nothing for so long."""
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


class Words(SSEvent):
    """Events that are sent together: one at a time would take several times as long."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self._text = text

    def serialize(self, handler: BaseHandler | None = None) -> bytes:  # noqa: ARG002 -- the framework's signature
        """The events themselves."""
        return self._text


def _seen(unit: SalesUnit, request: RecordedRequest) -> Seen:
    """A request, and when it came on the unit's clock."""
    return Seen(unit.now(request.received), request)


def _said(heard: Heard, unit: SalesUnit) -> bytes:
    """An event, in the shapes of the rest of the control API."""
    match heard:
        case RecordedRequest():
            return _event("request", request_answer(_seen(unit, heard)))
        case Seen():
            return _event("request", request_answer(heard))
        case Brought(receiver, (delivery, attempt)):
            return _event("delivery", delivery_answer(delivery, receiver, [attempt], None))
        case ProgressAnswer():
            return _event("progress", heard)
        case _:
            return _event("change", told([heard])[0])


def _event(name: str, data: msgspec.Struct) -> bytes:
    # JSON has no line breaks of its own.
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(data))
