"""A sandbox that only this machine can reach, a merchant in it, and somebody who looks at the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.dashboard.looking import LOCAL, Looking
from tests.support import House, Shop, installation


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation that keeps nothing, does nothing by itself, and asks nobody to sign in."""
    async with installation() as running:
        yield House(replace(running.parts, public_url=LOCAL), running.happened)


@pytest.fixture
async def stored_house(database_url: str) -> AsyncIterator[House]:
    """The same on a database of each kind."""
    async with installation(database_url) as running:
        yield House(replace(running.parts, public_url=LOCAL), running.happened)


@pytest.fixture
async def guarded_house() -> AsyncIterator[House]:
    """An installation that others can reach, so that one has to sign in."""
    async with installation() as running:
        yield running


@pytest.fixture
async def shop(house: House) -> Shop:
    """A merchant whose clock stands still at MONDAY."""
    return await house.shop()


@pytest.fixture
def looking(house: House, shop: Shop) -> Looking:
    """Somebody at the shop's dashboard."""
    return Looking(house, shop)
