"""What tests of processing share: an installation in this process, and a shop in Norway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support import House, Shop, installation


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation whose processing loop stands still."""
    async with installation() as made:
        yield made


@pytest.fixture
async def shop(house: House) -> Shop:
    """A shop in Norway, on Monday 2 November 2026, half past ten."""
    return await house.shop()
