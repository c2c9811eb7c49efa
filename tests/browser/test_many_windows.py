"""Many windows of one browser on one server: each hears of what happens, and none is in the way of another."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import OpenPhone, OpenShop
from tests.browser.people import Phone
from tests.browser.shop import Shop
from tests.browser.visits import begun, is_back
from tests.browser.windows import Windows

MANY = 9
"""More than the six connections that a browser keeps to a server."""

HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a page is told when its tab goes to the background, or comes back."""

PLACES_TAKEN = "async () => (await navigator.locks.query()).held.length"
PATIENCE_SECONDS = 10


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    """A shop whose requests need no landing page."""
    return await open_shop(features={"skipLandingPage": True})


async def listening(page: Page, count: int) -> None:
    """See that so many windows of a page's browser keep a stream."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while (taken := await page.evaluate(PLACES_TAKEN)) != count:
        assert time.monotonic() < give_up, taken
        await page.wait_for_timeout(50)


async def beside(page: Page) -> Page:
    """Another window of the same browser on the same page."""
    another = await page.context.new_page()
    await another.goto(page.url)
    return another


async def test_many_phones_side_by_side_all_hear_and_all_can_act(
    shop: Shop, phone_of: OpenPhone
) -> None:
    first = await phone_of(shop.phone())
    phones = [Phone(first)] + [Phone(await beside(first)) for _ in range(MANY - 1)]
    drafted = await shop.draft(skipLandingPage=True)
    for phone in phones:
        await expect(phone.request()).to_be_visible()
    await phones[-1].approve()
    await shop.becomes(drafted["agreementId"], "ACTIVE")
    for phone in phones[:-1]:
        await expect(phone.request()).to_have_count(0)


async def test_a_window_that_is_closed_leaves_its_place(shop: Shop, phone_of: OpenPhone) -> None:
    first = await phone_of(shop.phone())
    others = [await beside(first) for _ in range(MANY - 1)]
    await listening(first, 4)
    for each in others:
        await each.close()
    await listening(first, 1)
    await shop.draft(skipLandingPage=True)
    await expect(Phone(first).request()).to_be_visible()


async def test_a_tab_in_the_background_listens_to_nothing_and_catches_up_when_it_is_seen(
    shop: Shop, phone_of: OpenPhone
) -> None:
    phone = Phone(await phone_of(shop.phone()))
    await listening(phone.page, 1)
    await phone.page.evaluate(HIDE, arg=True)
    await listening(phone.page, 0)
    await shop.draft(skipLandingPage=True)
    await expect(phone.request()).to_have_count(0)
    await phone.page.evaluate(HIDE, arg=False)
    await expect(phone.request()).to_be_visible()


async def test_a_page_that_was_refused_its_stream_asks_for_it_again(
    windows: Windows, shop: Shop
) -> None:
    windows.excuse(503)
    agreement_id, landing = await begun(windows, shop)
    refused = 0

    async def refuse_once(route: Route) -> None:
        nonlocal refused
        refused += 1
        if refused == 1:
            await route.fulfill(status=503)
        else:
            await route.continue_()

    await landing.page.route("**/landing/stream?*", refuse_once)
    await landing.next()
    await shop.approve(agreement_id)
    await is_back(landing, shop)
    assert refused >= 2
