"""A shop in Norway, and a payer with a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support import House, Shop, installation
from tests.visitors import Visitor


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation that keeps nothing, and does nothing by itself."""
    async with installation() as running:
        yield running


@pytest.fixture
async def shop(house: House) -> Shop:
    """A merchant whose clock stands still at half past ten, on Monday 2 November 2026."""
    return await house.shop(skip_landing_page=True)


@pytest.fixture
async def visitor(house: House) -> Visitor:
    """Somebody with a browser."""
    return Visitor(house)
