"""A merchant who asks, and payers who may be asked."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from avtale import server
from avtale.pages.forms import Forms
from avtale.pages.look import Look
from avtale.payers import Payer, made_up_payer
from avtale.phone.rooms import Rooms
from avtale.rulebook import MarketCode
from tests.phone.browsing import Phone
from tests.support import KARI, House, Shop

VARIABLE = {"type": "VARIABLE", "suggestedMaxAmount": 600_00, "currency": "NOK"}


async def make_payer(
    house: House, phone_number: str, market: MarketCode = "NO", **members: Any
) -> None:
    """Somebody with this number."""
    await house.put(made_up_payer(phone_number, market).described(**members), phone_number)


async def asks(shop: Shop, phone_number: str = KARI, **members: Any) -> str:
    """The id of an agreement whose request lies on a phone."""
    members = {"phoneNumber": phone_number, "skipLandingPage": True, **members}
    agreement_id: str = (await shop.draft(**members))["agreementId"]
    return agreement_id


async def landing_path(shop: Shop, **members: Any) -> str:
    """The path of the landing page of a new request."""
    url = (await shop.draft(**members))["vippsConfirmationUrl"]
    (token,) = parse_qs(urlsplit(url).query)["token"]
    return f"/landing?v=2&token={token}"


async def payer_of(house: House, phone_number: str = KARI) -> Payer:
    """A payer as it is stored."""
    payer: Payer | None = await house.find(Payer, phone_number)
    assert payer is not None
    return payer


def page_of(shop: Shop, agreement_id: str) -> str:
    """Where an agreement is on a phone."""
    return f"/agreements/{shop.msn}/{agreement_id}"


async def agreed(shop: Shop, phone: Phone, **members: Any) -> str:
    """An agreement that was approved on the phone."""
    agreement_id = await asks(shop, phone.phone_number, **members)
    page = await phone.approves(members.get("productName", "Premier League"))
    assert page.told == "Approved."
    return agreement_id


def rooms_of(house: House) -> Rooms:
    """What the phones of an installation are made of."""
    parts = house.parts
    look, forms = Look(parts.public_url), Forms(parts.keys)
    return Rooms(look, forms, parts.board, parts.links, server.tools(parts))
