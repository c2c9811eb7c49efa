"""avtale as a user starts it, and the requests that are measured."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import Final, Literal

from avtale.instants import to_milliseconds
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from benchmarks.databases import Database
from benchmarks.filling import LATER, RUN_AT, Content, stand_at
from benchmarks.load import Request
from benchmarks.processes import Child, Failed, ask, first_answer, free_port, running

Work = Literal["create", "fetch", "capture"]

TOKEN_HEADERS: Final = {
    "client_id": PUBLIC_CREDENTIALS.client_id,
    "client_secret": PUBLIC_CREDENTIALS.client_secret,
    "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
}
MOST_SETTLING_SECONDS: Final = 1200.0
LOOK_SECONDS: Final = 0.05
LOOKS_FOR_MEMORY: Final = 10
LOOKS_FOR_PROGRESS: Final = 300

_OPEN: Final = f"""
    SELECT CASE WHEN EXISTS (
        SELECT 1 FROM charges WHERE merchant_serial_number = '{PUBLIC_UNIT}'
            AND wake_at IS NOT NULL AND wake_at <= {to_milliseconds(RUN_AT)} AND open_payment IS NULL
    ) OR EXISTS (SELECT 1 FROM payments WHERE status IN ('ASKED', 'UNCLEAR')) THEN 1 ELSE 0 END
"""


def program() -> str:
    """The command `avtale` of this environment."""
    return str(Path(sys.executable).with_name("avtale"))


def up(data: str, port: int) -> list[str]:
    """`avtale up` on a port of this machine."""
    return [program(), "up", "--quiet", "--data", data, "--port", str(port)]


class Installation:
    """A server that answers."""

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self.port = port
        _, body = ask(port, "POST", "/accesstoken/get", TOKEN_HEADERS)
        self.token: str = json.loads(body)["access_token"]


@contextlib.contextmanager
def serving(database: Database, folder: Path) -> Iterator[Installation]:
    """`avtale up` on `database` while the block runs."""
    port = free_port()
    with running(up(database.data, port), folder) as child:
        first_answer(child, port, "GET", "/livez")
        yield Installation(child, port)


@contextlib.contextmanager
def bare_server(database: Database, folder: Path) -> Iterator[tuple[Child, int]]:
    """The limit on `database` while the block runs, with its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", database.data, str(port)]
    root = str(Path(__file__).parents[1])
    with running(command, folder, PYTHONPATH=root) as child:
        first_answer(child, port, "GET", f"/recurring/v3/agreements/a/charges/{'c' * 12}")
        yield child, port


def request(work: Work, content: Content, token: str = "") -> Request:
    """A create, a fetch or a capture, each on some charge or agreement of `content`."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
        "Merchant-Serial-Number": PUBLIC_UNIT,
    }
    writing = {"Content-Type": "application/json", "Idempotency-Key": f"load-{work}-${{n}}"}
    agreements = "/recurring/v3/agreements/agr_"
    match work:
        case "create":
            body = json.dumps(
                {
                    "amount": 499_00,
                    "description": "January",
                    "transactionType": "DIRECT_CAPTURE",
                    "due": str(LATER),
                    "retryDays": 3,
                }
            )
            path = agreements + "${id(any)}/charges"
            return Request("POST", path, headers | writing, body, content.agreements)
        case "fetch":
            path = f"{agreements}${{id(any % {content.agreements})}}/charges/chr-${{id(any)}}"
            return Request("GET", path, headers, choices=content.charges)
        case "capture":
            charge = f"n % {content.reserved}"
            path = f"{agreements}${{id({charge} % {content.agreements})}}/charges/chr-${{id({charge})}}"
            body = '{"amount":100,"description":"A first part"}'
            return Request("POST", path + "/capture", headers | writing, body)


class Settled:
    """How a due run went."""

    def __init__(self, seconds: float, processor_seconds: float, memory_mib: list[float]) -> None:
        self.seconds = seconds
        self.processor_seconds = processor_seconds
        self._memory_mib = memory_mib

    @property
    def peak_mib(self) -> float:
        """The most that all processes held at one time, of what was seen."""
        return max(self._memory_mib, default=0.0)

    @property
    def growth_mib(self) -> float:
        """How much more they held at the end than after the first fifth."""
        if not self._memory_mib:
            return 0.0
        return self._memory_mib[-1] - self._memory_mib[len(self._memory_mib) // 5]


def settle(
    database: Database, children: list[Child], say: Callable[[str], None] = lambda _: None
) -> Settled:
    """Let the clock stand at the run, and wait until everything that is due then is done."""
    memory_mib: list[float] = []
    begin, busy = perf_counter(), _busy_seconds(children)
    stand_at(database, RUN_AT)
    looks = 0
    while database.numbers(_OPEN) != (0,):
        looks += 1
        # Looking costs the machine a little, too.
        if looks % LOOKS_FOR_MEMORY == 1:
            for child in children:
                child.require_alive()
            memory_mib.append(sum(child.memory_mib() or 0 for child in children))
        if looks % LOOKS_FOR_PROGRESS == 0:
            (done,) = database.numbers("SELECT COUNT(*) FROM gateway_ledger")
            say(f"{database.kind}: {done:,} asked for")
        if perf_counter() - begin > MOST_SETTLING_SECONDS:
            raise Failed(f"the due run did not end within {MOST_SETTLING_SECONDS:.0f} seconds")
        sleep(LOOK_SECONDS)
    seconds = perf_counter() - begin
    return Settled(seconds, _busy_seconds(children) - busy, memory_mib)


def _busy_seconds(children: list[Child]) -> float:
    return sum(child.processor_seconds() for child in children)
