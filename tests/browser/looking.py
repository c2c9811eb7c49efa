"""How a page is looked at: who is shut out, how heavy it is, how soon it appears, and a picture of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Page

from tests.browser.windows import DESKTOP, PHONE

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)

Record = Callable[[str, object], None]

HEAVIEST_BYTES = 100_000
LATEST_MILLISECONDS = 500
"""On a machine that does other work too; on a quiet laptop it is below 100."""

ATTEMPTS = 3
"""How often a page may try to be there in time, since what else the machine does comes in bursts."""

PICTURES = "AVTALE_TEST_PICTURES"
"""The variable that names a folder for pictures; without it none are taken."""

SERIOUS = {"serious", "critical"}

_WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
_PAINT = """() => new Promise(resolve => new PerformanceObserver(list => {
    for (const entry of list.getEntriesByName("first-contentful-paint")) resolve(entry.startTime);
}).observe({type: "paint", buffered: true}))"""


async def barriers(page: Page) -> list[str]:
    """What axe finds serious or critical, in both themes; a line each."""
    found = []
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        await page.evaluate(AXE_SCRIPT)
        result: dict[str, Any] = await page.evaluate(
            "() => axe.run(document, {resultTypes: ['violations']})"
        )
        found += [
            f"{theme}: {violation['id']}: {violation['help']}: {node['target']} {node['html']}"
            for violation in result["violations"]
            if violation["impact"] in SERIOUS
            for node in violation["nodes"]
        ]
    await page.emulate_media(color_scheme="light")
    return found


async def weight(page: Page) -> int:
    """The bytes of the page and of all that it has loaded, unpacked."""
    found: int = await page.evaluate(_WEIGHT)
    return found


async def milliseconds_to_paint(page: Page) -> float:
    """From the click until the first text or picture stood there."""
    found: float = await page.evaluate(_PAINT)
    return found


async def picture(page: Page, name: str) -> None:
    """Take a picture in both themes and at both widths, where somebody has asked for pictures."""
    if PICTURES not in os.environ:
        return
    folder = Path(os.environ[PICTURES])
    before = page.viewport_size
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
            await page.set_viewport_size({"width": size["width"], "height": size["height"]})
            await page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)
    await page.emulate_media(color_scheme="light")
    if before is not None:
        await page.set_viewport_size(before)


async def is_as_pages_shall_be(
    page: Page, name: str, record_property: Record, heaviest_bytes: int = HEAVIEST_BYTES
) -> None:
    """Shuts nobody out, is light, and was there at once; the figures are printed after the tests."""
    paint, bytes_of_it = await milliseconds_to_paint(page), await weight(page)
    for _ in range(ATTEMPTS - 1):
        if paint < LATEST_MILLISECONDS:
            break
        await page.reload()
        paint = await milliseconds_to_paint(page)
    record_property("figure", f"{name}: {bytes_of_it / 1000:.1f} kB, there after {paint:.0f} ms")
    await picture(page, name.replace(" ", "-"))
    found = await barriers(page)
    assert not found, "\n".join(found)
    assert bytes_of_it < heaviest_bytes, bytes_of_it
    assert paint < LATEST_MILLISECONDS, paint
