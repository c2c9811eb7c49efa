"""Trouble of one sales unit stays its own."""

from avtale.storage.statements import queries
from tests.support import installation


async def test_a_unit_whose_rows_cannot_be_read_does_not_hold_up_the_others() -> None:
    async with installation() as house:
        shops = [await house.shop() for _ in range(3)]
        charges = [await shop.charge(await shop.agreed()) for shop in shops]
        for shop in shops:
            await shop.clock.jumps(days=7)
        spoil = "UPDATE agreements SET pricing = '{}' WHERE merchant_serial_number = :msn"
        queries().setdefault("spoil_pricing", spoil)
        for spoilt in shops[:2]:
            await house.parts.storage.execute([("spoil_pricing", {"msn": spoilt.msn})])
        await house.parts.worker.round()
        assert await shops[2].status(charges[2]) == "CHARGED"
