"""Lists come in pages: charges by continuation token, agreements by number (api-facts 2.3, rulings §1)."""

from __future__ import annotations

import string
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from avtale.api.paging import Place, continuation_token
from avtale.instants import to_milliseconds
from tests.support import CHARGE, House, Reply, Shop

TOKEN = "Continuation-Token"


async def page(shop: Shop, agreement: str, token: str | None = None, query: str = "") -> Reply:
    """One page of an agreement's charges."""
    headers = {"Continuation_Token": token}
    return await shop.send("GET", f"/agreements/{agreement}/charges{query}", **headers)


async def pages(shop: Shop, agreement: str, query: str = "") -> list[list[str]]:
    """The ids on each page, to the last."""
    found, token = [], None
    while True:
        reply = await page(shop, agreement, token, query)
        assert reply.status == 200, reply.body
        found.append([charge["id"] for charge in reply.json])
        token = reply.headers.get(TOKEN)
        if token is None:
            return found


async def with_charges(shop: Shop, count: int, name: str = "order") -> str:
    """An agreement with so many charges, of which every third is cancelled."""
    agreement = await shop.agreed()
    for number in range(count):
        charge = await shop.charge(agreement, orderId=f"{name}-{number:04}")
        if number % 3 == 0:
            await shop.cancel(agreement, charge)
        if number % 2:
            await shop.clock.jumps(milliseconds=1)
    return agreement


# ── Charges ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_page_of_charges_holds_five_hundred(shop: Shop) -> None:
    agreement = await shop.agreed()
    items = [
        {**CHARGE, "agreementId": agreement, "orderId": f"order-{number:04}"}
        for number in range(1100)
    ]
    await shop.bulk(*items)
    await shop.clock.lets_work_be_done()
    found = await pages(shop, agreement)
    assert [len(ids) for ids in found] == [500, 500, 100]
    assert [*chain(*found)] == [item["orderId"] for item in items]


async def test_five_hundred_charges_are_one_page(shop: Shop) -> None:
    agreement = await shop.agreed()
    items = [
        {**CHARGE, "agreementId": agreement, "orderId": f"order-{number:04}"}
        for number in range(500)
    ]
    await shop.bulk(*items)
    await shop.clock.lets_work_be_done()
    reply = await page(shop, agreement)
    assert len(reply.json) == 500
    assert TOKEN not in reply.headers


async def test_a_unit_may_have_pages_of_another_size(house: House) -> None:
    shop = await house.shop(rules={"page_items": 3})
    agreement = await with_charges(shop, 10)
    found = await pages(shop, agreement)
    assert [len(ids) for ids in found] == [3, 3, 3, 1]


async def test_pages_hold_every_charge_once_oldest_first_though_some_are_equally_old(
    house: House,
) -> None:
    shop = await house.shop(rules={"page_items": 4})
    agreement = await with_charges(shop, 18)
    found = await pages(shop, agreement)
    assert [*chain(*found)] == [f"order-{n:04}" for n in range(18)]


async def test_a_charge_that_comes_meanwhile_shifts_no_page(house: House) -> None:
    shop = await house.shop(rules={"page_items": 2})
    agreement = await with_charges(shop, 5)
    first = await page(shop, agreement)
    await shop.clock.jumps(milliseconds=1)
    await shop.charge(agreement, orderId="newcomer")
    second = await page(shop, agreement, first.headers[TOKEN])
    assert [charge["id"] for charge in second.json] == ["order-0002", "order-0003"]


@pytest.mark.parametrize("parameter", ["status", "chargeStatus"])
async def test_a_list_of_one_status_is_paged_like_any_other(house: House, parameter: str) -> None:
    shop = await house.shop(rules={"page_items": 2})
    agreement = await with_charges(shop, 12)
    found = await pages(shop, agreement, f"?{parameter}=CANCELLED")
    assert found == [["order-0000", "order-0003"], ["order-0006", "order-0009"]]


async def test_every_charge_on_a_page_has_its_whole_history(house: House) -> None:
    shop = await house.shop(rules={"page_items": 2})
    agreement = await with_charges(shop, 4)
    reply = await page(shop, agreement)
    events = [[line["event"] for line in charge["history"]] for charge in reply.json]
    assert events == [["CREATE", "CANCEL"], ["CREATE"]]
    for charge in reply.json:
        assert charge == await shop.fetch(agreement, charge["id"])


async def test_an_agreement_without_charges_has_an_empty_list(shop: Shop) -> None:
    reply = await page(shop, await shop.agreed())
    assert (reply.json, TOKEN in reply.headers) == ([], False)


async def test_an_unknown_status_is_refused(shop: Shop) -> None:
    agreement = await shop.agreed()
    for query in ("?status=PAID", "?chargeStatus=PAID", "?status=charged", "?status=UNKNOWN"):
        reply = await page(shop, agreement, query=query)
        assert (reply.status, reply.slug) == (400, "validation-error")
        assert "CHARGED" in reply.faults["status"]


# ── Tokens that lead nowhere ─────────────────────────────────────────────────────────────────────


def assert_leads_nowhere(reply: Reply, word: str = "not one") -> None:
    """Refused for the token."""
    assert (reply.status, reply.slug) == (400, "validation-error"), reply.body
    assert word in reply.faults[TOKEN]


async def test_a_token_with_any_character_changed_leads_nowhere(house: House) -> None:
    shop = await house.shop(rules={"page_items": 1})
    agreement = await with_charges(shop, 2)
    token = (await page(shop, agreement)).headers[TOKEN]
    alphabet = string.ascii_letters + string.digits + "-_"
    for index, character in enumerate(token):
        other = alphabet[(alphabet.index(character) + 1) % 64]
        assert_leads_nowhere(
            await page(shop, agreement, f"{token[:index]}{other}{token[index + 1 :]}")
        )
    assert (await page(shop, agreement, token)).status == 200


async def test_a_token_that_is_longer_or_shorter_or_nonsense_leads_nowhere(house: House) -> None:
    shop = await house.shop(rules={"page_items": 1})
    agreement = await with_charges(shop, 2)
    token = (await page(shop, agreement)).headers[TOKEN]
    for other in (token[:-1], f"{token}A", f"{token}=", "", "nonsense", "é", "A" * 2000):
        assert_leads_nowhere(await page(shop, agreement, other))


async def test_a_token_is_good_for_its_own_list_alone(house: House) -> None:
    shop = await house.shop(rules={"page_items": 1})
    other_shop = await house.shop(rules={"page_items": 1})
    agreement, other = await with_charges(shop, 4), await with_charges(shop, 2, "other")
    token = (await page(shop, agreement)).headers[TOKEN]
    assert_leads_nowhere(await page(shop, other, token))
    assert_leads_nowhere(await page(shop, agreement, token, "?status=CANCELLED"))
    assert_leads_nowhere(await page(other_shop, await with_charges(other_shop, 2), token))
    of_status = (await page(shop, agreement, query="?status=PENDING")).headers[TOKEN]
    assert_leads_nowhere(await page(shop, agreement, of_status))
    assert (await page(shop, agreement, of_status, "?chargeStatus=PENDING")).status == 200


async def test_a_token_is_good_for_ten_minutes_of_real_time(house: House) -> None:
    shop = await house.shop(rules={"page_items": 1})
    agreement = await with_charges(shop, 2)
    now = house.parts.engine.real_now()
    place = Place(to_milliseconds((await shop.stored_charge("order-0000")).created), "order-0000")
    tokens: dict[int, Any] = {
        seconds: continuation_token(
            house.parts.keys, f"{shop.msn}/{agreement}/", place, now - timedelta(seconds=seconds)
        )
        for seconds in (0, 590, 601)
    }
    for seconds in (0, 590):
        reply = await page(shop, agreement, tokens[seconds])
        assert [charge["id"] for charge in reply.json] == ["order-0001"]
    assert_leads_nowhere(await page(shop, agreement, tokens[601]), "too old")


async def test_a_token_says_nothing_to_an_agreement_that_is_not_there(house: House) -> None:
    shop = await house.shop(rules={"page_items": 1})
    agreement = await with_charges(shop, 2)
    token = (await page(shop, agreement)).headers[TOKEN]
    reply = await page(shop, "agr_nowhere", token)
    assert (reply.status, reply.slug) == (404, "resource-not-found")


# ── Agreements ───────────────────────────────────────────────────────────────────────────────────


async def drafted(shop: Shop, count: int) -> list[str]:
    """So many agreements that wait for their payer, one each second."""
    ids = []
    for _ in range(count):
        ids.append((await shop.draft())["agreementId"])
        await shop.clock.advance(seconds=1)
    return ids


async def listed(shop: Shop, query: str) -> list[str]:
    """The ids on a page."""
    return [agreement["id"] for agreement in await shop.agreements(query)]


async def test_without_a_status_active_agreements_are_listed(shop: Shop) -> None:
    active = await shop.agreed()
    pending, stopped = (await drafted(shop, 1))[0], await shop.agreed()
    await shop.stop(stopped)
    assert await listed(shop, "") == [active]
    assert await listed(shop, "?status=PENDING") == [pending]
    assert await listed(shop, "?status=STOPPED") == [stopped]
    assert await listed(shop, "?status=EXPIRED") == []


async def test_agreements_are_paged_by_number_oldest_first(shop: Shop) -> None:
    ids = await drafted(shop, 5)
    assert await listed(shop, "?status=PENDING") == ids
    for number, expected in ((1, ids[:2]), (2, ids[2:4]), (3, ids[4:]), (4, [])):
        query = f"?status=PENDING&pageNumber={number}&pageSize=2"
        assert await listed(shop, query) == expected
    assert await listed(shop, "?status=PENDING&pageSize=2") == ids[:2]
    assert await listed(shop, "?status=PENDING&pageNumber=2") == []


async def test_a_page_of_agreements_has_the_size_of_the_rulebook(house: House) -> None:
    shop = await house.shop(rules={"page_items": 2})
    ids = await drafted(shop, 3)
    assert await listed(shop, "?status=PENDING") == ids[:2]
    assert await listed(shop, "?status=PENDING&pageSize=2000") == ids


async def test_created_after_is_in_milliseconds(shop: Shop) -> None:
    ids = await drafted(shop, 3)
    second = to_milliseconds(await shop.clock.now()) - 2000
    assert await listed(shop, f"?status=PENDING&createdAfter={second}") == ids[2:]
    assert await listed(shop, f"?status=PENDING&createdAfter={second - 1}") == ids[1:]
    assert await listed(shop, "?status=PENDING&createdAfter=0") == ids


async def test_a_listed_agreement_is_what_fetching_it_answers(shop: Shop) -> None:
    agreement = await shop.agreed(externalId="sub-1", scope="name")
    await shop.update(agreement, productName="Serie A")
    assert await shop.agreements() == [await shop.agreement(agreement)]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=DELETED", "status"),
        ("status=active", "status"),
        ("pageNumber=0", "pageNumber"),
        ("pageNumber=-1", "pageNumber"),
        ("pageNumber=one", "pageNumber"),
        ("pageNumber=1.0", "pageNumber"),
        ("pageNumber=99999999999999999999", "pageNumber"),
        ("pageSize=0", "pageSize"),
        ("pageSize=2001", "pageSize"),
        ("pageSize=%D9%A1", "pageSize"),
        ("createdAfter=yesterday", "createdAfter"),
        ("createdAfter=-1", "createdAfter"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_by_name(
    shop: Shop, query: str, name: str
) -> None:
    reply = await shop.send("GET", f"/agreements?{query}")
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert list(reply.faults) == [name]
