"""Webhooks on the inside: seen, sent again, sent by name; and an inbox for whoever has no receiver yet."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from avtale.auditing.auditor import audit
from avtale.client import LegacyPricing
from avtale.testing.background import Background
from avtale.testing.sandbox import Avtale
from tests.receivers import Receiver, receiving
from tests.sandbox.desk import Desk
from tests.support import House, Shop, refused

ALL = [
    *(f"recurring.agreement-{what}.v1" for what in ("activated", "rejected", "stopped", "expired")),
    *(f"recurring.charge-{what}.v1" for what in ("captured", "reserved", "failed")),
]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who wants to be told."""
    async with receiving() as receiver:
        yield receiver


async def registered(shop: Shop, url: str) -> Any:
    headers = await shop.headers()
    body = json.dumps({"url": url, "events": ALL}).encode()
    reply = await shop.raw("POST", "/webhooks/v1/webhooks", headers=headers, content=body)
    assert reply.status == 201, reply.body
    return reply.json


async def deliveries(desk: Desk, shop: Shop, query: str = "") -> list[Any]:
    found: list[Any] = await desk.ask("GET", f"/sales-units/{shop.msn}/deliveries{query}")
    return found


# ── Deliveries ───────────────────────────────────────────────────────────────────────────────────


async def test_a_delivery_shows_what_was_sent_and_answered(
    stored_house: House, receiver: Receiver
) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    made = await registered(shop, receiver.url)
    agreement_id = await shop.agreed()
    receiver.answer(503)
    await desk.advance(shop, minutes=1)
    (delivery,) = await deliveries(desk, shop)
    assert delivery["status"] == "DELIVERED"
    assert (delivery["url"], delivery["agreementId"]) == (receiver.url, agreement_id)
    assert [each.get("status") for each in delivery["attempts"]] == [503, 200]
    assert delivery["attempts"][1]["answer"] == "ok"
    sent = delivery["attempts"][0]["headers"]
    arrived = receiver.arrived[0]
    assert {name: arrived.headers[name.lower()] for name in sent} == sent
    assert delivery["body"].encode() == arrived.body
    assert made["secret"] not in json.dumps(delivery)


async def test_what_is_held_back_names_what_holds_it_back_and_nothing_else_is(
    stored_house: House, receiver: Receiver
) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    await registered(shop, receiver.url)
    receiver.always(500)
    first = await shop.agreed()
    await desk.advance(shop, seconds=3)
    await shop.stop(first)
    second = await shop.agreed()
    await desk.advance(shop, seconds=3)
    of_second, stopped, activated = await deliveries(desk, shop)
    assert stopped["blockedBy"] == activated["deliveryId"]
    assert stopped["attempts"] == []
    assert activated["nextAttempt"]
    # The other agreement goes its own way.
    assert of_second["agreementId"] == second
    assert of_second["attempts"]
    assert "blockedBy" not in of_second
    receiver.always(200)
    await desk.advance(shop, minutes=10)
    assert {each["status"] for each in await deliveries(desk, shop)} == {"DELIVERED"}
    of_first = [each for each in receiver.arrived if each.event["agreementId"] == first]
    assert of_first[-1].event["eventType"] == "recurring.agreement-stopped.v1"


async def test_deliveries_are_found_by_what_they_are(
    desk: Desk, shop: Shop, receiver: Receiver
) -> None:
    made = await registered(shop, receiver.url)
    agreement_id = await shop.agreed()
    await shop.stop(agreement_id)
    await desk.advance(shop, seconds=1)
    for query, count in (
        ("status=DELIVERED", 2),
        ("status=WAITING", 0),
        ("eventType=recurring.agreement-stopped.v1", 1),
        (f"agreementId={agreement_id}&registrationId={made['id']}", 2),
        ("agreementId=agr_other", 0),
        ("pageSize=1&pageNumber=2", 1),
    ):
        assert len(await deliveries(desk, shop, f"?{query}")) == count, query
    for query in ("status=FINE", "eventType=x"):
        reply = await desk.send("GET", f"/sales-units/{shop.msn}/deliveries?{query}")
        assert reply.status == 400


async def test_one_is_sent_again_under_the_same_id(stored_house: House, receiver: Receiver) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    await registered(shop, receiver.url)
    await shop.agreed()
    await desk.advance(shop, seconds=1)
    (delivery,) = await deliveries(desk, shop)
    again = await desk.ask("POST", f"/deliveries/{delivery['deliveryId']}/resend")
    assert again["status"] == "WAITING"
    await desk.advance(shop, seconds=1)
    first, second = receiver.arrived
    assert first.webhook_id == second.webhook_id
    with refused("resource-not-found", 404):
        await desk.ask("POST", "/deliveries/nobody/resend")


async def test_everything_since_an_instant_is_sent_again(
    stored_house: House, receiver: Receiver
) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    await registered(shop, receiver.url)
    await shop.agreed()
    await desk.advance(shop, days=1)
    since = (await desk.clock(shop))["now"]
    await shop.agreed()
    await desk.advance(shop, seconds=1)
    path = f"/sales-units/{shop.msn}/deliveries/replay"
    assert len((await desk.ask("POST", path, {"since": since}))["deliveryIds"]) == 1
    await desk.advance(shop, seconds=1)
    assert len(receiver.arrived) == 3


async def test_nothing_is_sent_again_to_whoever_is_gone(
    desk: Desk, shop: Shop, receiver: Receiver
) -> None:
    made = await registered(shop, receiver.url)
    await shop.agreed()
    await desk.advance(shop, seconds=1)
    (delivery,) = await deliveries(desk, shop)
    headers = await shop.headers()
    await shop.raw("DELETE", f"/webhooks/v1/webhooks/{made['id']}", headers=headers)
    with refused("conflict", 409, "gone"):
        await desk.ask("POST", f"/deliveries/{delivery['deliveryId']}/resend")
    path = f"/sales-units/{shop.msn}/deliveries/replay"
    sent = await desk.ask("POST", path, {"since": "2020-01-01T00:00:00Z"})
    assert sent["deliveryIds"] == []


# ── Events ───────────────────────────────────────────────────────────────────────────────────────


async def test_events_are_listed_though_nobody_is_registered(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    await shop.stop(agreement_id)
    found = await desk.ask("GET", f"/sales-units/{shop.msn}/events")
    assert [each["eventType"] for each in found] == [
        "recurring.agreement-activated.v1",
        "recurring.agreement-stopped.v1",
    ]
    assert found[0]["body"]["agreementId"] == agreement_id


async def test_an_event_is_sent_by_name_and_changes_nothing(
    stored_house: House, receiver: Receiver, database_url: str
) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    await registered(shop, receiver.url)
    path = f"/sales-units/{shop.msn}/events"
    events = [
        {"eventType": "recurring.charge-failed.v1", "chargeId": charge_id},
        {"eventType": "recurring.charge-captured.v1", "chargeId": charge_id},
        {"eventType": "recurring.agreement-expired.v1", "agreementId": agreement_id},
    ]
    for event in events:
        assert len((await desk.ask("POST", path, event))["deliveryIds"]) == 1
    await desk.advance(shop, seconds=1)
    assert sorted(receiver.types) == ["agreement-expired", "charge-captured", "charge-failed"]
    bodies = {each.event["eventType"]: each.event for each in receiver.arrived}
    assert bodies["recurring.charge-failed.v1"]["chargeId"] == charge_id
    assert bodies["recurring.charge-failed.v1"]["failureReason"] == "user_action_required"
    assert bodies["recurring.charge-captured.v1"]["transactionId"]
    assert await shop.status(charge_id) == "PENDING"
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"
    assert len(await desk.ask("GET", path)) == 1
    report = await asyncio.to_thread(audit, database_url)
    assert report.violations == ()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"eventType": "recurring.charge-failed.v1"}, 400),
        ({"eventType": "recurring.agreement-expired.v1", "chargeId": "x"}, 400),
        ({"eventType": "recurring.nothing.v1", "agreementId": "agr_1"}, 400),
        ({"eventType": "recurring.agreement-expired.v1", "agreementId": "agr_nobody"}, 404),
        ({"eventType": "recurring.charge-failed.v1", "chargeId": "chr-nobody"}, 404),
    ],
)
async def test_an_event_about_nothing_is_refused(
    desk: Desk, shop: Shop, body: dict[str, str], status: int
) -> None:
    reply = await desk.send("POST", f"/sales-units/{shop.msn}/events", body)
    assert reply.status == status, reply.body


async def test_an_event_that_nobody_wants_is_not_sent(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    body = {"eventType": "recurring.agreement-expired.v1", "agreementId": agreement_id}
    with refused("conflict", 409, "Nobody is registered"):
        await desk.ask("POST", f"/sales-units/{shop.msn}/events", body)


# ── The inbox ────────────────────────────────────────────────────────────────────────────────────


async def came(desk: Desk, name: str) -> list[Any]:
    found: list[Any] = await desk.ask("GET", f"/inbox/{name}?list=1")
    return found


async def test_an_inbox_shows_what_came_with_its_signature_checked(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    url = "http://127.0.0.1:8080/sandbox/inbox/shop"
    made = await registered(shop, url)
    body = b'{"eventType":"recurring.agreement-activated.v1"}'
    date = "Mon, 02 Nov 2026 09:30:00 GMT"
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    signed = f"POST\n/sandbox/inbox/shop\n{date};127.0.0.1:8080;{content_hash}"
    proof = hmac.digest(made["secret"].encode(), signed.encode(), "sha256")
    signature = base64.b64encode(proof).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-content-sha256": content_hash,
        "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
    }
    assert (await desk.send("POST", "/inbox/shop", body, headers)).status == 200
    wrong = {**headers, "x-ms-date": "Mon, 02 Nov 2026 09:31:00 GMT"}
    await desk.send("POST", "/inbox/shop", body, wrong)
    await desk.send("POST", "/inbox/other", b"hello")
    good, bad = await came(desk, "shop")
    assert (good["verified"], good["event"]["eventType"]) == (
        True,
        "recurring.agreement-activated.v1",
    )
    assert bad["verified"] is False
    assert bad["reason"].startswith("WrongSignature")
    (plain,) = await came(desk, "other")
    assert (plain["verified"], plain["body"], plain["event"]) == (None, "hello", None)
    assert (await desk.send("DELETE", "/inbox/shop")).status == 204
    assert await came(desk, "shop") == []
    assert len(await came(desk, "other")) == 1


async def test_an_inbox_answers_as_its_address_says(desk: Desk) -> None:
    assert (await desk.send("POST", "/inbox/down?status=503", b"x")).status == 503
    assert (await desk.send("GET", "/inbox/down?status=204")).status == 204
    assert [each["target"] for each in await came(desk, "down")] == [
        "/sandbox/inbox/down?status=503",
        "/sandbox/inbox/down?status=204",
    ]
    assert (await desk.send("POST", "/inbox/down?status=99", b"x")).status == 400
    assert (await desk.send("POST", "/inbox/a%20b", b"x")).status == 400
    assert (await desk.send("POST", "/inbox/large", b"x" * 70_000)).status == 413


async def test_avtale_delivers_to_its_own_inbox() -> None:
    def story() -> list[Any]:
        server = Background()
        try:
            avtale = Avtale(server.url)
            unit = avtale.sales_unit()
            unit.client.register_webhook(url=f"{server.url}/sandbox/inbox/mine", events=ALL)
            drafted = unit.client.draft_agreement(
                product_name="Premier League",
                pricing=LegacyPricing(499_00, "NOK"),
                merchant_redirect_url="https://news.example/thanks",
                merchant_agreement_url="https://news.example/account/1",
            )
            unit.payer().approve(drafted.agreement_id)
            unit.clock.advance(seconds=1)
            found = avtale.control.ask(list[Any], "GET", "inbox", "mine", params={"list": 1})
            avtale.close()
            return found
        finally:
            server.stop()

    (arrived,) = await asyncio.to_thread(story)
    assert arrived["verified"] is True
    assert arrived["event"]["eventType"] == "recurring.agreement-activated.v1"
