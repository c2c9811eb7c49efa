"""Events come in the order that the page of events tells: each line of its table, done over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from avtale.webhooks.occasions import ORDERS
from tests.support import INITIAL, Shop

HOLD: dict[str, Any] = {"transactionType": "RESERVE_CAPTURE", "retryDays": 2}


async def _approved(shop: Shop, **initial: str) -> str:
    drafted = await shop.draft(initialCharge=INITIAL | initial)
    await shop.kari.approves(drafted["agreementId"])
    agreement_id: str = drafted["agreementId"]
    return agreement_id


async def approved_and_paid(shop: Shop) -> None:
    await _approved(shop)


async def approved_and_reserved(shop: Shop) -> None:
    await _approved(shop, transactionType="RESERVE_CAPTURE")


async def rejected(shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    await shop.kari.rejects(drafted["agreementId"])


async def not_paid(shop: Shop) -> None:
    await shop.kari.has(0)
    await _approved(shop)


async def in_parts(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, **HOLD)
    await shop.clock.advance(days=3)
    await shop.capture(agreement, charge, 300_00)
    await shop.capture(agreement, charge, 199_00)
    await shop.refund(agreement, charge, 499_00)


async def _one_waits_and_one_is_reserved(shop: Shop) -> str:
    agreement = await shop.agreed()
    await shop.charge(agreement, **HOLD)
    await shop.charge(agreement, due="2026-11-20")
    await shop.clock.advance(days=3)
    assert shop.events() == ["agreement-activated", "charge-reserved"]
    return agreement


async def stopped_by_the_merchant(shop: Shop) -> None:
    await shop.stop(await _one_waits_and_one_is_reserved(shop))


async def stopped_by_the_payer(shop: Shop) -> None:
    await shop.kari.stops(await _one_waits_and_one_is_reserved(shop))
    await shop.clock.advance(days=1)


async def left(shop: Shop) -> None:
    await _one_waits_and_one_is_reserved(shop)
    await shop.kari.leaves()
    await shop.clock.advance(minutes=1)


async def paid_later(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.charge(agreement, retryDays=2)
    await shop.kari.has(0)
    await shop.clock.reaches("2026-11-04 23:30")
    await shop.kari.has(None)
    await shop.clock.advance(days=2)


STORIES: tuple[Callable[[Shop], Awaitable[None]], ...] = (
    approved_and_paid,
    approved_and_reserved,
    rejected,
    not_paid,
    in_parts,
    stopped_by_the_merchant,
    stopped_by_the_payer,
    left,
    paid_later,
)


@pytest.mark.parametrize(
    ("title", "story"),
    list(zip((order.title for order in ORDERS), STORIES, strict=True)),
    ids=[story.__name__ for story in STORIES],
)
async def test_events_come_in_the_order_that_is_told(
    shop: Shop, title: str, story: Callable[[Shop], Awaitable[None]]
) -> None:
    [order] = [each for each in ORDERS if each.title == title]
    await story(shop)
    told = [each.removeprefix("recurring.").removesuffix(".v1") for each in order.events]
    assert shop.events()[-len(told) :] == told
    # What goes before is the approval, and what the story itself has looked at.
    before = shop.events()[: -len(told)]
    assert before in ([], ["agreement-activated"], ["agreement-activated", "charge-reserved"])
