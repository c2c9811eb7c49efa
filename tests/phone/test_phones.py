"""The list of phones, and the ways from it to one of them."""

from __future__ import annotations

import pytest

from avtale.phone.pages import MOST_PHONES
from avtale.phone.tokens import token_in
from tests.phone.asking import asks, landing_path, make_payer
from tests.phone.browsing import Browser, Phone, query
from tests.support import House, Shop


@pytest.fixture
def browser(house: House) -> Browser:
    """Somebody who has not picked a phone yet."""
    return Browser(house)


async def test_payers_are_listed_with_what_waits(
    shop: Shop, browser: Browser, kari: Phone, ola: Phone
) -> None:
    await asks(shop)
    await asks(shop, productName="Tennis")
    links = (await browser.opens("/phone")).links()
    assert links["KN Kari Nordmann 4791234567 2 requests"] == kari.base
    assert links["OH Ola Hansen 4798765432"] == ola.base


async def test_those_on_which_something_waits_come_first(
    house: House, shop: Shop, browser: Browser
) -> None:
    for number in range(MOST_PHONES + 5):
        await make_payer(house, f"47910000{number:02}")
    await asks(shop, "4799999999")
    page = await browser.opens("/phone")
    phones = [href for href in page.links().values() if href.startswith("/phone/")]
    assert len(phones) == MOST_PHONES
    assert phones[0] == "/phone/4799999999"
    assert "There are more; open them by their numbers." in page.main


@pytest.mark.parametrize("written", ["4791234567", "+47 912 34 567", "0047 91234567", "91234567"])
async def test_a_number_leads_to_its_phone(browser: Browser, kari: Phone, written: str) -> None:
    page = await browser.sends((await browser.opens("/phone")).form("Open phone"), phone=written)
    assert page.path == kari.base


@pytest.mark.parametrize(
    "written", ["", "1", "phone", "9" * 16, "../sandbox", "\N{FULLWIDTH DIGIT FOUR}" + "791234567"]
)
async def test_what_is_no_number_leads_nowhere(browser: Browser, written: str) -> None:
    page = await browser.sends((await browser.opens("/phone")).form("Open phone"), phone=written)
    assert (page.status, page.wrong) == (400, "Write a phone number of 8 to 15 digits.")


async def test_whoever_is_not_known_is_made_up_when_asked_for(browser: Browser) -> None:
    page = await browser.opens("/phone/4799999999")
    assert (page.status, "4799999999 is free." in page.main) == (404, True)
    page = await browser.sends(page.form("Make this payer"))
    assert (page.status, page.told) == (200, "Here is a new payer.")


@pytest.mark.parametrize("number", ["1", "phone", "9" * 16, "%00", "47912345678901234"])
async def test_what_is_no_number_has_no_phone(browser: Browser, number: str) -> None:
    page = await browser.opens(f"/phone/{number}")
    assert (page.status, page.buttons()) == (404, [])


@pytest.mark.parametrize(
    "paste",
    [
        "vippsMT://?token={token}",
        "https://avtale.test/landing?v=2&token={token}",
        "  /landing?token={token}&lang=nb ",
        "{token}",
    ],
)
async def test_a_pasted_link_leads_to_its_landing_page(
    shop: Shop, browser: Browser, paste: str
) -> None:
    token = query(await landing_path(shop))["token"]
    form = (await browser.opens("/phone")).form("Open")
    page = await browser.sends(form, link=paste.format(token=token))
    assert page.path == f"/landing?token={token}"
    assert "Nordic News" in page.main


async def test_an_app_link_whose_request_lies_on_a_phone_leads_there(
    shop: Shop, browser: Browser, kari: Phone
) -> None:
    drafted = await shop.draft(isApp=True, phoneNumber=kari.phone_number, skipLandingPage=True)
    form = (await browser.opens("/phone")).form("Open")
    page = await browser.sends(form, link=drafted["vippsConfirmationUrl"])
    assert page.path == kari.base


@pytest.mark.parametrize(
    "paste",
    ["", "https://evil.example/", "vippsMT://?token=", "token=" + "x" * 600, "A" * 40, "//[::1"],
)
async def test_a_link_of_nobodys_leads_nowhere(browser: Browser, paste: str) -> None:
    form = (await browser.opens("/phone")).form("Open")
    page = await browser.sends(form, link=paste)
    assert (page.status, page.wrong) == (400, "No request belongs to this link.")


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("A" * 20, "A" * 20),
        ("A" * 19, None),
        ("vippsMT://?token=" + "A" * 30, "A" * 30),
        ("x?token=" + "A" * 30 + "&token=" + "B" * 30, "A" * 30),
        ("?token=" + "A" * 30 + "&" + "&".join("b=1" for _ in range(30)), None),
        ("http://[::1?token=" + "A" * 30, None),
        ("A" * 30 + "!", None),
        ("Å" * 30, None),
    ],
)
def test_a_token_is_found_in_what_is_pasted(text: str, token: str | None) -> None:
    assert token_in(text) == token
