"""What people do on the landing page and on the phone, by the names that a screen reader would say."""

from __future__ import annotations

import re

from playwright.async_api import Dialog, Locator, Page, expect


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
        await self.page.wait_for_load_state()
        await self.heading.click()
        await self.page.go_back()

    async def is_too_late(self) -> None:
        """See that the page says so."""
        await expect(self.heading).to_have_text("Time is up")


class Phone:
    """A payer's phone, in English."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.main = page.get_by_role("main")

    async def open(self, tab: str) -> None:
        """Go to Home, Agreements, Notices or Me."""
        tabs = self.page.get_by_role("navigation", name="avtale")
        await tabs.get_by_role("link", name=re.compile(f"^{tab}")).click()
        await expect(tabs.locator("[aria-current=page]")).to_have_text(re.compile(f"^{tab}"))

    async def press(self, button: str, told: str) -> None:
        """Press a button, say yes where it asks whether that is meant, and see that it is done."""
        self.page.once("dialog", Dialog.accept)
        await self.page.get_by_role("button", name=button, exact=True).click()
        await expect(self.page.get_by_role("status")).to_have_text(told)

    # ── home ──

    def request(self, name: str = "Premier League") -> Locator:
        """A request that waits, by the agreement's name."""
        return self.page.get_by_role("article", name=name)

    async def approve(self, name: str = "Premier League") -> None:
        """Say yes."""
        await self.request(name).get_by_role("button", name="Approve").click()

    async def reject(self, name: str = "Premier League") -> None:
        """Say no."""
        await self.request(name).get_by_role("button", name="Reject").click()

    async def choose_maximum(self, words: str) -> None:
        """Take one of the amounts in the list."""
        group = self.page.get_by_role("group", name="At most for each payment")
        await group.get_by_text(words, exact=True).click()
        await expect(group.get_by_role("radio", name=words, exact=True)).to_be_checked()

    # ── agreements ──

    async def open_agreement(self, name: str = "Premier League") -> None:
        """Look at one agreement."""
        await self.open("Agreements")
        await self.main.get_by_role("link", name=name).click()
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    async def set_maximum(self, amount: str) -> None:
        """Raise or lower the maximum of the agreement that is looked at."""
        await self.page.get_by_label("New maximum").fill(amount)
        await self.press("Set the maximum", "Saved.")

    # ── notices ──

    def notices(self, words: str = "") -> Locator:
        """What the phone has said, or those of it with certain words."""
        return self.page.get_by_role("article").filter(has_text=words)

    # ── me ──

    async def block_source(self) -> None:
        """Have the card blocked."""
        await self.open("Me")
        await self.press("Block it", "Saved.")

    async def mend_source(self) -> None:
        """Take a new card."""
        await self.open("Me")
        await self.press("Take a new one", "Saved.")

    async def set_balance(self, amount: str) -> None:
        """Have this much money."""
        await self.open("Me")
        await self.page.get_by_label("Amount", exact=True).fill(amount)
        await self.press("Set this amount", "Saved.")
