"""The page `Me`: who the payer is, how it pays, what it does by itself, and leaving for good."""

from __future__ import annotations

import pytest

from avtale.payers import Source
from avtale.sandbox.cast import cast
from avtale.wire.control import MOST_OUTCOMES
from tests.phone.asking import agreed, asks, payer_of
from tests.phone.browsing import Form, Phone
from tests.support import House, Shop


async def source_of(house: House) -> Source:
    return (await payer_of(house)).source


async def test_it_says_who_the_payer_is(house: House, kari: Phone) -> None:
    payer = await payer_of(house)
    page = await kari.shows("/me")
    for words in (
        "Kari Nordmann",
        kari.phone_number,
        payer.profile.email,
        payer.profile.address.street_address,
        payer.profile.address.postal_code,
        str(payer.profile.birth_date.year),
    ):
        assert words in page.main


async def test_the_national_identity_number_is_hidden_until_it_is_asked_for(
    house: House, kari: Phone
) -> None:
    nin = (await payer_of(house)).profile.nin
    page = await kari.shows("/me")
    (hidden,) = [each for each in page.root.all("details") if nin in each.text]
    assert "open" not in hidden.attributes
    assert page.main.count(nin) == 1


@pytest.mark.parametrize(
    ("button", "status"),
    [("Let it expire", "EXPIRED"), ("Block it", "BLOCKED"), ("Remove it", "REMOVED")],
)
async def test_the_card_breaks_and_is_mended(
    house: House, kari: Phone, button: str, status: str
) -> None:
    page = await kari.presses(button, "/me")
    assert page.told == "Saved."
    assert (await source_of(house)).status == status
    page = await kari.presses("Take a new one", "/me")
    assert "Card Works" in page.main
    assert (await source_of(house)).status == "OK"


async def test_another_kind_of_source_is_taken(house: House, kari: Phone) -> None:
    page = await kari.presses("Pay from an account", "/me")
    assert "Account Works" in page.main
    page = await kari.presses("Pay by card", "/me")
    assert "Card Works" in page.main


async def test_a_card_has_a_last_month_until_a_new_one_is_taken(house: House, kari: Phone) -> None:
    form = (await kari.shows("/me")).form("Save")
    page = await kari.sends(form, expires="2027-03")
    assert "good until 2027-03" in page.main
    assert (await source_of(house)).expires == "2027-03"
    page = await kari.sends(form, expires="soon")
    assert page.told == "That could not be understood; nothing was changed."
    assert (await source_of(house)).expires == "2027-03"
    await kari.presses("Take a new one", "/me")
    assert (await source_of(house)).expires is None


async def test_money_is_set_emptied_and_always_enough(house: House, kari: Phone) -> None:
    page = await kari.presses("Set this amount", "/me", balance="1 234,50")
    assert "There is 1,234.50 kr." in page.main.replace("\N{NO-BREAK SPACE}", " ")
    assert (await payer_of(house)).balance == 1234_50
    await kari.presses("Empty it", "/me")
    assert (await payer_of(house)).balance == 0
    await kari.presses("Always enough", "/me")
    assert (await payer_of(house)).balance is None


@pytest.mark.parametrize("balance", ["", "-1", "much", "1,234.567", "9" * 19, "enough!"])
async def test_money_that_cannot_be_understood_changes_nothing(
    house: House, kari: Phone, balance: str
) -> None:
    before = await payer_of(house)
    page = await kari.presses("Set this amount", "/me", balance=balance)
    assert page.told == "That could not be understood; nothing was changed."
    assert await payer_of(house) == before


async def test_the_next_attempts_are_scripted_and_cleared(house: House, kari: Phone) -> None:
    await kari.presses("Add", "/me", outcome="insufficient_funds")
    page = await kari.presses("Add", "/me", outcome="ok")
    assert (await payer_of(house)).outcomes == ("insufficient_funds", "ok")
    steps = [each.text for each in page.root.all("li") if each.text in page.main]
    assert steps[:2] == ["too little money", "goes through"]
    page = await kari.presses("Clear", "/me")
    assert (await payer_of(house)).outcomes == ()
    assert "Whatever comes" in page.main


async def test_an_outcome_that_does_not_exist_changes_nothing(house: House, kari: Phone) -> None:
    await kari.presses("Add", "/me", outcome="timeout")
    page = await kari.presses("Add", "/me", outcome="luck")
    assert page.told == "That could not be understood; nothing was changed."
    assert (await payer_of(house)).outcomes == ("timeout",)


async def test_only_so_much_can_be_scripted(house: House, kari: Phone) -> None:
    await kari.presses("Add", "/me", outcome="ok")
    form = (await kari.shows("/me")).form("Add")
    for _ in range(MOST_OUTCOMES + 2):
        await kari.sends(form, outcome="ok")
    assert len((await payer_of(house)).outcomes) == MOST_OUTCOMES


async def test_a_persona_is_taken_on_and_laid_aside(house: House, kari: Phone) -> None:
    name, persona = next(iter(cast().items()))
    page = await kari.presses("Take on", "/me", persona=name)
    assert persona.name in page.main
    assert persona.about in page.main
    assert (await payer_of(house)).persona == persona
    assert page.form("Take on").fields["persona"] == name
    page = await kari.presses("Take on", "/me", persona="")
    assert (await payer_of(house)).persona is None
    page = await kari.presses("Take on", "/me", persona="nobody we know")
    assert page.told == "That could not be understood; nothing was changed."


async def test_who_leaves_takes_everything_along(house: House, shop: Shop, kari: Phone) -> None:
    active = await agreed(shop, kari)
    waiting = await asks(shop, productName="Tennis")
    page = await kari.shows("/me")
    (button,) = [each for each in page.root.all("button") if each.text == "Delete profile"]
    assert button.attributes["data-confirm"] in page.main
    page = await kari.sends(page.form("Delete profile"))
    assert page.told == "The profile is deleted."
    assert page.buttons() == ["Make this payer"]
    assert (await shop.agreement(active))["status"] == "STOPPED"
    assert (await shop.agreement(waiting))["status"] == "STOPPED"
    assert (await payer_of(house)).deleted is not None
    for path in ("/agreements", "/notices", "/me"):
        assert (await kari.shows(path)).status == 404


async def test_leaving_twice_is_leaving_once(house: House, kari: Phone) -> None:
    form = (await kari.shows("/me")).form("Delete profile")
    await kari.sends(form)
    page = await kari.sends(form)
    assert page.status == 404
    page = await kari.presses("Make this payer")
    assert page.told == "Here is a new payer."


@pytest.mark.parametrize("act", ["source", "balance", "outcomes", "persona", "delete"])
async def test_whoever_is_not_there_is_not_changed(house: House, act: str) -> None:
    nobody = Phone(house, "4799999999")
    fields = (await nobody.shows()).form("Make this payer").fields
    page = await nobody.sends(Form(f"{nobody.base}/{act}", fields), status="OK", balance="1")
    assert page.status == 404
    assert (await nobody.shows()).status == 404
