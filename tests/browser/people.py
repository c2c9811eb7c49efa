"""What people do on the landing page and on the phone, by the names that a screen reader would say."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect


class Landing:
    """The page behind a confirmation URL, in English."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.number = page.get_by_label("Phone number")
        self.heading = page.get_by_role("heading", level=1)
        self.timer = page.get_by_role("timer", name="Time left")

    async def next(self, number: str | None = None) -> None:
        """Send the request to the phone, to this number or to the one that is filled in."""
        if number is not None:
            await self.number.fill(number)
        await self.page.get_by_role("button", name="Next").click()
        await expect(self.timer).to_be_visible()

    async def cancel(self) -> None:
        """Rather not."""
        await self.page.get_by_role("button", name="Cancel").click()

    async def go_back(self) -> None:
        """Use the browser's own button, after having touched the page: untouched ones cannot hear of it."""
        await self.heading.click()
        await self.page.go_back()

    async def is_too_late(self) -> None:
        """See that the page says so."""
        await expect(self.heading).to_have_text("Time is up")


class Phone:
    """A payer's phone, in English."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def request(self, name: str = "Premier League") -> Locator:
        """A request that waits, by the agreement's name."""
        return self.page.get_by_role("article", name=name)

    async def approve(self, name: str = "Premier League") -> None:
        """Say yes."""
        await self.request(name).get_by_role("button", name="Approve").click()

    async def reject(self, name: str = "Premier League") -> None:
        """Say no."""
        await self.request(name).get_by_role("button", name="Reject").click()

    async def open(self, tab: str) -> None:
        """Go to Home, Agreements, Notices or Me."""
        await self.page.get_by_role("navigation").get_by_role("link", name=tab).click()
