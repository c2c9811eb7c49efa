"""A process that was down over runs catches up in order; it skips nothing and attempts nothing twice (rulings §2)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from avtale.events import ChargeHappened
from tests.processing.watching import life, local
from tests.support import House, Shop, installation


async def runs_of(shop: Shop, charge_id: str) -> list[str]:
    """The runs that the attempts on a charge belonged to, whenever they were really made."""
    count = (await shop.stored_charge(charge_id)).payments
    payments = [await shop.payment(charge_id, "DIRECT_CAPTURE", n + 1) for n in range(count)]
    return local(shop, [payment.run_at for payment in payments])


async def runs_in_order(shop: Shop) -> list[str]:
    """The runs of all attempts, in the order in which those were made."""
    runs = {charge_id: iter(await runs_of(shop, charge_id)) for charge_id in set(begun(shop))}
    return [next(runs[charge_id]) for charge_id in begun(shop)]


def begun(shop: Shop) -> list[str]:
    """The charges that were attempted, in order."""
    return [
        fact.charge.charge_id
        for fact in shop.house.happened
        if isinstance(fact, ChargeHappened) and fact.what == "attempt begun"
    ]


async def test_missed_runs_are_made_up_for_in_order_and_none_twice(shop: Shop) -> None:
    await shop.kari.has(0)
    agreement = await shop.agreed()
    for day in (5, 3, 4):
        await shop.charge(agreement, due=f"2026-11-0{day}", retryDays=1, orderId=f"day-{day}")
    await shop.clock.jumps(days=30)
    await shop.clock.lets_work_be_done()
    for day in (3, 4, 5):
        runs = [f"11-0{day} 09:00", f"11-0{day} 17:00"]
        runs += [f"11-0{day + 1} 09:00", f"11-0{day + 1} 17:00"]
        assert await runs_of(shop, f"day-{day}") == runs
        assert await shop.status(f"day-{day}") == "FAILED"
    in_order = await runs_in_order(shop)
    assert len(in_order) == 12
    assert in_order == sorted(in_order)
    before = begun(shop)
    await shop.clock.lets_work_be_done()
    assert begun(shop) == before


async def test_what_was_due_first_is_attempted_first_after_a_pause(shop: Shop) -> None:
    await shop.kari.has(1000_00)
    agreement = await shop.agreed()
    for day in (5, 3, 4):
        await shop.charge(agreement, due=f"2026-11-0{day}", orderId=f"day-{day}")
    await shop.clock.jumps(days=30)
    await shop.clock.lets_work_be_done()
    assert begun(shop)[:2] == ["day-3", "day-4"]
    statuses = [await shop.status(f"day-{day}") for day in (3, 4, 5)]
    assert statuses == ["CHARGED", "CHARGED", "FAILED"]


async def test_money_that_came_during_the_pause_is_found_at_the_first_missed_run(
    shop: Shop,
) -> None:
    await shop.kari.has(0)
    charge = await shop.charge(await shop.agreed(), due="2026-11-04", retryDays=3)
    await shop.clock.reaches("2026-11-04 12:00")
    await shop.clock.jumps(days=10)
    await shop.kari.has(1000_00)
    await shop.clock.lets_work_be_done()
    assert await shop.status(charge) == "CHARGED"
    assert await runs_of(shop, charge) == ["11-04 09:00", "11-04 17:00"]
    assert life(shop, charge).count("captured") == 1


async def test_an_agreement_that_nobody_watched_expires_before_anything_is_charged(
    shop: Shop,
) -> None:
    drafted = await shop.draft()
    await shop.clock.jumps(hours=5)
    await shop.clock.lets_work_be_done()
    agreement = await shop.agreement(drafted["agreementId"])
    assert agreement["status"] == "EXPIRED"


async def test_a_restart_goes_on_where_the_last_process_stopped(tmp_path: Path) -> None:
    data = str(tmp_path / "avtale.db")
    async with installation(data) as house:
        shop = await house.public_shop()
        await shop.kari.has(0)
        charge = await shop.charge(await shop.agreed(), due="2026-11-04", retryDays=2)
        await shop.clock.reaches("2026-11-04 12:00")
        assert len(begun(shop)) == 1
        await shop.clock.jumps(days=1)
    async with installation(data) as house:
        shop = await revisited(house, shop)
        await shop.clock.lets_work_be_done()
        assert await runs_of(shop, charge) == ["11-04 09:00", "11-04 17:00", "11-05 09:00"]
        await shop.clock.advance(days=10)
        assert len(await runs_of(shop, charge)) == 6
        assert await shop.status(charge) == "FAILED"


async def revisited(house: House, shop: Shop) -> Shop:
    """The same shop in a process that was started anew; its clock is where it was."""
    unit = await house.parts.clocks.show(shop.msn)
    return Shop(house, unit, shop.credentials)


async def test_a_running_clock_that_was_left_alone_for_a_week_is_caught_up_with(
    shop: Shop,
) -> None:
    charge = await shop.charge(await shop.agreed(), due="2026-11-04")
    clocks = shop.house.parts.clocks
    await clocks.resume(shop.msn)
    await shop.clock.lets_work_be_done()
    assert await shop.status(charge) == "PENDING"
    advanced = await clocks.advance(shop.msn, by=timedelta(days=7))
    assert await shop.status(charge) == "CHARGED"
    assert advanced.end - advanced.begin == timedelta(days=7)
