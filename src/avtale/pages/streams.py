"""Streams: a page hears when what it shows has changed, and asks for it anew (server-sent events)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import falcon.asgi
from falcon.asgi import SSEvent

from avtale.engine.command import Decided
from avtale.engine.engine import StorageDown
from avtale.problems import Unavailable

MOST_STREAMS: Final = 100
"""How many pages of one process may listen at once."""

LOOK_SECONDS: Final = 2.0
"""How often to look for what other processes did, and to say something, since only then is it seen who has gone."""

PAUSE_SECONDS: Final = 0.1
"""The shortest time between two looks, however much happens."""

Digest = Callable[[], Awaitable[str]]
"""What a page shows, as a short word; never empty, since of an event without data no browser tells."""


def hashed(shown: object) -> str:
    """A short word that is another one where something else is shown."""
    return hashlib.blake2b(repr(shown).encode(), digest_size=12).hexdigest()


class Board:
    """Hears what is committed in this process, and wakes the pages that listen; costs nothing where none does."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Event] = set()
        self._closed = asyncio.Event()
        self.endings: list[Callable[[], None]] = []
        """What else is to be told that the server stops."""

    def hear(self, _decided: Sequence[Decided[Any]]) -> None:
        """A listener of the engine: something was committed."""
        for event in self._listening:
            event.set()

    def close(self) -> None:
        """The server stops: every stream ends."""
        self._closed.set()
        for event in self._listening:
            event.set()
        for end in self.endings:
            end()

    def stream(
        self, resp: falcon.asgi.Response, digest: Digest, *, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        """Answer with a stream that says `changed` whenever `digest` is another one, and which.

        It begins with the digest as it is: something may have happened since the page was made.
        Raises Unavailable where too many pages listen.
        """
        if len(self._listening) >= MOST_STREAMS:
            raise Unavailable("Too many pages are open; close some of them.", 30)
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("X-Content-Type-Options", "nosniff")
        # The framework notices where the page has gone, and ends its stream at the next word.
        resp.sse = self._events(digest, pause_seconds)

    async def _events(self, digest: Digest, pause_seconds: float) -> AsyncIterator[SSEvent]:
        woken = asyncio.Event()
        self._listening.add(woken)
        loop = asyncio.get_running_loop()
        try:
            before = await _looked(digest)
            if before is None:
                return
            spoken = loop.time()
            yield SSEvent(event="here", text=before, retry=1000)
            while await self._goes_on(woken, pause_seconds):
                now = await _looked(digest)
                if now is not None and now != before:
                    before, spoken = now, loop.time()
                    yield SSEvent(event="changed", text=now)
                elif loop.time() - spoken >= LOOK_SECONDS:
                    spoken = loop.time()
                    yield SSEvent(comment="still here")
        finally:
            self._listening.discard(woken)

    async def _goes_on(self, woken: asyncio.Event, pause_seconds: float) -> bool:
        """Wait until there may be something new; False where the server stops."""
        if not await _happens(woken, LOOK_SECONDS):
            return True
        if await _happens(self._closed, pause_seconds):
            return False
        woken.clear()
        return True


async def _looked(digest: Digest) -> str | None:
    """What the page shows; None while the database is away, and the page keeps what it has until it is back."""
    try:
        return await digest()
    except StorageDown:
        return None


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
