"""Payers who do things by themselves, on the clock of the sales unit, and as a forecast said they would."""

from __future__ import annotations

from typing import Any

import pytest

from avtale.payers import Payer
from tests.sandbox.desk import Desk, facts
from tests.support import INITIAL, KARI, House, Refusal, Shop

OLA = "4798765432"
VARIABLE = {"type": "VARIABLE", "suggestedMaxAmount": 500_00, "currency": "NOK"}


@pytest.fixture
async def desk(stored_house: House) -> Desk:
    """The control API, on a database of each kind."""
    return Desk(stored_house)


@pytest.fixture
async def shop(stored_house: House) -> Shop:
    """A merchant whose clock stands still on Monday 2 November, half past ten in Oslo."""
    return await stored_house.shop()


async def balance(desk: Desk, phone_number: str = KARI) -> int | None:
    payer: Payer = await desk.house.find(Payer, phone_number)
    return payer.balance


async def status(shop: Shop, agreement_id: str) -> str:
    found: str = (await shop.agreement(agreement_id))["status"]
    return found


async def notices(desk: Desk, phone_number: str = KARI) -> list[str]:
    phone = await desk.ask("GET", f"/payers/{phone_number}")
    return [each["kind"] for each in reversed(phone["notifications"])]


# ── Those that come along ────────────────────────────────────────────────────────────────────────


async def test_has_money_on_the_5th(desk: Desk, shop: Shop) -> None:
    payer = await desk.put_payer(KARI, persona="payday")
    assert payer["persona"]["name"] == "Has money on the 5th"
    assert payer["balance"] == 0
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, due="2026-11-03", retryDays=5)
    foreseen = facts(await desk.forecast(shop, 4))
    done = await desk.advance(shop, days=4)
    assert facts(done) == foreseen
    charge = await shop.fetch(agreement_id, charge_id)
    assert charge["status"] == "CHARGED"
    assert charge["history"][-1]["occurred"] == "2026-11-05T08:00:00Z"
    assert await notices(desk) == ["payment_coming", *["attempt_failed"] * 4]
    await desk.advance(shop, to="2026-12-04T12:00:00Z")
    assert await balance(desk) == 0
    await desk.advance(shop, days=1)
    assert await balance(desk) == 5_000_00


async def test_cancels_in_the_app_on_day_12(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, persona="leaves-on-day-12")
    agreement_id = await shop.agreed()
    later = await shop.charge(agreement_id, due="2026-11-20")
    foreseen = facts(await desk.forecast(shop, 12))
    await desk.advance(shop, to="2026-11-13T22:59:59Z")
    assert await status(shop, agreement_id) == "ACTIVE"
    done = await desk.advance(shop, days=1)
    assert facts(done) == foreseen == ["charge cancelled", "agreement stopped"]
    agreement = await shop.agreement(agreement_id)
    assert (agreement["status"], agreement["stop"]) == ("STOPPED", "2026-11-13T23:00:00Z")
    assert agreement["history"][-1]["actor"] == "USER"
    assert await shop.status(later) == "CANCELLED"


async def test_a_card_expires(desk: Desk, shop: Shop) -> None:
    payer = await desk.put_payer(KARI, persona="card-expires-2027-03")
    assert payer["source"]["expires"] == "2027-03"
    agreement_id = await shop.agreed()
    march = await shop.charge(agreement_id, due="2027-03-31")
    april = await shop.charge(agreement_id, due="2027-04-01")
    await desk.advance(shop, to="2027-04-02T12:00:00Z")
    assert (await shop.status(march), await shop.status(april)) == ("CHARGED", "FAILED")


async def test_raises_the_maximum_after_the_first_notice(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, persona="raises-the-maximum")
    agreement_id = (await shop.draft(pricing=VARIABLE))["agreementId"]
    await desk.approve(agreement_id, maxAmount=300_00)
    charge_id = await shop.charge(agreement_id, amount=450_00, due="2026-11-10")
    await desk.advance(shop, to="2026-11-09T08:59:59Z")
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 300_00
    await desk.advance(shop, seconds=1)
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 450_00
    assert await notices(desk) == ["payment_coming"]
    await desk.advance(shop, days=1)
    assert await shop.status(charge_id) == "CHARGED"


@pytest.mark.parametrize(("persona", "ends"), [("says-yes", "ACTIVE"), ("says-no", "STOPPED")])
async def test_answers_what_comes_a_minute_later(
    desk: Desk, shop: Shop, persona: str, ends: str
) -> None:
    await desk.put_payer(OLA, persona=persona)
    agreement_id = (await shop.draft(phoneNumber=OLA, initialCharge=INITIAL))["agreementId"]
    await desk.advance(shop, seconds=59)
    assert await status(shop, agreement_id) == "PENDING"
    await desk.advance(shop, seconds=1)
    assert await status(shop, agreement_id) == ends


async def test_a_blocked_card_is_replaced_in_time(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, persona="forgets-the-card")
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, due="2026-11-05", retryDays=10)
    await desk.advance(shop, to="2026-11-08T12:00:00Z")
    assert (await shop.fetch(agreement_id, charge_id))["failureReason"] == "user_action_required"
    await desk.advance(shop, days=1)
    assert await shop.status(charge_id) == "CHARGED"


# ── Any other ────────────────────────────────────────────────────────────────────────────────────


async def test_a_persona_of_ones_own_is_sent_as_it_is(desk: Desk, shop: Shop) -> None:
    mine = {
        "name": "Spends it all",
        "habits": [{"when": "days after start", "days": 1, "do": "empty"}],
        "balance": 700_00,
    }
    assert (await desk.put_payer(KARI, persona=mine))["persona"] == mine
    await shop.agreed()
    assert await balance(desk) == 700_00
    await desk.advance(shop, days=1)
    assert await balance(desk) == 0


async def test_what_is_said_of_money_counts_for_more_than_the_persona(desk: Desk) -> None:
    payer = await desk.put_payer(KARI, persona="payday", balance=90_00)
    assert payer["balance"] == 90_00


async def test_another_persona_takes_up_its_habits_in_agreements_there_are(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    await desk.put_payer(KARI, persona="forgets-the-card")
    await desk.put_payer(KARI, persona="leaves-on-day-12")
    foreseen = await desk.forecast(shop, 20)
    assert facts(foreseen) == ["agreement stopped"]
    await desk.advance(shop, days=20)
    assert await status(shop, agreement_id) == "STOPPED"
    kari = await desk.ask("GET", f"/payers/{KARI}")
    assert kari["source"]["status"] == "OK"


async def test_nobody_does_anything_once_the_persona_is_taken_off(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, persona="leaves-on-day-12")
    agreement_id = await shop.agreed()
    payer = await desk.put_payer(KARI, persona=None)
    assert payer["persona"] is None
    assert facts(await desk.advance(shop, days=20)) == []
    assert await status(shop, agreement_id) == "ACTIVE"


async def test_a_persona_that_is_not_mentioned_stays(desk: Desk) -> None:
    await desk.put_payer(KARI, persona="payday")
    assert (await desk.put_payer(KARI, balance=1_00))["persona"]["name"] == "Has money on the 5th"


async def test_a_persona_who_deletes_the_profile_does_nothing_more(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, persona="payday")
    await shop.agreed()
    assert (await desk.send("DELETE", f"/payers/{KARI}")).status == 204
    await desk.advance(shop, days=40)
    assert await balance(desk) == 0


async def test_two_units_see_the_same_persona_each_on_its_own_clock(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, persona="leaves-on-day-12")
    other = await desk.house.shop()
    here, there = await shop.agreed(), await other.agreed()
    await desk.advance(shop, days=13)
    assert (await status(shop, here), await status(other, there)) == ("STOPPED", "ACTIVE")


async def test_what_comes_of_personas_is_listed(desk: Desk) -> None:
    listed = await desk.ask("GET", "/personas")
    assert listed["payday"]["habits"][0] == {
        "when": "monthly",
        "do": "fill",
        "day": 5,
        "amount": 5_000_00,
    }


@pytest.mark.parametrize(
    ("persona", "faults"),
    [
        ("nobody", {"persona"}),
        (7, {"persona"}),
        ({}, {"persona.name"}),
        ({"name": "X", "habits": [{"when": "monthly", "do": "stop"}]}, {"persona.habits.0"}),
        ({"name": "X", "habits": [{"when": "never", "do": "stop"}]}, {"persona.habits.0.when"}),
        (
            {"name": "X", "habits": [{"when": "notice", "do": "stop", "dya": 3}]},
            {"persona.habits.0.dya"},
        ),
    ],
)
async def test_a_persona_that_makes_no_sense_is_refused_with_the_reason(
    desk: Desk, persona: Any, faults: set[str]
) -> None:
    with pytest.raises(Refusal) as refused:
        await desk.put_payer(KARI, persona=persona)
    assert refused.value.reply.slug == "validation-error"
    assert refused.value.reply.faults.keys() == faults
