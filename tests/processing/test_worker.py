"""The loop does what is due within a tick, at once when nudged, and in every unit; trouble does not end it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import House, Shop, installation, soon


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation whose processing loop runs, in ticks of ten milliseconds."""
    async with installation(work=True, tick_seconds=0.01) as made:
        yield made


async def test_what_is_due_is_done_without_anybody_asking(house: House) -> None:
    shops = [await house.shop(), await house.shop("DK")]
    charges = []
    for shop in shops:
        charges.append(await shop.charge(await shop.agreed()))
        await shop.clock.jumps(days=7)
    for shop, charge in zip(shops, charges, strict=True):
        await soon(lambda shop=shop, charge=charge: is_charged(shop, charge))  # type: ignore[misc]


async def is_charged(shop: Shop, charge: str) -> bool:
    """Whether a charge was paid."""
    return await shop.status(charge) == "CHARGED"


async def test_an_unscheduled_charge_and_a_bulk_wake_the_loop_at_once() -> None:
    async with installation(work=True, tick_seconds=3600) as house:
        shop = await house.shop(unscheduled=True)
        agreement = await shop.agreed()
        charge = await shop.charge(agreement, type="UNSCHEDULED", due=None, retryDays=None)
        await soon(lambda: is_charged(shop, charge))
        item = {
            "agreementId": agreement,
            "amount": 100_00,
            "description": "November",
            "transactionType": "DIRECT_CAPTURE",
            "due": "2026-11-04",
            "retryDays": 0,
            "orderId": "november-1",
        }
        await shop.bulk(item)

        async def is_there() -> bool:
            return len(await shop.charges(agreement)) == 2

        await soon(is_there)


async def test_a_loop_that_runs_is_alive(house: House) -> None:
    worker = house.parts.worker

    async def has_come_round() -> bool:
        return worker.last_round is not None

    await soon(has_come_round)
    assert worker.is_alive
    await worker.stop()
    assert not worker.is_alive


async def test_a_database_that_is_gone_for_a_while_does_not_end_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "avtale.db"
    async with installation(str(path), work=True, tick_seconds=0.01) as house:
        shop = await house.public_shop()
        charge = await shop.charge(await shop.agreed())
        await house.parts.worker.stop()
        house.parts.worker.start()
        away = path.rename(tmp_path / "elsewhere.db")
        await asyncio.sleep(0.05)
        away.rename(path)
        assert house.parts.worker.is_alive
        await shop.clock.jumps(days=7)
        await soon(lambda: is_charged(shop, charge))
