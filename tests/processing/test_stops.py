"""A stop that meets a charge being attempted: the charge is settled first, then kept or cancelled (rulings §7)."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from tests.processing.gateways import Slow
from tests.support import House, Shop, refused

Who = Literal["merchant", "payer"]


async def stop(shop: Shop, agreement: str, who: Who) -> None:
    """Stop an agreement, as one or the other."""
    await (shop.stop(agreement) if who == "merchant" else shop.kari.stops(agreement))


async def stopped_during_attempt(
    house: House, who: Who, *, balance: int | None = None, transaction_type: str
) -> tuple[Shop, str]:
    """A charge is being attempted, its agreement is stopped, and then the gateway answers."""
    gateway = Slow(house)
    shop = await house.with_gateway(gateway).shop()
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType=transaction_type, retryDays=3)
    await shop.kari.has(balance)
    running = asyncio.create_task(shop.clock.reaches("2026-11-04 09:00"))
    await gateway.is_asked()
    assert await shop.status(charge) == "PROCESSING"
    await stop(shop, agreement, who)
    assert (await shop.agreement(agreement))["status"] == "STOPPED"
    assert await shop.status(charge) == "PROCESSING", "it is settled first"
    gateway.may_answer.set()
    await running
    return shop, charge


@pytest.mark.parametrize("who", ["merchant", "payer"])
@pytest.mark.parametrize("transaction_type", ["DIRECT_CAPTURE", "RESERVE_CAPTURE"])
async def test_an_attempt_that_came_to_nothing_is_cancelled(
    house: House, who: Who, transaction_type: str
) -> None:
    shop, charge = await stopped_during_attempt(
        house, who, balance=0, transaction_type=transaction_type
    )
    assert await shop.status(charge) == "CANCELLED"
    assert await shop.summary(charge) == (0, 0, 499_00)
    assert shop.events(charge)[-1] == "charge-canceled"
    await shop.kari.has(1000_00)
    await shop.clock.advance(days=30)
    assert await shop.kari.balance() == 1000_00, "nothing is attempted any more"


@pytest.mark.parametrize("who", ["merchant", "payer"])
async def test_money_that_was_captured_meanwhile_stays_captured(house: House, who: Who) -> None:
    shop, charge = await stopped_during_attempt(house, who, transaction_type="DIRECT_CAPTURE")
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (499_00, 0, 0)


async def test_money_that_was_reserved_meanwhile_goes_back_after_a_merchants_stop(
    house: House,
) -> None:
    shop, charge = await stopped_during_attempt(
        house, "merchant", balance=1000_00, transaction_type="RESERVE_CAPTURE"
    )
    assert await shop.status(charge) == "CANCELLED"
    assert await shop.kari.balance() == 1000_00
    assert shop.events(charge) == ["charge-reserved", "charge-canceled"]


async def test_money_that_was_reserved_meanwhile_is_kept_after_a_payers_stop(
    house: House,
) -> None:
    shop, charge = await stopped_during_attempt(
        house, "payer", balance=1000_00, transaction_type="RESERVE_CAPTURE"
    )
    assert await shop.status(charge) == "RESERVED"
    assert await shop.kari.balance() == 501_00
    agreement = (await shop.stored_charge(charge)).agreement_id
    await shop.capture(agreement, charge, 499_00)
    assert await shop.status(charge) == "CHARGED"


# ── A stop that meets a merchant's own request ───────────────────────────────────────────────────


async def test_a_capture_under_way_is_settled_and_the_rest_released(house: House) -> None:
    gateway = Slow(house)
    gateway.may_answer.set()
    shop = await house.with_gateway(gateway).shop()
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.kari.has(1000_00)
    await shop.clock.reaches("2026-11-04 09:00")
    gateway.asked.clear()
    gateway.may_answer.clear()
    capturing = asyncio.create_task(shop.capture(agreement, charge, 100_00))
    await gateway.is_asked()
    with refused("conflict", 409, "RESERVED"):
        await shop.cancel(agreement, charge)
    await shop.stop(agreement)
    assert await shop.status(charge) == "RESERVED"
    gateway.may_answer.set()
    await capturing
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (100_00, 0, 399_00)
    assert await shop.kari.balance() == 900_00


async def test_a_refused_refund_under_way_keeps_nothing_held_after_a_stop(house: House) -> None:
    gateway = Slow(house)
    gateway.may_answer.set()
    shop = await house.with_gateway(gateway).shop()
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.clock.reaches("2026-11-04 09:00")
    await shop.capture(agreement, charge, 100_00)
    gateway.asked.clear()
    gateway.may_answer.clear()
    refunding = asyncio.create_task(shop.refund(agreement, charge, 124))
    await gateway.is_asked()
    await shop.stop(agreement)
    gateway.may_answer.set()
    with refused("operation-failed", 400, "PARTIALLY_CAPTURED"):
        await refunding
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (100_00, 0, 399_00)
