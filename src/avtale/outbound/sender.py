"""The sender: one request to one receiver, in ten seconds, to an address that was looked at (reliability 86, O-2–O-4).

It follows no redirect, takes no proxy from the environment, keeps no cookie and decodes nothing.
TLS is verified, always.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Final, Literal, NamedTuple

import httpcore

from avtale.outbound.addresses import Place, Policy, check_receiver_url, place_of
from avtale.outbound.connecting import AddressRefused, AnswerTooLong, TlsRefused, Unresolved
from avtale.outbound.keeping import BEGINNING_BYTES, Connection, Kept, Turns
from avtale.outbound.names import Names, Resolve
from avtale.webhooks.signing import target_of

SECONDS: Final = 10.0
"""How long a receiver has to answer, looking it up and connecting included (api-facts 7.6)."""

CLOSING_SECONDS: Final = 1.0

SendError = Literal[
    "refused address",
    "could not resolve",
    "could not connect",
    "tls",
    "timed out",
    "broken answer",
    "shut down",
]


class Outgoing(NamedTuple):
    """A request, usually a POST of a body to a receiver's URL as it was registered, with exactly these headers."""

    url: str
    headers: Mapping[str, str]
    """`Host` and `Content-Length` are added where they are missing."""
    body: bytes
    method: str = "POST"


class Result(NamedTuple):
    """What came of it: a status where a whole answer came, and an error where not."""

    status: int | None
    excerpt: str
    """The beginning of the answer's body, at most 1 kB, on one line: what cannot be printed is written as in code."""
    error: SendError | None
    milliseconds: int
    """In real time, from when its turn came."""


class Sender:
    """Sends requests side by side; keeps connections to good receivers for a while.

    A receiver that hangs takes turns from its own only, of which there are a few for each host and port.
    """

    def __init__(
        self, policy: Policy, *, resolve: Resolve | None = None, seconds: float = SECONDS
    ) -> None:
        self._policy = policy
        self._names = Names()
        self._resolve = resolve or self._names
        self._seconds = seconds
        self._kept = Kept()
        self._turns = Turns()
        self._deadlines: set[asyncio.Timeout] = set()
        self._is_closed = False

    async def send(self, outgoing: Outgoing) -> Result:
        """Send a request and read the beginning of its answer; raises nothing that a receiver could cause."""
        way = _way(outgoing.url, self._policy)
        if way is None:
            return Result(None, "", "refused address", 0)
        async with self._turns.at(way.place):
            loop = asyncio.get_running_loop()
            began = loop.time()
            status, excerpt, error = await self._attempt(way, outgoing)
            return Result(status, excerpt, error, round((loop.time() - began) * 1000))

    async def close(self) -> None:
        """End whatever is under way, and let go of all connections, within a second."""
        self._is_closed = True
        now = asyncio.get_running_loop().time()
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(now)
        self._kept.close()
        self._names.close()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._turns.emptied()
        except TimeoutError:
            # Whoever is left has no connection any more.
            return

    async def _attempt(
        self, way: _Way, outgoing: Outgoing
    ) -> tuple[int | None, str, SendError | None]:
        if self._is_closed:
            return None, "", "shut down"
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                self._deadlines.add(deadline)
                try:
                    return *(await self._exchange(way, outgoing)), None
                finally:
                    self._deadlines.discard(deadline)
        except TimeoutError:
            return None, "", self._late()
        except AddressRefused:
            return None, "", "refused address"
        except Unresolved:
            return None, "", "could not resolve"
        except TlsRefused:
            return None, "", "tls"
        except httpcore.ConnectError:
            return None, "", "could not connect"
        except (AnswerTooLong, httpcore.NetworkError, httpcore.ProtocolError):
            return None, "", "broken answer"

    def _late(self) -> SendError:
        return "shut down" if self._is_closed else "timed out"

    async def _exchange(self, way: _Way, outgoing: Outgoing) -> tuple[int, str]:
        """Over a connection that was kept, or else a new one; one that has gone stale is made up for."""
        request = _request(way, outgoing)
        while True:
            connection = self._kept.take(way.place) or self._new(way.place)
            is_good = False
            try:
                status, beginning = await connection.exchange(request)
                # What a receiver said too much before is no answer to this.
                is_good = not connection.is_stale
            except (httpcore.NetworkError, httpcore.ProtocolError):
                if not connection.is_stale:
                    raise
                continue
            finally:
                if is_good and connection.is_reusable and not self._is_closed:
                    self._kept.put(connection)
                else:
                    connection.drop()
            if is_good:
                return status, _excerpt(beginning)

    def _new(self, place: Place) -> Connection:
        ssl_context = self._ssl_context if place.scheme == "https" else None
        return Connection(place, self._policy, self._resolve, ssl_context)

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


class _Way(NamedTuple):
    """How to get to a receiver."""

    place: Place
    url: httpcore.URL
    host: bytes
    """As the receiver is told."""


@lru_cache(1024)
def _way(url: str, policy: Policy) -> _Way | None:
    """None where nothing may be sent to a URL: the rules may have been others when it was registered."""
    if check_receiver_url(url, policy) is not None:
        return None
    place, target = place_of(url), target_of(url)
    path = target.path_and_query.encode()
    host = place.host.encode()
    return _Way(
        place,
        httpcore.URL(scheme=place.scheme.encode(), host=host, port=place.port, target=path),
        target.host.encode(),
    )


def _request(way: _Way, outgoing: Outgoing) -> httpcore.Request:
    headers = {name.encode(): value.encode() for name, value in outgoing.headers.items()}
    names = {name.lower() for name in headers}
    if b"host" not in names:
        headers[b"Host"] = way.host
    if b"content-length" not in names and outgoing.method == "POST":
        headers[b"Content-Length"] = str(len(outgoing.body)).encode()
    return httpcore.Request(
        outgoing.method, way.url, headers=list(headers.items()), content=outgoing.body
    )


def _excerpt(beginning: bytes) -> str:
    """The beginning of an answer as one line of plain text, of at most 1 kB."""
    text = beginning.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
        )
    return text.encode()[:BEGINNING_BYTES].decode("utf-8", "ignore")
