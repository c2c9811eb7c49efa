"""What goes wrong between a merchant and a payer, and how each of them finds out."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support import INITIAL, House, Shop, refused

# ── The payer does not want to, or cannot ────────────────────────────────────────────────────────


async def test_the_payer_says_no(shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    await shop.kari.rejects(drafted["agreementId"])
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "STOPPED"
    assert await shop.status(drafted["chargeId"]) == "CANCELLED"
    assert shop.events() == ["charge-canceled", "agreement-rejected"]


async def test_the_payer_does_nothing(shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    await shop.clock.advance(minutes=10)
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "EXPIRED"
    assert await shop.status(drafted["chargeId"]) == "FAILED"
    assert shop.events() == ["charge-failed", "agreement-expired"]


async def test_the_payer_says_yes_and_has_no_money(shop: Shop) -> None:
    await shop.kari.has(498_99)
    drafted = await shop.draft(initialCharge=INITIAL)
    await shop.kari.approves(drafted["agreementId"])
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "EXPIRED"
    assert await shop.status(drafted["chargeId"]) == "FAILED"
    assert shop.events() == ["charge-failed", "agreement-expired"]
    [body] = shop.bodies("charge-failed")
    assert body["failureReason"] == "user_action_required"


async def test_the_payer_is_too_young(shop: Shop) -> None:
    await shop.kari.is_described(birth_date=date(2010, 5, 17))
    drafted = await shop.draft(initialCharge=INITIAL)
    await shop.kari.approves(drafted["agreementId"])
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "EXPIRED"
    assert shop.events() == ["charge-failed", "agreement-expired"]


# ── Money that is not there ──────────────────────────────────────────────────────────────────────


async def test_a_charge_is_declined_through_all_its_retry_days_and_then_failed(shop: Shop) -> None:
    await shop.kari.has(0)
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, due="2026-11-04", retryDays=3)
    for day in (4, 5, 6, 7):
        await shop.clock.reaches(f"2026-11-{day:02} 12:00")
        answer = await shop.fetch(agreement, charge)
        assert (answer["status"], answer["failureReason"]) == ("DUE", "user_action_required")
        assert shop.events(charge) == [], "as long as it is not over, nobody is told"
    await shop.clock.reaches("2026-11-07 17:00")
    assert await shop.status(charge) == "FAILED"
    assert shop.events(charge) == ["charge-failed"]
    assert (await shop.agreement(agreement))["status"] == "ACTIVE"

    # The next month is another matter.
    await shop.kari.has(1000_00)
    december = await shop.charge(agreement, due="2026-12-04")
    await shop.clock.advance(days=60)
    assert await shop.status(december) == "CHARGED"
    assert await shop.status(charge) == "FAILED"
    assert await shop.kari.balance() == 501_00


async def test_a_card_expires_and_is_replaced_before_the_retry_days_are_over(shop: Shop) -> None:
    await shop.kari.pays_with(kind="CARD", expires="2026-10")
    charge = await shop.charge(await shop.agreed(), due="2026-11-04", retryDays=5)
    await shop.clock.reaches("2026-11-06 12:00")
    assert await shop.status(charge) == "DUE"
    await shop.kari.pays_with(kind="CARD", expires="2031-10")
    await shop.clock.reaches("2026-11-06 17:00")
    assert await shop.status(charge) == "CHARGED"


async def test_a_provider_has_a_bad_day(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, due="2026-11-04", retryDays=1)
    await shop.next_attempts(charge, "technical_error", "timeout")
    await shop.clock.reaches("2026-11-04 12:00")
    assert (await shop.fetch(agreement, charge))["failureReason"] == "technical_error"
    await shop.clock.reaches("2026-11-04 17:00")
    assert await shop.status(charge) == "PROCESSING"
    await shop.clock.reaches("2026-11-04 17:01")
    assert await shop.status(charge) == "CHARGED"


# ── More than the payer allowed ──────────────────────────────────────────────────────────────────

VARIABLE = {"type": "VARIABLE", "suggestedMaxAmount": 500_00, "currency": "NOK"}


async def power(shop: Shop) -> tuple[str, str]:
    """A power bill of 450 kr, when the payer wanted to pay 300 kr at most."""
    agreement = (await shop.draft(pricing=VARIABLE, productName="Power"))["agreementId"]
    await shop.kari.approves(agreement, max_amount=300_00)
    charge = await shop.charge(agreement, amount=450_00, due="2026-11-04", retryDays=2)
    return agreement, charge


async def test_a_bill_above_the_maximum_waits_until_the_payer_raises_it(shop: Shop) -> None:
    agreement, charge = await power(shop)
    await shop.clock.reaches("2026-11-05 12:00")
    answer = await shop.fetch(agreement, charge)
    assert (answer["status"], answer["failureReason"]) == ("DUE", "charge_amount_too_high")
    await shop.kari.sets_maximum(agreement, 450_00)
    await shop.clock.reaches("2026-11-05 17:00")
    assert await shop.status(charge) == "CHARGED"


async def test_a_bill_above_the_maximum_fails_where_the_payer_does_not_raise_it(shop: Shop) -> None:
    agreement, charge = await power(shop)
    await shop.clock.advance(days=30)
    answer = await shop.fetch(agreement, charge)
    assert (answer["status"], answer["failureReason"]) == ("FAILED", "charge_amount_too_high")
    assert answer["failureDescription"] == "Charge amount too high"
    [body] = shop.bodies("charge-failed")
    assert body["failureReason"] == "charge_amount_too_high"


async def test_a_bill_above_both_maxima_is_refused_at_once(shop: Shop) -> None:
    agreement, _ = await power(shop)
    with refused("charge-amount-too-high", 400, "50000"):
        await shop.charge(agreement, amount=500_01)
    await shop.kari.sets_maximum(agreement, 800_00)
    charge = await shop.charge(agreement, amount=800_00)
    await shop.clock.advance(days=2)
    assert await shop.status(charge) == "CHARGED"


async def test_a_payer_lowers_the_maximum_before_the_due_date(shop: Shop) -> None:
    agreement = (await shop.draft(pricing=VARIABLE))["agreementId"]
    await shop.kari.approves(agreement, max_amount=500_00)
    charge = await shop.charge(agreement, amount=450_00, due="2026-11-04")
    await shop.clock.advance(days=1)
    await shop.kari.sets_maximum(agreement, 449_99)
    await shop.clock.advance(days=7)
    assert await shop.status(charge) == "FAILED"


# ── The merchant asks for what cannot be ─────────────────────────────────────────────────────────


async def test_too_soon_too_far_and_too_much(shop: Shop) -> None:
    agreement = await shop.agreed()
    with refused("charge-due-too-soon", 400, "2026-11-03"):
        await shop.charge(agreement, due="2026-11-02")
    with refused("charge-due-too-soon", 400):
        await shop.charge(agreement, due="2020-01-01")
    with refused("charge-due-in-too-long", 400, "2028-11-02"):
        await shop.charge(agreement, due="2028-11-03")
    with refused("charge-amount-too-high", 400, "249500"):
        await shop.charge(agreement, amount=5 * 499_00 + 1)
    await shop.charge(agreement, due="2026-11-03", amount=5 * 499_00)
    await shop.charge(agreement, due="2028-11-02")


async def test_the_lead_time_ends_at_midnight_in_the_market(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.clock.reaches("2026-11-02 23:59")
    await shop.charge(agreement, due="2026-11-03")
    await shop.clock.reaches("2026-11-03 00:00")
    with refused("charge-due-too-soon", 400, "2026-11-04"):
        await shop.charge(agreement, due="2026-11-03")


async def test_an_order_id_is_used_twice(shop: Shop) -> None:
    one, other = await shop.agreed(), await shop.agreed()
    await shop.charge(one, orderId="november-1")
    for agreement in (one, other):
        with refused("conflict", 409, "orderId"):
            await shop.charge(agreement, orderId="november-1")
    with refused("conflict", 409, "orderId"):
        await shop.draft(initialCharge={**INITIAL, "orderId": "november-1"})


async def test_skipping_the_landing_page_without_asking(house: House, shop: Shop) -> None:
    with refused("unsupported-feature", 403, "skipLandingPage"):
        await shop.draft(skipLandingPage=True, phoneNumber="4791234567")
    approved = await house.shop(skip_landing_page=True)
    agreement = await approved.draft(skipLandingPage=True, phoneNumber="4791234567")
    await approved.kari.approves(agreement["agreementId"])


async def test_unscheduled_charges_without_asking(house: House, shop: Shop) -> None:
    with refused("unsupported-feature", 400, "'UNSCHEDULED'"):
        await shop.charge(await shop.agreed(), type="UNSCHEDULED", due=None, retryDays=None)
    approved = await house.shop(unscheduled=True)
    charge = await approved.charge(
        await approved.agreed(), type="UNSCHEDULED", due=None, retryDays=None
    )
    await approved.clock.lets_work_be_done()
    assert await approved.status(charge) == "CHARGED"
    assert approved.events(charge) == ["charge-captured"]


# ── Every operation × every status ───────────────────────────────────────────────────────────────

POSSIBLE = {
    "capture": {"RESERVED", "PARTIALLY_CAPTURED"},
    "cancel": {"PENDING", "DUE", "RESERVED", "PARTIALLY_CAPTURED"},
    "refund": {"CHARGED", "PARTIALLY_CAPTURED", "PARTIALLY_REFUNDED"},
}
SLUGS = {
    "capture": "charge-capture-failed",
    "cancel": "cancel-charge-failed",
    "refund": "operation-failed",
}
STATUSES = [
    "PENDING",
    "DUE",
    "PROCESSING",
    "RESERVED",
    "PARTIALLY_CAPTURED",
    "CHARGED",
    "PARTIALLY_REFUNDED",
    "REFUNDED",
    "FAILED",
    "CANCELLED",
]


async def charge_in(shop: Shop, status: str) -> tuple[str, str]:
    """A charge that has come into a status by what really happens to charges."""
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    if status == "FAILED":
        await shop.kari.has(0)
    if status == "PROCESSING":
        await shop.next_attempts(charge, "timeout")
    if status == "CANCELLED":
        await shop.cancel(agreement, charge)
    if status != "PENDING":
        hour = {"DUE": "08:00", "FAILED": "17:00"}.get(status, "09:00")
        await shop.clock.reaches(f"2026-11-04 {hour}")
    if status == "PARTIALLY_CAPTURED":
        await shop.capture(agreement, charge, 100_00)
    if status in {"CHARGED", "PARTIALLY_REFUNDED", "REFUNDED"}:
        await shop.capture(agreement, charge, 499_00)
    if status in {"PARTIALLY_REFUNDED", "REFUNDED"}:
        await shop.refund(agreement, charge, 499_00 if status == "REFUNDED" else 100_00)
    assert await shop.status(charge) == status
    return agreement, charge


@pytest.mark.parametrize("operation", POSSIBLE)
@pytest.mark.parametrize("status", STATUSES)
async def test_an_operation_in_the_wrong_status_names_the_status(
    shop: Shop, operation: str, status: str
) -> None:
    agreement, charge = await charge_in(shop, status)

    async def operate() -> None:
        match operation:
            case "capture":
                await shop.capture(agreement, charge, 100)
            case "cancel":
                await shop.cancel(agreement, charge)
            case _:
                await shop.refund(agreement, charge, 100)

    if status in POSSIBLE[operation]:
        await operate()
        assert await shop.status(charge) != "PENDING"
        return
    before = await shop.fetch(agreement, charge)
    slug, code = (SLUGS[operation], 400) if status != "PROCESSING" else ("conflict", 409)
    with refused(slug, code, status):
        await operate()
    assert await shop.fetch(agreement, charge) == before


@pytest.mark.parametrize("status", ["PENDING", "STOPPED", "EXPIRED"])
async def test_an_agreement_in_the_wrong_status_names_the_status(shop: Shop, status: str) -> None:
    agreement = (await shop.draft())["agreementId"]
    if status == "STOPPED":
        await shop.kari.rejects(agreement)
    if status == "EXPIRED":
        await shop.clock.advance(minutes=10)
    with refused("charge-creation-failed", 400, status):
        await shop.charge(agreement)
    with refused("illegal-agreement-update", 400, status):
        await shop.update(agreement, productName="Serie A")
    if status != "STOPPED":
        with refused("illegal-agreement-update", 400, status):
            await shop.stop(agreement)
        assert (await shop.agreement(agreement))["status"] == status
