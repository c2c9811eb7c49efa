"""What the stories begin with: a shop in Norway, on Monday 2 November 2026, half past ten."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support import House, Shop, installation


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation that keeps nothing; its processing loop stands still."""
    async with installation() as made:
        yield made


@pytest.fixture
async def shop(house: House) -> Shop:
    """A shop in Norway."""
    return await house.shop()


@pytest.fixture
async def lasting_shop(database_url: str) -> AsyncIterator[Shop]:
    """A shop in Norway whose data lasts: on SQLite, then on PostgreSQL."""
    async with installation(database_url) as made:
        yield await made.public_shop()
