"""From the merchant's basket to the landing page, to the phone, and back to the merchant."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPhone, OpenShop
from tests.browser.people import Phone
from tests.browser.shop import Shop
from tests.browser.visits import begun, is_back
from tests.browser.windows import Windows


async def test_a_yes_on_the_phone_leads_back_exactly_where_the_merchant_said(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    phone = Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await phone.approve()
    await is_back(landing, shop)
    await shop.becomes(agreement_id, "ACTIVE")


async def test_a_no_on_the_phone_leads_back_to_the_same_place(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    phone = Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await phone.reject()
    await is_back(landing, shop)
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_the_phone_may_be_another_one_than_the_merchant_knew(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    known, other = Phone(await phone_of(shop.phone(0))), Phone(await phone_of(shop.phone(1)))
    agreement_id, landing = await begun(windows, shop)
    await expect(landing.number).not_to_have_value("")
    await landing.next(f"+{shop.phone(1)}")
    await other.approve()
    await is_back(landing, shop)
    await shop.becomes(agreement_id, "ACTIVE")
    await expect(known.request()).to_have_count(0)
    assert (await shop.phone_shows(1))["agreements"][0]["agreementId"] == agreement_id


async def test_going_back_while_the_phone_is_asked_takes_the_request_off_the_phone(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    phone = Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await expect(phone.request()).to_be_visible()
    await landing.go_back()
    await shop.becomes(agreement_id, "STOPPED")
    await expect(phone.request()).to_have_count(0)


async def test_when_time_is_up_both_windows_say_so_by_themselves(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    windows.excuse(410)
    phone = Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await expect(phone.request()).to_be_visible()
    await shop.advance(minutes=10)
    await landing.is_too_late()
    await expect(phone.request()).to_have_count(0)
    assert (await shop.agreement(agreement_id))["status"] == "EXPIRED"
    assert shop.site.came_back == []


async def test_two_windows_and_two_clicks_make_one_decision(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    first, second = Phone(await phone_of(shop.phone())), Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await asyncio.gather(
        expect(first.request()).to_be_visible(), expect(second.request()).to_be_visible()
    )
    await asyncio.gather(first.approve(), second.approve())
    await is_back(landing, shop)
    agreement = await shop.becomes(agreement_id, "ACTIVE")
    assert [each["event"] for each in agreement["history"]] == ["CREATE", "ACTIVATE"]
    for phone in (first, second):
        await expect(phone.request()).to_have_count(0)


async def test_a_yes_and_a_no_at_once_make_one_decision(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    windows.excuse(409)
    yes, no = Phone(await phone_of(shop.phone())), Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await asyncio.gather(
        expect(yes.request()).to_be_visible(), expect(no.request()).to_be_visible()
    )
    await asyncio.gather(yes.approve(), no.reject())
    await is_back(landing, shop)
    history = (await shop.agreement(agreement_id))["history"]
    assert [each["event"] for each in history] in (["CREATE", "ACTIVATE"], ["CREATE", "REJECT"])


async def test_phones_side_by_side_show_their_own_requests_alone(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    phones = [Phone(await phone_of(shop.phone(number))) for number in range(3)]
    names = ["Premier League", "La Liga", "Serie A"]
    for number, name in enumerate(names):
        _, landing = await begun(windows, shop, productName=name, phoneNumber=shop.phone(number))
        await landing.next()
    for phone, own in zip(phones, names, strict=True):
        await expect(phone.request(own)).to_be_visible()
        for other in set(names) - {own}:
            await expect(phone.request(other)).to_have_count(0)


async def test_without_the_landing_page_the_request_lies_on_the_phone_at_once(
    open_shop: OpenShop, phone_of: OpenPhone
) -> None:
    shop = await open_shop(features={"skipLandingPage": True})
    phone = Phone(await phone_of(shop.phone()))
    drafted = await shop.draft(skipLandingPage=True)
    await phone.approve()
    await shop.becomes(drafted["agreementId"], "ACTIVE")


async def test_an_app_link_that_is_pasted_leads_to_the_request(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    drafted = await shop.draft(isApp=True, merchantRedirectUrl="nordicnews://thanks")
    assert drafted["vippsConfirmationUrl"].startswith("vippsMT://")
    page = await windows.open("/phone?lang=en")
    await page.get_by_label("Link").fill(drafted["vippsConfirmationUrl"])
    await page.get_by_role("button", name="Open", exact=True).click()
    await page.get_by_role("button", name="Next").click()
    phone = Phone(page)
    await phone.approve()
    await shop.becomes(drafted["agreementId"], "ACTIVE")


async def test_a_yes_at_the_instant_when_time_is_up_makes_one_decision(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    windows.excuse(410)
    phone = Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await expect(phone.request()).to_be_visible()
    await asyncio.gather(phone.approve(), shop.advance(minutes=10))
    await expect(phone.request()).to_have_count(0)
    agreement = await shop.agreement(agreement_id)
    assert agreement["status"] in {"ACTIVE", "EXPIRED"}
    decided = "ACTIVATE" if agreement["status"] == "ACTIVE" else "EXPIRE"
    assert [each["event"] for each in agreement["history"]] == ["CREATE", decided]
    if decided == "ACTIVATE":
        await is_back(landing, shop)
    else:
        await landing.is_too_late()


async def test_somebody_under_age_is_refused_in_vague_words(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    windows.excuse(400, 403, 409, 410)
    await shop.payer(birthDate="2016-05-17")
    phone = Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await phone.approve()
    await shop.becomes(agreement_id, "EXPIRED")
    await expect(phone.page.get_by_role("main")).not_to_contain_text("18")


async def test_all_of_it_goes_by_keyboard_alone(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    phone = Phone(await phone_of(shop.phone()))
    agreement_id, landing = await begun(windows, shop)
    await by_keyboard(landing.page, "Next")
    await expect(phone.request()).to_be_visible()
    await by_keyboard(phone.page, "Approve")
    await is_back(landing, shop)
    await shop.becomes(agreement_id, "ACTIVE")


async def by_keyboard(page: Page, name: str) -> None:
    """Go with Tab from the top of the page to a button, see that it shows where one is, and press it."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if await focused.count() and (await focused.inner_text()).strip() == name:
            style = await focused.evaluate("element => getComputedStyle(element).outlineStyle")
            assert style != "none", f"{name} does not show that it has the focus"
            await page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab does not lead to {name}")


async def test_without_script_plain_forms_do_the_same(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    agreement_id, landing = await begun(windows, shop, java_script_enabled=False)
    await landing.next()
    phone = Phone(await phone_of(shop.phone(), java_script_enabled=False))
    await phone.approve()
    await is_back(landing, shop)
    await shop.becomes(agreement_id, "ACTIVE")
