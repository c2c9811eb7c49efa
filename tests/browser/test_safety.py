"""What other sites, and merchants with bad intentions, cannot do to somebody in a real browser."""

from __future__ import annotations

import html
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPhone
from tests.browser.people import Phone
from tests.browser.shop import Shop
from tests.browser.visits import begun, is_back
from tests.browser.windows import Windows

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}${7*7}",
    "javascript:alert(1)",
    "</main></body><h1>Hi",
    "\u202edrawkcab",
]


async def test_a_form_on_another_site_cannot_say_yes(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    windows.excuse(403)
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    phone = Phone(await phone_of(shop.phone()))
    token = await phone.request().locator("input[name=form]").first.input_value()
    # Even with a token that somebody has copied from the page.
    forged = shop.site.shows(
        f'<form method="post" action="{shop.url}/phone/{shop.phone()}/requests/{shop.msn}/'
        f'{agreement_id}/approve"><input name="form" value="{html.escape(token)}">'
        "<button>Win a prize</button></form>"
    )
    page = await windows.open(forged)
    async with page.expect_navigation() as answered:
        await page.get_by_role("button", name="Win a prize").click()
    answer = await answered.value
    assert answer is not None
    assert answer.status == 403
    await expect(page.get_by_role("heading", level=1)).to_have_text("Not from here")
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"


@pytest.mark.parametrize("what", ["landing", "phone"])
async def test_no_page_is_shown_within_another_sites(
    windows: Windows, shop: Shop, phone_of: OpenPhone, what: str
) -> None:
    windows.expect_on_console("frame-ancestors 'none'")
    phone_number = shop.phone()
    await shop.payer()
    drafted = await shop.draft()
    urls = {
        "landing": drafted["vippsConfirmationUrl"],
        "phone": f"{shop.url}/phone/{phone_number}",
    }
    around = shop.site.shows(f'<iframe src="{html.escape(urls[what])}"></iframe>')
    page = await windows.open(around)
    await expect(page.locator("iframe").content_frame.get_by_role("main")).to_have_count(0)


async def test_merchants_are_not_told_where_somebody_comes_from(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await shop.approve(agreement_id)
    await is_back(landing, shop)
    phone = Phone(await phone_of(shop.phone()))
    await phone.open_agreement()
    async with phone.page.context.expect_page() as opening:
        await phone.page.get_by_role("link", name="Open Nordic News's page").click()
    await expect((await opening.value).get_by_role("heading", name="Nordic News")).to_be_visible()
    assert shop.site.told == [None, None]


@pytest.mark.parametrize("words", HOSTILE)
async def test_what_a_merchant_writes_is_text_and_nothing_else(
    windows: Windows, shop: Shop, phone_of: OpenPhone, words: str
) -> None:
    first = {"amount": 99_00, "description": words, "transactionType": "DIRECT_CAPTURE"}
    named: dict[str, Any] = {
        "productName": words,
        "productDescription": words,
        "initialCharge": first,
    }
    _, landing = await begun(windows, shop, **named)
    await shows_as_text(landing.page, words)
    await landing.next()
    await shows_as_text(landing.page, words)
    phone = Phone(await phone_of(shop.phone()))
    await shows_as_text(phone.page, words)
    await phone.approve(words)
    await is_back(landing, shop)
    await phone.open("Agreements")
    await shows_as_text(phone.page, words)
    await phone.open_agreement(words)
    await shows_as_text(phone.page, words)


async def shows_as_text(page: Page, words: str) -> None:
    """See the very words on the page; a script that ran would open a dialog, or fail the test on the console."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await expect(page.get_by_text(words).first).to_be_visible()
    assert dialogs == []
