"""Money that moves in parts: reserved, captured bit by bit, given back bit by bit, and the rest let go."""

from __future__ import annotations

from tests.support import House, Shop, refused


async def reserved(shop: Shop, amount: int = 499_00) -> tuple[str, str]:
    """A hamper that is paid for as its parts are sent; Kari has exactly the money."""
    agreement = await shop.agreed(productName="A hamper a month")
    charge = await shop.charge(agreement, amount=amount, transactionType="RESERVE_CAPTURE")
    await shop.kari.has(amount)
    await shop.clock.reaches("2026-11-04 09:00")
    assert await shop.status(charge) == "RESERVED"
    assert await shop.kari.balance() == 0
    return agreement, charge


async def test_a_reservation_is_captured_in_parts_until_nothing_is_left(lasting_shop: Shop) -> None:
    shop = lasting_shop
    agreement, charge = await reserved(shop)

    await shop.clock.advance(days=1)  # the cheese is sent
    await shop.capture(agreement, charge, 200_00)
    assert await shop.status(charge) == "PARTIALLY_CAPTURED"
    assert await shop.summary(charge) == (200_00, 0, 0)

    await shop.clock.advance(days=1)  # the wine is sent
    with refused("charge-capture-failed", 400, "remaining capturable amount 29900"):
        await shop.capture(agreement, charge, 299_01)
    await shop.capture(agreement, charge, 299_00)
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (499_00, 0, 0)
    assert shop.events(charge) == ["charge-reserved", "charge-captured", "charge-captured"]

    with refused("charge-capture-failed", 400, "CHARGED"):
        await shop.capture(agreement, charge, 1)


async def test_the_rest_of_a_reservation_is_released_by_the_merchant(lasting_shop: Shop) -> None:
    shop = lasting_shop
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 200_00)
    await shop.cancel(agreement, charge)
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (200_00, 0, 299_00)
    assert await shop.kari.balance() == 299_00
    captured, cancelled = shop.bodies("charge-captured")[0], shop.bodies("charge-canceled")[0]
    assert (captured["amountCaptured"], captured["amountCanceled"]) == (200_00, 0)
    assert (cancelled["amountCaptured"], cancelled["amountCanceled"]) == (200_00, 299_00)
    assert captured["amount"] == cancelled["amount"] == 499_00


async def test_the_rest_of_a_reservation_is_released_by_itself(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 200_00)
    await shop.clock.reaches("2026-11-11 23:59")
    assert await shop.status(charge) == "PARTIALLY_CAPTURED"
    await shop.clock.reaches("2026-11-12 00:00")
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 299_00


async def test_a_whole_reservation_is_given_up(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.cancel(agreement, charge)
    assert await shop.status(charge) == "CANCELLED"
    assert await shop.summary(charge) == (0, 0, 499_00)
    assert await shop.kari.balance() == 499_00
    with refused("cancel-charge-failed", 400, "CANCELLED"):
        await shop.cancel(agreement, charge)


async def test_a_refund_while_part_is_still_reserved_changes_no_status(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 200_00)
    with refused("operation-failed", 400, "20000"):
        await shop.refund(agreement, charge, 200_01)
    await shop.refund(agreement, charge, 50_00)
    assert await shop.status(charge) == "PARTIALLY_CAPTURED"
    assert await shop.summary(charge) == (200_00, 50_00, 0)
    await shop.refund(agreement, charge, 150_00)
    assert await shop.status(charge) == "PARTIALLY_CAPTURED"
    await shop.cancel(agreement, charge)
    assert await shop.status(charge) == "REFUNDED"
    assert await shop.summary(charge) == (200_00, 200_00, 299_00)
    assert await shop.kari.balance() == 499_00


async def test_a_part_is_refunded_and_the_rest_captured_later(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 200_00)
    await shop.refund(agreement, charge, 200_00)
    await shop.capture(agreement, charge, 299_00)
    assert await shop.status(charge) == "PARTIALLY_REFUNDED"
    assert await shop.summary(charge) == (499_00, 200_00, 0)


async def test_refunded_means_all_of_what_was_captured_not_all_of_what_was_asked(
    shop: Shop,
) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 200_00)
    await shop.cancel(agreement, charge)
    await shop.refund(agreement, charge, 120_00)
    assert await shop.status(charge) == "PARTIALLY_REFUNDED"
    await shop.refund(agreement, charge, 80_00)
    assert await shop.status(charge) == "REFUNDED"


async def test_money_is_conserved_whatever_happens_to_it(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    for amount in (100_00, 1, 99_99):
        await shop.capture(agreement, charge, amount)
    await shop.refund(agreement, charge, 30_00)
    await shop.clock.advance(days=200)
    captured, refunded, cancelled = await shop.summary(charge)
    assert (captured, refunded, cancelled) == (200_00, 30_00, 299_00)
    assert await shop.kari.balance() == 499_00 - captured + refunded


# ── Windows ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_norwegian_reservation_is_good_for_180_days(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.clock.reaches("2027-05-03 23:59")
    await shop.capture(agreement, charge, 100_00)
    assert await shop.status(charge) == "PARTIALLY_CAPTURED"
    await shop.clock.reaches("2027-05-04 00:00")
    assert await shop.status(charge) == "CHARGED", "the rest went back at the end of the window"


async def test_a_capture_can_be_refunded_for_365_days(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 499_00)
    await shop.clock.reaches("2027-11-04 23:59")
    await shop.refund(agreement, charge, 100_00)
    await shop.clock.reaches("2027-11-05 00:00")
    with refused("operation-failed", 400, "PARTIALLY_REFUNDED", "365 days"):
        await shop.refund(agreement, charge, 100_00)


# ── Stops ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_merchants_stop_releases_every_reservation(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    later = await shop.charge(agreement, due="2026-12-04")
    await shop.stop(agreement)
    assert await shop.status(charge) == "CANCELLED"
    assert await shop.status(later) == "CANCELLED"
    assert await shop.kari.balance() == 499_00
    assert shop.events()[-3:] == ["charge-canceled", "agreement-stopped", "charge-canceled"]


async def test_a_merchants_stop_releases_the_rest_of_what_was_captured_in_part(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.capture(agreement, charge, 200_00)
    await shop.stop(agreement)
    assert await shop.status(charge) == "CHARGED"
    assert await shop.summary(charge) == (200_00, 0, 299_00)
    assert await shop.kari.balance() == 299_00
    await shop.refund(agreement, charge, 200_00)
    assert await shop.status(charge) == "REFUNDED"


async def test_a_payers_stop_keeps_a_reservation_for_the_merchant(lasting_shop: Shop) -> None:
    shop = lasting_shop
    agreement, charge = await reserved(shop)
    later = await shop.charge(agreement, due="2026-12-04")
    await shop.kari.stops(agreement)
    assert (await shop.agreement(agreement))["status"] == "STOPPED"
    assert shop.bodies("agreement-stopped")[0]["actor"] == "USER"
    assert await shop.status(later) == "CANCELLED"
    assert await shop.status(charge) == "RESERVED"
    await shop.capture(agreement, charge, 200_00)
    await shop.cancel(agreement, charge)
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 299_00


async def test_a_payers_stop_leaves_the_merchant_free_to_let_go(shop: Shop) -> None:
    agreement, charge = await reserved(shop)
    await shop.kari.stops(agreement)
    await shop.cancel(agreement, charge, key="let-go")
    assert await shop.status(charge) == "CANCELLED"
    path = f"/agreements/{agreement}/charges/{charge}"
    again = await shop.send("DELETE", path, key="let-go")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (204, "true")


async def test_a_deleted_profile_stops_everything(house: House) -> None:
    shop, other = await house.shop(), await house.shop()
    agreement, charge = await reserved(shop)
    elsewhere = await other.agreed()
    await shop.kari.leaves()
    for where, stopped in ((shop, agreement), (other, elsewhere)):
        answer = await where.agreement(stopped)
        assert answer["status"] == "STOPPED"
        assert answer["history"][-1]["actor"] == "ADMIN"
    assert await shop.status(charge) == "CANCELLED"
    assert shop.bodies("agreement-stopped")[0]["actor"] == "ADMIN"
