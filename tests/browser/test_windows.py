"""The windows of these tests miss nothing: what a page complains of fails the test."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page

from tests.browser.windows import Windows
from tests.cli.terminal import Running

COMPLAINTS = {
    "an error that a script logs": ("console.error('oh no')", "oh no"),
    "an error that nobody caught": ("setTimeout(() => { throw new Error('oh no') })", "oh no"),
    "a script that the policy refuses": (
        "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))",
        "Content Security Policy",
    ),
    "an answer that something is gone": ("location.assign('/not-there')", "404"),
    "something fetched from elsewhere": (
        "location.assign('http://elsewhere.invalid/')",
        "elsewhere.invalid",
    ),
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
async def test_fails_for(complaint: str, browser: Browser, server: Running) -> None:
    script, words = COMPLAINTS[complaint]
    windows = Windows(browser, server.url)
    page = await windows.open("/docs")
    await page.evaluate(f"() => {{ {script} }}")
    await settled(page)
    with pytest.raises(AssertionError, match=re.escape(words)):
        await windows.close()


async def test_passes_where_a_page_is_content(browser: Browser, server: Running) -> None:
    windows = Windows(browser, server.url)
    await settled(await windows.open("/docs"))
    await windows.close()


async def settled(page: Page) -> None:
    """Wait until what was set off has been heard of."""
    await page.wait_for_timeout(200)
    await page.wait_for_load_state()
