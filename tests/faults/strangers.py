"""A server in a process of its own, and strangers who speak to it byte by byte."""

from __future__ import annotations

import json
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT

BODY_SECONDS = 1.5
HEAD_SECONDS = 2.0
PATIENCE_SECONDS = 30.0
SLACK_SECONDS = 5.0
"""How much longer than planned something may take while others use the machine."""

PROGRAM = f"""
import asyncio, gc
from avtale import logs, server
from avtale.configuration import Settings
from avtale.listening import Listener, take, url_of

# No connection may stay open, and no memory be held, until somebody happens to collect garbage.
gc.disable()

async def main():
    logs.configure("info")
    taken = take("127.0.0.1", 0)
    url = url_of(taken)
    parts = await server.start(Settings(data="memory:", body_seconds={BODY_SECONDS}), public_url=url)
    listener = Listener(server.application(parts), taken, head_seconds={HEAD_SECONDS})
    listener.start()
    print(url, flush=True)
    await listener.ended()

asyncio.run(main())
"""


class Heard(NamedTuple):
    """What came back on a connection, and whether the server ended it."""

    raw: bytes
    is_closed: bool
    seconds: float

    @property
    def statuses(self) -> list[int]:
        """The status of every answer, in order."""
        return [
            int(each) for each in re.findall(rb"(?:\A|\r\n\r\n|\})HTTP/1\.[01] (\d{3})", self.raw)
        ]

    @property
    def status(self) -> int | None:
        """The status of the one answer, None where there is none."""
        statuses = self.statuses
        assert len(statuses) < 2, self.raw
        return statuses[0] if statuses else None

    @property
    def head(self) -> bytes:
        """Everything before the body."""
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def problem(self) -> dict[str, Any]:
        """The body, which must be a problem document."""
        assert b"application/problem+json" in self.head, self.raw
        found: dict[str, Any] = json.loads(self.raw.partition(b"\r\n\r\n")[2])
        return found


class Server:
    """The process under fire."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.token = self._token()

    def connect(self, timeout: float = PATIENCE_SECONDS) -> socket.socket:
        """A connection, on which nothing was said yet."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def say(
        self,
        *parts: bytes,
        gap: float = 0.0,
        wait: float = PATIENCE_SECONDS,
        to_the_end: bool = False,
    ) -> Heard:
        """Send these bytes, and listen until the server has answered and is silent, or ends it.

        With `to_the_end`, an answer is not enough: the server shall end the connection.
        """
        began = time.monotonic()
        with self.connect() as stranger:
            try:
                for number, part in enumerate(parts):
                    if number:
                        time.sleep(gap)
                    stranger.sendall(part)
            except OSError:
                pass  # The server had enough; what it said before is still to be heard.
            raw, is_closed = _listen(stranger, wait, to_the_end=to_the_end)
        return Heard(raw, is_closed, time.monotonic() - began)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: bytes = b"", **how: Any
    ) -> Heard:
        """A request with good credentials, a fresh key and a length; `headers` come on top."""
        return self.say(self.head(method, path, len(body), headers) + body, **how)

    def head(
        self, method: str, path: str, length: int | None = None, headers: bytes = b""
    ) -> bytes:
        """The head of such a request."""
        said = f"Content-Length: {length}\r\n" if length is not None else ""
        return (
            (
                f"{method} {path} HTTP/1.1\r\n"
                "Host: avtale.test\r\n"
                f"Authorization: Bearer {self.token}\r\n"
                f"Ocp-Apim-Subscription-Key: {PUBLIC_CREDENTIALS.subscription_key}\r\n"
                f"Merchant-Serial-Number: {PUBLIC_UNIT}\r\n"
                f"Idempotency-Key: {time.monotonic_ns()}\r\n"
                f"Content-Type: application/json\r\n{said}"
            ).encode()
            + headers
            + b"\r\n"
        )

    def require_well(self) -> None:
        """The server answers others, at once, and has failed nobody."""
        heard = self.say(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert heard.status == 200, heard
        assert heard.seconds < SLACK_SECONDS
        figures = self.say(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").raw
        assert b"avtale_requests_total" in figures
        assert b'status="5xx"' not in figures

    def log_with(self, word: str) -> bytes:
        """The log once it holds a whole line with `word`: the line may come after the answer that it tells of."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            text = self.log.read_bytes()
            if word.encode() in text and text.endswith(b"\n"):
                return text
            assert time.monotonic() < give_up, f"{word!r} is not in the log"
            time.sleep(0.01)

    @property
    def peak_bytes(self) -> int | None:
        """The most memory that the process ever had, where the machine tells."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return None
        return int(status.read_text("utf-8").partition("VmHWM:")[2].split()[0]) * 1024

    def _token(self) -> str:
        keys = PUBLIC_CREDENTIALS
        heard = self.say(
            "POST /accesstoken/get HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n"
            f"client_id: {keys.client_id}\r\nclient_secret: {keys.client_secret}\r\n"
            f"Ocp-Apim-Subscription-Key: {keys.subscription_key}\r\n\r\n".encode()
        )
        token: str = json.loads(heard.raw.partition(b"\r\n\r\n")[2])["access_token"]
        return token


@contextmanager
def running(log: Path) -> Iterator[Server]:
    """A server, until it is no longer needed; its log is written to a file."""
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=lines, text=True
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, log.read_text("utf-8")
        yield Server(process, int(url.rpartition(":")[2]), log)
        assert process.poll() is None, "the server died"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def _listen(stranger: socket.socket, wait: float, *, to_the_end: bool) -> tuple[bytes, bool]:
    """What is heard until the server ends it, has said a whole answer, or `wait` seconds are over."""
    raw = b""
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([stranger], [], [], left)[0]:
            break
        try:
            more = stranger.recv(1 << 20)
        except ConnectionResetError:
            return raw, True
        if not more:
            return raw, True
        raw += more
        if _is_whole(raw) and not to_the_end and b"\r\nconnection: close\r\n" not in raw:
            # A moment for a second answer.
            deadline = min(deadline, time.monotonic() + 0.05)
    return raw, False


def _is_whole(raw: bytes) -> bool:
    head, blank, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(blank) and (length is None or len(body) >= int(length[1]))
