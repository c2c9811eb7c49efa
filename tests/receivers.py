"""Receivers of webhooks: a small server on this machine that writes down what comes, and answers as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SLOW_SECONDS = 0.25
"""How long a receiver takes that answers `slow`."""


@dataclass(frozen=True)
class Arrived:
    """One request as it came."""

    target: str
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes

    @property
    def event(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def webhook_id(self) -> str:
        """The delivery's id, the same at every attempt."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Somebody who wants to be told."""

    url: str = ""
    arrived: list[Arrived] = field(default_factory=list)
    answers: Iterator[int | str] | None = None
    """What the next requests are answered, status by status; 200 when it is over.

    `hang` for nothing at all, `slow` for a late 200, `close` for an end of the connection.
    """
    connections: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether it has gone; then nothing hangs any more."""

    @property
    def types(self) -> list[str]:
        """What happened, in the order in which it came, without the words that all have in common."""
        return [
            each.event["eventType"].removeprefix("recurring.").removesuffix(".v1")
            for each in self.arrived
        ]

    def answer(self, *answers: int | str) -> None:
        """Answer the next requests so, and all others with 200."""
        self.answers = iter(answers)

    def always(self, answer: int | str) -> None:
        """Answer so from now on."""
        self.answers = iter(lambda: answer, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.arrived.append(Arrived(head[0].split(" ")[1], headers, body))
                answer = next(self.answers, 200) if self.answers is not None else 200
                if answer == "hang":
                    await self.over.wait()
                    return
                if answer == "slow":
                    await asyncio.sleep(SLOW_SECONDS)
                    answer = 200
                if answer == "close":
                    return
                more = "Location: /elsewhere\r\n" if str(answer).startswith("3") else ""
                writer.write(f"HTTP/1.1 {answer} X\r\n{more}Content-Length: 2\r\n\r\nok".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def receiving(path: str = "/hook") -> AsyncIterator[Receiver]:
    """A receiver that answers for as long as the test goes on."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.close()
