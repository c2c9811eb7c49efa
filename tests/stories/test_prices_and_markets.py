"""Campaigns, prices that move, prices that nobody fixed, many charges at once, and three countries."""

from __future__ import annotations

from typing import Any

import pytest

from avtale.rulebook import MarketCode
from tests.support import CHARGE, INITIAL, House, Shop, refused

# ── Campaigns ────────────────────────────────────────────────────────────────────────────────────


async def test_the_first_month_for_a_krone(shop: Shop) -> None:
    """The campaign is what the payer reads; what is charged is what the merchant asks for."""
    await shop.kari.has(1000_00)
    campaign = {"type": "PERIOD_CAMPAIGN", "price": 1_00, "period": {"unit": "MONTH", "count": 1}}
    drafted = await shop.draft(campaign=campaign, initialCharge={**INITIAL, "amount": 1_00})
    await shop.kari.approves(drafted["agreementId"])
    agreement = await shop.agreement(drafted["agreementId"])
    assert agreement["campaign"]["end"] == "2026-12-01T23:00:00Z"
    assert "Ordinary price 499 kr starts 02/12/2026" in agreement["campaign"]["explanation"]

    charge = await shop.charge(agreement["id"], due="2026-12-02")
    await shop.clock.reaches("2026-12-02 09:00")
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 1000_00 - 1_00 - 499_00


async def test_a_campaign_may_be_free(shop: Shop) -> None:
    campaign = {"type": "PRICE_CAMPAIGN", "price": 0, "end": "2027-01-01T00:00:00Z"}
    agreement = await shop.agreement(await shop.agreed(campaign=campaign))
    assert agreement["campaign"]["price"] == 0


@pytest.mark.parametrize(
    "campaign",
    [
        {"type": "PRICE_CAMPAIGN", "price": 1_00, "end": "2027-01-01T00:00:00Z"},
        {"type": "PERIOD_CAMPAIGN", "price": 1_00, "period": {"unit": "WEEK", "count": 6}},
        {
            "type": "EVENT_CAMPAIGN",
            "price": 1_00,
            "eventDate": "2026-12-24T00:00:00Z",
            "eventText": "Christmas",
        },
        {
            "type": "FULL_FLEX_CAMPAIGN",
            "price": 1_00,
            "end": "2027-01-01T00:00:00Z",
            "interval": {"unit": "WEEK", "count": 1},
        },
    ],
)
async def test_an_agreement_with_a_campaign_lives_like_any_other(
    shop: Shop, campaign: dict[str, Any]
) -> None:
    agreement = await shop.agreed(campaign=campaign)
    charge = await shop.charge(agreement)
    await shop.clock.advance(days=90)
    assert await shop.status(charge) == "CHARGED"
    assert (await shop.agreement(agreement))["campaign"]["type"] == campaign["type"]


# ── Prices that move ─────────────────────────────────────────────────────────────────────────────


async def test_a_variable_price_stays_below_what_the_payer_chose(shop: Shop) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 3000_00, "currency": "NOK"}
    agreement = (await shop.draft(pricing=pricing, productName="Power"))["agreementId"]
    await shop.kari.approves(agreement, max_amount=2000_00)
    for month, amount in (("11", 812_50), ("12", 1999_99)):
        charge = await shop.charge(agreement, amount=amount, due=f"2026-{month}-20")
        await shop.clock.reaches(f"2026-{month}-20 09:00")
        assert await shop.status(charge) == "CHARGED"


async def test_a_merchant_raises_the_suggested_maximum_and_the_payer_follows(shop: Shop) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 300_00, "currency": "NOK"}
    agreement = await shop.agreed(pricing=pricing)
    with refused("charge-amount-too-high", 400, "30000"):
        await shop.charge(agreement, amount=400_00)
    await shop.update(agreement, pricing={"suggestedMaxAmount": 400_00})
    charge = await shop.charge(agreement, amount=400_00, retryDays=3)
    await shop.clock.reaches("2026-11-04 12:00")
    assert await shop.status(charge) == "DUE", "the payer still allows 300 kr"
    await shop.kari.sets_maximum(agreement, 400_00)
    await shop.clock.reaches("2026-11-04 17:00")
    assert await shop.status(charge) == "CHARGED"


async def test_a_flexible_price_has_no_limit_and_no_rhythm(shop: Shop) -> None:
    agreement = await shop.agreed(pricing={"type": "FLEXIBLE", "currency": "NOK"}, interval=None)
    charge = await shop.charge(agreement, amount=123_456_78)
    await shop.clock.advance(days=2)
    assert await shop.status(charge) == "CHARGED"
    assert (await shop.agreement(agreement))["pricing"] == {"type": "FLEXIBLE", "currency": "NOK"}


async def test_a_new_price_lets_larger_charges_through(shop: Shop) -> None:
    agreement = await shop.agreed()
    with refused("charge-amount-too-high", 400):
        await shop.charge(agreement, amount=3000_00)
    await shop.update(agreement, pricing={"amount": 600_00})
    charge = await shop.charge(agreement, amount=3000_00)
    await shop.update(agreement, pricing={"amount": 1_00})
    await shop.clock.advance(days=2)
    assert await shop.status(charge) == "CHARGED", "what was let through stays so"


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────


async def test_a_month_is_billed_in_one_call(lasting_shop: Shop) -> None:
    shop = lasting_shop
    agreements = [await shop.agreed(externalId=f"sub-{n}") for n in range(5)]
    items = [
        {**CHARGE, "agreementId": agreement, "orderId": f"november-{n}", "due": "2026-11-04"}
        for n, agreement in enumerate(agreements)
    ]
    items[3]["amount"] = 5 * 499_00 + 1
    answer = await shop.bulk(*items)
    assert answer["validCharges"] == ["november-0", "november-1", "november-2", "november-4"]
    assert answer["invalidCharges"][0]["chargeBatchItemDto"]["orderId"] == "november-3"

    await shop.kari.stops(agreements[4])
    await shop.clock.advance(days=7)

    for n in range(3):
        assert await shop.status(f"november-{n}") == "CHARGED"
    [told] = shop.bodies("charge-creation-failed")
    assert (told["chargeId"], told["agreementExternalId"]) == ("november-4", "sub-4")


# ── Three countries ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("market", "currency", "smallest", "first_run"),
    [("NO", "NOK", 100, "09:00"), ("DK", "DKK", 1, "03:00"), ("FI", "EUR", 1, "03:00")],
)
async def test_a_subscription_in_each_country(
    house: House, market: MarketCode, currency: str, smallest: int, first_run: str
) -> None:
    shop = await house.shop(market)
    agreement = await shop.agreed()
    answer = await shop.agreement(agreement)
    assert (answer["countryCode"], answer["pricing"]["currency"]) == (market, currency)
    charge = await shop.charge(agreement, amount=smallest)
    with refused("validation-error", 400):
        await shop.charge(agreement, amount=smallest - 1)

    hour, minute = first_run.split(":")
    await shop.clock.reaches(f"2026-11-04 {int(hour) - 1:02}:59")
    assert await shop.status(charge) == "DUE"
    await shop.clock.reaches(f"2026-11-04 {hour}:{minute}")
    found = await shop.fetch(agreement, charge)
    assert (found["status"], found["currency"], found["amount"]) == ("CHARGED", currency, smallest)
    assert shop.bodies("charge-captured")[0]["currency"] == currency


@pytest.mark.parametrize("market", ["DK", "FI"])
async def test_a_reservation_in_denmark_and_finland_is_good_for_14_days(
    house: House, market: MarketCode
) -> None:
    shop = await house.shop(market)
    agreement = await shop.agreed()
    one, other = [
        await shop.charge(agreement, transactionType="RESERVE_CAPTURE", orderId=name)
        for name in ("captured-in-time", "forgotten")
    ]
    await shop.clock.reaches("2026-11-18 23:59")
    await shop.capture(agreement, one, 499_00)
    await shop.clock.reaches("2026-11-19 00:00")
    assert await shop.status(one) == "CHARGED"
    assert await shop.status(other) == "CANCELLED"


async def test_money_is_tried_for_six_times_a_day_in_denmark(house: House) -> None:
    shop = await house.shop("DK")
    await shop.kari.has(0)
    charge = await shop.charge(await shop.agreed(), due="2026-11-04")
    await shop.clock.reaches("2026-11-04 22:59")
    assert await shop.status(charge) == "DUE"
    await shop.clock.reaches("2026-11-04 23:00")
    assert await shop.status(charge) == "FAILED"


async def test_the_agreement_page_is_optional_outside_norway(house: House) -> None:
    for market in ("DK", "FI"):
        shop = await house.shop(market)
        agreement = await shop.agreement(await shop.agreed(merchantAgreementUrl=None))
        assert agreement["merchantAgreementUrl"] is None
    with refused("validation-error", 400):
        await (await house.shop("NO")).draft(merchantAgreementUrl=None)


async def test_a_currency_belongs_to_its_country(house: House) -> None:
    for market, currency in (("NO", "DKK"), ("DK", "EUR"), ("FI", "NOK")):
        shop = await house.shop(market)  # type: ignore[arg-type]  # one of the three
        with refused("validation-error", 400):
            await shop.draft(pricing={"amount": 499_00, "currency": currency})
