"""Pages are light and quick, and hear of what has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from avtale.charges.charge import Charge
from avtale.pages.streams import Digest
from avtale.sales_units import SalesUnit
from tests.phone.asking import VARIABLE, asks, page_of, rooms_of
from tests.phone.browsing import Page, Phone
from tests.support import INITIAL, MONDAY, House, Shop

MOST_BYTES = 100_000
MOST_SECONDS = 0.1
MANY = 500


async def weight(phone: Phone, page: Page) -> int:
    """The bytes of a page and of all that it loads."""
    loaded = {
        each.attributes.get("src") or each.attributes.get("href", "")
        for each in page.root.all("script", "link", "img")
    }
    assert all(path.startswith("/assets/") for path in loaded)
    return len(page.html.encode()) + sum([len((await phone.http.get(p)).content) for p in loaded])


async def test_a_phone_with_hundreds_of_agreements_is_light_and_quick(
    shop: Shop, kari: Phone, record_property: Callable[[str, object], None]
) -> None:
    agreement_id = await shop.agreed(pricing=VARIABLE)
    for number in range(MANY - 1):
        agreement_id = await shop.agreed(productName=f"Number {number}", pricing=VARIABLE)
        if number % 5 == 0:
            await shop.charge(agreement_id, amount=100_00, due=await shop.in_days(3))
    await kari.presses("Empty it", "/me")
    await shop.clock.advance(days=5)
    await asks(shop)
    for path in ("", "/agreements", "/notices", "/me", page_of(shop, agreement_id)):
        page = await kari.shows(path)
        assert await weight(kari, page) < MOST_BYTES, path
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            await kari.http.get(kari.base + path)
            seconds.append(time.perf_counter() - began)
        shown = path.replace(agreement_id, "{agreementId}").replace(shop.msn, "{msn}")
        record_property(
            "figure",
            f"phone with {MANY} agreements, {shown or '/'}: {min(seconds) * 1000:.0f} ms, "
            f"{await weight(kari, page) / 1000:.0f} kB in all",
        )
        assert min(seconds) < MOST_SECONDS, path


async def test_the_list_of_phones_is_light(house: House, shop: Shop, kari: Phone) -> None:
    for number in range(80):
        await asks(shop, f"47910000{number:02}")
    assert await weight(kari, await kari.opens("/phone")) < MOST_BYTES


# ── what a page that listens hears of ──


@pytest.fixture
def digest(house: House, kari: Phone) -> Digest:
    """What Kari's phone shows, in a word."""
    return rooms_of(house).digest(kari.phone_number)


async def test_it_hears_of_all_that_happens(
    house: House, shop: Shop, kari: Phone, digest: Digest
) -> None:
    heard = [await digest()]

    async def hears() -> None:
        heard.append(await digest())
        assert heard[-1] != heard[-2]

    agreement_id = await asks(shop, pricing=VARIABLE, initialCharge=INITIAL)
    await hears()
    await kari.approves()
    await hears()
    (charge,) = await shop.charges(agreement_id)
    for _ in range(2):
        await shop.refund(agreement_id, charge["id"], 1_00)
        await hears()
    await kari.presses("Set the maximum", page_of(shop, agreement_id), amount="300")
    await hears()
    await kari.presses("Turn on", page_of(shop, agreement_id))
    await hears()
    charge_id = await shop.charge(agreement_id, amount=100_00, due=await shop.in_days(2))
    await hears()
    await shop.clock.advance(days=1)
    await hears()
    await shop.update(agreement_id, productName="Darts")
    await hears()
    await kari.presses("Empty it", "/me")
    await hears()
    await shop.cancel(agreement_id, charge_id)
    await hears()
    await shop.stop(agreement_id)
    await hears()
    await kari.presses("Delete profile", "/me")
    await hears()
    assert (await house.find(Charge, shop.msn, charge_id)).status == "CANCELLED"


async def test_it_hears_of_nothing_where_nothing_happens(
    shop: Shop, kari: Phone, ola: Phone, digest: Digest
) -> None:
    await asks(shop)
    before = await digest()
    await asks(shop, ola.phone_number)
    await ola.approves()
    assert await digest() == before


async def test_it_hears_of_time_that_runs_out_while_nothing_happens(
    house: House, shop: Shop, kari: Phone, digest: Digest
) -> None:
    await asks(shop)
    unit = await house.find(SalesUnit, shop.msn)
    closes_at = MONDAY + timedelta(minutes=10)
    almost = closes_at - timedelta(seconds=62)
    await house.put(unit.running_from(almost, house.parts.engine.real_now()), shop.msn)
    before = await digest()
    give_up = time.monotonic() + 10
    while await digest() == before:
        assert time.monotonic() < give_up, "the page would say 2 minutes for ever"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("path", ["", "/agreements?skip=40&lang=nb", "/me?told=saved"])
async def test_a_page_is_fetched_anew_from_where_it_is(kari: Phone, path: str) -> None:
    page = await kari.shows(path)
    assert next(page.root.all("main")).attributes["hx-get"] == kari.base + path
