"""What the pages show."""

from __future__ import annotations

import re

import pytest

from tests.dashboard.looking import Looking
from tests.support import House, Shop

PAGES = [
    "",
    "/agreements",
    "/charges",
    "/requests",
    "/webhooks",
    "/payers",
    "/clock",
    "/clock?days=30",
    "/checklist",
    "/snapshots",
    "/settings",
    "/acts",
]


async def lived_in(house: House, shop: Shop) -> tuple[str, str]:
    """An agreement, and a charge of it that is captured and partly refunded; another that failed."""
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, description="November")
    failed_id = await shop.charge(agreement_id, description="Opera", retryDays=0)
    await shop.next_attempts(failed_id, "insufficient_funds", "insufficient_funds")
    await shop.clock.advance(days=5)
    await shop.refund(agreement_id, charge_id, 100_00)
    return agreement_id, charge_id


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_there_before_anything_has_happened(
    looking: Looking, path: str
) -> None:
    assert (await looking.at(path)).heading


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_there_when_much_has_happened(stored_house: House, path: str) -> None:
    shop = await stored_house.shop()
    await lived_in(stored_house, shop)
    assert (await Looking(stored_house, shop).at(path)).heading


async def test_the_overview_says_what_failed_and_what_is_to_come(
    house: House, shop: Shop, looking: Looking
) -> None:
    agreement_id, _ = await lived_in(house, shop)
    due = await shop.in_days(10)
    await shop.charge(agreement_id, description="December", due=due)
    words = (await looking.at()).words
    assert "Failed, last 14 days 1 499 kr" in words
    assert "Opera" in words
    assert "Active agreements 1" in words
    assert re.search(r"Coming Day Charges Amount \w+ \d+ \w+ 2026 1 499 kr", words)


async def test_the_chart_stands_for_every_charge(
    house: House, shop: Shop, looking: Looking
) -> None:
    await lived_in(house, shop)
    page = await looking.at()
    assert re.search(
        r"<title>2026-11-0\d: 2 charges, 998 kr; 1 paid or reserved; 1 failed</title>", page.text
    )


async def test_an_agreement_that_nobody_charges_is_silent(shop: Shop, looking: Looking) -> None:
    await shop.agreed()
    assert "Every active agreement was charged" in (await looking.at()).words
    await shop.clock.advance(days=40)
    assert "1 active agreements went a whole interval" in (await looking.at()).words


async def test_a_charge_shows_its_money_and_why_it_is_so(
    house: House, shop: Shop, looking: Looking
) -> None:
    _, charge_id = await lived_in(house, shop)
    page = await looking.at(f"/charges/{charge_id}")
    assert "PARTIALLY_REFUNDED" in page.words
    assert "captured 399 kr refunded 100 kr" in page.words
    assert "Nothing happens by itself; 399 kr can be refunded." in page.words
    assert page.words.index("was created") < page.words.index("was captured")


async def test_an_agreement_shows_its_charges_and_its_life(
    house: House, shop: Shop, looking: Looking
) -> None:
    agreement_id, charge_id = await lived_in(house, shop)
    words = (await looking.at(f"/agreements/{agreement_id}")).words
    assert charge_id in words
    assert "The payer said yes: the agreement is ACTIVE." in words


async def test_of_a_payer_only_the_ends_of_the_number_are_shown(
    house: House, shop: Shop, looking: Looking
) -> None:
    agreement_id = await shop.agreed()
    page = await looking.at(f"/agreements/{agreement_id}")
    assert "+4791" in page.words
    assert "4791234567" not in page.text.replace("/phone/4791234567", "")


async def test_requests_say_what_a_refusal_means(shop: Shop, looking: Looking) -> None:
    agreement_id = await shop.agreed()
    await shop.send("POST", f"/agreements/{agreement_id}/charges", {"amount": 1})
    words = (await looking.at("/requests?status=4xx")).words
    assert "validation-error" in words
    assert "missing, out of bounds, or does not go together" in words
    assert "draft_agreement POST" not in words


async def test_no_page_of_another_unit_shows_what_is_ours(
    house: House, shop: Shop, looking: Looking
) -> None:
    agreement_id, charge_id = await lived_in(house, shop)
    stranger = Looking(house, await house.shop())
    for path in (
        f"/agreements/{agreement_id}",
        f"/charges/{charge_id}",
        f"/charges/{charge_id}/refund",
    ):
        page = await stranger.look(stranger.base + path)
        assert page.status == 404, path
    assert charge_id not in (await stranger.at("/charges")).text
    found = (await stranger.at(f"/agreements?q={agreement_id}")).words
    assert f"Nothing was found for “{agreement_id}”." in found


async def test_a_unit_that_is_not_there_has_no_dashboard(looking: Looking) -> None:
    page = await looking.look("/units/999999")
    assert page.status == 404
    assert "text/html" in page.headers["Content-Type"]


async def test_the_root_leads_to_the_only_unit_or_lists_them(
    guarded_house: House, house: House, shop: Shop, looking: Looking
) -> None:
    page = await looking.look("/")
    assert page.status == 200
    assert f"/units/{shop.msn}" in page.text
    assert "/units/123456" in page.text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt;"]
)
async def test_what_merchants_write_stays_text(shop: Shop, looking: Looking, name: str) -> None:
    agreement_id = await shop.agreed(productName=name[:45], externalId=name[:60])
    await shop.charge(agreement_id, description=name)
    for path in ("", "/agreements", f"/agreements/{agreement_id}", "/charges"):
        page = await looking.at(path)
        assert name not in page.text, path
    assert name[:45] in (await looking.at("/agreements")).words
