"""Whatever a merchant writes, the landing page shows it as text, and nobody is sent to a hostile place."""

from __future__ import annotations

import html
import re

from msgspec.structs import replace

from avtale.sales_units import SalesUnit
from tests import hostile_urls
from tests.hostile_strings import HOSTILE
from tests.support import Shop
from tests.visitors import Page, Visitor


def markup(page: Page) -> list[str]:
    """The tags and attributes of a page, without what stands between them or in values."""
    without_values = re.sub(r'"[^"]*"', '""', page.text)
    return re.findall(r"<[^>]*>", without_values)


async def test_there_are_two_hundred_of_them() -> None:
    assert len(set(HOSTILE)) >= 190


async def test_a_hostile_product_is_text(visitor: Visitor, shop: Shop) -> None:
    plain = markup(await landing(visitor, shop, "Premier League"))
    for text in HOSTILE:
        page = await landing(visitor, shop, text)
        assert page.heading == text, text
        assert markup(page) == plain, text


async def test_a_hostile_sales_unit_is_text(visitor: Visitor, shop: Shop) -> None:
    unit: SalesUnit = await shop.house.find(SalesUnit, shop.msn)
    plain = markup(await landing(visitor, shop, "Premier League"))
    for text in HOSTILE:
        await shop.house.put(replace(unit, name=text), shop.msn)
        page = await landing(visitor, shop, "Premier League")
        assert text in html.unescape(page.text), text
        assert markup(page) == plain, text


async def test_a_hostile_way_back_is_text(visitor: Visitor, shop: Shop) -> None:
    """Of those that are let in at all: most are refused when the agreement is drafted."""
    let_in = 0
    for text in HOSTILE:
        reply = await shop.send(
            "POST", "/agreements", shop.draft_body(merchantRedirectUrl=f"https://x.example/{text}")
        )
        if reply.status != 201:
            assert reply.slug == "validation-error"
            continue
        let_in += 1
        await shop.kari.rejects(reply.json["agreementId"])
        token = reply.json["vippsConfirmationUrl"].partition("token=")[2]
        page = await visitor.look(f"/landing/wait?token={token}")
        [target] = re.findall(r'http-equiv="refresh" content="0;url=([^"]*)"', page.text)
        assert html.unescape(target) == f"https://x.example/{text}"
        assert len(re.findall(r"<meta", page.text)) == len(
            re.findall(r"<meta", page.text.replace(target, ""))
        )
    assert let_in > 10


async def test_a_hostile_place_is_refused_when_the_agreement_is_drafted(shop: Shop) -> None:
    assert len(set(hostile_urls.HOSTILE)) > 50
    for url in hostile_urls.HOSTILE:
        for members in ({}, {"isApp": True}):
            body = shop.draft_body(merchantRedirectUrl=url, **members)
            reply = await shop.send("POST", "/agreements", body)
            assert reply.status == 400, url
            # A body with such a character in it is no text at all, wherever it stands.
            if "\x00" not in url:
                assert reply.slug == "validation-error", url
                assert [fault["name"] for fault in reply.json["extraDetails"]] == [
                    "merchantRedirectUrl"
                ]
    assert (await shop.send("GET", "/agreements?status=PENDING")).json == []


async def landing(visitor: Visitor, shop: Shop, product_name: str) -> Page:
    drafted = await shop.draft(productName=product_name)
    token = drafted["vippsConfirmationUrl"].partition("token=")[2]
    page = await visitor.look(f"/landing?token={token}")
    assert page.status == 200, product_name
    return page
