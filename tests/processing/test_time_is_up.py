"""What happens by itself when time is up: agreements expire, reservations are released (rulings §1, §7, §8)."""

from __future__ import annotations

from typing import Any

import pytest

from avtale.problems import Refused
from avtale.rulebook import MarketCode
from tests.processing.watching import local, when
from tests.support import INITIAL, House, Shop

# ── Ten minutes ──────────────────────────────────────────────────────────────────────────────────


async def test_an_agreement_expires_after_ten_minutes_to_the_millisecond(shop: Shop) -> None:
    agreement = (await shop.draft())["agreementId"]
    await shop.clock.advance(minutes=10, milliseconds=-1)
    assert (await shop.agreement(agreement))["status"] == "PENDING"
    await shop.clock.advance(milliseconds=1)
    assert (await shop.agreement(agreement))["status"] == "EXPIRED"
    assert shop.events() == ["agreement-expired"]


async def test_the_payers_yes_counts_in_the_last_millisecond(shop: Shop) -> None:
    agreement = (await shop.draft())["agreementId"]
    await shop.clock.advance(minutes=10, milliseconds=-1)
    await shop.kari.approves(agreement)
    await shop.clock.advance(milliseconds=1)
    assert (await shop.agreement(agreement))["status"] == "ACTIVE"


async def test_the_payers_yes_is_too_late_when_time_is_up(shop: Shop) -> None:
    agreement = (await shop.draft())["agreementId"]
    await shop.clock.jumps(minutes=10)
    with pytest.raises(Refused, match="10 minutes"):
        await shop.kari.approves(agreement)
    await shop.clock.advance(milliseconds=1)
    assert (await shop.agreement(agreement))["status"] == "EXPIRED"


async def test_the_initial_charge_fails_before_its_agreement_expires(shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    await shop.clock.advance(minutes=10)
    assert await shop.status(drafted["chargeId"]) == "FAILED"
    assert shop.events() == ["charge-failed", "agreement-expired"]


async def test_nothing_expires_that_was_answered(shop: Shop) -> None:
    active = await shop.agreed()
    rejected = (await shop.draft())["agreementId"]
    await shop.kari.rejects(rejected)
    await shop.clock.advance(days=30)
    assert (await shop.agreement(active))["status"] == "ACTIVE"
    assert (await shop.agreement(rejected))["status"] == "STOPPED"


# ── Reservations ─────────────────────────────────────────────────────────────────────────────────


async def reserved(shop: Shop) -> tuple[str, str]:
    """A reservation of Wednesday, 4 November."""
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.kari.has(499_00)
    await shop.clock.reaches("2026-11-04 09:00")
    assert await shop.status(charge) == "RESERVED"
    return agreement, charge


@pytest.mark.parametrize(
    ("market", "features", "released"),
    [
        ("NO", {}, "05-04 00:00"),
        ("DK", {}, "11-19 00:00"),
        ("FI", {}, "11-19 00:00"),
        ("DK", {"late_capture": True}, "05-04 00:00"),
        ("FI", {"late_capture": True}, "05-04 00:00"),
    ],
)
async def test_what_nobody_captures_is_released_at_the_end_of_the_capture_window(
    house: House, market: MarketCode, features: dict[str, Any], released: str
) -> None:
    shop = await house.shop(market, **features)
    _, charge = await reserved(shop)
    await shop.clock.advance(days=200)
    assert await shop.status(charge) == "CANCELLED"
    assert await shop.summary(charge) == (0, 0, 499_00)
    assert local(shop, when(shop, charge, "cancelled")) == [released]
    assert await shop.kari.balance() == 499_00
    assert shop.events(charge) == ["charge-reserved", "charge-canceled"]


async def test_a_release_by_itself_carries_the_systems_key(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.clock.advance(days=200)
    history = (await shop.fetch(agreement, charge))["history"]
    assert [line["event"] for line in history] == ["CREATE", "RESERVE", "CANCEL"]
    assert history[-1]["idempotencyKey"] == f"{charge}-{agreement}-ProcessPayment"


async def test_the_rest_of_a_part_capture_is_released_seven_days_after_the_last_one(
    shop: Shop,
) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 100_00)
    await shop.clock.advance(days=5)
    await shop.capture(agreement, charge, 100_00)
    await shop.clock.reaches("2026-11-16 23:59")
    assert await shop.status(charge) == "PARTIALLY_CAPTURED"
    await shop.clock.reaches("2026-11-17 00:00")
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (200_00, 0, 299_00)
    assert await shop.kari.balance() == 299_00
    assert shop.events(charge)[-1] == "charge-canceled"


async def test_the_end_of_the_capture_window_is_the_end_though_seven_days_are_not_over(
    house: House,
) -> None:
    shop = await house.shop("DK")
    agreement, charge = await reserved(shop)
    await shop.clock.advance(days=12)
    await shop.capture(agreement, charge, 100_00)
    await shop.clock.reaches("2026-11-19 00:00")
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (100_00, 0, 399_00)


async def test_what_was_captured_in_full_waits_for_nothing(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 499_00)
    before = await shop.stored_charge(charge)
    await shop.clock.advance(days=400)
    assert await shop.stored_charge(charge) == before
    assert before.wake_at is None


async def test_a_reservation_of_a_payer_who_is_gone_is_released_all_the_same(shop: Shop) -> None:
    _, charge = await reserved(shop)
    await shop.kari.is_described(deleted=await shop.clock.now())
    await shop.clock.advance(days=200)
    assert await shop.status(charge) == "CANCELLED"
