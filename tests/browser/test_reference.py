"""The reference of the API in a browser."""

from __future__ import annotations

from tests.browser.looking import barriers
from tests.browser.windows import Windows


async def test_the_reference_shuts_nobody_out(windows: Windows) -> None:
    assert await barriers(await windows.open("/docs")) == []
