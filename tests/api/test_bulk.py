"""A bulk over HTTP: every item judged at once, the good ones and the bad ones told apart (rulings §8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import CHARGE, House, Shop


def item(agreement: str, order_id: str, **members: Any) -> dict[str, Any]:
    """A good item."""
    return {"agreementId": agreement, "orderId": order_id, **CHARGE, **members}


async def test_a_bulk_tells_good_items_from_bad_ones(shop: Shop) -> None:
    agreement = await shop.agreed()
    bad = item(agreement, "b", retryDays=15, externalId="INV-B")
    answer = await shop.bulk(item(agreement, "a"), bad, item(agreement, "c"))
    assert answer["validCharges"] == ["a", "c"]
    [invalid] = answer["invalidCharges"]
    assert invalid["chargeBatchItemDto"] == bad
    assert len(invalid["errors"]) == 1
    assert "retryDays" in invalid["errors"][0]


async def test_an_item_is_told_all_that_is_wrong_with_it_shape_and_rules_together(
    shop: Shop,
) -> None:
    agreement = await shop.agreed()
    bad = item(agreement, "b", retryDays=15, amount=1, transactionType="CASH", due="tomorrow")
    answer = await shop.bulk(bad)
    [invalid] = answer["invalidCharges"]
    told = {error.partition(":")[0] for error in invalid["errors"]}
    assert told == {"retryDays", "amount", "transactionType", "due"}
    assert invalid["chargeBatchItemDto"]["orderId"] == "b"


async def test_an_item_that_is_no_object_is_told_so(shop: Shop) -> None:
    agreement = await shop.agreed()
    answer = await shop.bulk("nonsense", None, item(agreement, "a"), 7)
    assert answer["validCharges"] == ["a"]
    assert len(answer["invalidCharges"]) == 3
    assert all(invalid["errors"] for invalid in answer["invalidCharges"])


async def test_an_item_needs_an_order_id_and_has_no_type(shop: Shop) -> None:
    agreement = await shop.agreed()
    without = item(agreement, "x")
    del without["orderId"]
    answer = await shop.bulk(without, item(agreement, "y", type="UNSCHEDULED"))
    assert answer["validCharges"] == ["y"], "a member that nobody knows is ignored"
    assert "orderId" in answer["invalidCharges"][0]["errors"][0]


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'"x"'])
async def test_a_bulk_is_an_array_with_something_in_it(shop: Shop, body: bytes) -> None:
    reply = await shop.send("POST", "/agreements/charges", body)
    assert (reply.status, reply.slug) == (400, "validation-error")


async def test_a_bulk_has_at_most_two_thousand_items(shop: Shop) -> None:
    agreement = await shop.agreed()
    items = [item(agreement, f"order-{n}") for n in range(2001)]
    reply = await shop.send("POST", "/agreements/charges", items)
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert "2000" in reply.faults["body"]
    assert len((await shop.bulk(*items[:2000]))["validCharges"]) == 2000


async def test_a_unit_may_have_bulks_of_another_size(house: House) -> None:
    shop = await house.shop(rules={"bulk_items": 2})
    agreement = await shop.agreed()
    items = [item(agreement, f"order-{n}") for n in range(3)]
    reply = await shop.send("POST", "/agreements/charges", items)
    assert (reply.status, "1 to 2" in reply.faults["body"]) == (400, True)
    assert len((await shop.bulk(*items[:2]))["validCharges"]) == 2


async def test_a_bulk_may_be_two_mebibytes_and_no_more(shop: Shop) -> None:
    agreement = await shop.agreed()
    short = json.dumps([item(agreement, "a")]).encode()
    exactly = short + b" " * (2 * 1024 * 1024 - len(short))
    assert (await shop.send("POST", "/agreements/charges", exactly)).status == 202
    assert (await shop.send("POST", "/agreements/charges", exactly + b" ")).status == 413
