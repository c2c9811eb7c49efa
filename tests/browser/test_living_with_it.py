"""What a payer does with an agreement afterwards, on the phone."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import OpenPhone
from tests.browser.people import Phone
from tests.browser.shop import Shop
from tests.browser.visits import begun
from tests.browser.windows import Windows


async def test_a_card_mended_before_the_last_retry_day_pays(
    shop: Shop, phone_of: OpenPhone
) -> None:
    await shop.payer()
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, retryDays=3)
    phone = Phone(await phone_of(shop.phone()))
    await phone.block_source()
    await shop.advance(days=3)
    assert await shop.charge_status(charge_id) == "DUE"
    await phone.open("Notices")
    # Runs at 9 and at 17 o'clock, on the 5th; at 9 on the 6th.
    await expect(phone.notices("could not take 499 kr")).to_have_count(3)
    await phone.mend_source()
    await shop.advance(days=1)
    assert await shop.charge_status(charge_id) == "CHARGED"


async def test_a_payer_stops_an_agreement_and_its_payments(shop: Shop, phone_of: OpenPhone) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    phone = Phone(await phone_of(shop.phone()))
    await phone.open_agreement()
    await phone.press("Stop agreement", "The agreement is stopped.")
    agreement = await shop.becomes(agreement_id, "STOPPED")
    assert agreement["history"][-1]["actor"] == "USER"
    assert await shop.charge_status(charge_id) == "CANCELLED"


async def test_a_raised_maximum_lets_a_payment_through(shop: Shop, phone_of: OpenPhone) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 600_00, "currency": "NOK"}
    agreement_id = await shop.agreed(pricing=pricing, max_amount=100_00)
    charge_id = await shop.charge(agreement_id, amount=550_00, retryDays=3)
    phone = Phone(await phone_of(shop.phone()))
    await shop.advance(days=2)
    assert await shop.charge_status(charge_id) == "DUE"
    await phone.open_agreement()
    await phone.set_maximum("600")
    await shop.advance(days=1)
    assert await shop.charge_status(charge_id) == "CHARGED"
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 600_00


async def test_payments_are_told_of_where_the_payer_has_switched_that_on(
    shop: Shop, phone_of: OpenPhone
) -> None:
    agreement_id = await shop.agreed()
    await shop.charge(agreement_id)
    phone = Phone(await phone_of(shop.phone()))
    await phone.open_agreement()
    await phone.press("Turn on", "Saved.")
    await shop.advance(days=3)
    kinds = [each["kind"] for each in (await shop.phone_shows())["notifications"]]
    assert kinds == ["payment_made", "payment_coming"]
    await phone.open("Notices")
    await expect(phone.notices()).to_have_count(2)


async def test_emptied_and_filled_again(shop: Shop, phone_of: OpenPhone) -> None:
    await shop.payer(balance=1000_00)
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, retryDays=1)
    phone = Phone(await phone_of(shop.phone()))
    await phone.open("Me")
    await phone.press("Empty it", "Saved.")
    await shop.advance(days=2)
    assert await shop.charge_status(charge_id) == "DUE"
    await phone.set_balance("600")
    await shop.advance(days=1)
    assert await shop.charge_status(charge_id) == "CHARGED"
    assert (await shop.phone_shows())["balance"] == 600_00 - 499_00


async def test_a_deleted_profile_stops_everything(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    windows.excuse(404)
    agreement_id = await shop.agreed()
    phone = Phone(await phone_of(shop.phone()))
    await phone.open("Me")
    await phone.press("Delete profile", "The profile is deleted.")
    agreement = await shop.becomes(agreement_id, "STOPPED")
    assert agreement["history"][-1]["actor"] == "ADMIN"


async def test_the_merchants_page_opens_as_the_merchant_gave_it(
    shop: Shop, phone_of: OpenPhone, windows: Windows
) -> None:
    await shop.agreed(merchantAgreementUrl=f"{shop.site.url}/me?customer=12%2F3&&")
    phone = Phone(await phone_of(shop.phone()))
    await phone.open_agreement()
    async with phone.page.context.expect_page() as opening:
        await phone.page.get_by_role("link", name="Open Nordic News's page").click()
    await expect((await opening.value).get_by_role("heading", name="Nordic News")).to_be_visible()
    assert shop.site.came_back == ["/me?customer=12%2F3&&"]


async def test_everything_appears_without_reloading(shop: Shop, phone_of: OpenPhone) -> None:
    phone = Phone(await phone_of(shop.phone()))
    await phone.open("Agreements")
    await phone.page.evaluate("() => { window.stayed = true }")
    agreement_id = await shop.agreed()
    await expect(phone.main.get_by_role("link", name="Premier League")).to_be_visible()
    charge_id = await shop.charge(agreement_id)
    await expect(phone.main).to_contain_text("5 March 2031")
    await shop.ask("DELETE", f"/recurring/v3/agreements/{agreement_id}/charges/{charge_id}")
    await expect(phone.main).not_to_contain_text("5 March 2031")
    await shop.ask("PATCH", f"/recurring/v3/agreements/{agreement_id}", {"status": "STOPPED"})
    await expect(phone.main.get_by_role("heading", name="Stopped")).to_be_visible()
    assert await phone.page.evaluate("() => window.stayed")


async def test_a_notice_and_a_request_appear_by_themselves_too(
    windows: Windows, shop: Shop, phone_of: OpenPhone
) -> None:
    await shop.payer(source={"status": "BLOCKED"})
    agreement_id = await shop.agreed()
    await shop.charge(agreement_id)
    phone = Phone(await phone_of(shop.phone()))
    await phone.open("Notices")
    await phone.page.evaluate("() => { window.stayed = true }")
    await shop.advance(days=3)
    await expect(phone.notices("was not paid")).to_be_visible()
    _, landing = await begun(windows, shop, productName="La Liga")
    await landing.next()
    home = phone.page.get_by_role("navigation", name="avtale").get_by_role("link", name="Home")
    await expect(home).to_contain_text("1")
    assert await phone.page.evaluate("() => window.stayed")


async def test_what_somebody_writes_is_not_swept_away_by_news(
    shop: Shop, phone_of: OpenPhone
) -> None:
    phone = Phone(await phone_of(shop.phone()))
    await phone.open("Me")
    amount = phone.page.get_by_label("Amount", exact=True)
    await amount.press_sequentially("12")
    await shop.payer(balance=50_00)
    await phone.page.wait_for_timeout(1000)
    await expect(amount).to_be_focused()
    await amount.press_sequentially("34")
    await expect(amount).to_have_value("1234")


async def test_a_phone_lists_the_payments_that_were_and_the_next_one_alone(
    shop: Shop, phone_of: OpenPhone
) -> None:
    agreement_id = await shop.agreed()
    for due, amount in (("2031-03-05", 100_00), ("2031-04-05", 200_00), ("2031-05-05", 300_00)):
        await shop.charge(agreement_id, due=due, amount=amount)
    await shop.advance(days=3)
    phone = Phone(await phone_of(shop.phone()))
    await phone.open_agreement()
    await expect(phone.main.get_by_role("listitem")).to_have_count(2)
    await expect(phone.main).to_contain_text("200 kr")
    await expect(phone.main).to_contain_text("100 kr")
    await expect(phone.main).not_to_contain_text("300 kr")


async def test_without_script_everything_is_still_there_to_do(
    shop: Shop, phone_of: OpenPhone
) -> None:
    agreement_id = await shop.agreed()
    phone = Phone(await phone_of(shop.phone(), java_script_enabled=False))
    await phone.block_source()
    await phone.mend_source()
    await phone.open_agreement()
    await phone.press("Turn on", "Saved.")
    await phone.press("Stop agreement", "The agreement is stopped.")
    await shop.becomes(agreement_id, "STOPPED")
