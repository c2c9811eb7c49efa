"""Every page in every language, of a phone on which there is something of everything."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import get_args

import pytest

from avtale.charges.charge import FailureReason
from avtale.charges.lifecycle import ChargeStatus
from avtale.notifications import NotificationKind
from avtale.pages.words import LANGUAGES, Language, texts
from avtale.payers import Outcome, SourceKind, SourceStatus
from avtale.phone.rooms import TOLD
from tests.phone.asking import VARIABLE, agreed, asks, page_of
from tests.phone.browsing import Page, Phone
from tests.support import INITIAL, House, Shop

CAMPAIGN = {"type": "PRICE_CAMPAIGN", "price": 1_00, "end": "2027-03-01T12:00:00Z"}


async def live_a_little(shop: Shop, kari: Phone) -> list[str]:
    """Let there be something of everything on Kari's phone; answers with the paths of all its pages."""
    paid = await agreed(shop, kari, productName="Tennis", initialCharge=INITIAL)
    (charge,) = await shop.charges(paid)
    await shop.refund(paid, charge["id"], 100_00)
    await kari.presses("Turn on", page_of(shop, paid))
    varies = await agreed(shop, kari, productName="Golf", pricing=VARIABLE)
    await kari.presses("Set the maximum", page_of(shop, varies), amount="300")
    gone = await agreed(shop, kari, productName="Chess")
    await shop.stop(gone)
    await shop.charge(paid, due=await shop.in_days(2))
    failing = await agreed(shop, kari, productName="Darts", campaign=CAMPAIGN)
    await shop.charge(failing, due=await shop.in_days(4), retryDays=0)
    await shop.charge(varies, amount=550_00, due=await shop.in_days(7), retryDays=2)
    await shop.clock.advance(days=3)
    await kari.presses("Let it expire", "/me")
    await shop.clock.advance(days=3)
    await shop.clock.advance(days=1)
    await kari.presses("Set this amount", "/me", balance="1234,50")
    for outcome in get_args(Outcome):
        await kari.presses("Add", "/me", outcome=outcome)
    await kari.presses("Take on", "/me", persona="never-answers")
    await asks(
        shop,
        pricing=VARIABLE,
        scope="name email phoneNumber birthDate address nin",
        initialCharge={**INITIAL, "amount": 199_00},
    )
    await asks(shop, campaign=CAMPAIGN, interval={"unit": "WEEK", "count": 2})
    await shop.draft(phoneNumber=kari.phone_number, productName="Quiet")
    pages = ["", "/agreements", "/notices", "/me"]
    return pages + [page_of(shop, each) for each in (paid, varies, gone, failing)]


def is_whole(page: Page, language: Language) -> bool:
    """Whether all that is said is said, and no place was left unfilled."""
    html = next(page.root.all("html"))
    return (
        page.status == 200
        and html.attributes["lang"] == language
        and not set("{}") & set(page.text)
        and not {"None", "notices.", "status.", "told."} & set(page.text.split())
    )


async def test_every_page_is_whole_in_every_language(shop: Shop, kari: Phone) -> None:
    paths = await live_a_little(shop, kari)
    said: dict[tuple[str, Language], str] = {}
    for path, language in product(paths, LANGUAGES):
        page = await kari.opens(f"{kari.base}{path}?lang={language}")
        assert is_whole(page, language), (path, language)
        said[path, language] = page.main
        for href in page.links().values():
            inside = href.startswith("/phone") and not page.path.startswith("/phone?")
            assert not inside or f"lang={language}" in href or "lang=" in href, href
    for path in paths:
        assert len({said[path, language] for language in LANGUAGES}) == len(LANGUAGES), path
    english = said["/notices", "en"]
    for words in ("could not take", "was not paid", "paid to", "tomorrow", "stopped", "above your"):
        assert words in english


async def test_all_that_a_page_may_say_of_an_act_has_words(kari: Phone) -> None:
    for told, language in product(sorted(TOLD), LANGUAGES):
        page = await kari.opens(f"{kari.base}?told={told}&lang={language}")
        assert page.told == texts(language)[f"told.{told}"]


async def test_the_browser_says_which_language(kari: Phone) -> None:
    page = await kari.opens(f"{kari.base}/me", Accept_Language="da-DK, en;q=0.5")
    assert next(page.root.all("html")).attributes["lang"] == "da"


async def test_a_chosen_language_stays_through_forms(shop: Shop, kari: Phone) -> None:
    await asks(shop)
    page = await kari.opens(f"{kari.base}?lang=nb")
    page = await kari.sends(page.form("Godkjenn", "Premier League"))
    assert page.told == texts("nb")["told.approved"]
    assert page.path.endswith("lang=nb")


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_there_is_has_a_word(language: Language) -> None:
    names = [
        *(f"status.{each}" for each in get_args(ChargeStatus)),
        *(f"notices.{each}" for each in get_args(FailureReason)),
        *(f"notices.{each}" for each in (*get_args(NotificationKind), "payment_coming")),
        *(f"me.{each}" for each in (*get_args(SourceKind), *get_args(SourceStatus))),
        *(f"me.outcome_{each}" for each in get_args(Outcome)),
        *(
            f"scope.{each}"
            for each in ["name", "email", "phoneNumber", "birthDate", "address", "nin"]
        ),
    ]
    missing = [name for name in names if not texts(language).get(name)]
    assert missing == []


async def test_times_are_those_of_the_sales_units_clock(
    house: House, shop: Shop, kari: Phone
) -> None:
    await agreed(shop, kari, productName="Tennis")
    other = await house.shop(skip_landing_page=True)
    await other.clock.jumps(seconds=timedelta(days=400).total_seconds())
    await asks(other, productName="Golf")
    await kari.approves("Golf")
    said = (await kari.shows("/agreements")).main
    assert "Since 2 November 2026" in said
    assert "Since 7 December 2027" in said
