"""Commands as people run them: each in a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

PATIENCE_SECONDS = 30
AVTALE = (sys.executable, "-m", "avtale")


class Ran(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, for programs."""
        return json.loads(self.out)


def plain_environment(**more: str) -> dict[str, str]:
    """The environment without what would change how avtale behaves."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AVTALE_")}
    kept.pop("NO_COLOR", None)
    return kept | more


def avtale(*words: str, folder: Path, **environment: str) -> Ran:
    """Run a command to its end."""
    ran = subprocess.run(
        [*AVTALE, *words],
        cwd=folder,
        env=plain_environment(**environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@dataclass
class Running:
    """A command that serves."""

    process: subprocess.Popen[str]
    told: dict[str, Any]
    """What it printed as JSON when it answered; empty where it prints nothing."""

    @property
    def url(self) -> str:
        """Where it answers."""
        url: str = self.told["urls"]["api"]
        return url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request of the control API or the service's own paths."""
        answer = httpx.request(method, self.url + path, json=body, trust_env=False, timeout=30)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def stop(self, how: int = signal.SIGTERM) -> Ran:
        """Tell it to stop, and wait until it has."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return Ran(self.process.returncode, out, err)

    def next_line_of_log(self) -> dict[str, Any]:
        """What it writes to standard error next."""
        assert self.process.stderr is not None
        line: dict[str, Any] = json.loads(_line(self.process.stderr))
        return line


@contextmanager
def serving(*words: str, folder: Path, tells: bool = True, **environment: str) -> Iterator[Running]:
    """Start a command that serves, and stop it afterwards; with `tells`, once it has said that it answers."""
    process = subprocess.Popen(
        [*AVTALE, *words, *(["--json"] if tells else [])],
        cwd=folder,
        env=plain_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(_line(process.stdout)) if tells else {}
        yield Running(process, told)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _line(stream: Any) -> str:
    """The next line; a command that says nothing for too long is a failure, not a test that hangs."""
    lines: list[str] = []
    reading = threading.Thread(target=lambda: lines.append(stream.readline()), daemon=True)
    reading.start()
    reading.join(PATIENCE_SECONDS)
    assert lines, "it says nothing"
    assert lines[0], "it ended without a word"
    return lines[0]


@contextmanager
def taken_port() -> Iterator[str]:
    """A port on which somebody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield str(held.getsockname()[1])


def free_port() -> str:
    """A port on which nobody listens."""
    with taken_port() as port:
        return port


class Merchant:
    """A shop with the ready-made keys, or keys that were printed."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self._url = url
        self._keys = dict(keys)
        self._number = 0
        self.serial_number = keys["Merchant-Serial-Number"]
        answer = httpx.post(f"{url}/accesstoken/get", headers=self._sent(), trust_env=False)
        assert answer.status_code == 200, answer.text
        self._keys["Authorization"] = f"Bearer {answer.json()['access_token']}"

    @property
    def credentials(self) -> dict[str, str]:
        """The headers that every request carries."""
        return self._sent()

    def _sent(self) -> dict[str, str]:
        return {name: value for name, value in self._keys.items() if name != "phoneNumber"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request of the Recurring API, which must succeed."""
        self._number += 1
        answer = httpx.request(
            method,
            f"{self._url}/recurring/v3{path}",
            json=body,
            headers=self._sent() | {"Idempotency-Key": f"key-{self._number}-{os.getpid()}"},
            trust_env=False,
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def draft(self, **members: Any) -> str:
        """A new agreement that waits for its payer."""
        body = members | {
            "productName": "Premier League",
            "pricing": members.get("pricing", {"amount": 499_00, "currency": "NOK"}),
            "interval": {"unit": "MONTH", "count": 1},
            "merchantRedirectUrl": "https://example.com/thanks",
            "merchantAgreementUrl": "https://example.com/subscription",
        }
        drafted: str = self.ask("POST", "/agreements", body)["agreementId"]
        return drafted

    def charge(self, agreement_id: str, due: str) -> str:
        """A new charge, due on a day."""
        body = {
            "amount": 499_00,
            "description": "November",
            "transactionType": "DIRECT_CAPTURE",
            "due": due,
            "retryDays": 2,
        }
        created: str = self.ask("POST", f"/agreements/{agreement_id}/charges", body)["chargeId"]
        return created

    def status(self, agreement_id: str, charge_id: str) -> str:
        """What has become of a charge."""
        found: str = self.ask("GET", f"/agreements/{agreement_id}/charges/{charge_id}")["status"]
        return found
