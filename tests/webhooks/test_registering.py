"""Registrations: made, listed, deleted; and everything that nobody may register."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from avtale.sales_units import SalesUnit
from tests.support import House, Refusal, Shop, installation
from tests.webhooks.registering import ALL, WEBHOOKS, listed, register, send

HOOK = "https://news.example/hook"


async def test_a_registration_tells_its_secret_once(shop: Shop) -> None:
    made = await register(shop, HOOK, *ALL[:2])
    assert made.keys() == {"id", "secret"}
    assert str(uuid.UUID(made["id"])) == made["id"]
    assert len(base64.b64decode(made["secret"], validate=True)) == 64
    assert await listed(shop) == [{"id": made["id"], "url": HOOK, "events": list(ALL[:2])}]


async def test_secrets_are_all_different(shop: Shop) -> None:
    assert (await register(shop, HOOK))["secret"] != (await register(shop, HOOK))["secret"]


async def test_an_event_that_is_named_twice_is_registered_once(shop: Shop) -> None:
    await register(shop, HOOK, ALL[0], ALL[0])
    assert (await listed(shop))[0]["events"] == [ALL[0]]


async def test_deleting_it_ends_it(shop: Shop) -> None:
    made = await register(shop, HOOK)
    gone = await send(shop, "DELETE", f"/{made['id']}")
    assert (gone.status, gone.body) == (204, b"")
    assert await listed(shop) == []
    again = await send(shop, "DELETE", f"/{made['id']}")
    assert (again.status, again.slug) == (404, "resource-not-found")


async def test_twenty_five_for_an_event_are_the_most(shop: Shop) -> None:
    made = [await register(shop, HOOK, ALL[0]) for _ in range(25)]
    with pytest.raises(Refusal) as refused:
        await register(shop, HOOK, ALL[0], ALL[1])
    assert refused.value.reply.status == 400
    assert "25 registrations" in refused.value.reply.faults["events"]
    await register(shop, HOOK, ALL[1])
    await send(shop, "DELETE", f"/{made[0]['id']}")
    await register(shop, HOOK, ALL[0])


async def test_a_unit_without_registrations_waits_for_nothing(house: House, shop: Shop) -> None:
    made = await register(shop, HOOK)
    unit: SalesUnit = await house.find(SalesUnit, shop.msn)
    assert unit.awaits(ALL[0])
    await send(shop, "DELETE", f"/{made['id']}")
    unit = await house.find(SalesUnit, shop.msn)
    assert unit.webhooks == {}


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"url", "events"}),
        ({"url": HOOK}, {"events"}),
        ({"url": HOOK, "events": []}, {"events"}),
        ({"url": HOOK, "events": ["recurring.charge-paid.v1"]}, {"events.0"}),
        ({"url": HOOK, "events": "all"}, {"events"}),
        ({"url": 7, "events": [ALL[0]]}, {"url"}),
        ({"url": "", "events": [ALL[0]]}, {"url"}),
        ({"url": "http://news.example/hook", "events": [ALL[0]]}, {"url"}),
        ({"url": "ftp://news.example/hook", "events": [ALL[0]]}, {"url"}),
        ({"url": "https://news.example:8443/hook", "events": [ALL[0]]}, {"url"}),
        ({"url": "https://kari@news.example/hook", "events": [ALL[0]]}, {"url"}),
        ({"url": "https://10.0.0.1/hook", "events": [ALL[0]]}, {"url"}),
        ({"url": "https://169.254.169.254/latest", "events": [ALL[0]]}, {"url"}),
        ({"url": HOOK + "x" * 2048, "events": [ALL[0]]}, {"url"}),
    ],
)
async def test_what_is_wrong_is_told_member_by_member(
    shop: Shop, body: dict[str, Any], faults: set[str]
) -> None:
    reply = await send(shop, "POST", body=body)
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert reply.faults.keys() == faults
    assert await listed(shop) == []


async def test_a_refused_url_says_so_in_the_vendor_s_words(shop: Shop) -> None:
    reply = await send(shop, "POST", body={"url": "https://10.0.0.1/", "events": [ALL[0]]})
    assert reply.faults["url"].startswith("The URL and/or hostname you provided is not allowed")


async def test_problems_have_a_trace_id(shop: Shop) -> None:
    for reply in (await send(shop, "POST", body={}), await send(shop, "DELETE", "/x")):
        assert reply.json["traceId"] == reply.headers["X-Request-Id"]
        assert "contextId" not in reply.json
        assert reply.json["instance"].startswith(WEBHOOKS)


async def test_no_content_type_and_no_idempotency_key_are_asked_for(shop: Shop) -> None:
    await register(shop, HOOK)
    reply = await send(
        shop, "POST", body={"url": HOOK, "events": [ALL[0]]}, Content_Type="text/plain"
    )
    assert reply.status == 201


async def test_one_shop_sees_and_deletes_nothing_of_another(house: House, shop: Shop) -> None:
    other = await house.shop()
    made = await register(shop, HOOK)
    assert await listed(other) == []
    assert (await send(other, "DELETE", f"/{made['id']}")).status == 404
    assert len(await listed(shop)) == 1


async def test_a_partner_sees_its_units_and_registers_for_all_of_them(
    house: House, shop: Shop
) -> None:
    other = await house.shop()
    of_shop = await register(shop, HOOK)
    partner = Shop(house, await house.find(SalesUnit, shop.msn), await house.partner(shop, other))
    body = {"url": "https://partner.example/hook", "events": [ALL[0]]}
    for_all = await send(partner, "POST", body=body, Merchant_Serial_Number=None)
    assert for_all.status == 201
    everything = await send(partner, "GET", Merchant_Serial_Number=None)
    assert {each["id"] for each in everything.json["webhooks"]} == {
        of_shop["id"],
        for_all.json["id"],
    }
    of_other = await send(partner, "GET", Merchant_Serial_Number=other.msn)
    assert of_other.json["webhooks"] == []


async def test_this_machine_is_no_receiver_in_production() -> None:
    async with installation(environment="production") as house:
        shop = await house.shop()
        for url in ("http://127.0.0.1:3000/hook", "https://localhost/hook", "https://127.1/h"):
            reply = await send(shop, "POST", body={"url": url, "events": [ALL[0]]})
            assert reply.status == 400, url
