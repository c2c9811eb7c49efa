"""The landing page alone, whatever the phone says: asked, waiting, over, and back at the merchant's."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.looking import Record, is_as_pages_shall_be
from tests.browser.merchant_site import NOTHING_THERE
from tests.browser.shop import Shop
from tests.browser.visits import begun, is_back
from tests.browser.windows import Windows


async def test_whoever_cancels_on_the_landing_page_is_led_back_and_has_not_agreed(
    windows: Windows, shop: Shop
) -> None:
    agreement_id, landing = await begun(windows, shop)
    await landing.cancel()
    await is_back(landing, shop)
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_going_back_in_the_browser_cancels(windows: Windows, shop: Shop) -> None:
    agreement_id, landing = await begun(windows, shop)
    await landing.go_back()
    await is_back(landing, shop)
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_a_link_that_was_used_says_so_kindly(windows: Windows, shop: Shop) -> None:
    windows.excuse(404, 410)
    agreement_id, landing = await begun(windows, shop)
    used = landing.page.url
    await landing.cancel()
    await is_back(landing, shop)
    again = await windows.open()
    answer = await again.goto(used)
    assert answer is not None
    assert answer.status == 410
    await expect(again.get_by_role("heading", level=1)).to_be_visible()
    await expect(again.get_by_role("button", name="Next")).to_have_count(0)
    answer = await again.goto(used[:-3] + "abc")
    assert answer is not None
    assert answer.status == 404
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_going_back_while_the_phone_is_asked_cancels(windows: Windows, shop: Shop) -> None:
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await landing.go_back()
    await is_back(landing, shop)
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_going_back_cancels_also_where_the_page_was_touched_before_it_came_anew(
    windows: Windows, shop: Shop
) -> None:
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await landing.heading.click()
    await shop.advance(minutes=2)
    await expect(landing.timer).to_have_text("3 minutes")
    await landing.go_back()
    await is_back(landing, shop)
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_an_answer_from_elsewhere_ends_the_waiting_by_itself(
    windows: Windows, shop: Shop
) -> None:
    agreement_id, landing = await begun(windows, shop)
    await landing.next()
    await shop.approve(agreement_id)
    await is_back(landing, shop)


async def test_the_clock_runs_as_the_sales_units_does(windows: Windows, shop: Shop) -> None:
    _, landing = await begun(windows, shop)
    await landing.next()
    await expect(landing.timer).to_have_text("5 minutes")
    await shop.advance(minutes=2)
    await expect(landing.timer).to_have_text("3 minutes")
    await shop.resume()
    await expect(landing.timer).to_have_text(re.compile("^2:5[0-9]$"))


async def test_five_minutes_on_the_page_and_five_on_the_phone(windows: Windows, shop: Shop) -> None:
    windows.excuse(410)
    agreement_id, landing = await begun(windows, shop)
    await shop.advance(minutes=4)
    await landing.next()
    await shop.advance(minutes=5)
    await landing.is_too_late()
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"
    await shop.advance(minutes=1)
    assert (await shop.agreement(agreement_id))["status"] == "EXPIRED"
    assert shop.site.came_back == []


async def test_what_is_no_phone_number_is_asked_for_again(windows: Windows, shop: Shop) -> None:
    windows.excuse(400)
    _, landing = await begun(windows, shop)
    await landing.number.fill("call me")
    await landing.page.get_by_role("button", name="Next").click()
    await expect(landing.page.get_by_role("alert")).to_be_visible()
    await expect(landing.number).to_have_value("call me")
    await landing.next(shop.phone())


async def test_another_language_may_be_chosen_after_a_slip(windows: Windows, shop: Shop) -> None:
    windows.excuse(400)
    _, landing = await begun(windows, shop)
    await landing.number.fill("call me")
    await landing.page.get_by_role("button", name="Next").click()
    await landing.page.get_by_role("link", name="Dansk").click()
    await expect(landing.page.locator("html")).to_have_attribute("lang", "da")
    await expect(landing.page.get_by_role("button", name="Næste")).to_be_visible()


async def test_a_slip_is_not_sent_again_when_time_is_up(windows: Windows, shop: Shop) -> None:
    windows.excuse(400, 410)
    await shop.resume()
    _, landing = await begun(windows, shop)
    await landing.number.fill("call me")
    await landing.page.get_by_role("button", name="Next").click()
    await expect(landing.page.get_by_role("alert")).to_be_visible()
    sent: list[str] = []
    landing.page.on("request", lambda request: sent.append(request.method))
    await landing.number.blur()
    await shop.advance(minutes=10)
    # What the page's own clock does once it has counted to nothing.
    await landing.page.evaluate(
        "() => { document.querySelector('[data-seconds]').dataset.seconds = '0';"
        " document.dispatchEvent(new Event('htmx:afterSettle')); }"
    )
    await landing.is_too_late()
    assert "POST" not in sent


async def test_speaks_the_language_that_was_chosen_to_the_end(windows: Windows, shop: Shop) -> None:
    _, landing = await begun(windows, shop)
    await landing.page.get_by_role("link", name="Dansk").click()
    await expect(landing.page.locator("html")).to_have_attribute("lang", "da")
    await landing.page.get_by_role("button").first.click()
    await expect(landing.page.get_by_role("timer")).to_be_visible()
    await expect(landing.page.locator("html")).to_have_attribute("lang", "da")


async def test_without_script_plain_forms_do_the_same(windows: Windows, shop: Shop) -> None:
    agreement_id, landing = await begun(windows, shop, java_script_enabled=False)
    await landing.next()
    await shop.approve(agreement_id)
    await is_back(landing, shop)


async def asks(windows: Windows, shop: Shop) -> Page:
    return (await begun(windows, shop))[1].page


async def asks_again(windows: Windows, shop: Shop) -> Page:
    _, landing = await begun(windows, shop)
    await landing.number.fill("call me")
    await landing.page.get_by_role("button", name="Next").click()
    await expect(landing.page.get_by_role("alert")).to_be_visible()
    return landing.page


async def waits(windows: Windows, shop: Shop) -> Page:
    _, landing = await begun(windows, shop)
    await landing.next()
    return landing.page


async def leads_back(windows: Windows, shop: Shop) -> Page:
    # The merchant answers with nothing at all, so that the page stays to be looked at.
    agreement_id, landing = await begun(
        windows, shop, merchantRedirectUrl=shop.site.url + NOTHING_THERE
    )
    await landing.next()
    await shop.approve(agreement_id)
    await expect(landing.heading).to_have_text("Approved")
    return landing.page


async def leads_back_to_an_app(windows: Windows, shop: Shop) -> Page:
    drafted = await shop.draft(isApp=True, merchantRedirectUrl="nordicnews://thanks")
    token = drafted["vippsConfirmationUrl"].partition("token=")[2]
    await shop.approve(drafted["agreementId"])
    return await windows.open(f"/landing/wait?token={token}")


async def was_used(windows: Windows, shop: Shop) -> Page:
    drafted = await shop.draft()
    await shop.approve(drafted["agreementId"])
    return await windows.open(drafted["vippsConfirmationUrl"])


async def is_too_late(windows: Windows, shop: Shop) -> Page:
    drafted = await shop.draft()
    await shop.advance(minutes=10)
    return await windows.open(drafted["vippsConfirmationUrl"])


async def is_unknown(windows: Windows, shop: Shop) -> Page:
    return await windows.open("/landing?token=nobody-knows-me")


@pytest.mark.parametrize(
    "shown",
    [
        asks,
        asks_again,
        waits,
        leads_back,
        leads_back_to_an_app,
        was_used,
        is_too_late,
        is_unknown,
    ],
    ids=lambda shown: shown.__name__,
)
async def test_every_page_is_light_and_shuts_nobody_out(
    windows: Windows,
    shop: Shop,
    record_property: Record,
    shown: Callable[[Windows, Shop], Awaitable[Page]],
) -> None:
    windows.excuse(400, 404, 410)
    page = await shown(windows, shop)
    await is_as_pages_shall_be(page, f"landing {shown.__name__}", record_property)
