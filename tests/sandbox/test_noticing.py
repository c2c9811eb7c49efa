"""What is odd about a request that is answered all the same is noticed, in words that repeat no value."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from avtale.record import RecordedBatch
from avtale.wire.agreements import DraftAgreement, UpdateAgreement
from avtale.wire.charges import BulkCharge, CreateCharge
from avtale.wire.reading import unknown_members
from avtale.wire.webhooks import RegisterWebhook
from tests.sandbox.desk import Desk
from tests.support import CHARGE, INITIAL, KARI, MONDAY, House, Shop

HERE = "http://127.0.0.1:3000"


async def noticed(desk: Desk, shop: Shop) -> list[str]:
    """What was noticed of the newest request."""
    newest = (await desk.ask("GET", f"/sales-units/{shop.msn}/requests?pageSize=1"))[0]
    remarks: list[str] = newest["remarks"]
    return remarks


async def codes(desk: Desk, shop: Shop, *interesting: str) -> dict[str, Any]:
    """These remarks of the coach, with the details of their proofs."""
    answer = await desk.ask("GET", f"/sales-units/{shop.msn}/remarks")
    return {
        each["code"]: [proof.get("detail") for proof in each["proofs"]]
        for each in answer["remarks"]
        if each["code"] in interesting
    }


async def test_of_a_plain_request_nothing_is_noticed(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    assert await noticed(desk, shop) == []
    await shop.charge(agreement_id)
    assert await noticed(desk, shop) == []
    assert await codes(desk, shop, "unknown-members", "http-urls", "nin-dropped") == {}


async def test_members_that_are_not_known_are_noticed_by_their_names(
    desk: Desk, shop: Shop
) -> None:
    await shop.draft(recurrence="MONTHLY", initialCharge={**INITIAL, "currency": "NOK"})
    assert await noticed(desk, shop) == ["unknown:recurrence", "unknown:initialCharge.currency"]
    found = await codes(desk, shop, "unknown-members")
    assert found == {"unknown-members": ["recurrence, initialCharge.currency"]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"productName": "Premier League 2"}),
        ("POST", "/charges", CHARGE),
        ("POST", "/charges/{charge}/capture", {"amount": 100, "description": "November"}),
        ("POST", "/charges/{charge}/refund", {"amount": 100, "description": "November"}),
    ],
)
async def test_every_body_is_looked_at(
    desk: Desk, shop: Shop, method: str, path: str, body: dict[str, Any]
) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    path = f"/agreements/{agreement_id}{path.format(charge=charge_id)}"
    await shop.send(method, path, {**body, "colour": "blue"})
    assert await noticed(desk, shop) == ["unknown:colour"]


async def test_the_items_of_a_bulk_and_a_webhook_are_looked_at_too(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    items = [
        {**CHARGE, "agreementId": agreement_id, "orderId": f"order-{i}", "colour": "blue"}
        for i in range(3)
    ]
    assert (await shop.send("POST", "/agreements/charges", items)).status == 202
    assert await noticed(desk, shop) == ["unknown:colour"]
    body = {"url": f"{HERE}/hook", "events": ["recurring.charge-failed.v1"], "name": "ours"}
    reply = await shop.raw(
        "POST",
        "/webhooks/v1/webhooks",
        headers=await shop.headers(),
        content=msgspec.json.encode(body),
    )
    assert reply.status == 201
    assert await noticed(desk, shop) == ["unknown:name", "http:url"]


async def test_a_body_that_is_refused_is_looked_at_and_the_coach_leaves_it_alone(
    desk: Desk, shop: Shop
) -> None:
    reply = await shop.send("POST", "/agreements", {"merchantRedirectURL": "https://news.example"})
    assert reply.status == 400
    assert await noticed(desk, shop) == ["unknown:merchantRedirectURL"]
    assert await codes(desk, shop, "unknown-members") == {}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda values: (
            st.lists(values, max_size=3)
            | st.dictionaries(
                st.sampled_from(["campaign", "type", "pricing", "interval", "period", "colour"]),
                values,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@example({"campaign": {"type": {"colour": "blue"}}})
@example({"campaign": {"type": [], "colour": "blue"}})
def test_whatever_comes_in_place_of_a_body_is_looked_at(value: object) -> None:
    for shape in (DraftAgreement, UpdateAgreement, CreateCharge, BulkCharge, RegisterWebhook):
        assert all(isinstance(path, str) for path in unknown_members(value, shape))


async def test_names_are_few_and_short_and_none_may_be_a_value(desk: Desk, shop: Shop) -> None:
    odd: dict[str, Any] = {KARI: 1, "kari@news.example": 1, "born 1985": 1, "n" * 60: 1, "a": 1}
    await shop.draft(**odd)
    assert await noticed(desk, shop) == ["unknown:…", "unknown:" + "n" * 40, "unknown:a"]
    await shop.draft(**{f"member_{each}": KARI for each in "abcdefgh"})
    assert await noticed(desk, shop) == [f"unknown:member_{each}" for each in "abcde"]


async def test_urls_with_http_are_noticed_by_the_member_that_holds_them(
    desk: Desk, shop: Shop
) -> None:
    await shop.draft(merchantRedirectUrl=f"{HERE}/thanks", merchantAgreementUrl=f"{HERE}/me")
    assert await noticed(desk, shop) == ["http:merchantRedirectUrl", "http:merchantAgreementUrl"]
    agreement_id = await shop.agreed()
    await shop.send("PATCH", f"/agreements/{agreement_id}", {"merchantAgreementUrl": f"{HERE}/me"})
    assert await noticed(desk, shop) == ["http:merchantAgreementUrl"]
    assert await codes(desk, shop, "http-urls") == {
        "http-urls": ["merchantAgreementUrl", "merchantRedirectUrl, merchantAgreementUrl"]
    }


async def test_nin_is_noticed_where_it_was_dropped_and_only_there(desk: Desk, house: House) -> None:
    without, allowed = await house.shop(), await house.shop(nin=True)
    for shop in (without, allowed):
        await shop.draft(scope="name nin")
    assert await noticed(desk, without) == ["nin-dropped"]
    assert await noticed(desk, allowed) == []
    assert await codes(desk, without, "nin-dropped") == {"nin-dropped": [None]}
    await without.draft(scope="name")
    assert await noticed(desk, without) == []


async def test_what_was_noticed_is_kept_on_every_database(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    await shop.draft(recurrence="MONTHLY")
    assert await noticed(desk, shop) == ["unknown:recurrence"]


def test_what_was_recorded_before_anything_was_noticed_can_be_read() -> None:
    line = '["id","2026-11-02T09:30:00Z","GET","/","fetch_charge",200,null,900,null,null,false'
    batch = RecordedBatch("batch", "123456", MONDAY, None, 0, f"[{line}{',null' * 6}]]")
    (seen,) = batch.opened()
    assert (seen.occurred, seen.request.operation) == (MONDAY, "fetch_charge")
    assert seen.request.remarks == ()
