"""A month at Nordic News: at least one agreement and charge in every state, written by avtale itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine.command import Answer, Asked, Call, Command, InProgress
from avtale.engine.world import Needs, World
from avtale.gateways.gateway import ask_of
from avtale.gateways.simulated import SimulatedGateway
from avtale.operations.charges import capture_charge
from avtale.wire.charges import CaptureCharge
from tests.receivers import receiving
from tests.support import House, Refusal, Shop, fresh_key, installation
from tests.webhooks.registering import register, send

RESERVE = "RESERVE_CAPTURE"
INITIAL = {"amount": 99_00, "description": "The first month", "transactionType": RESERVE}


def tell(data: str, *, to_the_end: bool = False) -> None:
    """Write the story into a new database; `to_the_end`, until nothing is under way any more."""
    asyncio.run(_tell(data, to_the_end=to_the_end))


async def _tell(data: str, *, to_the_end: bool) -> None:
    async with installation(data) as house:
        news = await house.shop("NO")
        await _agreements(news)
        premier_league = await _charges(news)
        await news.clock.reaches("2026-11-05 09:00")
        await _what_merchants_do(news, premier_league)
        await _begin_capture(house, news, premier_league, "capturing", 200_00)
        await _danish_bulk(await house.shop("DK"))
        await _finnish_receivers(await house.shop("FI"))
        if to_the_end:
            await house.parts.storage.execute([("end_leases", {})])
            await house.parts.runs.recover(house.parts.engine.real_now())
            await news.clock.advance(minutes=5)


async def _agreements(news: Shop) -> None:
    """One of each end, and one that waits."""
    rejected = (await news.draft(initialCharge=INITIAL | {"orderId": "rejected-first"}))[
        "agreementId"
    ]
    await news.kari.rejects(rejected)
    unpaid = (await news.draft(initialCharge=INITIAL | {"orderId": "unpaid-first"}))["agreementId"]
    await news.next_attempts("unpaid-first", "card_expired")
    await news.kari.approves(unpaid)
    await news.draft(initialCharge=INITIAL | {"orderId": "ignored-first"}, productName="Ignored")
    await news.clock.advance(minutes=15)
    await news.agreed(
        initialCharge=INITIAL | {"orderId": "paid-first", "transactionType": "DIRECT_CAPTURE"}
    )
    flexible = await news.agreed(
        pricing={"type": "FLEXIBLE", "currency": "NOK"}, productName="Flexible"
    )
    await news.charge(flexible, orderId="flexible", amount=12_00, due="2026-12-24")


async def _charges(news: Shop) -> str:
    """Charges that will end in every status; answers with the agreement they belong to."""
    agreement = await news.agreed()
    await news.update(agreement, productName="Premier League and more")
    await news.charge(agreement, orderId="pending", due="2026-12-24", retryDays=2)
    await news.charge(agreement, orderId="cancelled", due="2026-12-24")
    await news.charge(agreement, orderId="failed", due="2026-11-03")
    await news.next_attempts("failed", "insufficient_funds", "card_expired")
    await news.charge(agreement, orderId="due", due="2026-11-05", retryDays=3)
    await news.next_attempts("due", "insufficient_funds")
    await news.charge(agreement, orderId="unclear", due="2026-11-05", retryDays=3)
    await news.next_attempts("unclear", "timeout")
    await news.charge(agreement, orderId="by-hand", due="2026-12-24")
    await news.house.parts.runs.attempt_now(news.msn, agreement, "by-hand")
    for direct in ("direct", "refunded", "partly-refunded"):
        await news.charge(agreement, orderId=direct)
    for reserved in ("reserved", "released", "partly-captured", "charged", "twice", "capturing"):
        await news.charge(agreement, orderId=reserved, transactionType=RESERVE)
    for actor in ("merchant", "user"):
        other = await news.agreed(externalId=actor)
        await news.charge(other, orderId=f"{actor}-kept", transactionType=RESERVE)
        await news.charge(other, orderId=f"{actor}-to-come", due="2026-12-24")
    return agreement


async def _what_merchants_do(news: Shop, agreement: str) -> None:
    await news.cancel(agreement, "cancelled")
    await news.cancel(agreement, "released")
    await news.refund(agreement, "refunded", 499_00)
    await news.refund(agreement, "partly-refunded", 100_00)
    await news.capture(agreement, "partly-captured", 300_00)
    await news.refund(agreement, "partly-captured", 100_00)
    await news.capture(agreement, "charged", 499_00)
    await news.capture(agreement, "twice", 100_00)
    await news.refund(agreement, "twice", 50_00)
    await news.capture(agreement, "twice", 399_00)
    with suppress(Refusal):
        await news.refund(agreement, "direct", 1_24)  # an amount that the gateway refuses
    for found in await news.agreements():
        if found.get("externalId") == "merchant":
            await news.stop(found["id"])
        elif found.get("externalId") == "user":
            await news.kari.stops(found["id"])
    await news.draft(productName="Waits for its payer")


async def _begin_capture(
    house: House, news: Shop, agreement: str, charge: str, amount: int
) -> None:
    """The gateway has done it, and whoever asked never came to write that down."""
    path = f"/recurring/v3/agreements/{agreement}/charges/{charge}/capture"
    asked = Asked("POST", path, fresh_key(), "", "fingerprint", "context")
    needs = Needs().of(Agreement, (news.msn, agreement)).of(Charge, (news.msn, charge))

    def decide(world: World, call: Call) -> InProgress:
        body = CaptureCharge(amount=amount, description="Half of it")
        return capture_charge(world, call, agreement, charge, body)

    command = Command(
        "capture_charge", decide, needs, news.msn, asked=asked, answer=lambda _: Answer(204, "")
    )
    begun: list[Payment] = (await house.parts.engine.submit(command)).begun
    await SimulatedGateway(house.parts.engine).ask([ask_of(payment) for payment in begun])


async def _danish_bulk(shop: Shop) -> None:
    """Two charges from a bulk, and one that came too late."""
    running, over = await shop.agreed(), await shop.agreed()
    item = {
        "amount": 49_00,
        "description": "November",
        "transactionType": "DIRECT_CAPTURE",
        "due": "2026-11-20",
        "retryDays": 2,
    }
    await shop.bulk(
        item | {"agreementId": running, "orderId": "bulk-1"},
        item | {"agreementId": running, "orderId": "bulk-2"},
        item | {"agreementId": over, "orderId": "bulk-3"},
    )
    await shop.stop(over)
    await shop.clock.lets_work_be_done()


async def _finnish_receivers(shop: Shop) -> None:
    """Events that were delivered, some at the third attempt, and one that nobody wants any more."""
    async with receiving() as eager, receiving() as unwell:
        eager.answer(200, 500, "close", 200)
        unwell.always(500)
        await register(shop, eager.url)
        given_up = await register(shop, unwell.url, "recurring.charge-captured.v1")
        await shop.clock.advance(hours=1)
        agreement = await shop.agreed()
        await shop.charge(agreement, orderId="told")
        await shop.clock.advance(days=3)
        await shop.refund(agreement, "told", 100)
        await shop.clock.advance(minutes=1)
        await send(shop, "DELETE", f"/{given_up['id']}")
