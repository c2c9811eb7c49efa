"""A shop in Norway whose data lasts, and a receiver on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.receivers import Receiver, receiving
from tests.support import House, Shop, installation


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """An installation on a database of each kind, whose loops stand still."""
    async with installation(database_url) as running:
        yield running


@pytest.fixture
async def shop(house: House) -> Shop:
    """A merchant whose clock stands still at half past ten, on Monday 2 November 2026."""
    return await house.shop(unscheduled=True)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who wants to be told, and takes everything in."""
    async with receiving() as listening:
        yield listening
