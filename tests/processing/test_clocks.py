"""Clocks obey: they advance through everything that is due on the way, stand still, and run on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from avtale.problems import Conflict, Refused, ResourceNotFound
from tests.processing.gateways import Slow
from tests.processing.watching import life
from tests.support import MONDAY, House, Shop


async def test_an_advance_does_everything_on_the_way_in_order_of_time(shop: Shop) -> None:
    await shop.kari.has(499_00)
    agreement = await shop.agreed()
    await shop.charge(agreement, due="2026-11-05", orderId="second")
    await shop.charge(agreement, due="2026-11-04", orderId="first")
    await shop.draft()
    advanced = await shop.clock.advance(days=7)
    facts = list(advanced.happened)
    assert [fact.occurred for fact in facts] == sorted(fact.occurred for fact in facts)
    assert [fact.what for fact in facts] == [
        "expired",
        "shown",
        "attempt begun",
        "captured",
        "shown",
        "attempt begun",
        "attempt declined",
        "attempt begun",
        "failed",
    ]
    assert (advanced.begin, advanced.end) == (MONDAY, MONDAY + timedelta(days=7))
    assert await shop.clock.now() == MONDAY + timedelta(days=7)


async def test_two_steps_come_to_the_same_as_one(house: House) -> None:
    lives = []
    for steps in ([10], [1, 1, 1, 7]):
        shop = await house.shop()
        await shop.kari.has(0)
        charge = await shop.charge(await shop.agreed(), retryDays=2, orderId="november-1")
        for days in steps:
            await shop.clock.advance(days=days)
        lives.append(life(shop, charge))
    assert lives[0] == lives[1]


async def test_an_advance_ends_where_it_should_though_nothing_is_due(shop: Shop) -> None:
    await shop.clock.advance(days=3650)
    assert await shop.clock.now() == datetime(2036, 10, 30, 9, 30, tzinfo=UTC)


async def test_ten_years_of_monthly_charges_in_one_call(shop: Shop) -> None:
    agreement = await shop.agreed()
    for month in range(1, 13):
        await shop.charge(agreement, due=f"2027-{month:02}-15", orderId=f"month-{month}")
    await shop.clock.advance(days=3650)
    statuses = {charge["status"] for charge in await shop.charges(agreement)}
    assert statuses == {"CHARGED"}


async def test_clocks_only_move_forward(shop: Shop) -> None:
    with pytest.raises(Refused, match="forward"):
        await shop.clock.reaches("2026-11-02 10:29")
    with pytest.raises(Refused, match="forward"):
        await shop.clock.advance(days=-1)
    assert await shop.clock.now() == MONDAY


async def test_a_clock_that_stood_stands_again_and_one_that_ran_runs_on(shop: Shop) -> None:
    clocks = shop.house.parts.clocks
    await shop.clock.advance(days=1)
    assert (await clocks.show(shop.msn)).clock_mode == "frozen"
    await clocks.resume(shop.msn)
    unit = await clocks.show(shop.msn)
    assert unit.clock_mode == "running"
    await shop.clock.advance(days=1)
    unit = await clocks.show(shop.msn)
    real_now = shop.house.parts.engine.real_now()
    assert unit.clock_mode == "running"
    assert timedelta() <= unit.now(real_now) - MONDAY - timedelta(days=2) < timedelta(minutes=1)


async def test_a_frozen_clock_stands_still_now_or_later(shop: Shop) -> None:
    clocks = shop.house.parts.clocks
    await clocks.resume(shop.msn)
    stopped = await clocks.freeze(shop.msn)
    assert stopped.clock_mode == "frozen"
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    charge = await shop.charge(await shop.agreed())
    assert (await clocks.freeze(shop.msn, new_year)).clock_at == new_year
    assert await shop.status(charge) == "CHARGED"


async def test_one_advance_at_a_time(house: House) -> None:
    gateway = Slow(house)
    shop = await house.with_gateway(gateway).shop()
    await shop.charge(await shop.agreed())
    advancing = asyncio.create_task(shop.clock.advance(days=7))
    await gateway.is_asked()
    with pytest.raises(Conflict):
        await shop.clock.advance(days=1)
    with pytest.raises(Conflict):
        await shop.house.parts.clocks.freeze(shop.msn)
    gateway.may_answer.set()
    await advancing
    await shop.clock.advance(days=1)


async def test_an_advance_that_breaks_leaves_the_clock_where_it_was(shop: Shop) -> None:
    def breaks(*_progress: object) -> None:
        raise RuntimeError("somebody hung up")

    charge = await shop.charge(await shop.agreed())
    clocks = shop.house.parts.clocks
    clocks.listeners.append(breaks)
    with pytest.raises(RuntimeError):
        await clocks.advance(shop.msn, days=7)
    clocks.listeners.clear()
    unit = await clocks.show(shop.msn)
    assert unit.clock_mode == "frozen"
    await shop.clock.advance(days=7)
    assert await shop.status(charge) == "CHARGED"
    assert life(shop, charge).count("captured") == 1


async def test_a_clock_that_nobody_has_cannot_move(house: House) -> None:
    with pytest.raises(ResourceNotFound, match="999999"):
        await house.parts.clocks.advance("999999", days=1)
