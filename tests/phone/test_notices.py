"""What a phone says by itself, in words."""

from __future__ import annotations

import pytest

from tests.phone.asking import VARIABLE, agreed, page_of
from tests.phone.browsing import Phone
from tests.support import Shop


async def notices(phone: Phone) -> list[str]:
    """What it says, newest first."""
    page = await phone.shows("/notices")
    return [each.text.replace("\N{NO-BREAK SPACE}", " ") for each in page.root.all("article")]


async def test_nothing_is_said_of_nothing(kari: Phone) -> None:
    assert "Nothing to tell." in (await kari.shows("/notices")).main


async def test_the_day_before_a_payment_it_says_so(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    await shop.charge(agreement_id, due=await shop.in_days(5))
    await shop.clock.reaches("2026-11-06 09:59")
    assert await notices(kari) == []
    await shop.clock.reaches("2026-11-06 10:00")
    (said,) = await notices(kari)
    assert said == (
        "499 kr to Nordic News tomorrow For Premier League. You need do nothing. "
        "6 November 2026, 10:00"
    )


async def test_above_the_maximum_it_says_that_and_where_to_raise_it(
    shop: Shop, kari: Phone
) -> None:
    agreement_id = await agreed(shop, kari, pricing=VARIABLE)
    await kari.presses("Set the maximum", page_of(shop, agreement_id), amount="300")
    await shop.charge(agreement_id, amount=550_00, due=await shop.in_days(5))
    await shop.clock.reaches("2026-11-06 10:00")
    (said,) = await notices(kari)
    assert "It is above your maximum of 300 kr." in said
    links = (await kari.shows("/notices")).links()
    assert links["Raise the maximum"] == kari.base + page_of(shop, agreement_id)


async def test_every_failed_attempt_is_told_with_why_and_when_next(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    await shop.charge(agreement_id, retryDays=0)
    await kari.presses("Empty it", "/me")
    await shop.clock.reaches("2026-11-05 00:30")
    final, first, coming = await notices(kari)
    assert coming.startswith("499 kr to Nordic News tomorrow")
    assert first == (
        "Nordic News could not take 499 kr for Premier League "
        "There is too little money, or the card did not work. "
        "The next attempt is 4 November 2026, 17:00. 4 November 2026, 09:00 Look at how you pay"
    )
    assert final == (
        "499 kr to Nordic News was not paid There is too little money, or the card did not work. "
        "There will be no more attempts at this payment. 4 November 2026, 17:00 Look at how you pay"
    )


async def test_a_card_is_mended_where_the_notice_leads(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    charge_id = await shop.charge(agreement_id, retryDays=1)
    await kari.presses("Block it", "/me")
    await shop.clock.reaches("2026-11-04 23:00")
    link = (await kari.shows("/notices")).links()["Look at how you pay"]
    page = await kari.sends((await kari.opens(link)).form("Take a new one"))
    assert "Card Works" in page.main
    await shop.clock.reaches("2026-11-05 23:00")
    assert await shop.status(charge_id) == "CHARGED"


async def test_payments_are_told_of_where_the_switch_is_on(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    await kari.presses("Turn on", page_of(shop, agreement_id))
    await shop.charge(agreement_id)
    await shop.clock.reaches("2026-11-04 12:00")
    assert (await notices(kari))[0] == (
        "499 kr paid to Nordic News For Premier League. 4 November 2026, 09:00"
    )


async def test_a_merchants_stop_is_told(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    await shop.stop(agreement_id)
    (said,) = await notices(kari)
    assert said.startswith("Nordic News stopped Premier League No more payments come of it.")


@pytest.mark.parametrize("outcome", ["technical_error", "refused", "card_expired"])
async def test_every_reason_has_words(shop: Shop, kari: Phone, outcome: str) -> None:
    agreement_id = await agreed(shop, kari)
    await kari.presses("Add", "/me", outcome=outcome)
    await shop.charge(agreement_id)
    await shop.clock.reaches("2026-11-04 10:00")
    said = await notices(kari)
    assert said[0].startswith("Nordic News could not take 499 kr for Premier League")
