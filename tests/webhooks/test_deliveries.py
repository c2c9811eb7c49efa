"""Events arrive signed, in order, and again until they are taken in, on the clock of the sales unit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from avtale.instants import iso
from avtale.sales_units import SalesUnit
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.webhooks.registration import Registration
from avtale.webhooks.signing import signed_headers
from tests.receivers import Receiver, receiving
from tests.support import INITIAL, House, Shop
from tests.webhooks.registering import listed, pass_on, register, send

HTTP = "%a, %d %b %Y %H:%M:%S GMT"


async def deliveries(shop: Shop) -> list[Delivery]:
    """All of the shop's, in the order in which they are sent."""
    found: list[Delivery] = await shop.house.parts.storage.rows(
        Delivery, "latest_deliveries", msn=shop.msn, size=500, skip=0
    )
    return found[::-1]


async def attempts(shop: Shop) -> list[DeliveryAttempt]:
    """All of the shop's, as they were made."""
    found: list[DeliveryAttempt] = await shop.house.parts.storage.rows(
        DeliveryAttempt, "latest_attempts", msn=shop.msn, size=500
    )
    return found[::-1]


# ── A life, told ─────────────────────────────────────────────────────────────────────────────────


async def test_every_event_of_a_life_arrives_in_order(
    house: House, shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    agreement_id = await shop.agreed(initialCharge=INITIAL)
    await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE", orderId="reserved")
    await shop.charge(agreement_id, due="2026-11-05", amount=151, orderId="declined")
    await shop.clock.advance(days=4)
    await shop.capture(agreement_id, "reserved", 200_00)
    await shop.refund(agreement_id, "reserved", 50_00)
    await shop.cancel(agreement_id, "reserved")
    await shop.stop(agreement_id)
    refused = (await shop.draft())["agreementId"]
    await shop.kari.rejects(refused)
    await shop.draft()
    await shop.clock.advance(minutes=10)
    assert receiver.types == [
        "charge-captured",
        "agreement-activated",
        "charge-reserved",
        "charge-failed",
        "charge-captured",
        "charge-refunded",
        "charge-canceled",
        "agreement-stopped",
        "agreement-rejected",
        "agreement-expired",
    ]
    assert {each.status for each in await deliveries(shop)} == {"DELIVERED"}
    assert len({each.webhook_id for each in receiver.arrived}) == 10


async def test_what_is_sent_is_signed_over_the_very_bytes(shop: Shop, receiver: Receiver) -> None:
    secret = (await register(shop, receiver.url))["secret"]
    await shop.agreed()
    await pass_on(shop)
    [arrived] = receiver.arrived
    at = datetime.strptime(arrived.headers["x-ms-date"], HTTP).replace(tzinfo=UTC)
    assert at == (await shop.clock.now()).replace(microsecond=0)
    expected = signed_headers(receiver.url, arrived.body, secret, at, webhook_id=arrived.webhook_id)
    for name, value in expected.items():
        assert arrived.headers[name.lower()] == value, name
    assert arrived.target == "/hook"
    assert b": " not in arrived.body


async def test_nothing_is_told_twice_nor_from_before_the_registration(
    shop: Shop, receiver: Receiver
) -> None:
    await shop.agreed()
    await shop.clock.advance(seconds=1)
    await register(shop, receiver.url)
    await shop.agreed()
    assert await pass_on(shop) == 1
    assert await pass_on(shop) == 0
    assert receiver.types == ["agreement-activated"]


async def test_only_what_was_registered_is_told(shop: Shop, receiver: Receiver) -> None:
    await register(shop, receiver.url, "recurring.agreement-stopped.v1")
    await shop.stop(await shop.agreed())
    await pass_on(shop)
    assert receiver.types == ["agreement-stopped"]


async def test_every_receiver_is_told(shop: Shop, receiver: Receiver) -> None:
    async with receiving("/other?of=me") as other:
        await register(shop, receiver.url)
        await register(shop, other.url)
        await shop.agreed()
        assert await pass_on(shop) == 2
        assert receiver.types == other.types == ["agreement-activated"]
        assert receiver.arrived[0].webhook_id != other.arrived[0].webhook_id
        assert receiver.arrived[0].body == other.arrived[0].body
        assert other.arrived[0].target == "/other?of=me"


async def test_a_shop_is_told_of_its_own_alone(
    house: House, shop: Shop, receiver: Receiver
) -> None:
    other = await house.shop()
    await register(shop, receiver.url)
    await other.agreed()
    await pass_on(other)
    await pass_on(shop)
    assert receiver.arrived == []


async def test_a_partner_is_told_of_all_its_units(
    house: House, shop: Shop, receiver: Receiver
) -> None:
    other = await house.shop()
    partner = Shop(house, await house.find(SalesUnit, shop.msn), await house.partner(shop, other))
    body = {"url": receiver.url, "events": ["recurring.agreement-activated.v1"]}
    assert (await send(partner, "POST", body=body, Merchant_Serial_Number=None)).status == 201
    for each in (shop, other):
        await each.agreed()
        await pass_on(each)
    assert [each.event["msn"] for each in receiver.arrived] == [shop.msn, other.msn]


# ── A receiver that does not take it in ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("answer", [301, 302, 400, 404, 410, 429, 500, 503, "close"])
async def test_anything_but_a_2xx_is_a_failure_and_tried_again(
    house: House, shop: Shop, receiver: Receiver, answer: int | str
) -> None:
    await register(shop, receiver.url)
    receiver.answer(answer)
    await shop.agreed()
    await pass_on(shop)
    [waiting] = await deliveries(shop)
    assert (waiting.status, waiting.attempts) == ("WAITING", 1)
    await shop.clock.advance(seconds=2)
    [first, second] = receiver.arrived
    assert first.webhook_id == second.webhook_id
    assert first.body == second.body
    assert first.headers["x-ms-date"] != second.headers["x-ms-date"]
    assert first.headers["authorization"] != second.headers["authorization"]
    assert [each.status for each in await deliveries(shop)] == ["DELIVERED"]


@pytest.mark.parametrize("answer", [200, 201, 202, 204, 299])
async def test_any_2xx_will_do(house: House, shop: Shop, receiver: Receiver, answer: int) -> None:
    await register(shop, receiver.url)
    receiver.answer(answer)
    await shop.agreed()
    await pass_on(shop)
    assert [each.status for each in await deliveries(shop)] == ["DELIVERED"]


async def test_a_day_s_outage_is_one_advance(house: House, shop: Shop, receiver: Receiver) -> None:
    await register(shop, receiver.url)
    receiver.always(503)
    await shop.agreed()
    await shop.clock.advance(hours=20)
    assert len(receiver.arrived) == 25
    receiver.always(200)
    await shop.clock.advance(hours=1)
    assert len(receiver.arrived) == 26
    assert [each.status for each in await deliveries(shop)] == ["DELIVERED"]
    made = await attempts(shop)
    assert [each.attempt for each in made] == list(range(1, 27))
    assert [each.status for each in made] == [503] * 25 + [200]


async def test_after_six_days_it_may_still_arrive_and_after_eight_it_is_lost(
    house: House, shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    receiver.always(500)
    await shop.agreed()
    await shop.clock.advance(days=6)
    [waiting] = await deliveries(shop)
    assert (waiting.status, waiting.attempts) == ("WAITING", 34)
    await shop.clock.advance(days=2)
    [lost] = await deliveries(shop)
    assert (lost.status, lost.attempts, lost.wake_at) == ("LOST", 35, None)


async def test_what_fails_holds_back_what_comes_behind_it_on_the_same_agreement(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    first, other = await shop.agreed(), (await shop.draft())["agreementId"]
    receiver.answer(500)
    await shop.stop(first)
    await shop.kari.approves(other)
    await pass_on(shop)
    assert [
        (each.event["agreementId"], each.event["eventType"][10:-3]) for each in receiver.arrived
    ] == [
        (first, "agreement-activated"),
        (other, "agreement-activated"),
    ]
    await shop.clock.advance(seconds=2)
    assert receiver.types == [
        "agreement-activated",
        "agreement-activated",
        "agreement-activated",
        "agreement-stopped",
    ]


async def test_an_event_that_comes_while_another_fails_waits_for_it_too(
    shop: Shop, receiver: Receiver
) -> None:
    await register(shop, receiver.url)
    receiver.answer(500, 500)
    agreement_id = await shop.agreed()
    await pass_on(shop)
    await shop.stop(agreement_id)
    await pass_on(shop)
    assert receiver.types == ["agreement-activated"]
    await shop.clock.advance(seconds=4)
    assert receiver.types == ["agreement-activated"] * 3 + ["agreement-stopped"]


async def test_a_receiver_that_is_silent_for_two_weeks_is_removed(
    house: House, shop: Shop, receiver: Receiver
) -> None:
    made = await register(shop, receiver.url)
    receiver.always(500)
    for _ in range(3):
        await shop.agreed()
        await shop.clock.advance(days=7)
    assert await listed(shop) == []
    gone: Registration = await house.find(Registration, made["id"])
    assert gone.removed_because == "silent"
    heard = len(receiver.arrived)
    await shop.agreed()
    await shop.clock.advance(days=1)
    assert len(receiver.arrived) == heard


async def test_a_receiver_that_answers_now_and_then_is_kept(shop: Shop, receiver: Receiver) -> None:
    await register(shop, receiver.url)
    for _ in range(4):
        receiver.always(500)
        await shop.agreed()
        await shop.clock.advance(days=5)
        receiver.always(200)
        await shop.clock.advance(days=1)
    assert len(await listed(shop)) == 1


async def test_a_deleted_registration_is_sent_nothing_more(
    house: House, shop: Shop, receiver: Receiver
) -> None:
    made = await register(shop, receiver.url)
    receiver.always(500)
    await shop.agreed()
    await pass_on(shop)
    assert (await send(shop, "DELETE", f"/{made['id']}")).status == 204
    await shop.clock.advance(days=8)
    assert len(receiver.arrived) == 1
    assert [each.status for each in await deliveries(shop)] == ["DROPPED"]


async def test_nobody_at_home_is_a_failure_that_says_so(house: House, shop: Shop) -> None:
    async with receiving() as gone:
        url = gone.url
    await register(shop, url)
    await shop.agreed()
    await pass_on(shop)
    [attempt] = await attempts(shop)
    assert (attempt.status, attempt.error) == (None, "could not connect")
    assert iso(attempt.occurred) == iso(await shop.clock.now())


# ── Beside the requests ──────────────────────────────────────────────────────────────────────────


async def test_requests_do_not_wait_for_receivers(shop: Shop, receiver: Receiver) -> None:
    await register(shop, receiver.url)
    receiver.always("hang")
    await shop.agreed()
    assert receiver.arrived == []


async def test_an_event_that_a_refused_request_would_have_told_is_never_sent(
    shop: Shop, receiver: Receiver
) -> None:
    """Reliability E-2: nothing is announced that was not committed."""
    await register(shop, receiver.url)
    agreement_id = await shop.agreed()
    refused = await shop.send(
        "PATCH", f"/agreements/{agreement_id}", {"status": "STOPPED", "productName": "x"}
    )
    assert refused.status == 400
    await pass_on(shop)
    assert receiver.types == ["agreement-activated"]
