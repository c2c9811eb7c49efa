"""An installation, and somebody with a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support import House, installation
from tests.visitors import Visitor


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation that keeps nothing, and does nothing by itself."""
    async with installation() as running:
        yield running


@pytest.fixture
async def visitor(house: House) -> Visitor:
    """Somebody with a browser."""
    return Visitor(house)
