"""A payer's way from the merchant's basket to the landing page, and back."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser.people import Landing
from tests.browser.shop import Shop
from tests.browser.windows import Windows

THANKS = "/thanks?order=7%2F8&&name=J%C3%B8rgen&empty=&plus=a+b&quote=%22#seat-12"
"""A place that nobody who takes URLs apart puts together again as it was."""


async def begun(
    windows: Windows, shop: Shop, *, java_script_enabled: bool = True, **members: Any
) -> tuple[str, Landing]:
    """A payer who comes to the landing page from the basket; with the agreement's id."""
    members.setdefault("merchantRedirectUrl", shop.site.url + THANKS)
    drafted = await shop.draft(**members)
    url = drafted["vippsConfirmationUrl"]
    page = await windows.open(shop.site.leads_to(url), java_script_enabled=java_script_enabled)
    await page.get_by_role("link", name="Pay with avtale").click()
    await expect(page).to_have_url(url)
    return drafted["agreementId"], Landing(page)


async def is_back(landing: Landing, shop: Shop) -> None:
    """See that the payer is at the merchant's again, exactly where the merchant said, and once."""
    await expect(landing.page).to_have_url(shop.site.url + THANKS)
    await expect(landing.heading).to_have_text("Nordic News")
    assert shop.site.came_back == [THANKS.partition("#")[0]], shop.site.came_back
