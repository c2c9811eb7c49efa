"""Living with an agreement: what was paid and is coming, the maximum, the switch, the stop."""

from __future__ import annotations

import pytest

from tests.phone.asking import VARIABLE, agreed, page_of
from tests.phone.browsing import Form, Page, Phone
from tests.support import INITIAL, House, Shop


def plain(page: Page) -> str:
    return page.main.replace("\N{NO-BREAK SPACE}", " ")


async def test_active_and_stopped_ones_are_listed(shop: Shop, kari: Phone) -> None:
    tennis = await agreed(shop, kari, productName="Tennis")
    await agreed(shop, kari, productName="Golf")
    await kari.presses("Stop agreement", page_of(shop, tennis))
    said = (await kari.shows("/agreements")).main
    assert said.index("Active") < said.index("Golf") < said.index("Stopped") < said.index("Tennis")
    assert "Since 2 November 2026" in said
    assert "Stopped 2 November 2026" in said


async def test_no_agreements_is_said(kari: Phone) -> None:
    assert "No active agreements." in (await kari.shows("/agreements")).main


async def test_what_was_paid_is_told_with_refunds(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari, initialCharge=INITIAL)
    (charge,) = await shop.charges(agreement_id)
    await shop.refund(agreement_id, charge["id"], 100_00)
    said = plain(await kari.shows(page_of(shop, agreement_id)))
    assert "The first month · 100 kr refunded 499 kr Partly refunded" in said


async def test_one_payment_is_coming_the_next(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    for days, description in ((30, "December"), (5, "November"), (60, "January")):
        await shop.charge(agreement_id, due=await shop.in_days(days), description=description)
    said = plain(await kari.shows(page_of(shop, agreement_id)))
    assert "Coming payment 7 November 2026 November 499 kr Coming" in said
    assert "December" not in said
    assert "Next payment 499 kr 7 November 2026 · Nordic News" in plain(await kari.shows())


async def test_an_attempt_that_failed_says_when_the_next_one_is(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    await shop.charge(agreement_id, retryDays=2)
    await kari.presses("Empty it", "/me")
    await shop.clock.reaches("2026-11-04 10:00")
    said = (await kari.shows(page_of(shop, agreement_id))).main
    assert "Failed so far; tried again 4 November 2026, 17:00" in said


async def test_stopping_asks_first_and_calls_off_what_is_coming(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    charge_id = await shop.charge(agreement_id, due=await shop.in_days(5))
    page = await kari.shows(page_of(shop, agreement_id))
    (button,) = [each for each in page.root.all("button") if each.text == "Stop agreement"]
    assert button.attributes["data-confirm"] in page.main
    page = await kari.sends(page.form("Stop agreement"))
    assert page.told == "The agreement is stopped."
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"
    assert await shop.status(charge_id) == "CANCELLED"
    assert not {"Stop agreement", "Turn on"} & set(page.buttons())
    assert shop.bodies("agreement-stopped")[0]["actor"] == "USER"


async def test_the_merchants_page_opens_apart(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    page = await kari.shows(page_of(shop, agreement_id))
    (link,) = [each for each in page.root.all("a") if each.text == "Open Nordic News's page"]
    assert link.attributes["href"] == "https://news.example/me"
    assert link.attributes["rel"] == "noopener noreferrer"


async def test_the_switch_is_off_until_it_is_turned_on(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    page = await kari.shows(page_of(shop, agreement_id))
    assert "You are told only of payments that fail." in page.main
    page = await kari.sends(page.form("Turn on"))
    assert "You are told of each payment that succeeds." in page.main
    page = await kari.sends(page.form("Turn off"))
    assert "You are told only of payments that fail." in page.main


async def test_the_maximum_is_raised_and_lowered(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari, pricing=VARIABLE)
    path = page_of(shop, agreement_id)
    page = await kari.presses("Set the maximum", path, amount="800")
    assert page.told == "Saved."
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 800_00
    page = await kari.presses("Set the maximum", path, amount="200,50")
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 200_50
    assert "Now 200.50 kr for each payment" in plain(page)


@pytest.mark.parametrize("amount", ["", "0", "-1", "0,99", "20000.01", "1e3", "much", "9" * 40])
async def test_a_maximum_that_will_not_do_is_told_beside_the_field(
    shop: Shop, kari: Phone, amount: str
) -> None:
    agreement_id = await agreed(shop, kari, pricing=VARIABLE)
    page = await kari.presses("Set the maximum", page_of(shop, agreement_id), amount=amount)
    assert page.status == 400
    assert "between 1 kr and 20,000 kr" in page.wrong.replace("\N{NO-BREAK SPACE}", " ")
    assert page.form("Set the maximum").fields["amount"] == amount[:20]
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 600_00
    # The page that refuses a form lies where forms are sent to, and has to be looked at elsewhere.
    main = next(page.root.all("main"))
    assert main.attributes["hx-get"] == kari.base + page_of(shop, agreement_id)


async def test_a_payment_above_the_maximum_is_pointed_out(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari, pricing=VARIABLE)
    await kari.presses("Set the maximum", page_of(shop, agreement_id), amount="300")
    await shop.charge(agreement_id, amount=550_00, due=await shop.in_days(5))
    said = plain(await kari.shows(page_of(shop, agreement_id)))
    assert "This is above your maximum of 300 kr." in said


async def test_fixed_prices_have_no_maximum_to_set(shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    assert "Set the maximum" not in (await kari.shows(page_of(shop, agreement_id))).buttons()


@pytest.mark.parametrize("act", ["stop", "maximum", "notifies"])
async def test_what_is_somebody_elses_does_not_exist(
    house: House, shop: Shop, kari: Phone, ola: Phone, act: str
) -> None:
    agreement_id = await agreed(shop, kari, pricing=VARIABLE)
    path = ola.base + page_of(shop, agreement_id)
    assert (await ola.opens(path)).status == 404
    fields = (await ola.shows("/me")).form("Delete profile").fields
    before = await shop.agreement(agreement_id)
    page = await ola.sends(Form(f"{path}/{act}", fields), amount="100", notifies="1")
    assert page.status == 404
    assert await shop.agreement(agreement_id) == before


async def test_a_form_of_one_phone_is_worth_nothing_on_another(
    shop: Shop, kari: Phone, ola: Phone
) -> None:
    agreement_id = await agreed(shop, kari)
    fields = (await ola.shows("/me")).form("Delete profile").fields
    form = Form(f"{kari.base}{page_of(shop, agreement_id)}/stop", fields)
    assert (await ola.sends(form)).status == 403
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"


@pytest.mark.parametrize("act", ["stop", "maximum", "notifies"])
async def test_what_the_merchant_stopped_meanwhile_is_told_kindly(
    shop: Shop, kari: Phone, act: str
) -> None:
    agreement_id = await agreed(shop, kari, pricing=VARIABLE)
    fields = (await kari.shows("/me")).form("Delete profile").fields
    await shop.stop(agreement_id)
    page = await kari.sends(
        Form(f"{kari.base}{page_of(shop, agreement_id)}/{act}", fields), amount="100", notifies="1"
    )
    assert (page.status, page.told) == (200, "It was answered already, or time is up.")


@pytest.mark.parametrize("agreement_id", ["agr_nobody", "agr_", "x" * 300, "%00", "agr_%C3%A5"])
async def test_agreements_that_do_not_exist_are_not_found(
    shop: Shop, kari: Phone, agreement_id: str
) -> None:
    page = await kari.shows(f"/agreements/{shop.msn}/{agreement_id}")
    assert page.status in {400, 404}


async def test_many_agreements_come_in_pages(shop: Shop, kari: Phone) -> None:
    for number in range(45):
        await shop.agreed(productName=f"Number {number}")
    page = await kari.shows("/agreements")
    assert page.main.count("Number") == 40
    page = await kari.opens(page.links()["More agreements"])
    assert page.main.count("Number") == 5
    assert "More agreements" not in page.links()
