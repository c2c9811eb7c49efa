"""An installation, a merchant in it, and the phone of a payer."""

from collections.abc import AsyncIterator

import pytest

from tests.phone.asking import make_payer
from tests.phone.browsing import Phone
from tests.support import KARI, House, Shop, installation

OLA = "4798765432"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """An installation that keeps nothing, and does nothing by itself."""
    async with installation() as running:
        yield running


@pytest.fixture
async def shop(house: House) -> Shop:
    """Nordic News, whose clock stands still at MONDAY."""
    return await house.shop(skip_landing_page=True, nin=True)


@pytest.fixture
async def kari(house: House) -> Phone:
    """Kari's phone."""
    await make_payer(house, KARI, given_name="Kari", family_name="Nordmann")
    return Phone(house, KARI)


@pytest.fixture
async def ola(house: House) -> Phone:
    """Another phone."""
    await make_payer(house, OLA, given_name="Ola", family_name="Hansen")
    return Phone(house, OLA)
