"""A phone that is fetched anew by itself takes nothing away from whoever holds it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPhone, OpenShop
from tests.browser.people import Phone
from tests.browser.shop import Shop
from tests.browser.windows import Windows

VARIABLE = {"type": "VARIABLE", "suggestedMaxAmount": 600_00, "currency": "NOK"}


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    """A shop whose requests need no landing page."""
    return await open_shop(features={"skipLandingPage": True})


async def test_a_chosen_amount_and_the_keyboard_stay_when_another_request_comes(
    shop: Shop, phone_of: OpenPhone
) -> None:
    agreement_id = (await shop.draft(skipLandingPage=True, pricing=VARIABLE))["agreementId"]
    phone = Phone(await phone_of(shop.phone()))
    await phone.choose_maximum("900 kr")
    approve = phone.request().get_by_role("button", name="Approve")
    await approve.focus()
    await shop.draft(skipLandingPage=True, productName="La Liga")
    await expect(phone.request("La Liga")).to_be_visible()
    await expect(approve).to_be_focused()
    await phone.page.keyboard.press("Enter")
    agreement = await shop.becomes(agreement_id, "ACTIVE")
    assert agreement["pricing"]["maxAmount"] == 900_00


async def test_a_page_that_refused_an_amount_goes_on_hearing(
    shop: Shop, phone_of: OpenPhone, windows: Windows
) -> None:
    windows.excuse(400)
    await shop.draft(skipLandingPage=True, pricing=VARIABLE)
    phone = Phone(await phone_of(shop.phone()))
    await phone.choose_maximum("Another amount")
    await phone.page.get_by_label("Another amount").last.fill("much")
    await phone.approve()
    await expect(phone.page.get_by_role("alert")).to_contain_text("Write an amount between")
    await phone.request().get_by_role("button", name="Reject").focus()
    for name in ("La Liga", "Serie A"):
        await shop.draft(skipLandingPage=True, productName=name)
        await expect(phone.request(name)).to_be_visible()


async def test_a_phone_that_is_gone_shows_so(
    shop: Shop, phone_of: OpenPhone, windows: Windows
) -> None:
    windows.excuse(404)
    windows.expect_on_console("Response Status Error Code 404")
    phone = Phone(await phone_of(shop.phone()))
    await shop.ask("DELETE", f"/sandbox/payers/{shop.phone()}")
    heading = phone.page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Nobody has this number yet")
