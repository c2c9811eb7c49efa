"""Bodies are read strictly, and whoever sends one is told all that is wrong with it at once (rulings §5)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from avtale.rulebook import Environment
from tests.support import INITIAL, Shop, installation


async def test_optional_members_may_be_null(shop: Shop) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        [
            "interval",
            "campaign",
            "initialCharge",
            "phoneNumber",
            "scope",
            "externalId",
            "productDescription",
            "paymentMethod",
            "isApp",
            "skipLandingPage",
        ]
    )
    pricing = {"type": None, "amount": 499_00, "currency": "NOK", "suggestedMaxAmount": None}
    agreement = await shop.agreement((await shop.draft(**nothing, pricing=pricing))["agreementId"])
    assert agreement["pricing"]["type"] == "LEGACY"
    assert agreement["interval"] is None


async def test_members_that_nobody_knows_are_ignored(shop: Shop) -> None:
    drafted = await shop.draft(
        countryCode="NO",
        status="ACTIVE",
        id="agr_mine",
        initialCharge={**INITIAL, "currency": "NOK", "captured": 1},
        nonsense={"deep": [1, 2, {"er": None}]},
    )
    agreement = await shop.agreement(drafted["agreementId"])
    assert agreement["status"] == "PENDING"
    assert agreement["id"] != "agr_mine"


@pytest.mark.parametrize("amount", [True, 1.0, "100", "٤٢", [], {}, 2**31, -1, 0, 99])
async def test_an_amount_is_a_whole_number_of_enough(shop: Shop, amount: Any) -> None:
    pricing = {"type": "LEGACY", "amount": amount, "currency": "NOK"}
    reply = await shop.send("POST", "/agreements", shop.draft_body(pricing=pricing))
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert list(reply.faults) == ["pricing.amount"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nonsense",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b"[" * 100_00 + b"]" * 100_00,
        b'{"a": 1e999}',
        b'{"a": ' + b"1" * 5000 + b"}",
    ],
)
async def test_what_is_not_strict_json_is_refused_as_such(shop: Shop, body: bytes) -> None:
    reply = await shop.send("POST", "/agreements", body)
    assert (reply.status, reply.slug) == (400, "invalid-json"), reply.body


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1", b"true"])
async def test_a_body_is_an_object(shop: Shop, body: bytes) -> None:
    reply = await shop.send("POST", "/agreements", body)
    assert (reply.status, reply.slug) == (400, "validation-error")


async def test_a_body_may_be_64_kib_and_no_more(shop: Shop) -> None:
    short = json.dumps(shop.draft_body()).encode()
    exactly = short + b" " * (64 * 1024 - len(short))
    assert (await shop.send("POST", "/agreements", exactly)).status == 201
    assert (await shop.send("POST", "/agreements", exactly + b" ")).status == 413


async def test_all_faults_are_told_at_once_shape_and_rules_together(shop: Shop) -> None:
    reply = await shop.send(
        "POST",
        "/agreements",
        {
            "pricing": {"type": "LEGACY", "currency": "DKK"},
            "interval": {"unit": "CENTURY", "count": 0},
            "merchantRedirectUrl": "ftp://news.example",
            "productName": "x" * 46,
            "productDescription": "x" * 101,
            "externalId": "",
            "scope": "name shoeSize",
            "skipLandingPage": True,
            "phoneNumber": "abc",
            "campaign": {"type": "PRICE_CAMPAIGN", "price": -1, "end": "tomorrow"},
            "paymentMethod": {"blockedSources": ["CASH"]},
        },
    )
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert set(reply.faults) == {
        "pricing.amount",
        "pricing.currency",
        "interval.unit",
        "interval.count",
        "merchantRedirectUrl",
        "merchantAgreementUrl",
        "productName",
        "productDescription",
        "externalId",
        "scope",
        "phoneNumber",
        "campaign.price",
        "campaign.end",
        "paymentMethod.blockedSources.0",
    }


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://user@news.example",
        "https://news.example\\evil",
        "https://news.example/\n",
        "http://news.example",
        "//news.example",
        "news.example",
        "",
        "https://" + "x" * 2050,
    ],
)
async def test_a_payer_is_sent_to_no_such_url(shop: Shop, url: str) -> None:
    reply = await shop.send("POST", "/agreements", shop.draft_body(merchantRedirectUrl=url))
    assert (reply.status, list(reply.faults)) == (400, ["merchantRedirectUrl"])


@pytest.mark.parametrize(("environment", "status"), [("test", 201), ("production", 400)])
async def test_plain_http_on_this_machine_is_for_testing(
    environment: Environment, status: int
) -> None:
    async with installation(environment=environment) as house:
        shop = await house.shop()
        for host in ("localhost:3000", "127.0.0.1"):
            body = shop.draft_body(merchantRedirectUrl=f"http://{host}/back?x=1#y")
            assert (await shop.send("POST", "/agreements", body)).status == status


async def test_where_a_payer_goes_back_to_is_kept_exactly_as_given(shop: Shop) -> None:
    url = "https://news.example/back?order=1&x=%20y#fragment"
    agreement = (await shop.draft(merchantRedirectUrl=url))["agreementId"]
    assert (await shop.agreement(agreement))["merchantRedirectUrl"] == url


async def test_campaigns_are_for_legacy_pricing(shop: Shop) -> None:
    campaign = {"type": "PRICE_CAMPAIGN", "price": 1, "end": "2026-12-06T12:00:00Z"}
    pricings: list[dict[str, Any]] = [
        {"type": "FLEXIBLE", "currency": "NOK"},
        {"type": "VARIABLE", "suggestedMaxAmount": 100_00, "currency": "NOK"},
    ]
    for pricing in pricings:
        body = shop.draft_body(pricing=pricing, campaign=campaign)
        reply = await shop.send("POST", "/agreements", body)
        assert (reply.status, list(reply.faults)) == (400, ["campaign"])
