"""A running installation, and its control API."""

from collections.abc import AsyncIterator, Iterator

import pytest

from avtale.storage.statements import numbered, queries
from tests.sandbox.desk import Desk
from tests.support import House, Shop, installation


@pytest.fixture(autouse=True)
def _queries_as_they_were() -> Iterator[None]:
    """Queries of a test's own are gone with it."""
    before = dict(queries())
    yield
    queries().clear()
    queries().update(before)
    numbered.cache_clear()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation that keeps nothing, and does nothing by itself."""
    async with installation() as running:
        yield running


@pytest.fixture
async def stored_house(database_url: str) -> AsyncIterator[House]:
    """An installation on a database of each kind."""
    async with installation(database_url) as running:
        yield running


@pytest.fixture
async def desk(house: House) -> Desk:
    """Its control API."""
    return Desk(house)


@pytest.fixture
async def shop(house: House) -> Shop:
    """A merchant whose clock stands still at MONDAY."""
    return await house.shop()
