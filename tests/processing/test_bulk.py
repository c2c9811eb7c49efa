"""The items of a bulk become charges in the background, in order; one that fails holds none of the others up."""

from __future__ import annotations

from typing import Any

from tests.processing.watching import life
from tests.support import CHARGE, Shop, installation


def item(agreement: str, order_id: str, **members: Any) -> dict[str, Any]:
    """A good item."""
    return {**CHARGE, "agreementId": agreement, "orderId": order_id, **members}


def created(shop: Shop) -> list[str]:
    """The charges that were created, in order."""
    return [fact.charge.charge_id for fact in shop.house.happened if fact.what == "created"]


async def test_nothing_is_created_before_the_background_gets_to_it(shop: Shop) -> None:
    agreement = await shop.agreed()
    answer = await shop.bulk(item(agreement, "a"), item(agreement, "b"))
    assert answer == {"invalidCharges": [], "validCharges": ["a", "b"]}
    assert await shop.charges(agreement) == []
    await shop.clock.lets_work_be_done()
    assert [charge["id"] for charge in await shop.charges(agreement)] == ["a", "b"]


async def test_items_are_created_in_their_order_and_one_that_fails_is_told_of(shop: Shop) -> None:
    fine, stopped = await shop.agreed(), await shop.agreed(externalId="sub-2")
    await shop.bulk(
        item(fine, "z"),
        item(stopped, "y", externalId="INV-Y"),
        item(fine, "x"),
        item(stopped, "w"),
        item(fine, "v"),
    )
    await shop.stop(stopped)
    await shop.clock.lets_work_be_done()
    assert created(shop) == ["z", "x", "v"]
    told = shop.bodies("charge-creation-failed")
    assert [body["chargeId"] for body in told] == ["y", "w"]
    assert told[0]["chargeExternalId"] == "INV-Y"
    assert told[0]["agreementExternalId"] == "sub-2"
    assert "STOPPED" in told[0]["failureReason"]
    assert await shop.charges(stopped) == []


async def test_an_order_id_that_was_taken_meanwhile_fails_alone(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.bulk(item(agreement, "a"), item(agreement, "b"))
    await shop.charge(agreement, orderId="a")
    await shop.clock.lets_work_be_done()
    assert [charge["id"] for charge in await shop.charges(agreement)] == ["a", "b"]
    assert shop.events() == ["agreement-activated", "charge-creation-failed"]


async def test_three_bulks_with_one_order_id_create_one_charge_and_two_events(shop: Shop) -> None:
    agreement = await shop.agreed()
    for _ in range(3):
        answer = await shop.bulk(item(agreement, "a"))
        assert answer["validCharges"] == ["a"]
    await shop.clock.lets_work_be_done()
    assert created(shop) == ["a"]
    assert shop.events().count("charge-creation-failed") == 2


async def test_the_charges_of_a_bulk_are_charged_like_any_other(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.bulk(*(item(agreement, f"order-{n}") for n in range(20)))
    await shop.clock.advance(days=3)
    for n in range(20):
        assert await shop.status(f"order-{n}") == "CHARGED"
        assert life(shop, f"order-{n}") == ["created", "shown", "attempt begun", "captured"]


async def test_an_advance_creates_what_waits_before_time_passes(shop: Shop) -> None:
    """The lead time of an item counts from when it was sent."""
    agreement = await shop.agreed()
    await shop.bulk(item(agreement, "tomorrow", due="2026-11-03"))
    await shop.clock.advance(days=7)
    assert await shop.status("tomorrow") == "CHARGED"


async def test_a_bulk_of_the_largest_size_is_created_in_batches() -> None:
    async with installation(run_batch_size=700) as house:
        shop = await house.shop()
        agreement = await shop.agreed()
        order_ids = [f"order-{n:04}" for n in range(2000)]
        answer = await shop.bulk(*(item(agreement, order_id) for order_id in order_ids))
        assert answer["validCharges"] == order_ids
        await shop.clock.lets_work_be_done()
        assert created(shop) == order_ids
