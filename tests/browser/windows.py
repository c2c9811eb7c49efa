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
CLOSING_SECONDS = 3


class Windows:
    """Opens windows, and remembers what went wrong in any of them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self._excused: set[int] = set()
        self._expected: list[str] = []
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

    def expect_on_console(self, words: str) -> None:
        """Such a complaint is what the test is about."""
        self._expected.append(words)

    async def close(self) -> None:
        """Close all windows; raises AssertionError where a page complained of something."""
        # A page that is on its way somewhere can keep its window from closing, for ever; it then goes with the browser.
        closing = [asyncio.ensure_future(context.close()) for context in self._contexts]
        if closing:
            await asyncio.wait(closing, timeout=CLOSING_SECONDS)
        for each in closing:
            each.cancel()
        assert not self._trouble, "\n".join(self._trouble)

    def _said(self, message: ConsoleMessage) -> None:
        """Errors and warnings on the console; a refused policy (CSP) is among them."""
        words = [f"status of {status} " for status in self._excused] + self._expected
        is_excused = any(each in message.text for each in words)
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
