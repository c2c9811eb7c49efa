"""A request on the phone says all that is asked, and is answered there once."""

from __future__ import annotations

import asyncio

import pytest

from tests.phone.asking import VARIABLE, asks, landing_path, make_payer
from tests.phone.browsing import Browser, Phone
from tests.support import INITIAL, KARI, House, Shop

EVENT = {"type": "EVENT_CAMPAIGN", "price": 1_00, "eventDate": "2027-03-01T12:00:00Z"}


async def test_it_says_who_asks_for_what(shop: Shop, kari: Phone) -> None:
    await asks(
        shop,
        productDescription="All matches",
        interval={"unit": "MONTH", "count": 2},
        scope="name address",
    )
    said = (await kari.shows()).articles()["Premier League"].text
    for words in (
        "Nordic News",
        "All matches",
        "499 kr every 2 months",
        "Shared with Nordic News Name Address",
        "Answer within 10 minutes",
    ):
        assert words in said.replace("\N{NO-BREAK SPACE}", " ")
    assert "To pay now" not in said


@pytest.mark.parametrize(
    ("campaign", "words"),
    [
        (
            {"type": "PRICE_CAMPAIGN", "price": 1_00, "end": "2027-03-01T12:00:00Z"},
            "1 kr until 1 March 2027, then 499 kr",
        ),
        (
            {"type": "PERIOD_CAMPAIGN", "price": 1_00, "period": {"unit": "WEEK", "count": 2}},
            "1 kr for the first 2 weeks, then 499 kr from 16 November 2026",
        ),
        (
            EVENT | {"eventText": "until Easter"},
            "1 kr until 1 March 2027 (until Easter), then 499 kr",
        ),
        (
            {
                "type": "FULL_FLEX_CAMPAIGN",
                "price": 1_00,
                "end": "2027-03-01T12:00:00Z",
                "interval": {"unit": "WEEK", "count": 1},
            },
            "1 kr every week until 1 March 2027, then 499 kr",
        ),
    ],
)
async def test_a_campaign_is_told_with_the_ordinary_price(
    shop: Shop, kari: Phone, campaign: dict[str, object], words: str
) -> None:
    await asks(shop, campaign=campaign)
    said = (await kari.shows()).main.replace("\N{NO-BREAK SPACE}", " ")
    assert words in said


async def test_what_is_paid_now_is_said_with_what_it_is_for(shop: Shop, kari: Phone) -> None:
    initial = {**INITIAL, "amount": 199_00, "description": "Starter kit"}
    await asks(shop, initialCharge=initial)
    said = (await kari.shows()).main.replace("\N{NO-BREAK SPACE}", " ")
    assert "To pay now 199 kr Starter kit" in said


async def test_approving_makes_it_active_and_leads_to_the_agreement(
    shop: Shop, kari: Phone
) -> None:
    agreement_id = await asks(shop)
    page = await kari.approves()
    assert page.path == f"{kari.base}/agreements/{shop.msn}/{agreement_id}?told=approved"
    assert page.told == "Approved."
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"
    assert (await kari.shows()).articles() == {}


async def test_rejecting_stops_it(shop: Shop, kari: Phone) -> None:
    agreement_id = await asks(shop)
    page = await kari.rejects()
    assert page.told == "Rejected."
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"
    assert shop.events(agreement_id) == ["agreement-rejected"]


@pytest.mark.parametrize("transaction_type", ["DIRECT_CAPTURE", "RESERVE_CAPTURE"])
async def test_approving_answers_once_the_first_payment_is_settled(
    shop: Shop, kari: Phone, transaction_type: str
) -> None:
    await asks(shop, initialCharge={**INITIAL, "transactionType": transaction_type})
    page = await kari.approves()
    assert page.told == "Approved."
    assert ("Paid" if transaction_type == "DIRECT_CAPTURE" else "Reserved") in page.main


async def test_a_first_payment_that_is_refused_says_so(shop: Shop, kari: Phone) -> None:
    await asks(shop, initialCharge=INITIAL)
    await kari.presses("Empty it", "/me")
    page = await kari.approves()
    assert page.told == "It was not possible to approve this agreement."


async def test_an_unclear_first_payment_is_being_worked_on(shop: Shop, kari: Phone) -> None:
    agreement_id = await asks(shop, initialCharge=INITIAL)
    await kari.presses("Add", "/me", outcome="timeout")
    page = await kari.approves()
    assert page.told == "It is being worked on; look again in a while."
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"
    assert page.articles() == {}


async def test_a_payer_under_18_is_told_nothing_in_particular(
    house: House, shop: Shop, kari: Phone
) -> None:
    agreement_id = await asks(shop)
    await shop.kari.is_described(birth_date=shop.market.day_of(await shop.clock.now()))
    page = await kari.approves()
    assert page.told == "It was not possible to approve this agreement."
    assert (await shop.agreement(agreement_id))["status"] == "EXPIRED"


# ── the maximum ──


async def test_the_suggestion_is_chosen_among_amounts_around_it(shop: Shop, kari: Phone) -> None:
    await asks(shop, pricing=VARIABLE)
    page = await kari.shows()
    assert page.form("Approve", "Premier League").fields["maximum"] == "60000"
    offered = [
        each.attributes["value"]
        for each in page.root.all("input")
        if each.attributes["type"] == "radio"
    ]
    assert offered == ["30000", "60000", "90000", "120000", "another"]


@pytest.mark.parametrize(
    ("fields", "maximum"),
    [
        ({}, 600_00),
        ({"maximum": "30000"}, 300_00),
        ({"maximum": "another", "amount": "1 250,50"}, 1250_50),
    ],
)
async def test_the_payer_chooses_the_maximum(
    shop: Shop, kari: Phone, fields: dict[str, str], maximum: int
) -> None:
    agreement_id = await asks(shop, pricing=VARIABLE)
    await kari.approves(**fields)
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == maximum


@pytest.mark.parametrize(
    "fields",
    [
        {"maximum": "another", "amount": ""},
        {"maximum": "another", "amount": "-5"},
        {"maximum": "another", "amount": "0"},
        {"maximum": "another", "amount": "99999999"},
        {"maximum": "another", "amount": "much"},
        {"maximum": "99999999999"},
        {"maximum": "much"},
        {"maximum": "٣٠٠"},
    ],
)
async def test_an_amount_that_will_not_do_is_told_where_it_was_written(
    shop: Shop, kari: Phone, fields: dict[str, str]
) -> None:
    agreement_id = await asks(shop, pricing=VARIABLE)
    page = await kari.approves(**fields)
    assert page.status == 400
    assert page.wrong.replace("\N{NO-BREAK SPACE}", " ") == (
        "Write an amount between 1 kr and 20,000 kr."
    )
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"
    # What was written is still there, and can be put right.
    assert page.form("Approve", "Premier League").fields["amount"] == fields.get("amount", "")
    page = await kari.sends(page.form("Approve", "Premier League"), amount="700")
    assert page.told == "Approved."


# ── one decision ──


async def test_of_two_tabs_the_second_is_told_kindly(shop: Shop, kari: Phone) -> None:
    agreement_id = await asks(shop)
    tab = await kari.shows()
    await kari.rejects()
    page = await kari.sends(tab.form("Approve", "Premier League"))
    assert (page.status, page.told) == (200, "It was answered already, or time is up.")
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_of_many_clicks_at_once_one_decides(shop: Shop, kari: Phone) -> None:
    agreement_id = await asks(shop, initialCharge=INITIAL)
    tab = await kari.shows()
    yes, no = (tab.form(button, "Premier League") for button in ("Approve", "Reject"))
    pages = await asyncio.gather(*(kari.sends(form) for form in (yes, yes, no, yes)))
    assert [page.status for page in pages] == [200] * 4
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"
    told = shop.events(agreement_id)
    assert told.count("agreement-activated") == 1
    assert "agreement-rejected" not in told


async def test_at_the_instant_of_expiry_there_is_one_answer(shop: Shop, kari: Phone) -> None:
    agreement_id = await asks(shop)
    tab = await kari.shows()
    await shop.clock.jumps(minutes=10)
    page = await kari.sends(tab.form("Approve", "Premier League"))
    assert page.told == "It was answered already, or time is up."
    await shop.clock.lets_work_be_done()
    assert (await shop.agreement(agreement_id))["status"] == "EXPIRED"


# ── which phone ──


async def test_it_lies_on_one_phone_only(shop: Shop, kari: Phone, ola: Phone) -> None:
    agreement_id = await asks(shop)
    assert (await ola.shows()).articles() == {}
    form = (await kari.shows()).form("Approve", "Premier League")
    stolen = type(form)(form.action.replace(kari.base, ola.base), await _fields(ola))
    page = await ola.sends(stolen)
    assert page.status == 404
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"


async def _fields(phone: Phone) -> dict[str, str]:
    return (await phone.shows("/me")).form("Delete profile").fields


async def test_a_link_that_nobody_followed_is_shown_quietly(
    house: House, shop: Shop, kari: Phone
) -> None:
    await shop.draft(phoneNumber=KARI)
    page = await kari.shows()
    assert page.articles() == {}
    (link,) = [href for text, href in page.links().items() if "Open the landing page" in text]
    landing = await kari.opens(link)
    assert (landing.status, "Nordic News" in landing.text) == (200, True)


@pytest.mark.parametrize("is_app", [False, True])
async def test_from_the_landing_page_it_comes_to_the_phone_that_was_named(
    house: House, shop: Shop, ola: Phone, is_app: bool
) -> None:
    path = await landing_path(shop, isApp=is_app)
    landing = await ola.opens(path)
    await ola.sends(landing.form("Next"), phone="987 65 432")
    assert "Answer within 5 minutes" in (await ola.shows()).main
    await shop.clock.jumps(minutes=4, seconds=18)
    assert "Answer within 42 seconds" in (await ola.shows()).main
    await shop.clock.jumps(seconds=42)
    assert (await ola.shows()).articles() == {}


async def test_a_request_to_a_number_that_nobody_has_waits_for_a_payer(
    house: House, shop: Shop
) -> None:
    await asks(shop, "4799999999")
    browser = Browser(house)
    page = await browser.opens("/phone")
    assert page.links()["? Nobody yet 4799999999 1 request"] == "/phone/4799999999"
    page = await browser.opens("/phone/4799999999")
    assert page.status == 404
    page = await browser.sends(page.form("Make this payer"))
    assert page.told == "Here is a new payer."
    assert list(page.articles()) == ["Premier League"]


async def test_several_requests_are_answered_one_by_one(shop: Shop, kari: Phone) -> None:
    first = await asks(shop, productName="Tennis")
    second = await asks(shop, productName="Golf")
    page = await kari.rejects("Tennis")
    assert list(page.articles()) == ["Golf"]
    assert (await shop.agreement(first))["status"] == "STOPPED"
    assert (await shop.agreement(second))["status"] == "PENDING"


async def test_a_danish_request_asks_for_danish_money(house: House) -> None:
    await make_payer(house, "4512345678", "DK")
    shop = await house.shop("DK", skip_landing_page=True)
    await asks(shop, "4512345678")
    phone = Phone(house, "4512345678")
    page = await phone.opens(f"{phone.base}?lang=da")
    assert "499 kr hver måned" in page.main.replace("\N{NO-BREAK SPACE}", " ")
