"""Streams: a page hears when what it shows has changed, and asks for it anew (server-sent events)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import falcon.asgi

from avtale.engine.command import Decided
from avtale.problems import Unavailable

MOST_STREAMS: Final = 100
"""How many pages of one process may listen at once."""

LOOK_SECONDS: Final = 2.0
"""How often to look for what other processes did."""

PAUSE_SECONDS: Final = 0.1
"""The shortest time between two looks, however much happens."""

HEARTBEAT_SECONDS: Final = 15.0

Digest = Callable[[], Awaitable[str]]


class Board:
    """Hears what is committed in this process, and wakes the pages that listen; costs nothing where none does."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Event] = set()
        self._is_closed = False

    def hear(self, _decided: Sequence[Decided[Any]]) -> None:
        """A listener of the engine: something was committed."""
        for event in self._listening:
            event.set()

    def close(self) -> None:
        """The server stops: every stream ends."""
        self._is_closed = True
        for event in self._listening:
            event.set()

    def stream(self, resp: falcon.asgi.Response, digest: Digest) -> None:
        """Answer with a stream that says `changed` whenever `digest` is another one.

        It begins with the digest as it is; raises Unavailable where too many pages listen.
        """
        if len(self._listening) >= MOST_STREAMS:
            raise Unavailable("Too many pages are open; close some of them.", 30)
        resp.content_type = "text/event-stream"
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("X-Content-Type-Options", "nosniff")
        resp.stream = self._events(digest)

    async def _events(self, digest: Digest) -> AsyncIterator[bytes]:
        woken = asyncio.Event()
        self._listening.add(woken)
        loop = asyncio.get_running_loop()
        try:
            before = await digest()
            spoken = loop.time()
            yield b"retry: 1000\nevent: here\ndata: \n\n"
            while True:
                await _wait(woken)
                if self._is_closed:
                    return
                now = await digest()
                if now != before:
                    before, spoken = now, loop.time()
                    yield b"event: changed\ndata: \n\n"
                elif loop.time() - spoken >= HEARTBEAT_SECONDS:
                    spoken = loop.time()
                    yield b": still here\n\n"
        finally:
            self._listening.discard(woken)


async def _wait(woken: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await woken.wait()
    except TimeoutError:
        return
    await asyncio.sleep(PAUSE_SECONDS)
    woken.clear()
