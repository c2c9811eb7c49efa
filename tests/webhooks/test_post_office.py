"""Where the loops run, events go out by themselves: at once, after a restart, and past receivers that hang."""

from __future__ import annotations

import asyncio

import pytest

from avtale.outbound.keeping import MOST_AT_ONE_PLACE
from avtale.processing import deliveries
from tests.receivers import SLOW_SECONDS, Receiver, receiving
from tests.support import installation, soon
from tests.webhooks.registering import register

LONG_SECONDS = 600.0
"""Longer than any test takes: with this tick, only nudges and the first round count."""


async def hears(receiver: Receiver, *types: str) -> None:
    """Wait until a receiver was told of just this."""

    async def is_told() -> bool:
        return receiver.types == [*types]

    await soon(is_told)


async def test_what_happens_goes_out_at_once(receiver: Receiver) -> None:
    async with installation(work=True, tick_seconds=LONG_SECONDS) as house:
        shop = await house.shop()
        await register(shop, receiver.url)
        await shop.agreed()
        await hears(receiver, "agreement-activated")


async def test_what_was_not_sent_goes_out_after_a_restart(
    database_url: str, receiver: Receiver
) -> None:
    async with installation(database_url) as house:
        shop = await house.shop()
        await register(shop, receiver.url)
        await shop.agreed()
    assert receiver.arrived == []
    async with installation(database_url, work=True, tick_seconds=LONG_SECONDS):
        await hears(receiver, "agreement-activated")


async def test_what_was_refused_goes_out_again_with_the_tick(receiver: Receiver) -> None:
    receiver.answer(503)
    async with installation(work=True, tick_seconds=0.05) as house:
        shop = await house.public_shop()
        await register(shop, receiver.url)
        await house.parts.clocks.resume(shop.msn)
        await shop.agreed()
        await hears(receiver, "agreement-activated", "agreement-activated")
    first, second = receiver.arrived
    assert first.webhook_id == second.webhook_id


async def test_a_receiver_that_hangs_holds_up_nobody_else(receiver: Receiver) -> None:
    # The receiver goes first: an installation that stops waits for what is under way.
    async with (
        installation(work=True, tick_seconds=LONG_SECONDS) as house,
        receiving() as hanging,
    ):
        hanging.always("hang")
        shop = await house.shop()
        await register(shop, hanging.url)
        await register(shop, receiver.url)
        agreement_id = await shop.agreed()
        await hears(receiver, "agreement-activated")
        await shop.stop(agreement_id)
        await hears(receiver, "agreement-activated", "agreement-stopped")
        assert len(hanging.arrived) == 1


async def test_sixty_that_hang_hold_up_nobody_else(receiver: Receiver) -> None:
    async with (
        installation(work=True, tick_seconds=LONG_SECONDS) as house,
        receiving() as hanging,
    ):
        hanging.always("hang")
        # A unit may have twenty-five registrations for an event.
        for _ in range(3):
            shop = await house.shop()
            for _ in range(20):
                await register(shop, hanging.url)
            await shop.agreed()
        quick = await house.shop()
        await register(quick, receiver.url)
        agreement_id = await quick.agreed()
        await hears(receiver, "agreement-activated")
        await quick.stop(agreement_id)
        await hears(receiver, "agreement-activated", "agreement-stopped")
        # More are not sent to one address side by side.
        assert len(hanging.arrived) == MOST_AT_ONE_PLACE


async def test_whoever_was_slow_waits_for_the_slow_and_not_for_the_quick(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST_RECEIVERS", 2)
    monkeypatch.setattr(deliveries, "MOST_SLOW_RECEIVERS", 1)
    monkeypatch.setattr(deliveries, "SLOW_MILLISECONDS", 100)
    async with (
        installation(work=True, tick_seconds=LONG_SECONDS) as house,
        receiving() as slow,
    ):
        slow.always("slow")
        shop = await house.shop()
        for _ in range(4):
            await register(shop, slow.url)
        await register(shop, receiver.url)
        # Now it is known who is slow.
        first = await shop.agreed()
        await hears(receiver, "agreement-activated")
        await soon(lambda: _heard(slow, 4))
        await asyncio.sleep(2 * SLOW_SECONDS)
        begin = asyncio.get_running_loop().time()
        await shop.stop(first)
        await hears(receiver, "agreement-activated", "agreement-stopped")
        assert asyncio.get_running_loop().time() - begin < 2 * SLOW_SECONDS
        await soon(lambda: _heard(slow, 8))
        # One after another, since there is one place for the slow.
        assert asyncio.get_running_loop().time() - begin > 3 * SLOW_SECONDS


async def _heard(receiver: Receiver, count: int) -> bool:
    return len(receiver.arrived) >= count
