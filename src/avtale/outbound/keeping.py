"""Keeping: connections that receivers left open, and how many requests may be under way, for each place and in all."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Final

import httpcore

from avtale.outbound.addresses import Place, Policy
from avtale.outbound.connecting import AnswerTooLong, Door
from avtale.outbound.names import Resolve

MOST_AT_ONCE: Final = 128
MOST_AT_ONE_PLACE: Final = 16
MOST_KEPT: Final = 128
KEPT_SECONDS: Final = 15.0
"""Most receivers keep a connection longer; one that has gone meanwhile costs a new one."""

BEGINNING_BYTES: Final = 1024

_WITHOUT_BODY: Final = frozenset({204, 304})


class Connection:
    """A connection to one place, made by its first request."""

    def __init__(
        self, place: Place, policy: Policy, resolve: Resolve, ssl_context: ssl.SSLContext | None
    ) -> None:
        self.place = place
        self._door = Door(policy, resolve)
        self._http = httpcore.AsyncHTTPConnection(
            origin=httpcore.Origin(place.scheme.encode(), place.host.encode(), place.port),
            ssl_context=ssl_context,
            network_backend=self._door,
        )
        self._answers = 0
        self._is_whole = True

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow."""
        return self._is_whole and self._http.is_idle() and not self._http.has_expired()

    @property
    def is_stale(self) -> bool:
        """Whether a request on a kept connection met nobody: then it may be sent again."""
        wire = self._door.wire
        if wire is None or self._answers == 0:
            return False
        return not wire.is_sent or not wire.is_answered

    async def exchange(self, request: httpcore.Request) -> tuple[int, bytes]:
        """Send a request; answers with the status and the beginning of the body.

        Raises what `Door` and `Wire` raise, and NetworkError and ProtocolError of httpcore.
        """
        answer = await self._http.handle_async_request(request)
        # A body where there can be none would be taken for the next answer.
        self._is_whole = answer.status not in _WITHOUT_BODY or not any(
            name.lower() == b"transfer-encoding"
            or (name.lower() == b"content-length" and value != b"0")
            for name, value in answer.headers
        )
        beginning = b""
        try:
            # Of an answer that is too long the beginning is all that is told; httpcore ends the connection.
            with contextlib.suppress(AnswerTooLong):
                async for part in answer.aiter_stream():
                    if len(beginning) < BEGINNING_BYTES:
                        beginning += part
        finally:
            await answer.aclose()
        self._answers += 1
        return answer.status, beginning[:BEGINNING_BYTES]

    def drop(self) -> None:
        """End it at once."""
        if self._door.wire is not None:
            self._door.wire.drop()


class Kept:
    """Connections that wait for their next request, for a while."""

    def __init__(self) -> None:
        self._at: defaultdict[Place, list[Connection]] = defaultdict(list)
        self._timers: dict[Connection, asyncio.TimerHandle] = {}
        """From the one that has waited longest to the one that came last."""

    def take(self, place: Place) -> Connection | None:
        """The one that was used last, if there is one that still stands."""
        while self._at.get(place):
            connection = self._at[place][-1]
            self._remove(connection)
            if connection.is_reusable:
                return connection
            connection.drop()
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection; one too many costs the one that has waited longest its place."""
        loop = asyncio.get_running_loop()
        self._timers[connection] = loop.call_later(KEPT_SECONDS, self._let_go, connection)
        self._at[connection.place].append(connection)
        if len(self._timers) > MOST_KEPT:
            self._let_go(next(iter(self._timers)))

    def close(self) -> None:
        """Let go of all."""
        for connection in list(self._timers):
            self._let_go(connection)

    def _let_go(self, connection: Connection) -> None:
        self._remove(connection)
        connection.drop()

    def _remove(self, connection: Connection) -> None:
        self._timers.pop(connection).cancel()
        self._at[connection.place].remove(connection)
        if not self._at[connection.place]:
            del self._at[connection.place]


class Turns:
    """Turns: who comes when all are taken waits, and its time has not begun."""

    def __init__(self) -> None:
        self._in_all = asyncio.Semaphore(MOST_AT_ONCE)
        self._at: defaultdict[Place, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MOST_AT_ONE_PLACE)
        )
        self._users: defaultdict[Place, int] = defaultdict(int)
        self._empty = asyncio.Event()
        self._empty.set()

    @contextlib.asynccontextmanager
    async def at(self, place: Place) -> AsyncIterator[None]:
        """A turn at a place, for as long as it is wanted."""
        self._users[place] += 1
        self._empty.clear()
        try:
            async with self._at[place], self._in_all:
                yield
        finally:
            self._users[place] -= 1
            if not self._users[place]:
                del self._users[place], self._at[place]
            if not self._users:
                self._empty.set()

    async def emptied(self) -> None:
        """Wait until nobody has a turn, or waits for one."""
        await self._empty.wait()
