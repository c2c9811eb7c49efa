"""The dashboard in a browser: for everybody, live, at any width, by keyboard, and for reading without a script."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.looking import HEAVIEST_BYTES, Record, is_as_pages_shall_be
from tests.browser.shop import Shop
from tests.browser.windows import PHONE, Windows

PAGES = {
    "overview": "",
    "agreements": "/agreements",
    "charges": "/charges",
    "requests": "/requests",
    "webhooks": "/webhooks",
    "payers": "/payers",
    "clock": "/clock?days=40",
    "checklist": "/checklist",
    "snapshots": "/snapshots",
    "settings": "/settings",
    "acts": "/acts",
}


async def lived_in(shop: Shop) -> tuple[str, str]:
    """An agreement, and a charge that is reserved, captured in part and refunded in part."""
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    failed = await shop.charge(agreement_id, description="Opera")
    refused = {"outcomes": ["insufficient_funds"] * 4}
    await shop.ask("POST", f"/sandbox/charges/{failed}/outcomes", refused)
    await shop.charge(agreement_id, due="2031-03-20", description="April")
    await shop.ask("POST", f"/sandbox/sales-units/{shop.msn}/clock/advance", {"days": 4})
    path = f"/recurring/v3/agreements/{agreement_id}/charges/{charge_id}"
    await shop.ask("POST", f"{path}/capture", {"amount": 300_00})
    await shop.ask("POST", f"{path}/refund", {"amount": 100_00, "description": "Sorry"})
    await shop.draft(productName="Opera")
    await shop.ask("POST", f"/sandbox/sales-units/{shop.msn}/snapshots", {"name": "before"})
    return agreement_id, charge_id


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("is_full", [False, True], ids=["new", "full"])
async def test_a_page_shuts_nobody_out_and_is_there_at_once(
    shop: Shop, windows: Windows, record_property: Record, name: str, *, is_full: bool
) -> None:
    if is_full:
        await lived_in(shop)
    page = await windows.open(f"/units/{shop.msn}{PAGES[name]}")
    # The checklist has a form for each of its lines.
    heaviest = 130_000 if name == "checklist" else HEAVIEST_BYTES
    told = f"dashboard {name} {'full' if is_full else 'new'}"
    await is_as_pages_shall_be(page, told, record_property, heaviest)


async def test_the_pages_of_one_thing_shut_nobody_out(
    shop: Shop, windows: Windows, record_property: Record
) -> None:
    agreement_id, charge_id = await lived_in(shop)
    base = f"/units/{shop.msn}"
    for name, path in {
        "agreement": f"/agreements/{agreement_id}",
        "charge": f"/charges/{charge_id}",
        "refund": f"/charges/{charge_id}/refund",
        "refund sure": f"/charges/{charge_id}/refund?amount=10&reason=Sorry",
        "stop": f"/agreements/{agreement_id}/stop",
    }.items():
        page = await windows.open(base + path)
        await is_as_pages_shall_be(page, f"dashboard {name}", record_property)


async def test_nothing_is_wider_than_a_phone(shop: Shop, windows: Windows) -> None:
    agreement_id, charge_id = await lived_in(shop)
    paths = [*PAGES.values(), f"/agreements/{agreement_id}", f"/charges/{charge_id}"]
    page = await windows.open(viewport=PHONE)
    for path in paths:
        await page.goto(f"/units/{shop.msn}{path}")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path


async def test_what_happens_shows_up_by_itself(shop: Shop, windows: Windows) -> None:
    page = await windows.open(f"/units/{shop.msn}/requests")
    overview = await windows.open(f"/units/{shop.msn}")
    await expect(page.locator("summary", has_text="fetch_token")).to_be_visible()
    agreement_id = await shop.agreed()
    await expect(page.locator("summary", has_text="draft_agreement")).to_be_visible()
    await expect(overview.get_by_role("link", name="Active agreements 1")).to_be_visible()
    await shop.charge(agreement_id)
    await expect(page.locator("summary", has_text="create_charge")).to_be_visible()


async def test_what_is_open_stays_open_when_more_comes(shop: Shop, windows: Windows) -> None:
    agreement_id = await shop.agreed()
    page = await windows.open(f"/units/{shop.msn}/requests")
    row = page.locator("details", has_text="draft_agreement")
    await row.locator("summary").click()
    await expect(row.get_by_text("Idempotency-Key")).to_be_visible()
    await shop.charge(agreement_id)
    await expect(page.locator("summary", has_text="create_charge")).to_be_visible()
    await expect(row.get_by_text("Idempotency-Key")).to_be_visible()


async def test_a_refund_from_the_charge_to_the_journal(shop: Shop, windows: Windows) -> None:
    _, charge_id = await lived_in(shop)
    page = await windows.open(f"/units/{shop.msn}/charges/{charge_id}")
    await page.get_by_role("link", name="Refund…").click()
    await page.get_by_label("Amount, at most 200 kr").fill("50")
    await page.get_by_label("Why; the payer reads it").fill("Late again")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("client.refund_charge(")).to_be_visible()
    await page.get_by_role("button", name="Refund 50 kr").click()
    await expect(page.get_by_role("status")).to_have_text("Refunded 50 kr.")
    await page.get_by_role("link", name="Journal").click()
    await expect(page.get_by_role("cell", name="50 kr Late again")).to_be_visible()


@pytest.mark.parametrize("name", [name for name in PAGES if name != "acts"])
async def test_everything_can_be_read_without_a_script(
    shop: Shop, windows: Windows, name: str
) -> None:
    await lived_in(shop)
    page = await windows.open(f"/units/{shop.msn}{PAGES[name]}", java_script_enabled=False)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await page.locator("[data-copy]:visible").count() == 0


async def test_the_clock_is_moved_without_a_script(shop: Shop, windows: Windows) -> None:
    charge_id = await shop.charge(await shop.agreed())
    page = await windows.open(f"/units/{shop.msn}/clock", java_script_enabled=False)
    await page.get_by_role("button", name="+ 1 week").click()
    await expect(page.get_by_role("status")).to_contain_text("on the way:")
    assert await shop.charge_status(charge_id) == "CHARGED"


async def test_a_page_is_used_by_keyboard_alone(shop: Shop, windows: Windows) -> None:
    await lived_in(shop)
    page = await windows.open(f"/units/{shop.msn}")
    await page.keyboard.press("Tab")
    assert await focused(page) == "Skip to the content"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert (await focused(page)).startswith("Due today")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Charges")


async def focused(page: Page) -> str:
    """What the element says that the keyboard is at."""
    said: str = await page.evaluate("document.activeElement.innerText")
    return said


async def test_code_is_copied_with_a_button(windows: Windows) -> None:
    allowed = ["clipboard-read", "clipboard-write"]
    page = await windows.open("/units/123456/settings", permissions=allowed)
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert "MERCHANT_SERIAL_NUMBER=123456" in copied
