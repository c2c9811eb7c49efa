"""The checklist as a page: for everybody, at any width, without a script, and on paper too."""

from __future__ import annotations

from io import BytesIO

import pytest
from playwright.async_api import Page
from pypdf import PdfReader

from tests.browser.looking import barriers, picture
from tests.browser.shop import Shop
from tests.browser.windows import DESKTOP, PHONE, Windows

A4 = (210 / 25.4 * 72, 297 / 25.4 * 72)
LONGEST_ID = "order-" + 58 * "9"
QUERY = "?partner=Bl%C3%A5b%C3%A6r%20AS&description=News%20for%20everybody"


@pytest.fixture
async def page(windows: Windows, shop: Shop) -> Page:
    """The checklist of a merchant with an order id that is as long as one can be."""
    await shop.charge(await shop.agreed(), orderId=LONGEST_ID)
    return await windows.open(f"/sandbox/sales-units/{shop.msn}/checklist.html{QUERY}")


async def test_the_checklist_shuts_nobody_out(page: Page) -> None:
    await picture(page, "checklist")
    assert await barriers(page) == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP, {"width": 320, "height": 600}])
async def test_nothing_is_wider_than_the_window(page: Page, size: dict[str, int]) -> None:
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert await page.get_by_text(LONGEST_ID).first.is_visible()


async def test_it_prints_with_everything_but_the_links(page: Page) -> None:
    printed = PdfReader(BytesIO(await page.pdf(prefer_css_page_size=True)))
    text = "".join("".join(each.extract_text() for each in printed.pages).split())
    width, height = (float(each) for each in printed.pages[0].mediabox[2:])
    assert (width, height) == pytest.approx(A4, abs=1)
    for words in ("Checklist", "BlåbærAS", "Newsforeverybody", LONGEST_ID, "Endstates"):
        assert words in text
    assert "Thesame" not in text


async def test_the_links_lead_to_the_same_in_other_forms(page: Page) -> None:
    for name, kind in (("PDF", "application/pdf"), ("Markdown", "text/markdown; charset=utf-8")):
        href = await page.get_by_role("link", name=name).get_attribute("href")
        assert href is not None
        assert href.endswith(QUERY)
        answer = await page.request.get(page.url.rpartition("/")[0] + "/" + href)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
