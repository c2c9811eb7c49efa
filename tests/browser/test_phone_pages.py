"""Every page of a phone: it shuts nobody out, is light, and is there at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import OpenPhone, OpenShop
from tests.browser.looking import Record, is_as_pages_shall_be
from tests.browser.people import Phone
from tests.browser.shop import Shop
from tests.browser.windows import Windows

VARIABLE = {"type": "VARIABLE", "suggestedMaxAmount": 600_00, "currency": "NOK"}
REQUESTS: dict[str, dict[str, Any]] = {
    "campaign": {
        "campaign": {"type": "PERIOD_CAMPAIGN", "price": 0, "period": {"unit": "MONTH", "count": 1}}
    },
    "first payment": {
        "initialCharge": {
            "amount": 99_00,
            "description": "The box",
            "transactionType": "DIRECT_CAPTURE",
        }
    },
    "variable": {"pricing": VARIABLE},
    "profile": {"scope": "name email phoneNumber birthDate address"},
}


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    """A shop whose requests need no landing page."""
    return await open_shop(features={"skipLandingPage": True})


async def test_the_list_of_phones(shop: Shop, windows: Windows, record_property: Record) -> None:
    await shop.payer()
    await is_as_pages_shall_be(await windows.open("/phone?lang=en"), "phones", record_property)


async def test_a_number_that_nobody_has(
    shop: Shop, windows: Windows, record_property: Record
) -> None:
    windows.excuse(404)
    page = await windows.open(f"/phone/{shop.phone(7)}?lang=en")
    await is_as_pages_shall_be(page, "phone that nobody has", record_property)


@pytest.mark.parametrize("asked", ["nothing", *REQUESTS])
async def test_home(shop: Shop, phone_of: OpenPhone, record_property: Record, asked: str) -> None:
    if asked in REQUESTS:
        await shop.draft(skipLandingPage=True, **REQUESTS[asked])
    page = await phone_of(shop.phone())
    await is_as_pages_shall_be(page, f"phone home {asked}", record_property)


@pytest.mark.parametrize("tab", ["Agreements", "Notices", "Me"])
@pytest.mark.parametrize("is_rich", [False, True], ids=["new", "full"])
async def test_a_tab(
    shop: Shop, phone_of: OpenPhone, record_property: Record, tab: str, is_rich: bool
) -> None:
    if is_rich:
        await live(shop)
    # Each is opened by its own address, so that its own time is measured.
    page = await phone_of(shop.phone(), page=f"/{tab.lower()}")
    size = "full" if is_rich else "new"
    await is_as_pages_shall_be(page, f"phone {tab.lower()} {size}", record_property)


@pytest.mark.parametrize("name", ["Premier League", "La Liga", "Serie A"])
async def test_an_agreement(
    shop: Shop, phone_of: OpenPhone, record_property: Record, name: str
) -> None:
    await live(shop)
    phone = Phone(await phone_of(shop.phone()))
    await phone.open_agreement(name)
    await phone.page.reload()
    await is_as_pages_shall_be(phone.page, f"phone agreement {name}", record_property)


async def live(shop: Shop) -> None:
    """A payer with a life: paid, failed and coming payments, one agreement of each kind, one that is over."""
    await shop.payer(balance=700_00)
    fixed = await shop.agreed()
    varies = await shop.agreed(productName="La Liga", pricing=VARIABLE, max_amount=100_00)
    over = await shop.agreed(productName="Serie A")
    await shop.charge(fixed)
    await shop.charge(fixed, due="2031-04-05", description="April")
    await shop.charge(varies, amount=550_00, retryDays=1)
    await shop.charge(varies, amount=90_00, due="2031-03-04")
    await shop.ask("PATCH", f"/recurring/v3/agreements/{over}", {"status": "STOPPED"})
    await shop.advance(days=4)
