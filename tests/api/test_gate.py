"""The gate: who asks is known by key and token, acts for a unit of theirs, and is refused in order (rulings §3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import msgspec
import pytest

from avtale.api.access import Access
from avtale.clients import Client
from tests.api.requests import OPERATIONS, request_for, send
from tests.support import House, Reply, Shop, installation

PROBLEM = "application/problem+json"


def assert_gateway_refuses(reply: Reply) -> None:
    """The gateway in front of the API has a shape of its own (api-facts 1.3)."""
    assert reply.status == 401
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"responseInfo", "result"}
    assert reply.json["responseInfo"] == {
        "responseCode": 401,
        "responseMessage": "Unauthorized",
    }
    assert "subscription key" in reply.json["result"]["message"]


def assert_not_authorized(reply: Reply) -> None:
    """The API itself says that the token is none."""
    assert (reply.status, reply.slug) == (401, "not-authorized")
    assert reply.headers["Content-Type"] == PROBLEM
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def assert_not_your_unit(reply: Reply) -> None:
    """The sales unit is not theirs."""
    assert (reply.status, reply.slug) == (403, "invalid-sale-unit")


def without_request(reply: Reply) -> dict[str, Any]:
    """What a refusal says, without what names the request."""
    return {name: value for name, value in reply.json.items() if name != "contextId"}


async def token_of(house: House, shop: Shop, **ago: float) -> str:
    """A token of a shop, issued some time ago."""
    parts = house.parts
    then = parts.engine.real_now() - timedelta(**ago)
    access = Access(parts.directory, parts.keys, parts.settings.environment, lambda: then)
    keys = shop.credentials
    return (await access.issue(keys.client_id, keys.client_secret)).access_token


# ── Every operation × every kind of credentials ──────────────────────────────────────────────────


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_credentials_of_ones_own_open_every_operation(shop: Shop, operation: str) -> None:
    request = await request_for(shop, operation)
    reply = await send(shop, request)
    assert reply.status == request.status, reply.body
    assert (reply.body == b"") == (request.status == 204)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_no_operation_opens_without_a_subscription_key(shop: Shop, operation: str) -> None:
    request = await request_for(shop, operation)
    for key in (None, "", "0" * 32):
        headers = {"Ocp_Apim_Subscription_Key": key}
        assert_gateway_refuses(await send(shop, request, **headers))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_no_operation_opens_without_a_token(shop: Shop, operation: str) -> None:
    request = await request_for(shop, operation)
    for token in (None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi"):
        assert_not_authorized(await send(shop, request, Authorization=token))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_no_operation_opens_with_a_token_that_has_expired(
    house: House, shop: Shop, operation: str
) -> None:
    request = await request_for(shop, operation)
    expired = await token_of(house, shop, seconds=3601)
    reply = await send(shop, request, Authorization=f"Bearer {expired}")
    assert_not_authorized(reply)
    assert "expired" in reply.detail


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_no_operation_opens_with_a_token_of_another_unit(
    house: House, shop: Shop, operation: str
) -> None:
    request = await request_for(shop, operation)
    other = await house.shop()
    foreign_token = {"Authorization": f"Bearer {await other.token()}"}
    assert_not_authorized(await send(shop, request, **foreign_token))
    foreign_key = {"Ocp_Apim_Subscription_Key": other.credentials.subscription_key}
    assert_not_authorized(await send(shop, request, **foreign_key))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_nobody_acts_for_a_unit_that_is_not_theirs(
    house: House, shop: Shop, operation: str
) -> None:
    request = await request_for(shop, operation)
    other = await house.shop()
    for msn in (other.msn, "999999", "", "nonsense"):
        assert_not_your_unit(await send(shop, request, Merchant_Serial_Number=msn))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_unit_of_ones_own_need_not_be_named(shop: Shop, operation: str) -> None:
    request = await request_for(shop, operation)
    reply = await send(shop, request, Merchant_Serial_Number=None)
    assert reply.status == request.status, reply.body


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_partner_acts_for_its_units_and_names_them(
    house: House, shop: Shop, operation: str
) -> None:
    request = await request_for(shop, operation)
    elsewhere = await house.shop()
    partner = Shop(
        house, await house.parts.clocks.show(shop.msn), await house.partner(shop, elsewhere)
    )
    assert_not_your_unit(await send(partner, request, Merchant_Serial_Number=None))
    stranger = Shop(house, await house.parts.clocks.show(shop.msn), await house.partner(elsewhere))
    assert_not_your_unit(await send(stranger, request))
    reply = await send(partner, request)
    assert reply.status == request.status, reply.body


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_disabled_credentials_open_nothing(house: House, shop: Shop, operation: str) -> None:
    request = await request_for(shop, operation)
    await shop.token()
    client_id = shop.credentials.client_id
    client: Client = await house.find(Client, client_id)
    disabled = msgspec.structs.replace(client, disabled=house.parts.engine.real_now())
    await house.put(disabled, client_id)
    house.parts.directory.forget()
    assert_gateway_refuses(await send(shop, request))


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each not in {"draft", "list agreements", "bulk"}]
)
async def test_what_is_somebody_elses_is_as_if_it_were_not_there(
    house: House, shop: Shop, operation: str
) -> None:
    request = await request_for(shop, operation)
    theirs = await house.shop()
    found = await send(theirs, request)
    assert (found.status, found.slug) == (404, "resource-not-found")
    empty = await (await house.shop()).house.shop()
    missing = await send(empty, request)
    assert without_request(found) == without_request(missing)
    assert (await send(shop, request)).status == request.status, "and nothing was done to it"


async def test_an_item_of_a_bulk_may_not_name_somebody_elses_agreement(
    house: House, shop: Shop
) -> None:
    request = await request_for(shop, "bulk")
    theirs = await house.shop()
    reply = await send(theirs, request)
    assert reply.status == 202
    assert reply.json["validCharges"] == []
    assert reply.json["invalidCharges"][0]["errors"] == ["Agreement not found."]


async def test_a_list_holds_nothing_of_anybody_else(house: House, shop: Shop) -> None:
    await shop.agreed()
    assert await (await house.shop()).agreements() == []


async def test_a_charge_is_found_under_its_own_agreement_alone(shop: Shop) -> None:
    one, other = await shop.agreed(), await shop.agreed()
    charge = await shop.charge(one)
    for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/capture"), ("POST", "/refund")):
        body = {"amount": 100, "description": "x"} if tail else None
        reply = await shop.send(method, f"/agreements/{other}/charges/{charge}{tail}", body)
        assert (reply.status, reply.slug) == (404, "resource-not-found")


# ── Tokens that are none ─────────────────────────────────────────────────────────────────────────


async def forged(house: House, shop: Shop, **changes: Any) -> str:
    """A token like one of ours, but for what is changed."""
    parts = house.parts
    now = int(parts.engine.real_now().timestamp())
    claims = {
        "iss": "avtale",
        "aud": "recurring",
        "sub": shop.credentials.client_id,
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    }
    key = changes.pop("key", parts.keys.derived("access token"))
    algorithm = changes.pop("algorithm", "HS256")
    claims |= changes
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm)


async def test_a_token_made_by_the_installation_is_good(house: House, shop: Shop) -> None:
    """The forgeries below differ from this one in what they say they do."""
    token = await forged(house, shop)
    assert (await shop.send("GET", "/agreements", Authorization=f"Bearer {token}")).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"a key that somebody guessed, of 32 bytes"},
        {"key": "", "algorithm": "none"},
        {"algorithm": "HS384", "key": b"another key, as long as that algorithm likes it to be"},
        {"iss": "somebody"},
        {"aud": "something"},
        {"sub": "another-client"},
        {"exp": None},
        {"nbf": None},
        {"sub": None},
        {"exp": 1},
        {"exp": 10**30},
        {"nbf": 4102444800},
    ],
)
async def test_a_token_that_is_not_as_we_make_them_is_none(
    house: House, shop: Shop, changes: dict[str, Any]
) -> None:
    token = await forged(house, shop, **changes)
    assert_not_authorized(await shop.send("GET", "/agreements", Authorization=f"Bearer {token}"))


async def test_a_token_that_was_tampered_with_is_none(shop: Shop) -> None:
    head, body, signature = (await shop.token()).split(".")
    other = "B" if signature.startswith("A") else "A"
    for token in (
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{other}{signature[1:]}",
        f"{head}.{body[:-4]}AAAA.{signature}",
        "x" * 5000,
        "é.è.ê",
    ):
        assert_not_authorized(
            await shop.send("GET", "/agreements", Authorization=f"Bearer {token}")
        )


# ── The order of refusals ────────────────────────────────────────────────────────────────────────


async def test_refusals_come_in_the_published_order(house: House, shop: Shop) -> None:
    """Each step mends what the step before was refused for, and meets the next."""
    agreement = await shop.agreed()
    other = await house.shop()
    path = f"/agreements/{agreement}/charges"
    body: Any = b"{"
    headers: dict[str, str | None] = {
        "Ocp_Apim_Subscription_Key": None,
        "Authorization": None,
        "Merchant_Serial_Number": other.msn,
        "Idempotency_Key": None,
        "Content_Type": "text/plain",
    }

    async def again() -> Reply:
        return await shop.send("POST", path, body, **headers)

    assert_gateway_refuses(await again())
    headers["Ocp_Apim_Subscription_Key"] = shop.credentials.subscription_key
    assert_not_authorized(await again())
    headers["Authorization"] = f"Bearer {await shop.token()}"
    assert_not_your_unit(await again())
    headers["Merchant_Serial_Number"] = shop.msn
    assert (await again()).slug == "idempotency-key-header"
    headers["Idempotency_Key"] = "key-of-this-test"
    assert ((await again()).status, (await again()).slug) == (415, "unsupported-media-type")
    headers["Content_Type"] = "application/json"
    assert ((await again()).status, (await again()).slug) == (400, "invalid-json")
    headers["Idempotency_Key"] = "key-of-this-test-2"
    body = {"amount": 1, "due": "2026-11-02", "description": "", "transactionType": "CASH"}
    path = "/agreements/agr_nowhere/charges"
    refused = await again()
    assert (refused.status, refused.slug) == (400, "validation-error")
    assert set(refused.faults) == {"amount", "description", "transactionType", "retryDays"}
    headers["Idempotency_Key"] = "key-of-this-test-3"
    body |= {"amount": 2_500_00, "description": "x", "transactionType": "DIRECT_CAPTURE"}
    body["retryDays"] = 0
    assert ((await again()).status, (await again()).slug) == (404, "resource-not-found")
    path = f"/agreements/{agreement}/charges"
    assert ((await again()).status, (await again()).slug) == (400, "charge-due-too-soon")


async def test_the_limit_comes_after_the_unit_and_before_the_idempotency_key() -> None:
    async with installation(vendor_limits=True) as house:
        shop, other = await house.shop(), await house.shop()
        agreement = await shop.agreed()
        path = f"/agreements/{agreement}"
        for _ in range(5):
            await shop.update(agreement, productName="Serie A")
        refused = await shop.send("PATCH", path, b"{", Idempotency_Key=None, Content_Type=None)
        assert refused.status == 429
        headers = {"Merchant_Serial_Number": other.msn}
        assert_not_your_unit(await shop.send("PATCH", path, b"{", **headers))


@pytest.mark.parametrize("path", ["/recurring/v3/nothing", "/recurring/v2/agreements", "/x"])
async def test_an_unknown_path_is_not_found_whoever_asks(shop: Shop, path: str) -> None:
    reply = await shop.raw("GET", path)
    assert (reply.status, reply.slug) == (404, "resource-not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/agreements", {"GET", "POST"}),
        ("PUT", "/agreements/agr_1", {"GET", "PATCH"}),
        ("GET", "/agreements/charges", {"POST"}),
        ("POST", "/agreements/agr_1/accept", {"PATCH"}),
        ("PATCH", "/agreements/agr_1/charges", {"GET", "POST"}),
        ("PATCH", "/agreements/agr_1/charges/x", {"GET", "DELETE"}),
        ("GET", "/agreements/agr_1/charges/x/capture", {"POST"}),
        ("DELETE", "/agreements/agr_1/charges/x/refund", {"POST"}),
        ("POST", "/charges/x", {"GET"}),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    shop: Shop, method: str, path: str, allowed: set[str]
) -> None:
    reply = await shop.send(method, path)
    assert (reply.status, reply.slug) == (405, "invalid-method")
    told = {each.strip() for each in reply.headers["Allow"].split(",")} - {"OPTIONS", "HEAD"}
    assert told == allowed
