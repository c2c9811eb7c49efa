"""What the phone says before a payer says yes: prices, campaigns, first payments, maxima, profiles."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPhone, OpenShop
from tests.browser.people import Phone
from tests.browser.shop import Shop

ORDINARY = ["499 kr", "month"]
SPRING = "2031-04-05T22:00:00Z"
CAMPAIGNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a price until a day": (
        {"type": "PRICE_CAMPAIGN", "price": 99_00, "end": SPRING},
        ["99 kr", "6 April 2031", *ORDINARY],
    ),
    "a price for a period": (
        {"type": "PERIOD_CAMPAIGN", "price": 19_00, "period": {"unit": "WEEK", "count": 3}},
        ["19 kr", "3 weeks", "24 March 2031", *ORDINARY],
    ),
    "a price until something happens": (
        {
            "type": "EVENT_CAMPAIGN",
            "price": 0,
            "eventDate": SPRING,
            "eventText": "the cup final",
        },
        ["0 kr", "the cup final", "6 April 2031", *ORDINARY],
    ),
    "a price in another rhythm": (
        {
            "type": "FULL_FLEX_CAMPAIGN",
            "price": 49_00,
            "end": SPRING,
            "interval": {"unit": "WEEK", "count": 1},
        },
        ["49 kr", "week", "6 April 2031", *ORDINARY],
    ),
}


async def asked(shop: Shop, phone_of: OpenPhone, **members: Any) -> tuple[str, Phone]:
    """A request on a phone, with nothing in between; with the agreement's id."""
    drafted = await shop.draft(skipLandingPage=True, **members)
    phone = Phone(await phone_of(shop.phone()))
    await expect(phone.request()).to_be_visible()
    return drafted["agreementId"], phone


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    """A shop whose requests need no landing page."""
    return await open_shop(features={"skipLandingPage": True})


async def test_says_who_asks_for_what_and_how_often(shop: Shop, phone_of: OpenPhone) -> None:
    _, phone = await asked(
        shop,
        phone_of,
        interval={"unit": "MONTH", "count": 2},
        productDescription="Every match, at home and away",
    )
    for words in ("Nordic News", "499 kr", "every 2 months", "Every match, at home and away"):
        await expect(phone.request()).to_contain_text(words)


@pytest.mark.parametrize("campaign", CAMPAIGNS)
async def test_says_what_a_campaign_costs_and_when_the_ordinary_price_begins(
    shop: Shop, phone_of: OpenPhone, campaign: str
) -> None:
    given, words = CAMPAIGNS[campaign]
    _, phone = await asked(shop, phone_of, campaign=given)
    for word in words:
        await expect(phone.request()).to_contain_text(word)


@pytest.mark.parametrize(
    ("transaction_type", "becomes"),
    [("DIRECT_CAPTURE", "CHARGED"), ("RESERVE_CAPTURE", "RESERVED")],
)
async def test_a_first_payment_is_asked_for_and_paid_with_the_yes(
    shop: Shop, phone_of: OpenPhone, transaction_type: str, becomes: str
) -> None:
    first = {"amount": 99_00, "description": "The box", "transactionType": transaction_type}
    agreement_id, phone = await asked(shop, phone_of, initialCharge=first)
    for words in ("99 kr", "The box", "499 kr"):
        await expect(phone.request()).to_contain_text(words)
    await phone.approve()
    await shop.becomes(agreement_id, "ACTIVE")
    (charge,) = await shop.charges(agreement_id)
    assert (charge["type"], charge["status"]) == ("INITIAL", becomes)


async def test_without_money_for_the_first_payment_there_is_no_agreement(
    shop: Shop, phone_of: OpenPhone
) -> None:
    await shop.payer(balance=1_00)
    first = {"amount": 99_00, "description": "The box", "transactionType": "DIRECT_CAPTURE"}
    agreement_id, phone = await asked(shop, phone_of, initialCharge=first)
    await phone.approve()
    await shop.becomes(agreement_id, "EXPIRED")
    await expect(phone.request()).to_have_count(0)


async def test_the_suggested_maximum_is_chosen_for_whoever_just_says_yes(
    shop: Shop, phone_of: OpenPhone
) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 600_00, "currency": "NOK"}
    agreement_id, phone = await asked(shop, phone_of, pricing=pricing)
    await phone.approve()
    assert (await shop.becomes(agreement_id, "ACTIVE"))["pricing"]["maxAmount"] == 600_00


async def test_another_maximum_is_the_payers_to_choose(shop: Shop, phone_of: OpenPhone) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 600_00, "currency": "NOK"}
    agreement_id, phone = await asked(shop, phone_of, pricing=pricing)
    await phone.choose_maximum("900 kr")
    await phone.approve()
    assert (await shop.becomes(agreement_id, "ACTIVE"))["pricing"]["maxAmount"] == 900_00


async def test_an_amount_of_the_payers_own_is_a_maximum_too(
    shop: Shop, phone_of: OpenPhone
) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 600_00, "currency": "NOK"}
    agreement_id, phone = await asked(shop, phone_of, pricing=pricing)
    await phone.choose_maximum("Another amount")
    await phone.request().get_by_role("textbox", name="Another amount").fill("777,50")
    await phone.approve()
    assert (await shop.becomes(agreement_id, "ACTIVE"))["pricing"]["maxAmount"] == 777_50


async def test_a_profile_is_shared_with_the_yes_and_says_what_is_shared(
    shop: Shop, phone_of: OpenPhone
) -> None:
    await shop.payer(name="Ola Nordmann", email="ola@example.com")
    agreement_id, phone = await asked(shop, phone_of, scope="name email birthDate")
    for words in ("name", "e-?mail", "birth"):
        await expect(phone.request()).to_contain_text(re.compile(words, re.IGNORECASE))
    await phone.approve()
    agreement = await shop.becomes(agreement_id, "ACTIVE")
    shared = await shop.ask("GET", agreement["userinfoUrl"].removeprefix(shop.url))
    assert (shared["name"], shared["email"]) == ("Ola Nordmann", "ola@example.com")
    assert "address" not in shared


async def test_whoever_shares_no_profile_agrees_to_nothing(shop: Shop, phone_of: OpenPhone) -> None:
    agreement_id, phone = await asked(shop, phone_of, scope="name email")
    await phone.reject()
    agreement = await shop.becomes(agreement_id, "STOPPED")
    assert agreement["sub"] is agreement["userinfoUrl"] is None
