"""The dashboard from a hostile side."""

from __future__ import annotations

import pytest

from tests.dashboard.looking import Looking
from tests.support import House, Shop

PATHS = [
    "",
    "/agreements",
    "/charges",
    "/requests",
    "/webhooks",
    "/payers",
    "/clock",
    "/checklist",
    "/settings",
    "/acts",
]


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_keeps_strangers_out(looking: Looking, path: str) -> None:
    headers = (await looking.at(path)).headers
    policy = headers["Content-Security-Policy"]
    for part in (
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_stands_inline(looking: Looking, path: str) -> None:
    text = (await looking.at(path)).text
    for inline in (" style=", "<style", " onclick=", "javascript:", "<script>"):
        assert inline not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
async def test_a_page_of_another_site_moves_no_clock(
    shop: Shop, looking: Looking, headers: dict[str, str]
) -> None:
    before = await shop.clock.now()
    fields = (await looking.at("/clock")).form("/clock") | {"do": "week"}
    page = await looking.send(looking.base + "/clock", fields, **headers)
    assert page.status == 403
    assert await shop.clock.now() == before


async def test_a_form_is_good_for_its_own_unit_alone(house: House, looking: Looking) -> None:
    other = Looking(house, await house.shop())
    fields = (await looking.at("/clock")).form("/clock") | {"do": "week"}
    assert (await other.send(other.base + "/clock", fields)).status == 403
    assert (await other.send(other.base + "/clock", {"do": "week"})).status == 403


async def test_no_link_puts_words_of_its_own_on_a_page(looking: Looking) -> None:
    page = await looking.at("?told=Call+this+number+at+once")
    assert "Call this number" not in page.words


async def test_a_name_that_is_not_ours_sees_nothing(looking: Looking) -> None:
    for path in ("/", looking.base):
        page = await looking.look(path, Host="evil.example")
        assert page.status == 403


async def test_the_keys_of_a_unit_of_ones_own_are_nowhere(shop: Shop, looking: Looking) -> None:
    await shop.agreed()
    for path in PATHS:
        text = (await looking.at(path)).text
        assert shop.credentials.client_secret not in text
        assert shop.credentials.subscription_key not in text
