"""A campaign: due runs over many charges and a merchant who calls all the while, as processes die and come back."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
from datetime import timedelta
from typing import Any, NamedTuple

import asyncpg
import httpx

from tests.faults.preparing import TODAY, Due, Person, move_clock, prepare
from tests.faults.processes import Merchant, Process, Reply, charge_body

PATIENCE_SECONDS = 3.0
"""How long there may be nothing to see of a run."""

AGREEMENTS = "/recurring/v3/agreements"
RICH, POOR = 10**7, 4_000
PEOPLE = [
    *[Person(RICH)] * 16,
    *[Person(POOR)] * 4,
    *[Person(RICH, ("timeout", "ok", "timeout", "insufficient_funds", "technical_error") * 8)] * 4,
]
MAGIC = {7: 151, 13: 201, 19: 186}
"""Every so manieth charge has an amount that is declined, or not known for an hour."""

MONEY = (
    "SELECT (SELECT SUM(balance) FROM payers WHERE phone_number LIKE '479000%')"
    " + (SELECT SUM(captured - refunded) FROM charges)"
    " + (SELECT COALESCE(SUM(reserved - captured - cancelled), 0) FROM charges WHERE reserved > 0)"
)
BOOKS = (
    "SELECT COUNT(*) FROM (SELECT payment_key, charge_id, kind, amount FROM payments"
    " WHERE status = 'OK' EXCEPT SELECT payment_key, charge_id, kind, amount FROM gateway_ledger"
    " WHERE result = 'OK') AS ours UNION ALL SELECT COUNT(*) FROM (SELECT payment_key, charge_id,"
    " kind, amount FROM gateway_ledger WHERE result = 'OK' EXCEPT SELECT payment_key, charge_id,"
    " kind, amount FROM payments WHERE status = 'OK') AS theirs"
)
TAKEN_TWICE = (
    "SELECT COUNT(*) FROM (SELECT charge_id FROM gateway_ledger WHERE result = 'OK'"
    " AND kind IN ('DIRECT_CAPTURE', 'RESERVE') GROUP BY charge_id HAVING COUNT(*) > 1) AS twice"
)
TAKEN_OVER = (
    "SELECT COUNT(*) FROM payments WHERE asks = 1 AND asked_again IS NOT NULL"
    " AND status IN ('OK', 'DECLINED')"
)
UNDER_WAY = "SELECT COUNT(*) FROM payments WHERE lease_until IS NOT NULL"


class Request(NamedTuple):
    """What a merchant asked, to be asked again under the same key."""

    method: str
    path: str
    body: Any


class Ack(NamedTuple):
    """What the merchant was answered, and took for granted from then on."""

    status: int
    sha256: str


def ack_of(reply: Reply) -> Ack:
    """What is kept of an answer."""
    return Ack(reply.status, hashlib.sha256(reply.body).hexdigest())


class Campaign:
    """One database under fire."""

    def __init__(self, data: str, seed: int) -> None:
        self.data = data
        self.random = random.Random(seed)
        self.agreements: list[str] = []
        self.asked: dict[str, Request] = {}
        self.acks: dict[str, Ack] = {}
        self.token = ""
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def close(self) -> None:
        """Look no more."""
        if self._pool is not None:
            await self._pool.close()

    async def prepare(self, charges: int, days: int) -> None:
        """Charges for every day of so many, of every kind of payer and outcome."""
        due = [
            Due(
                number % len(PEOPLE),
                1 + number % days,
                next((amount for n, amount in MAGIC.items() if number % n == 0), 700 + number),
                ("DIRECT_CAPTURE", "RESERVE_CAPTURE")[number // 3 % 2],
                number % 3,
            )
            for number in range(1, charges + 1)
        ]
        self.agreements = await prepare(self.data, PEOPLE, due)

    async def move_clock(self, run: int) -> None:
        """To the first run, the second, the third …, counted from tomorrow's first."""
        day = TODAY + timedelta(days=1 + run // 2)
        await move_clock(self.data, day, 9 + 8 * (run % 2))

    async def read(self, query: str) -> list[Any]:
        """The first column of what a query finds."""
        if "://" in self.data:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(self.data, min_size=1)
            return [row[0] for row in await self._pool.fetch(query)]
        reader = sqlite3.connect(f"file:{self.data}?mode=ro", uri=True)
        try:
            return [row[0] for row in reader.execute(query)]
        finally:
            reader.close()

    async def payments(self) -> int:
        """How many payments have been written down so far."""
        [count] = await self.read("SELECT COUNT(*) FROM payments")
        return int(count)

    async def until_payments(self, count: int) -> None:
        """Wait until so many payments have been written down, but not for ever."""
        for _ in range(round(PATIENCE_SECONDS / 0.003)):
            if await self.payments() >= count:
                return
            await asyncio.sleep(0.002)

    async def call(self, processes: list[Process], acks: int) -> None:
        """A merchant calls, six at a time, until so many more are answered or nobody answers."""
        async with Merchant(processes, self.token) as merchant:
            self.token = merchant.token
            enough = len(self.acks) + acks
            await asyncio.gather(*(self._call(merchant, enough) for _ in range(6)))

    async def _call(self, merchant: Merchant, enough: int) -> None:
        reserved, charged = await self._known("RESERVED"), await self._known("CHARGED")
        for key in [key for key in self.asked if key not in self.acks]:
            # Whoever was not answered asks again.
            if not await self._ask(merchant, key):
                return
        while len(self.acks) < enough:
            key = f"call-{len(self.asked)}"
            self.asked[key] = self._any_request(key, reserved, charged)
            if not await self._ask(merchant, key):
                return

    async def _ask(self, merchant: Merchant, key: str) -> bool:
        request = self.asked[key]
        try:
            reply = await merchant.call(request.method, request.path, key, request.body)
        except httpx.TransportError:
            return False
        if reply.status < 500:
            before = self.acks.setdefault(key, ack_of(reply))
            assert before == ack_of(reply), (key, request, reply)
        return True

    def _any_request(self, key: str, reserved: list[str], charged: list[str]) -> Request:
        choice = self.random.random()
        if choice < 0.3 and reserved:
            path, amount = self.random.choice(reserved), self.random.choice([100, 300, 10**6])
            return Request("POST", f"{path}/capture", {"amount": amount})
        if choice < 0.45 and reserved:
            return Request("DELETE", self.random.choice(reserved), None)
        if choice < 0.7 and charged:
            body = {"amount": self.random.choice([100, 123, 300]), "description": "Sorry"}
            return Request("POST", f"{self.random.choice(charged)}/refund", body)
        due = (TODAY + timedelta(days=60)).isoformat()
        agreement = self.random.choice(self.agreements)
        body = charge_body(key, due, self.random.choice([50, 700, 900]))
        return Request("POST", f"{AGREEMENTS}/{agreement}/charges", body)

    async def _known(self, status: str) -> list[str]:
        query = (
            f"SELECT '{AGREEMENTS}/' || agreement_id || '/charges/' || charge_id FROM charges "
            f"WHERE status = '{status}' ORDER BY charge_id LIMIT 40"
        )
        return await self.read(query)

    async def replay_all(self, processes: list[Process]) -> None:
        """Every acknowledged request is answered with the same bytes, by whoever is asked."""
        async with Merchant(processes, self.token) as merchant:
            for key, ack in self.acks.items():
                request = self.asked[key]
                reply = await merchant.call(request.method, request.path, key, request.body)
                assert ack_of(reply) == ack, (key, request, reply)
                assert reply.is_replay, (key, request)

    async def come_to_rest(self, processes: list[Process]) -> None:
        """Let time pass until everything that was begun has come to its end."""
        async with Merchant(processes, self.token) as merchant:
            path = "/sandbox/sales-units/123456/clock/advance"
            reply = await merchant.call("POST", path, "", {"days": 20})
            assert reply.status == 200, reply

    async def require_sound_books(self) -> None:
        """No money was made or lost, none was taken twice, and the gateway's books are ours."""
        [money], paid_in = await self.read(MONEY), sum(person.balance for person in PEOPLE)
        assert money == paid_in, f"{money - paid_in} too much"
        books, twice = await self.read(BOOKS), await self.read(TAKEN_TWICE)
        assert books == [0, 0], f"{books[0]} payments and {books[1]} entries of the books alone"
        assert twice == [0], f"{twice[0]} charges were taken twice"
