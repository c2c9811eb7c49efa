"""Whoever sends is killed at every step of a delivery: all is sent at least once under its one id, and nothing else."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, get_args

import asyncpg
import httpx

from avtale.auditing import audit
from avtale.engine.world import Needs
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from avtale.operations.webhooks import register_webhook
from avtale.webhooks.catalogue import EventType
from tests.conftest import fresh_database
from tests.faults.dying import ON_PURPOSE, STEPS
from tests.faults.preparing import TODAY, Due, Person, move_clock, prepare
from tests.faults.processes import Merchant, Part, Process
from tests.receivers import Arrived, Receiver, receiving
from tests.support import House, installation, soon

DEATHS = 25
"""On each database, so fifty in all."""
AGREEMENTS_PER_DEATH = 2
CHARGES = 3
LEASE_SECONDS = 0.4
ALL_EVENTS: tuple[EventType, ...] = get_args(EventType)
EVERY_STEP = (*STEPS, "on arrival")


class Shop:
    """Nordic News, whose agreements are called off one after another, and a receiver who is told of it."""

    def __init__(self, data: str, receiver: Receiver, folder: Path) -> None:
        self.data = data
        self.receiver = receiver
        self.folder = folder
        self.over: set[str] = set()
        """Charges and agreements of which it was told that they are over."""
        self.taken_back: set[str] = set()
        """Those of which it was told that nothing has changed; it did not ask again."""
        self._agreements: Iterator[tuple[int, str]] = iter(())

    async def opens(self, agreements: int) -> None:
        """So many agreements with three charges each, and the receiver registered for everything."""
        due = [Due(number // CHARGES, 30, 700 + number) for number in range(agreements * CHARGES)]
        ids = await prepare(self.data, [Person(10**6)] * agreements, due)
        self._agreements = iter(enumerate(ids))
        async with installation(self.data) as house:
            await self._register(house)
        # What follows is surely later than the registration.
        await move_clock(self.data, TODAY, 13)

    async def _register(self, house: House) -> None:
        await house.do(
            lambda world, call: register_webhook(
                world, call, PUBLIC_CREDENTIALS.client_id, self.receiver.url, ALL_EVENTS, "secret"
            ),
            Needs(),
            PUBLIC_UNIT,
        )

    async def calls_off(self, process: Process, agreements: int) -> None:
        """The charges of the next so many agreements, and then these, until nobody answers any more."""
        chosen = list(itertools.islice(self._agreements, agreements))
        try:
            async with Merchant([process]) as merchant:
                await asyncio.gather(*(self._call_off(merchant, *each) for each in chosen))
        except httpx.TransportError:
            return

    async def _call_off(self, merchant: Merchant, number: int, agreement: str) -> None:
        path = f"/recurring/v3/agreements/{agreement}"
        for order in range(number * CHARGES, number * CHARGES + CHARGES - 1):
            await self._ask(merchant, f"order-{order}", "DELETE", f"{path}/charges/order-{order}")
        await self._ask(merchant, agreement, "PATCH", path, {"status": "STOPPED"})

    async def _ask(
        self, merchant: Merchant, what: str, method: str, path: str, body: Any = None
    ) -> None:
        """Under a key of its own; an answer of 503 says that nothing was done."""
        reply = await merchant.call(method, path, what, body)
        assert reply.status in {204, 503}, reply
        (self.over if reply.status == 204 else self.taken_back).add(what)

    @contextmanager
    def process(self, part: Part, **told: Any) -> Iterator[Process]:
        """One that serves, works or both; afterwards it has logged no error but those that were meant."""
        log = self.folder / f"{uuid.uuid4()}.log"
        process = Process(
            part, self.data, log, lease_seconds=LEASE_SECONDS, tick_seconds=0.02, **told
        )
        try:
            yield process
        finally:
            process.kill()
        assert [line for line in process.trouble() if ON_PURPOSE not in line] == []

    async def dies(self, number: int, part: Part, server: Process | None) -> None:
        """A process that sends dies at one step of a delivery, while things go on."""
        step, nth = EVERY_STEP[number % len(EVERY_STEP)], 1 + number // len(EVERY_STEP) % 3
        # There is one turn at a receiver, and so one record, for all that waits.
        nth = nth if step in {"before sending", "after the answer", "on arrival"} else 1
        told: dict[str, Any] = {} if step == "on arrival" else {"dies": f"{step}:{nth}"}
        if server is None:
            told["takes_back"] = 2
        with self.process(part, **told) as process:
            if step == "on arrival":
                self.receiver.answers = strikes(process, nth)
            if server is None:
                # There may be work from before, and death before the first answer.
                await asyncio.to_thread(process.answers_or_ends)
            await self.calls_off(server or process, AGREEMENTS_PER_DEATH)
            await process.is_dead()

    async def require_all_told(self) -> None:
        """Each event arrived under its one id, in order, and nothing else did."""
        told = await look(self.data, TOLD)
        assert None not in {delivery_id for _, _, _, delivery_id, _ in told}
        sent = {delivery_id: body for *_, delivery_id, body in told}
        assert len(sent) == len(told) == len({event_id for event_id, *_ in told})
        arrived = self.receiver.arrived
        assert {each.webhook_id for each in arrived} == sent.keys()
        assert {(each.webhook_id, each.body.decode()) for each in arrived} == set(sent.items())
        assert [body for _, _, body, _, _ in told] == list(sent.values())
        # A change that was answered was told, and one that was taken back was not.
        about = {each.event.get("chargeId", each.event["agreementId"]) for each in arrived}
        assert self.over <= about
        assert len(self.over) > 10
        assert self.taken_back
        assert not (self.taken_back & about) - self._ended_with_their_agreements(arrived)
        report = await asyncio.to_thread(audit, self.data, quiescent=True)
        assert report.ok, "\n".join(map(str, report.violations))
        self._require_order([(agreement_id, each) for _, agreement_id, _, each, _ in told])

    def _ended_with_their_agreements(self, arrived: list[Arrived]) -> set[str]:
        """Charges whose own cancel was taken back, and which were called off with their agreement later on."""
        stopped = {each.event["agreementId"] for each in arrived if "chargeId" not in each.event}
        return {
            each.event["chargeId"]
            for each in arrived
            if "chargeId" in each.event and each.event["agreementId"] in stopped
        }

    def _require_order(self, told: list[tuple[str, str]]) -> None:
        """Of each agreement, whatever arrived for the first time came in the order in which it happened."""
        of_agreement = {delivery_id: agreement_id for agreement_id, delivery_id in told}
        wanted, came = defaultdict(list), defaultdict(list)
        for agreement_id, delivery_id in told:
            wanted[agreement_id].append(delivery_id)
        for delivery_id in dict.fromkeys(each.webhook_id for each in self.receiver.arrived):
            came[of_agreement[delivery_id]].append(delivery_id)
        assert came == wanted


TOLD = """
    SELECT e.event_id, e.agreement_id, e.body, d.delivery_id, d.body
    FROM events e LEFT JOIN deliveries d ON d.event_id = e.event_id
    WHERE e.event_type <> 'recurring.agreement-activated.v1' ORDER BY e.position
"""
"""What has happened since the registration, and what was made of it."""

WAITING = """
    SELECT (SELECT COUNT(*) FROM events WHERE awaited = 1)
        + (SELECT COUNT(*) FROM deliveries WHERE status = 'WAITING')
"""


async def look(data: str, query: str) -> list[Any]:
    """What a query finds, in a database that may be in use."""
    if "://" in data:
        connection = await asyncpg.connect(data)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()
    with closing(sqlite3.connect(f"file:{data}?mode=ro", uri=True)) as reader:
        return reader.execute(query).fetchall()


async def nothing_waits(shop: Shop) -> bool:
    """Whether everything has been sent."""
    return await look(shop.data, WAITING) == [(0,)]


def strikes(process: Process, nth: int) -> Iterator[int | str]:
    """Answers of a receiver who ends whoever sends, once the nth request is there."""
    yield from [200] * (nth - 1)
    process.kill()
    yield "close"
    yield from itertools.repeat(200)


async def test_a_server_that_dies_at_every_step_of_a_delivery_loses_none(tmp_path: Path) -> None:
    async with receiving() as receiver:
        shop = Shop(str(tmp_path / "avtale.db"), receiver, tmp_path)
        await shop.opens(AGREEMENTS_PER_DEATH * DEATHS)
        for number in range(DEATHS):
            await shop.dies(number, "up", None)
        assert len(receiver.arrived) > len({each.webhook_id for each in receiver.arrived})
        with shop.process("up") as server:
            await soon(lambda: nothing_waits(shop))
            assert await asyncio.to_thread(server.end) == 0
        await shop.require_all_told()


async def test_workers_that_die_at_every_step_of_a_delivery_lose_none(
    postgresql_url: str, tmp_path: Path
) -> None:
    with fresh_database(postgresql_url) as url:
        async with receiving() as receiver:
            shop = Shop(url, receiver, tmp_path)
            await shop.opens(AGREEMENTS_PER_DEATH * DEATHS)
            with shop.process("api", takes_back=5) as server:
                await asyncio.to_thread(server.answers)
                for number in range(DEATHS):
                    await shop.dies(number, "worker", server)
                assert len(receiver.arrived) > len({each.webhook_id for each in receiver.arrived})
                with shop.process("worker") as worker:
                    await soon(lambda: nothing_waits(shop))
                    assert await asyncio.to_thread(worker.end) == 0
                assert await asyncio.to_thread(server.end) == 0
            await shop.require_all_told()


async def test_two_workers_lose_no_event_and_keep_the_order_of_each_agreement(
    postgresql_url: str, tmp_path: Path
) -> None:
    with fresh_database(postgresql_url) as url:
        async with receiving() as receiver:
            shop = Shop(url, receiver, tmp_path)
            await shop.opens(60)
            with (
                shop.process("api", takes_back=5) as server,
                shop.process("worker") as one,
                shop.process("worker") as other,
            ):
                await asyncio.to_thread(server.answers)
                for _ in range(6):
                    await shop.calls_off(server, 10)
                await soon(lambda: nothing_waits(shop))
                ends = [await asyncio.to_thread(each.end) for each in (one, other, server)]
                assert ends == [0, 0, 0]
            await shop.require_all_told()
