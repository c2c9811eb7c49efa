"""Whoever begins a payment holds a lease; who comes too late finds a fence, and the money has moved once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.engine.command import Command
from avtale.engine.world import Needs
from avtale.gateways.gateway import GatewayAnswer
from avtale.operations.payments import begin_attempt
from avtale.processing.settlement import record_command
from tests.processing.gateways import Slow
from tests.processing.watching import life
from tests.support import House, Shop, installation

NEVER = datetime(2999, 1, 1, tzinfo=UTC)


async def begun_and_left(shop: Shop, agreement: str, charge: str) -> None:
    """A worker writes an attempt down, and is never heard of again."""
    msn = shop.msn
    needs = Needs().of(Charge, (msn, charge)).of(Agreement, (msn, agreement))
    command = Command(
        "begin_attempt",
        lambda world, call: begin_attempt(world, call, agreement, charge),
        needs,
        msn,
    )
    decided = await shop.house.parts.engine.submit(command)
    assert decided.unwrap() is not None


async def let_leases_end(shop: Shop) -> None:
    """What half a minute does, or a restart of an embedded database."""
    await shop.house.parts.storage.execute([("end_leases", {})])


async def due_now(shop: Shop, **members: str) -> tuple[str, str]:
    """A charge whose run has come, though nobody has run it."""
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, due="2026-11-04", orderId="november-1", **members)
    await shop.clock.reaches("2026-11-04 00:00")
    await shop.clock.jumps(hours=9)
    return agreement, charge


async def test_an_attempt_is_left_alone_as_long_as_its_lease_lasts(shop: Shop) -> None:
    agreement, charge = await due_now(shop)
    await begun_and_left(shop, agreement, charge)
    runs = shop.house.parts.runs
    assert await runs.recover(shop.house.parts.engine.real_now()) == 0
    await shop.clock.lets_work_be_done()
    assert await shop.status(charge) == "PROCESSING"
    assert await shop.booked(charge, "DIRECT_CAPTURE", 1) is None


async def test_an_attempt_whose_worker_died_is_taken_up_under_its_key(shop: Shop) -> None:
    agreement, charge = await due_now(shop)
    await begun_and_left(shop, agreement, charge)
    await let_leases_end(shop)
    assert await shop.house.parts.runs.recover(NEVER) == 1
    assert await shop.status(charge) == "CHARGED"
    stored = await shop.stored_charge(charge)
    assert (stored.payments, stored.fence) == (1, 2)
    assert life(shop, charge)[2:] == ["attempt begun", "captured"]
    assert await shop.house.parts.runs.recover(NEVER) == 0


async def test_a_late_outcome_under_an_old_fence_is_ignored(house: House) -> None:
    gateway = Slow(house)
    shop = await house.with_gateway(gateway).shop()
    _, charge = await due_now(shop)
    await shop.kari.has(1000_00)
    stalled = asyncio.create_task(shop.clock.lets_work_be_done())
    await gateway.is_asked()
    await let_leases_end(shop)
    assert await house.parts.runs.recover(NEVER) == 1, "another process takes it up"
    assert await shop.status(charge) == "CHARGED"
    gateway.may_answer.set()
    await stalled
    assert await shop.status(charge) == "CHARGED"
    assert life(shop, charge).count("captured") == 1
    assert await shop.kari.balance() == 501_00


@pytest.mark.parametrize("result", ["OK", "DECLINED", "UNCLEAR"])
async def test_no_answer_counts_twice(shop: Shop, result: Any) -> None:
    _, charge = await due_now(shop)
    await shop.clock.lets_work_be_done()
    payment = await shop.payment(charge, "DIRECT_CAPTURE", 1)
    answer = GatewayAnswer(payment.payment_key, result, transaction_id="1")
    before = await shop.stored_charge(charge)
    decided = await shop.house.parts.engine.submit(record_command([(payment, answer)]))
    assert decided.unwrap() == 0
    assert await shop.stored_charge(charge) == before


async def test_a_restart_takes_up_what_the_last_process_left(tmp_path: Path) -> None:
    data = str(tmp_path / "avtale.db")
    async with installation(data) as house:
        shop = await house.public_shop()
        agreement, charge = await due_now(shop)
        await begun_and_left(shop, agreement, charge)
    async with installation(data, work=True, tick_seconds=0.01) as house:
        shop = Shop(house, await house.parts.clocks.show(shop.msn), shop.credentials)
        for _ in range(500):
            if await shop.status(charge) == "CHARGED":
                break
            await asyncio.sleep(0.01)
        assert await shop.status(charge) == "CHARGED"
        assert (await shop.stored_charge(charge)).payments == 1


async def test_two_workers_at_once_attempt_a_charge_once(database_url: str) -> None:
    async with installation(database_url) as one, installation(database_url) as two:
        shop = await one.public_shop()
        await shop.kari.has(5000_00)
        agreement = await shop.agreed()
        charges = [await shop.charge(agreement, orderId=f"order-{n}") for n in range(12)]
        await shop.clock.reaches("2026-11-04 00:00")
        await shop.clock.jumps(hours=9)
        now = await shop.clock.now()
        await asyncio.gather(
            one.parts.runs.catch_up(shop.msn, now), two.parts.runs.catch_up(shop.msn, now)
        )
        paid = [charge for charge in charges if await shop.status(charge) == "CHARGED"]
        assert len(paid) == 10, "as many as there was money for"
        assert await shop.kari.balance() == 5000_00 - 10 * 499_00
        for charge in charges:
            assert (await shop.stored_charge(charge)).attempts == 1
