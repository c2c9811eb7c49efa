"""The vendor's rate limits: off unless asked for, counted by the parts of a path, answered with 429 (api-facts 2.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from avtale.api.limits import LIMITS, Limit, VendorLimits
from avtale.problems import TooManyRequests
from tests.support import House, Reply, Shop, installation


@pytest.fixture
async def limited() -> AsyncIterator[House]:
    """An installation that counts as the vendor does."""
    async with installation(vendor_limits=True) as house:
        yield house


def assert_too_many(reply: Reply) -> None:
    """429, with when to come back."""
    assert reply.status == 429
    assert reply.json["type"] == "about:blank"
    assert reply.json["title"] == "Too Many Requests"
    assert 1 <= int(reply.headers["Retry-After"]) <= 60


PUBLISHED = {
    "create_charge": Limit(500),
    "create_charges": Limit(100),
    "cancel_charge": Limit(5, ("agreement_id", "charge_id")),
    "capture_charge": Limit(5, ("agreement_id", "charge_id")),
    "refund_charge": Limit(5, ("agreement_id", "charge_id")),
    "list_agreements": Limit(5),
    "update_agreement": Limit(5, ("agreement_id",)),
    "fetch_charge": Limit(10, ("agreement_id", "charge_id")),
    "fetch_charge_by_id": Limit(100),
    "list_charges": Limit(10, ("agreement_id",)),
    "fetch_agreement": Limit(120, ("agreement_id",)),
    "draft_agreement": Limit(300),
}


def test_the_limits_are_the_published_ones() -> None:
    assert LIMITS == PUBLISHED


@pytest.mark.parametrize(("operation", "limit"), PUBLISHED.items())
def test_so_many_calls_a_minute_are_let_through_and_no_more(operation: str, limit: Limit) -> None:
    limits = VendorLimits()
    path = {"agreement_id": "agr_1", "charge_id": "chr-1"}
    for _ in range(limit.per_minute):
        limits.count(operation, "123456", path)
    with pytest.raises(TooManyRequests, match=str(limit.per_minute)):
        limits.count(operation, "123456", path)
    limits.count(operation, "654321", path)


@pytest.mark.parametrize(("operation", "limit"), PUBLISHED.items())
def test_calls_are_counted_by_the_named_parts_of_the_path_and_no_others(
    operation: str, limit: Limit
) -> None:
    limits = VendorLimits()
    path = {"agreement_id": "agr_1", "charge_id": "chr-1"}
    for _ in range(limit.per_minute):
        limits.count(operation, "123456", path)
    for part in path:
        other = {**path, part: "another"}
        if part in limit.parts:
            limits.count(operation, "123456", other)
        else:
            with pytest.raises(TooManyRequests):
                limits.count(operation, "123456", other)


async def test_nothing_is_counted_unless_asked_for(shop: Shop) -> None:
    for _ in range(20):
        assert (await shop.send("GET", "/agreements")).status == 200


async def test_listing_agreements_is_limited_to_five_a_minute(limited: House) -> None:
    shop, other = await limited.shop(), await limited.shop()
    for _ in range(5):
        assert (await shop.send("GET", "/agreements")).status == 200
    assert_too_many(await shop.send("GET", "/agreements"))
    assert (await other.send("GET", "/agreements")).status == 200


@pytest.mark.parametrize("operation", ["capture", "refund"])
async def test_five_captures_or_refunds_of_a_charge_a_minute(
    limited: House, operation: str
) -> None:
    shop = await limited.shop()
    agreement = await shop.agreed()
    one, other = await shop.charge(agreement), await shop.charge(agreement)
    body = {"amount": 100, "description": "x"}
    path = f"/agreements/{agreement}/charges/{one}/{operation}"
    for _ in range(5):
        assert (await shop.send("POST", path, body)).status == 400
    assert_too_many(await shop.send("POST", path, body))
    path = f"/agreements/{agreement}/charges/{other}/{operation}"
    assert (await shop.send("POST", path, body)).status == 400


async def test_five_cancels_of_a_charge_a_minute(limited: House) -> None:
    shop = await limited.shop()
    agreement = await shop.agreed()
    path = f"/agreements/{agreement}/charges/{await shop.charge(agreement)}"
    statuses = [(await shop.send("DELETE", path)).status for _ in range(6)]
    assert statuses == [204, 400, 400, 400, 400, 429]


async def test_the_limit_of_a_read_is_of_its_own(limited: House) -> None:
    shop = await limited.shop()
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    path = f"/agreements/{agreement}/charges/{charge}"
    for _ in range(10):
        assert (await shop.send("GET", path)).status == 200
    assert_too_many(await shop.send("GET", path))
    assert (await shop.send("GET", f"/charges/{charge}")).status == 200
    assert (await shop.send("GET", f"/agreements/{agreement}/charges")).status == 200


async def test_whoever_is_not_let_in_is_not_counted(limited: House) -> None:
    shop = await limited.shop()
    for _ in range(10):
        reply = await shop.send("GET", "/agreements", Authorization="Bearer nonsense")
        assert reply.status == 401
    assert (await shop.send("GET", "/agreements")).status == 200
