"""Many clients at once, over real HTTP: one process on SQLite, two on one PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from avtale.auditing import audit
from tests.conftest import fresh_database
from tests.faults.orders import Asked, require_one_order
from tests.faults.preparing import TODAY, Due, Person, move_clock, prepare
from tests.faults.processes import Merchant, Process, Reply, charge_body, draft_body

CLIENTS = 32
ROUNDS = int(os.environ.get("AVTALE_RACES", "4"))
"""How often each race is run; AVTALE_RACES=200 for a long night."""
AGREEMENTS = "/recurring/v3/agreements"
SOON = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()

KINDS = ("DIRECT_CAPTURE", "RESERVE_CAPTURE")
LEFT = "SELECT COUNT(*) FROM charges WHERE status IN ('PENDING', 'DUE', 'PROCESSING')"
ATTEMPTS = (
    "SELECT COUNT(*), COUNT(DISTINCT p.charge_id), COUNT(l.payment_key), "
    "COUNT(DISTINCT l.charge_id), MAX(p.fence), MAX(p.asks) "
    "FROM payments p FULL JOIN gateway_ledger l ON l.payment_key = p.payment_key"
)

AT_ITS_MOMENT = "SELECT COUNT(*), SUM(asked = run_at) FROM payments"

_numbers = itertools.count()


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def processes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Process]]:
    """The processes that race; afterwards none has logged an error, and the auditor finds nothing."""
    folder = tmp_path_factory.mktemp("races")
    if request.param == "sqlite":
        with _served(str(folder / "avtale.db"), 1, folder) as started:
            yield started
        return
    with (
        fresh_database(request.getfixturevalue("postgresql_url")) as url,
        _served(url, 2, folder) as started,
    ):
        yield started


@contextmanager
def _served(data: str, count: int, folder: Path) -> Iterator[list[Process]]:
    started = [Process("up", data, folder / f"{number}.log") for number in range(count)]
    try:
        yield [process.answers() for process in started]
        assert [process.end() for process in started] == [0] * count
        assert [process.trouble() for process in started] == [[]] * count
        report = audit(data)
        assert report.ok, "\n".join(map(str, report.violations))
    finally:
        for process in started:
            process.kill()


@pytest.fixture
async def merchant(processes: list[Process]) -> AsyncIterator[Merchant]:
    """Nordic News, whose requests go to the processes in turn."""
    async with Merchant(processes) as merchant:
        yield merchant


async def test_one_key_from_many_clients_acts_once(merchant: Merchant) -> None:
    drafted = await merchant.active(first=900_00)
    charges = f"{AGREEMENTS}/{drafted['agreementId']}/charges"
    capture = f"{charges}/{drafted['chargeId']}/capture"
    for path, body in ROUNDS * [
        (AGREEMENTS, draft_body(first=100)),
        (capture, {"amount": 1_00}),
        (charges, {**charge_body("", SOON), "orderId": None}),
        (charges, charge_body("order-in-the-past", "2020-01-01")),
    ]:
        key = _fresh("key")
        replies = await at_once(merchant.call("POST", path, key, body) for _ in range(CLIENTS))
        assert len({(reply.status, reply.body) for reply in replies}) == 1, replies
        assert sum(not reply.is_replay for reply in replies) == 1
        other = await merchant.call("POST", path, key, {**body, "externalId": "another"})
        assert (other.status, other.slug) == (409, "idempotency-conflict")
    found = (await merchant.call("GET", charges)).json
    assert [each["summary"]["captured"] for each in found] == [
        ROUNDS * 1_00,
        *[0] * ROUNDS,
    ]


async def test_one_order_id_under_many_keys_makes_one_charge(merchant: Merchant) -> None:
    one, other = (await merchant.active())["agreementId"], (await merchant.active())["agreementId"]
    for _ in range(2 * ROUNDS):
        body = charge_body(_fresh("order"), SOON)
        replies = await at_once(
            merchant.call("POST", f"{AGREEMENTS}/{agreement_id}/charges", "", body)
            for agreement_id in (one, other)
            for _ in range(CLIENTS // 2)
        )
        assert Counter(reply.status for reply in replies) == {201: 1, 409: CLIENTS - 1}
        assert {reply.slug for reply in replies if reply.status == 409} == {"conflict"}


async def test_captures_cancels_and_refunds_have_one_order(merchant: Merchant) -> None:
    races: tuple[list[tuple[str, int]], ...] = (
        [("CAPTURE", 900), ("CANCEL", 0)],
        [("CANCEL", 0), ("CAPTURE", 500)],
        [("CAPTURE", 600), ("CAPTURE", 600)],
        [("CANCEL", 0)] * 4,
        [*[("CAPTURE", 300)] * 4, *[("REFUND", 200)] * 4, ("CANCEL", 0)],
    )
    charges = await at_once(merchant.active(first=900) for _ in range(ROUNDS * len(races)))
    asked = await at_once(
        _race(merchant, drafted, race)
        for drafted, race in zip(charges, itertools.cycle(races), strict=False)
    )
    for drafted, each in zip(charges, asked, strict=True):
        require_one_order(await _charge(merchant, drafted), each)


async def test_refunds_at_once_never_come_to_more_than_was_captured(merchant: Merchant) -> None:
    charges = await at_once(merchant.active(first=900) for _ in range(2 * ROUNDS))
    for drafted in charges:
        await _race(merchant, drafted, [("CAPTURE", 800)])
    asked = await at_once(
        _race(merchant, drafted, [("REFUND", 300)] * 6, keys=_fresh("refund"))
        for drafted in charges
    )
    for drafted, each in zip(charges, asked, strict=True):
        require_one_order(await _charge(merchant, drafted), each)
    # Whoever lost the race and asks again, under a key of their own, is told what is left.
    for drafted in charges:
        for _ in range(3):
            await _race(merchant, drafted, [("REFUND", 300)])
        [last] = await _race(merchant, drafted, [("REFUND", 300)])
        assert last.reply.slug == "operation-failed"
        assert (await _charge(merchant, drafted))["summary"]["refunded"] == 600


async def test_nothing_is_left_of_a_stopped_agreement_whatever_was_created_meanwhile(
    merchant: Merchant,
) -> None:
    agreements = await at_once(merchant.active(first=900) for _ in range(3 * ROUNDS))

    async def race(agreement_id: str) -> None:
        path = f"{AGREEMENTS}/{agreement_id}"
        stop = merchant.call("PATCH", path, "", {"status": "STOPPED"})
        creates = [
            merchant.call("POST", f"{path}/charges", "", charge_body(_fresh("order"), SOON))
            for _ in range(8)
        ]
        first, *rest = await at_once([*creates[:4], stop, *creates[4:]])
        assert {first.status, *(reply.status for reply in rest)} <= {201, 204, 400}
        charges = (await merchant.call("GET", f"{path}/charges")).json
        assert {charge["status"] for charge in charges} == {"CANCELLED"}
        assert len(charges) == 1 + sum(reply.status == 201 for reply in (first, *rest))

    await at_once(race(each["agreementId"]) for each in agreements)


async def test_an_agreement_is_answered_once(merchant: Merchant) -> None:
    agreements = await at_once(merchant.draft(first=900) for _ in range(4 * ROUNDS))

    async def race(drafted: Any) -> None:
        agreement_id = drafted["agreementId"]
        accept = f"{AGREEMENTS}/{agreement_id}/accept"
        body = {"phoneNumber": "4791234567"}
        replies = await at_once(
            [
                merchant.call("PATCH", accept, "", body),
                merchant.call("POST", f"/sandbox/agreements/{agreement_id}/reject"),
                merchant.call("PATCH", accept, "", body),
                merchant.call("POST", f"/sandbox/agreements/{agreement_id}/approve", "", body),
            ]
        )
        said = [reply.status < 300 for reply in replies]
        assert sum(said) == 1, replies
        assert {reply.status for reply in replies} <= {200, 204, 400, 409}
        status = (await merchant.call("GET", f"{AGREEMENTS}/{agreement_id}")).json["status"]
        charge = await _charge(merchant, drafted)
        expected = ("STOPPED", "CANCELLED") if said[1] else ("ACTIVE", "RESERVED")
        assert (status, charge["status"]) == expected

    await at_once(map(race, agreements))


async def test_an_approval_in_the_last_moment_counts_or_does_not(merchant: Merchant) -> None:
    for _ in range(ROUNDS):
        agreements = await at_once(merchant.draft(first=900) for _ in range(6))
        body = {"phoneNumber": "4791234567"}
        replies = await at_once(
            [
                merchant.call(
                    "POST", "/sandbox/sales-units/123456/clock/advance", "", {"minutes": 10}
                ),
                *(
                    merchant.call("PATCH", f"{AGREEMENTS}/{each['agreementId']}/accept", "", body)
                    for each in agreements
                ),
            ]
        )
        assert replies[0].status == 200, replies[0]
        for drafted, reply in zip(agreements, replies[1:], strict=True):
            path = f"{AGREEMENTS}/{drafted['agreementId']}"
            status = (await merchant.call("GET", path)).json["status"]
            charge = await _charge(merchant, drafted)
            expected = ("ACTIVE", "RESERVED") if reply.status == 204 else ("EXPIRED", "FAILED")
            assert (status, charge["status"]) == expected, reply


async def test_locks_wanted_in_opposite_orders_are_no_trouble_to_anybody(
    merchant: Merchant,
) -> None:
    for _ in range(ROUNDS):
        agreements = await at_once(merchant.active(first=900) for _ in range(10))
        ids = [each["agreementId"] for each in agreements]
        calls = [_bulk(merchant, ids[:: (-1) ** number]) for number in range(12)]
        for drafted in agreements:
            path = f"{AGREEMENTS}/{drafted['agreementId']}"
            charge = charge_body(_fresh("order"), SOON)
            calls += [
                merchant.call("PATCH", path, "", {"pricing": {"amount": 300_00}}),
                merchant.call("DELETE", f"{path}/charges/{drafted['chargeId']}"),
                merchant.call("POST", f"{path}/charges", "", charge),
            ]
        calls[15:15] = [
            merchant.call("PATCH", f"{AGREEMENTS}/{each}", "", {"status": "STOPPED"})
            for each in ids[::3]
        ]
        statuses = Counter(reply.status for reply in await at_once(calls))
        assert statuses.keys() <= {201, 202, 204, 400, 409}, statuses


async def test_two_workers_attempt_ten_thousand_charges_once_each(
    postgresql_url: str, tmp_path: Path
) -> None:
    with fresh_database(postgresql_url) as url:
        people = [Person(balance=10**9) for _ in range(20)]
        due = [Due(number % 20, 1, 700, KINDS[number % 2]) for number in range(10_000)]
        await prepare(url, people, due)
        workers = [
            Process("worker", url, tmp_path / f"{number}.log", tick_seconds=0.02)
            for number in range(2)
        ]
        try:
            for worker in workers:
                await asyncio.to_thread(worker.is_heard, "worker started")
            idle = [worker.processor_seconds for worker in workers]
            await move_clock(url, TODAY + timedelta(days=1), 9)
            connection = await asyncpg.connect(url)
            for _ in range(1200):
                if not await connection.fetchval(LEFT):
                    break
                await asyncio.sleep(0.05)
            attempts = await connection.fetch(ATTEMPTS)
            await connection.close()
            busy = [worker.processor_seconds for worker in workers]
            assert [worker.end() for worker in workers] == [0, 0]
        finally:
            for worker in workers:
                worker.kill()
        assert [worker.trouble() for worker in workers] == [[], []]
        assert [tuple(row) for row in attempts] == [(10_000, 10_000, 10_000, 10_000, 1, 1)]
        worked = [now - then for now, then in zip(busy, idle, strict=True) if now and then]
        # Where one did nearly all of it, nobody raced.
        assert not worked or min(worked) > 0.2 * max(worked), worked
        report = await asyncio.to_thread(audit, url, quiescent=True)
        assert report.ok, "\n".join(map(str, report.violations))


async def test_an_advance_that_meets_the_loop_at_work_leaves_no_moment_out(tmp_path: Path) -> None:
    for number in range(1 + ROUNDS // 4):
        data = str(tmp_path / f"{number}.db")
        await prepare(data, [Person(balance=0)], [Due(0, 1, 700, retry_days=2)] * 60)
        await move_clock(data, TODAY + timedelta(days=1), 9)
        settings: dict[str, Any] = {"tick_seconds": 0.01, "run_batch_size": 1}
        server = Process("up", data, tmp_path / f"{number}.log", **settings)
        try:
            async with Merchant([await asyncio.to_thread(server.answers)]) as merchant:
                body = {"days": 4}
                path = "/sandbox/sales-units/123456/clock/advance"
                assert (await merchant.call("POST", path, "", body)).status == 200
            assert await asyncio.to_thread(server.end) == 0
        finally:
            server.kill()
        with sqlite3.connect(data) as reader:
            attempts = reader.execute(AT_ITS_MOMENT).fetchall()
        reader.close()
        assert attempts == [(60 * 6, 60 * 6)]


# ── what the races share ──


async def at_once(calls: Any) -> list[Any]:
    """What all of them come to, begun at the same time."""
    return list(await asyncio.gather(*calls))


async def _race(
    merchant: Merchant, drafted: Any, race: list[tuple[str, int]], keys: str = ""
) -> list[Asked]:
    path = f"{AGREEMENTS}/{drafted['agreementId']}/charges/{drafted['chargeId']}"

    async def ask(event: str, amount: int) -> Asked:
        key = _fresh(keys or "race")
        if event == "CANCEL":
            return Asked(event, amount, key, await merchant.call("DELETE", path, key))
        body = {"amount": amount, "description": "Sorry"}
        reply: Reply = await merchant.call("POST", f"{path}/{event.lower()}", key, body)
        return Asked(event, amount, key, reply)

    return await at_once(ask(event, amount) for event, amount in race)


def _bulk(merchant: Merchant, agreement_ids: list[str]) -> Coroutine[Any, Any, Reply]:
    items = [{"agreementId": each, **charge_body(_fresh("order"), SOON)} for each in agreement_ids]
    return merchant.call("POST", f"{AGREEMENTS}/charges", "", items)


async def _charge(merchant: Merchant, drafted: Any) -> dict[str, Any]:
    path = f"{AGREEMENTS}/{drafted['agreementId']}/charges/{drafted['chargeId']}"
    found: dict[str, Any] = (await merchant.call("GET", path)).json
    return found


def _fresh(what: str) -> str:
    return f"{what}-{next(_numbers)}"
