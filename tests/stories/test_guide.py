"""first"""
from collections.abc import AsyncIterator
import pytest
from tests.support import House, installation, refused

@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with installation() as it:
        yield it

async def test_one(house: House) -> None:
    shop = await house.public_shop()
    a = await shop.agreed(initialCharge={"amount":100,"description":"x","transactionType":"DIRECT_CAPTURE"})
    assert (await shop.agreement(a))["status"] == "ACTIVE"
    c = await shop.charge(a)
    await shop.clock.advance(days=2)
    assert await shop.status(c) == "CHARGED"
    print(shop.events())
    with refused("charge-capture-failed", 400, "CHARGED"):
        await shop.capture(a, c, 100)
