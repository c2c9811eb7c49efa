"""The zoo: receivers that do what receivers should not, each a function over what comes and what goes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from avtale.outbound.sender import Outgoing

Behaviour = Callable[["Visitor"], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b'{"eventType":"recurring.charge-captured.v1"}'


@dataclass
class Cage:
    """Where a receiver is, and what it has seen."""

    port: int
    scheme: str = "http"
    connections: int = 0
    open: int = 0
    most_open: int = 0
    requests: list[bytes] = field(default_factory=list)
    written_bytes: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook?shop=1"

    @property
    def outgoing(self) -> Outgoing:
        """An event for it."""
        return Outgoing(self.url, {"Content-Type": "application/json"}, BODY)


@dataclass
class Visitor:
    """One connection, as the receiver has it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    cage: Cage
    number: int

    async def request(self) -> bytes:
        """The next request whole; raises IncompleteReadError when there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = await self.reader.readexactly(len(BODY))
        self.cage.requests.append(head + body)
        return head + body

    async def say(self, data: bytes) -> None:
        """Answer."""
        self.writer.write(data)
        await self.writer.drain()
        self.cage.written_bytes += len(data)

    def reset(self) -> None:
        """Tear the connection instead of closing it."""
        taken: socket.socket = self.writer.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def good(visitor: Visitor) -> None:
    """Takes everything in."""
    while True:
        await visitor.request()
        await visitor.say(OK)


@asynccontextmanager
async def receiver(
    behaviour: Behaviour = good, *, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[Cage]:
    """A receiver that behaves so for as long as the block goes on."""
    visits: set[asyncio.Task[None]] = set()
    cage = Cage(0, "https" if isinstance(options.get("ssl"), ssl.SSLContext) else "http")

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        visits.add(task)
        cage.connections += 1
        cage.open += 1
        cage.most_open = max(cage.most_open, cage.open)
        try:
            await behaviour(Visitor(reader, writer, cage, cage.connections))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            cage.open -= 1
            visits.discard(task)
            writer.close()

    server = await asyncio.start_server(visit, host, port, **options)
    cage.port = server.sockets[0].getsockname()[1]
    try:
        yield cage
    finally:
        server.close()
        left = list(visits)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
