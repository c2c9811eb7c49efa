"""Every page: nobody is shut out, it is light, and it is there at once."""

from __future__ import annotations

from collections.abc import Callable

from playwright.async_api import Page

from tests.browser.looking import barriers, milliseconds_to_paint, picture, weight
from tests.browser.windows import Windows

HEAVIEST_BYTES = 100_000
LATEST_MILLISECONDS = 500
"""On a machine that does other work too; on a quiet laptop it is below 100."""

Record = Callable[[str, object], None]


async def is_as_pages_shall_be(page: Page, name: str, record_property: Record) -> None:
    """Shuts nobody out, is light, and was there at once; the figures are printed after the tests."""
    paint, bytes_of_it = await milliseconds_to_paint(page), await weight(page)
    record_property("figure", f"{name}: {bytes_of_it / 1000:.1f} kB, there after {paint:.0f} ms")
    await picture(page, name.replace(" ", "-"))
    assert await barriers(page) == []
    assert bytes_of_it < HEAVIEST_BYTES
    assert paint < LATEST_MILLISECONDS


async def test_the_reference_shuts_nobody_out(windows: Windows) -> None:
    assert await barriers(await windows.open("/docs")) == []
