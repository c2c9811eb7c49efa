"""Real processes that serve and work, and a merchant who calls them from outside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import httpx

from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT

PROGRAM = Path(__file__).with_name("serve.py")
PATIENCE_SECONDS = 30.0
TROUBLE = ('"level": "error"', '"level": "critical"', "Traceback")

Part = Literal["up", "api", "worker"]


class Process:
    """One process on some data; `up` and `api` listen on a port of their own."""

    def __init__(
        self,
        part: Part,
        data: str,
        log: Path,
        *,
        lease_seconds: float = 30.0,
        dies: str = "",
        takes_back: int | None = None,
        **settings: Any,
    ) -> None:
        """`dies` and `takes_back` are as `dying` has them: `step:nth`, and every so manieth change."""
        self.part = part
        self.log = log
        given: dict[str, Any] = {"data": data, "log_level": "info", **settings}
        if part != "worker":
            given["port"] = self.port = _free_port()
        arguments = [sys.executable, str(PROGRAM), part, json.dumps(given)]
        arguments += [str(lease_seconds), dies, str(takes_back or "")]
        with log.open("ab") as written:
            self._process = subprocess.Popen(arguments, stderr=written)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def has_ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    @property
    def processor_seconds(self) -> float | None:
        """How long it has worked so far, where the machine tells."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        if not stat.exists():
            return None
        # The name may hold blanks; what follows its bracket begins with the third field.
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def answers(self) -> Self:
        """Wait until it answers."""
        assert self.answers_or_ends(), self.log.read_text()[-2000:]
        return self

    def answers_or_ends(self) -> bool:
        """Wait until it answers; False where it ended before that."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        with httpx.Client(trust_env=False) as client:
            while True:
                try:
                    if client.get(f"{self.url}/livez").status_code == 200:
                        return True
                except httpx.TransportError:
                    if self.has_ended:
                        return False
                assert time.monotonic() < give_up, "no answer"
                time.sleep(0.01)

    async def is_dead(self) -> None:
        """Wait until it has ended itself."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not self.has_ended:
            assert time.monotonic() < give_up, "it lives on"
            await asyncio.sleep(0.005)

    def is_heard(self, word: str) -> None:
        """Wait until its log holds a word."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while word not in self.log.read_text():
            assert not self.has_ended, self.log.read_text()[-2000:]
            assert time.monotonic() < give_up, f"{word!r} is not in the log"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it where it stands."""
        self._process.kill()
        self._process.wait()

    def stand_still(self) -> None:
        """Let it do nothing at all, as if its machine was frozen."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on as if nothing had been."""
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Ask it to end, and wait; answers with its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_SECONDS)

    def trouble(self) -> list[str]:
        """Lines of its log that tell of something unforeseen."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if any(word in line for word in TROUBLE)]


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    body: bytes
    is_replay: bool

    @property
    def json(self) -> Any:
        """The body as plain values."""
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        """The identifier of a problem."""
        return str(self.json["type"]).partition("#")[2]


class Merchant:
    """Nordic News, calling one process after another."""

    def __init__(self, processes: Sequence[Process], token: str | None = None) -> None:
        self._urls = [process.url for process in processes]
        self._turn = 0
        limits = httpx.Limits(max_connections=128, max_keepalive_connections=128)
        self._client = httpx.AsyncClient(trust_env=False, limits=limits, timeout=PATIENCE_SECONDS)
        self.token = token or ""

    async def __aenter__(self) -> Self:
        if not self.token:
            answer = await self._client.post(
                f"{self._urls[0]}/accesstoken/get",
                headers={
                    "client_id": PUBLIC_CREDENTIALS.client_id,
                    "client_secret": PUBLIC_CREDENTIALS.client_secret,
                    "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
                },
            )
            self.token = answer.json()["access_token"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def call(self, method: str, path: str, key: str = "", body: Any = None) -> Reply:
        """A request to the next process in turn."""
        self._turn += 1
        answer = await self._client.request(
            method,
            self._urls[self._turn % len(self._urls)] + path,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
                "Merchant-Serial-Number": PUBLIC_UNIT,
                "Idempotency-Key": key or f"key-{self._turn}-{time.monotonic_ns()}",
                "Content-Type": "application/json",
            },
            content=b"" if body is None else json.dumps(body).encode(),
        )
        return Reply(answer.status_code, answer.content, "Idempotency-Replayed" in answer.headers)

    async def draft(self, **members: Any) -> Any:
        """A draft's answer."""
        reply = await self.call("POST", "/recurring/v3/agreements", "", draft_body(**members))
        assert reply.status == 201, reply
        return reply.json

    async def active(self, phone: str = "4791234567", **members: Any) -> Any:
        """A draft's answer, after its payer has said yes."""
        drafted = await self.draft(**members)
        path = f"/recurring/v3/agreements/{drafted['agreementId']}/accept"
        reply = await self.call("PATCH", path, "", {"phoneNumber": phone})
        assert reply.status == 204, reply
        return drafted


def draft_body(**members: Any) -> dict[str, Any]:
    """The body of a draft; `first` is the initial charge's amount, reserved."""
    first = members.pop("first", None)
    if first is not None:
        members["initialCharge"] = {
            "amount": first,
            "description": "First month",
            "transactionType": "RESERVE_CAPTURE",
        }
    return {
        "pricing": {"amount": 499_00, "currency": "NOK"},
        "interval": {"unit": "MONTH", "count": 1},
        "merchantRedirectUrl": "https://nordic.example/thanks",
        "merchantAgreementUrl": "https://nordic.example/me",
        "productName": "Premier League",
        **members,
    }


def charge_body(order: str, due: str, amount: int = 499_00, **members: Any) -> dict[str, Any]:
    """The body of a charge."""
    return {
        "amount": amount,
        "description": "November",
        "transactionType": "DIRECT_CAPTURE",
        "due": due,
        "retryDays": 2,
        "orderId": order,
        **members,
    }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
