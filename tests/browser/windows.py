"""Browser windows of a test: each alone with its cookies, and each listening for what a page complains of."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    WebError,
)

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
PATIENCE_MILLISECONDS = 10_000


class Windows:
    """Opens windows, and remembers what went wrong in any of them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self._excused: set[int] = set()
        self._trouble: list[str] = []

    async def open(self, path: str = "", **options: Any) -> Page:
        """A page in a context of its own, as on another device; `path` may be a whole URL."""
        settings = {"locale": "en-GB", "viewport": DESKTOP, "reduced_motion": "reduce", **options}
        context = await self._browser.new_context(base_url=self._url, **settings)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        self._contexts.append(context)
        context.on("console", self._said)
        context.on("weberror", self._failed)
        context.on("request", self._asked)
        context.on("response", self._answered)
        page = await context.new_page()
        if path:
            await page.goto(path)
        return page

    def excuse(self, *statuses: int) -> None:
        """Answers with these statuses are what the test is about, so a browser may complain of them."""
        self._excused |= set(statuses)

    async def close(self) -> None:
        """Close all windows; raises AssertionError where a page complained of something."""
        # A page that is on its way somewhere may keep its window from closing, for ever.
        async with asyncio.timeout(PATIENCE_MILLISECONDS / 1000):
            for context in self._contexts:
                await context.close()
        assert not self._trouble, "\n".join(self._trouble)

    def _said(self, message: ConsoleMessage) -> None:
        """Errors and warnings on the console; a refused policy (CSP) is among them."""
        is_excused = any(f"status of {status} " in message.text for status in self._excused)
        if message.type in {"error", "warning"} and not is_excused:
            self._trouble.append(f"console: {message.text}")

    def _failed(self, error: WebError) -> None:
        self._trouble.append(f"script: {error.error}")

    def _asked(self, request: Request) -> None:
        """Nothing is fetched from elsewhere; all of this happens on one machine."""
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            self._trouble.append(f"{request.method} {request.url} leaves the machine")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._excused:
            self._trouble.append(f"{response.request.method} {response.url}: {response.status}")
