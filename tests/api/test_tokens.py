"""Access tokens: seven strings for a client id and secret, and refusals in the shape of OAuth (rulings §3)."""

from __future__ import annotations

from typing import Any

import jwt
import msgspec
import pytest

from avtale.clients import Client, SubscriptionKey
from avtale.operations.sales_units import PUBLIC_CREDENTIALS
from avtale.rulebook import Environment
from tests.support import House, Reply, Shop, installation

PATH = "/accesstoken/get"
MEMBERS = {
    "token_type",
    "expires_in",
    "ext_expires_in",
    "expires_on",
    "not_before",
    "resource",
    "access_token",
}


def keys_of(shop: Shop, **changes: str | None) -> dict[str, str]:
    """The headers that ask for a token; None leaves one out."""
    sent: dict[str, str | None] = {
        "client_id": shop.credentials.client_id,
        "client_secret": shop.credentials.client_secret,
        "Ocp-Apim-Subscription-Key": shop.credentials.subscription_key,
    }
    sent |= {name.replace("__", "-"): value for name, value in changes.items()}
    return {name: value for name, value in sent.items() if value is not None}


async def fetch(shop: Shop, path: str = PATH, **changes: str | None) -> Reply:
    """Ask for a token."""
    return await shop.raw("POST", path, headers=keys_of(shop, **changes))


# ── What comes back ──────────────────────────────────────────────────────────────────────────────


async def test_a_token_comes_as_seven_strings(shop: Shop) -> None:
    reply = await fetch(shop)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert set(reply.json) == MEMBERS
    assert {type(value) for value in reply.json.values()} == {str}
    assert reply.json["token_type"] == "Bearer"


@pytest.mark.parametrize(("environment", "seconds"), [("test", 3600), ("production", 86400)])
async def test_a_token_lives_an_hour_in_test_and_a_day_in_production(
    environment: Environment, seconds: int
) -> None:
    async with installation(environment=environment) as house:
        token = (await fetch(await house.shop())).json
        assert token["expires_in"] == str(seconds)
        assert int(token["expires_on"]) - int(token["not_before"]) == seconds


async def test_the_token_is_a_signed_jwt_that_says_the_same(house: House, shop: Shop) -> None:
    token = (await fetch(shop)).json
    claims = jwt.decode(
        token["access_token"],
        house.parts.keys.derived("access token"),
        algorithms=["HS256"],
        audience="recurring",
    )
    assert claims["sub"] == shop.credentials.client_id
    assert str(claims["exp"]) == token["expires_on"]
    assert str(claims["nbf"]) == token["not_before"]
    assert shop.credentials.client_secret not in token["access_token"]


async def test_the_lifetime_of_a_token_is_counted_in_real_time(shop: Shop) -> None:
    await shop.token()
    await shop.clock.advance(days=400)
    assert (await shop.send("GET", "/agreements")).status == 200


async def test_an_older_token_stays_good_when_a_new_one_is_fetched(shop: Shop) -> None:
    older = (await fetch(shop)).json["access_token"]
    newer = (await fetch(shop)).json["access_token"]
    for token in (older, newer):
        reply = await shop.send("GET", "/agreements", Authorization=f"Bearer {token}")
        assert reply.status == 200


async def test_the_ready_made_keys_of_a_fresh_installation_work(house: House) -> None:
    assert (await fetch(await house.public_shop())).status == 200


async def test_the_ready_made_keys_do_not_exist_in_production() -> None:
    async with installation(environment="production") as house:
        shop = await house.shop()
        keys = PUBLIC_CREDENTIALS
        reply = await fetch(shop, client_id=keys.client_id, client_secret=keys.client_secret)
        assert reply.status == 400
        reply = await fetch(shop, Ocp__Apim__Subscription__Key=keys.subscription_key)
        assert reply.status == 401


async def test_a_second_subscription_key_is_as_good_as_the_first(house: House, shop: Shop) -> None:
    second = "s" * 32
    hashed = house.parts.keys.hashed("subscription key", second)
    row = SubscriptionKey(hashed, shop.credentials.client_id, house.parts.engine.real_now())
    client_row: Client = await house.find(Client, shop.credentials.client_id)
    assert client_row.kind == "MERCHANT"
    await house.put(row, hashed)
    assert (await fetch(shop, Ocp__Apim__Subscription__Key=second)).status == 200


# ── What is put up with ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "/accesstoken/get",
        "/accessToken/get",
        "/AccessToken/Get",
        "/ACCESSTOKEN/GET",
        "/accessToken/get/",
        "//accessToken/get",
        "///accesstoken/get/",
    ],
)
async def test_the_path_is_written_in_any_case(shop: Shop, path: str) -> None:
    assert (await fetch(shop, f"http://avtale.test{path}")).status == 200


@pytest.mark.parametrize("content", [None, b"", b"{}", b"nonsense", b"\xff\xfe"])
@pytest.mark.parametrize("media_type", [None, "application/json", "text/plain", "nonsense"])
async def test_body_and_media_type_are_ignored(
    shop: Shop, content: bytes | None, media_type: str | None
) -> None:
    headers = keys_of(shop, Content__Type=media_type)
    assert (await shop.raw("POST", PATH, headers=headers, content=content)).status == 200


@pytest.mark.parametrize("authorization", ["Bearer ", "Bearer", "Bearer old", "Basic x", ""])
async def test_authorization_is_ignored(shop: Shop, authorization: str) -> None:
    assert (await fetch(shop, Authorization=authorization)).status == 200


@pytest.mark.parametrize("msn", ["999999", "", "nonsense"])
async def test_no_serial_number_is_needed_and_none_is_looked_at(shop: Shop, msn: str) -> None:
    assert (await fetch(shop, Merchant__Serial__Number=msn)).status == 200


async def test_a_partner_fetches_tokens_like_anybody_else(house: House, shop: Shop) -> None:
    unit = await house.parts.clocks.show(shop.msn)
    partner = Shop(house, unit, await house.partner(shop))
    assert (await fetch(partner)).status == 200


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────


def assert_oauth(reply: Reply, status: int, error: str) -> None:
    """The shape of OAuth, and no word of what was sent."""
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json["error"] == error
    assert reply.json["error_description"]
    assert reply.json["correlation_id"] == reply.headers["X-Request-Id"]


async def test_an_unknown_client_id_is_an_unauthorized_client(shop: Shop) -> None:
    for client_id in ("4204662b-0000-0000-0000-000000000000", "nonsense", "é"):
        reply = await fetch(shop, client_id=client_id)
        assert_oauth(reply, 400, "unauthorized_client")
        assert client_id not in reply.body.decode()


async def test_a_wrong_secret_is_an_invalid_client(shop: Shop) -> None:
    other = shop.credentials.client_secret[:-2] + "x="
    for client_secret in ("wrong", other, "é"):
        reply = await fetch(shop, client_secret=client_secret)
        assert_oauth(reply, 401, "invalid_client")
        assert client_secret not in reply.body.decode()


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
@pytest.mark.parametrize("value", [None, ""])
async def test_a_missing_header_is_named(shop: Shop, name: str, value: str | None) -> None:
    changes: dict[str, Any] = {name: value}
    reply = await fetch(shop, **changes)
    assert (reply.status, reply.slug) == (400, "missing-request-header")
    assert name in reply.detail


async def test_a_missing_or_wrong_subscription_key_is_refused_by_the_gateway(shop: Shop) -> None:
    for key in (None, "", "0" * 32):
        reply = await fetch(shop, Ocp__Apim__Subscription__Key=key)
        assert reply.status == 401
        assert reply.json["responseInfo"]["responseCode"] == 401
        assert "subscription key" in reply.json["result"]["message"]


async def test_the_gateway_looks_at_the_subscription_key_before_anything_else(
    shop: Shop,
) -> None:
    reply = await fetch(
        shop, client_id="nobody", client_secret="x", Ocp__Apim__Subscription__Key="0" * 32
    )
    assert "result" in reply.json


async def test_the_subscription_key_of_another_unit_is_wrong(house: House, shop: Shop) -> None:
    other = await house.shop()
    reply = await fetch(shop, Ocp__Apim__Subscription__Key=other.credentials.subscription_key)
    assert reply.status == 401
    assert "access_token" not in reply.body.decode()


async def test_credentials_that_were_disabled_get_no_token(house: House, shop: Shop) -> None:
    client: Client = await house.find(Client, shop.credentials.client_id)
    disabled = msgspec.structs.replace(client, disabled=house.parts.engine.real_now())
    await house.put(disabled, client.client_id)
    house.parts.directory.forget()
    assert (await fetch(shop)).status == 401


async def test_a_get_is_a_wrong_method(shop: Shop) -> None:
    reply = await shop.raw("GET", PATH, headers=keys_of(shop))
    assert (reply.status, reply.slug) == (405, "invalid-method")
    assert "POST" in reply.headers["Allow"]
