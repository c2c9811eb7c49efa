"""Real clients send all sorts; what does no harm is put up with (rulings §3)."""

from __future__ import annotations

import msgspec
import pytest

from tests.api.requests import OPERATIONS, READS, WRITES, request_for, send
from tests.support import Shop


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_word_may_be_written_in_any_case(shop: Shop, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {await shop.token()}"}
    assert (await shop.send("GET", "/agreements", **headers)).status == 200


async def test_header_names_may_be_written_in_any_case(shop: Shop) -> None:
    sent = await shop.headers(Idempotency_Key=None)
    for spelled in (str.lower, str.upper, str.title):
        headers = {spelled(name): value for name, value in sent.items()}
        reply = await shop.raw("GET", "/recurring/v3/agreements", headers=headers)
        assert reply.status == 200


@pytest.mark.parametrize("operation", READS)
async def test_a_read_puts_up_with_headers_and_bodies_that_mean_nothing(
    shop: Shop, operation: str
) -> None:
    request = await request_for(shop, operation)
    for body in (b"", b"{}", b"[]", b"nonsense"):
        reply = await send(
            shop,
            request,
            body,
            Idempotency_Key="some-key",
            Content_Type="text/plain",
            Vipps_System_Name="",
            Vipps_System_Version="",
            Vipps_System_Plugin_Name="",
            Vipps_System_Plugin_Version="",
        )
        assert reply.status == 200, reply.body


async def test_a_cancel_puts_up_with_a_body_of_any_kind(shop: Shop) -> None:
    agreement = await shop.agreed()
    for body in (None, b"", b"{}", b"[]", b"nonsense"):
        charge = await shop.charge(agreement)
        for media_type in ("application/json", None, "text/plain"):
            path = f"/agreements/{agreement}/charges/{charge}"
            reply = await shop.send("DELETE", path, body, Content_Type=media_type, key=charge)
            assert reply.status == 204, reply.body


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("spelling", ["/{}/", "//{}", "///{}/"])
async def test_a_path_may_end_with_a_slash_and_begin_with_two(
    shop: Shop, operation: str, spelling: str
) -> None:
    request = await request_for(shop, operation)
    path = spelling.format(f"recurring/v3{request.path}")
    headers = await shop.headers()
    content = msgspec.json.encode(request.body) if request.body is not None else None
    # The client would take two slashes for a host, so the whole address is written out.
    reply = await shop.raw(
        request.method, f"http://avtale.test{path}", headers=headers, content=content
    )
    assert reply.status == request.status, reply.body


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;x=y"]
)
async def test_json_may_be_declared_in_several_ways(
    shop: Shop, operation: str, media_type: str
) -> None:
    request = await request_for(shop, operation)
    assert (await send(shop, request, Content_Type=media_type)).status == request.status


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/*",
        "application/json",
        "application/problem+json",
        "application/json, text/plain, */*",
        "text/html;q=0.9, application/json;q=0.1",
        "text/html, */*;q=0.01",
    ],
)
async def test_whoever_takes_json_is_answered(shop: Shop, accept: str | None) -> None:
    assert (await shop.send("GET", "/agreements", Accept=accept)).status == 200


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/xml", "image/*", "application/json;q=0", "*/*;q=0, text/html"],
)
async def test_whoever_takes_no_json_is_refused(shop: Shop, accept: str) -> None:
    reply = await shop.send("GET", "/agreements", Accept=accept)
    assert (reply.status, reply.slug) == (406, "not-acceptable")
