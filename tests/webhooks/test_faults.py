"""Faults of webhooks, as receivers meet them: each hurts as the real service can, and no event is struck twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from avtale.auditing import audit
from avtale.operations.faults import UNKNOWN_TYPE
from avtale.webhooks.delivery import DROPPED, FORGED, Delivery, DeliveryAttempt
from avtale.webhooks.verification import WrongSignature, verify
from tests.receivers import Receiver, receiving
from tests.sandbox.desk import Desk
from tests.support import INITIAL, House, Shop
from tests.webhooks.registering import pass_on, register


async def set_faults(shop: Shop, *faults: Any) -> Any:
    """Set them for the shop's unit."""
    path = f"/sales-units/{shop.msn}/faults"
    return await Desk(shop.house).ask("PUT", path, list(faults))


async def counts(shop: Shop) -> list[tuple[int, int]]:
    """How often each fault was drawn for, and how often it struck."""
    told = await Desk(shop.house).ask("GET", f"/sales-units/{shop.msn}/faults")
    return [(each["drawn"], each["struck"]) for each in told]


async def log(shop: Shop) -> list[tuple[str, list[int | str | None]]]:
    """What became of each delivery, and what came of each attempt at it."""
    storage = shop.house.parts.storage
    found = await storage.rows(Delivery, "latest_deliveries", msn=shop.msn, size=500, skip=0)
    told: list[tuple[str, list[int | str | None]]] = []
    for each in reversed(found):
        attempts = await storage.rows(
            DeliveryAttempt, "attempts_at_delivery", delivery_id=each.delivery_id
        )
        told.append((each.status, [attempt.status or attempt.error for attempt in attempts]))
    return told


async def test_a_duplicate_comes_again_under_the_same_id(shop: Shop, receiver: Receiver) -> None:
    await register(shop, receiver.url)
    await set_faults(shop, {"webhook": "duplicate"})
    await shop.agreed()
    await pass_on(shop)
    first, second = receiver.arrived
    assert first.webhook_id == second.webhook_id
    assert first.body == second.body
    assert await log(shop) == [("DELIVERED", [200])]


async def test_an_event_that_is_dropped_never_comes_and_the_log_says_why(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    await set_faults(shop, {"webhook": "drop", "times": 1})
    agreement_id = await shop.agreed()
    await pass_on(shop)
    await shop.stop(agreement_id)
    await shop.clock.advance(days=8)
    assert receiver.types == ["agreement-stopped"]
    assert await log(shop) == [("LOST", [DROPPED]), ("DELIVERED", [200])]
    report = await asyncio.to_thread(audit, shop.house.parts.settings.data, quiescent=True)
    assert report.ok, report.violations


async def test_an_event_that_is_delayed_comes_late_on_the_clock_of_the_unit(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    await set_faults(shop, {"webhook": "delay", "milliseconds": 3_600_000, "times": 1})
    agreement_id = await shop.agreed()
    await pass_on(shop)
    await shop.stop(agreement_id)
    await shop.clock.advance(minutes=59)
    assert receiver.types == ["agreement-stopped"]
    await shop.clock.advance(minutes=1)
    # Whatever was not held back has gone by.
    assert receiver.types == ["agreement-stopped", "agreement-activated"]
    assert await counts(shop) == [(1, 1)]


async def test_an_event_that_is_reordered_lets_the_next_one_go_first(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    await set_faults(shop, {"webhook": "reorder", "times": 1})
    agreement_id = await shop.agreed(initialCharge=INITIAL)
    await shop.stop(agreement_id)
    await pass_on(shop)
    assert receiver.types == ["agreement-activated", "charge-captured", "agreement-stopped"]


async def test_where_there_is_no_next_one_it_waits_a_minute_for_one(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    await set_faults(shop, {"webhook": "reorder", "times": 1})
    agreement_id = await shop.agreed()
    await pass_on(shop)
    await shop.clock.advance(seconds=30)
    assert receiver.types == []
    await shop.stop(agreement_id)
    await shop.clock.advance(seconds=30)
    assert receiver.types == ["agreement-stopped", "agreement-activated"]


async def test_a_bad_signature_is_made_good_at_the_next_attempt(
    shop: Shop, receiver: Receiver
) -> None:
    secret = (await register(shop, receiver.url))["secret"]
    receiver.answer(401, 200)
    await set_faults(shop, {"webhook": "bad-signature"})
    await shop.agreed()
    await pass_on(shop)
    await shop.clock.advance(seconds=2)
    forged, genuine = receiver.arrived
    with pytest.raises(WrongSignature):
        verify(forged.body, forged.headers, secret, url=receiver.url)
    verify(genuine.body, genuine.headers, secret, url=receiver.url)
    assert forged.webhook_id == genuine.webhook_id
    assert await log(shop) == [("DELIVERED", [401, 200])]
    assert await counts(shop) == [(1, 1)]
    found = await shop.house.parts.storage.rows(
        DeliveryAttempt, "latest_attempts", msn=shop.msn, size=9
    )
    assert [attempt.error for attempt in found] == [None, FORGED]


async def test_an_event_of_an_unknown_type_comes_beside_the_real_one(
    shop: Shop, receiver: Receiver
) -> None:
    secret = (await register(shop, receiver.url))["secret"]
    # A receiver that does not want to know of it changes nothing.
    receiver.answer(400, 200)
    await set_faults(shop, {"webhook": "unknown-type"})
    await shop.agreed()
    await pass_on(shop)
    stranger, real = receiver.arrived
    assert stranger.event["eventType"] == UNKNOWN_TYPE
    assert {**stranger.event, "eventType": real.event["eventType"]} == real.event
    assert stranger.webhook_id != real.webhook_id
    verify(stranger.body, stranger.headers, secret, url=receiver.url)
    assert await log(shop) == [("DELIVERED", [200])]


async def test_faults_of_one_unit_never_touch_the_events_of_another(house: House) -> None:
    struck, other = await house.shop(), await house.shop()
    async with receiving() as for_struck, receiving() as for_other:
        for shop, receiver in ((struck, for_struck), (other, for_other)):
            await register(shop, receiver.url)
        await set_faults(struck, {"webhook": "drop"}, {"webhook": "duplicate"})
        for shop in (struck, other):
            await shop.agreed()
            await pass_on(shop)
        assert for_struck.types == []
        assert for_other.types == ["agreement-activated"]


async def test_requests_do_not_draw_for_webhook_faults_nor_events_for_those_of_requests(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    request = {"operation": "stopAgreement", "fault": "outage"}
    refused = await Desk(shop.house).send("PUT", f"/sales-units/{shop.msn}/faults", [request])
    assert refused.status == 400
    await set_faults(
        shop,
        {"operation": "draftAgreement", "fault": "latency", "milliseconds": 1},
        {"webhook": "duplicate"},
    )
    await shop.agreed()
    await pass_on(shop)
    assert await counts(shop) == [(1, 1), (1, 1)]
    assert len(receiver.arrived) == 2


async def test_one_seed_is_one_sequence_of_events(house: House) -> None:
    fault = {"webhook": "drop", "probability": 0.5, "seed": 11}
    came = []
    for _ in range(2):
        shop = await house.shop()
        async with receiving() as receiver:
            await register(shop, receiver.url)
            await set_faults(shop, fault)
            for number in range(12):
                await shop.agreed(externalId=str(number))
            await pass_on(shop)
            came.append([each.event["agreementExternalId"] for each in receiver.arrived])
            assert await counts(shop) == [(12, 12 - len(receiver.arrived))]
    assert came[0] == came[1]
    assert 2 <= len(came[0]) <= 10


async def test_every_event_of_a_life_arrives_however_it_is_hurt_short_of_being_dropped(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    await set_faults(
        shop,
        *(
            {"webhook": each, "probability": 0.5, "seed": seed}
            for seed, each in enumerate(("duplicate", "reorder", "bad-signature", "unknown-type"))
        ),
        {"webhook": "delay", "milliseconds": 90_000, "probability": 0.5, "seed": 5},
    )
    agreement_id = await shop.agreed(initialCharge=INITIAL)
    for order in ("one", "two", "three"):
        await shop.charge(agreement_id, orderId=order)
    await shop.clock.advance(days=3)
    await shop.stop(agreement_id)
    await shop.clock.advance(minutes=5)
    real = [each for each in receiver.arrived if each.event["eventType"] != UNKNOWN_TYPE]
    assert len({each.webhook_id for each in real}) == 6
    assert {status for status, _ in await log(shop)} == {"DELIVERED"}
    report = await asyncio.to_thread(audit, shop.house.parts.settings.data, quiescent=True)
    assert report.ok, report.violations
