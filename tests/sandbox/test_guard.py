"""The control API is for whoever runs the installation, and for no other site's page."""

from collections.abc import AsyncIterator

import pytest

from avtale.sandbox.routes import CONTROL_ROUTES
from tests.sandbox.desk import Desk
from tests.support import House, Shop, installation

PATHS = sorted({route.template for route in CONTROL_ROUTES})


@pytest.fixture
async def production() -> AsyncIterator[Desk]:
    """An installation that moves real money."""
    async with installation(environment="production") as house:
        yield Desk(house)


def filled(template: str) -> str:
    """A path of the table with something in its variable parts."""
    return (
        template.removeprefix("/sandbox")
        # A stream that opens has no end, so this one is of a unit that is not there.
        .replace("{msn}/stream", "999999/stream")
        .replace("{msn}", "123456")
        .replace("{phone_number}", "4791234567")
        .replace("{agreement_id}", "agr_1234567")
        .replace("{charge_id}", "chr-1234567")
    )


@pytest.mark.parametrize("template", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_of_it_exists_in_production(
    production: Desk, template: str, method: str
) -> None:
    body = {"days": 1} if method in {"POST", "PUT", "PATCH"} else None
    reply = await production.send(method, filled(template), body)
    assert (reply.status, reply.slug) == (404, "resource-not-found")
    assert reply.headers["Content-Type"] == "application/problem+json"


async def test_production_tells_other_hosts_no_more(production: Desk) -> None:
    reply = await production.send("GET", "/sales-units", headers={"Host": "evil.example"})
    assert (reply.status, reply.slug) == (404, "resource-not-found")


@pytest.mark.parametrize("template", PATHS)
async def test_every_path_is_guarded(desk: Desk, template: str) -> None:
    for route in CONTROL_ROUTES:
        if route.template != template:
            continue
        path = filled(template)
        for header in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            reply = await desk.send(route.method, path, headers=header)
            assert (reply.status, reply.slug) == (403, None), (route.method, path, header)
        # Without those, the same request gets past the guard.
        assert (await desk.send(route.method, path)).status != 403


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.8.9.10:1",
        "localhost",
        "LOCALHOST:8080",
        "avtale.localhost:8080",
        "[::1]:8080",
        "avtale.test",
        "Avtale.Test:443",
    ],
)
async def test_this_machine_and_the_public_host_may_be_named(desk: Desk, host: str) -> None:
    assert (await desk.send("GET", "/sales-units", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:8080",
        "avtale.test.evil.example",
        "evilavtale.test",
        "192.168.1.7",
        "0.0.0.0",
        "169.254.169.254",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "evil.example/127.0.0.1",
        "127.0.0.1:port",
        "[::1",
        "",
        "127.0.0.1, evil.example",
    ],
)
async def test_no_other_host_may_be_named(desk: Desk, host: str) -> None:
    reply = await desk.send("GET", "/sales-units", headers={"Host": host})
    assert (reply.status, reply.slug) == (403, None)
    assert "public_url" in reply.detail


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:8080", "http://localhost:8080"),
        ("LOCALHOST:8080", "http://localhost:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("avtale.test", "https://avtale.test"),
        ("avtale.test", "https://avtale.test:443"),
        # A proxy in front speaks https, and names itself by an inner name behind it.
        ("localhost:8080", "https://avtale.test"),
    ],
)
async def test_our_own_pages_may_use_it(desk: Desk, host: str, origin: str) -> None:
    headers = {"Host": host, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
    reply = await desk.send("POST", "/sales-units/123456/clock/freeze", headers=headers)
    assert reply.status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://evil.example:8080",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:3000",
        "https://127.0.0.1",
        "http://localhost:8080",
        "http://127.0.0.1:8080.evil.example",
        "http://127.0.0.1:8080@evil.example",
        "https://avtale.test:8443",
        "file://",
        "chrome-extension://127.0.0.1:8080",
        "http://[::1",
        "http://127.0.0.1:8080/evil",
    ],
)
async def test_no_other_page_may_use_it(desk: Desk, shop: Shop, origin: str) -> None:
    for path, body in (
        (f"/sales-units/{shop.msn}/clock/advance", {"days": 1}),
        (f"/sales-units/{shop.msn}/reset", None),
    ):
        reply = await desk.send("POST", path, body, {"Origin": origin})
        assert (reply.status, reply.slug) == (403, None)
    assert (await desk.clock(shop))["now"] == "2026-11-02T09:30:00Z"


async def test_a_form_of_another_site_is_refused_although_it_says_no_origin(desk: Desk) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        reply = await desk.send("POST", "/sales-units/123456/reset", headers=headers)
        assert reply.status == 403
        assert (await desk.send("GET", "/sales-units", headers=headers)).status == 200


async def test_the_api_itself_takes_any_host(house: House, shop: Shop) -> None:
    """Merchants reach it by whatever name their network gives it, and bring keys."""
    reply = await shop.raw("GET", "/recurring/v3/agreements", headers={"Host": "evil.example"})
    assert reply.status == 401


async def test_what_is_not_there_is_told_like_everywhere(desk: Desk) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "", 404),
        ("PUT", "/payers", 405),
        ("DELETE", "/sales-units", 405),
        ("GET", "/sales-units/123456/clock/advance", 405),
    ):
        reply = await desk.send(method, path)
        assert reply.status == status, (method, path)
        assert reply.json["contextId"] == reply.headers["X-Request-Id"]
    reply = await desk.send("GET", "/sales-units/123456/clock/advance")
    assert reply.headers["Allow"].split(", ") == ["POST", "OPTIONS"]


@pytest.mark.parametrize("template", PATHS)
async def test_every_route_of_the_table_is_there_and_nothing_else(
    desk: Desk, template: str
) -> None:
    allowed = {route.method for route in CONTROL_ROUTES if route.template == template}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        reply = await desk.send(method, filled(template))
        assert (reply.status == 405) is (method not in allowed), (method, template)


async def test_a_body_that_is_too_large_is_refused(desk: Desk) -> None:
    reply = await desk.send("PUT", "/payers/4791234567", b'{"name": "' + b"x" * 70_000 + b'"}')
    assert reply.status == 413


async def test_nothing_a_stranger_sends_is_echoed(desk: Desk) -> None:
    secret = "correct-horse-battery"
    body = {"name": "Ola Nordmann", "nin": f"{secret}!", "source": {"kind": secret}}
    reply = await desk.send("PUT", "/payers/4791234567", body)
    assert reply.status == 400
    assert secret not in reply.body.decode()
