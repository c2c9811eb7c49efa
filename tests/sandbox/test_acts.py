"""What payers do through the control API, and what is done to charges."""

from typing import Any

import pytest

from avtale.sales_units import SalesUnit
from tests.sandbox.desk import Desk, facts
from tests.support import INITIAL, KARI, MONDAY, House, Shop, refused

OLA = "4798765432"
VARIABLE = {"type": "VARIABLE", "suggestedMaxAmount": 500_00, "currency": "NOK"}


# ── Yes ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_yes_makes_the_agreement_active(desk: Desk, shop: Shop) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    answer = await desk.ask("POST", f"/agreements/{agreement_id}/approve")
    assert answer.keys() == {"agreementId", "merchantSerialNumber", "status", "happened"}
    assert answer["agreementId"] == agreement_id
    assert answer["merchantSerialNumber"] == shop.msn
    assert answer["status"] == "ACTIVE"
    assert facts(answer) == ["agreement activated"]
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"


async def test_a_yes_is_answered_when_the_initial_charge_is_paid(desk: Desk, shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    answer = await desk.approve(drafted["agreementId"])
    assert answer["status"] == "ACTIVE"
    assert facts(answer) == ["charge attempt begun", "charge captured", "agreement activated"]
    assert await shop.status(drafted["chargeId"]) == "CHARGED"


@pytest.mark.parametrize(
    ("asked_of", "said_by", "payer"),
    [(None, None, KARI), (OLA, None, OLA), (OLA, KARI, KARI), (None, OLA, OLA)],
)
async def test_whoever_says_yes_is_named_or_asked_or_kari(
    desk: Desk, shop: Shop, asked_of: str | None, said_by: str | None, payer: str
) -> None:
    members = {"phoneNumber": asked_of} if asked_of else {}
    agreement_id = (await shop.draft(**members))["agreementId"]
    await desk.approve(agreement_id, phoneNumber=said_by)
    phone = await desk.ask("GET", f"/payers/{payer}")
    assert [each["agreementId"] for each in phone["agreements"]] == [agreement_id]


async def test_a_yes_without_money_expires_the_agreement(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, balance=1_00)
    drafted = await shop.draft(initialCharge=INITIAL)
    answer = await desk.approve(drafted["agreementId"])
    assert answer["status"] == "EXPIRED"
    assert facts(answer) == ["charge attempt begun", "charge failed", "agreement expired"]
    assert "could not be paid" in answer["happened"][-1]["detail"]


async def test_a_yes_of_a_minor_expires_the_agreement(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(OLA, birthDate="2012-01-01")
    agreement_id = (await shop.draft())["agreementId"]
    assert (await desk.approve(agreement_id, phoneNumber=OLA))["status"] == "EXPIRED"


async def test_an_unclear_outcome_leaves_the_agreement_waiting(desk: Desk, shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    await desk.ask("POST", f"/charges/{drafted['chargeId']}/outcomes", {"outcomes": ["timeout"]})
    answer = await desk.approve(drafted["agreementId"])
    assert (answer["status"], facts(answer)[-1]) == ("PENDING", "charge outcome unclear")
    with refused(None, 400, "said yes already"):
        await desk.approve(drafted["agreementId"])
    await desk.advance(shop, minutes=1)
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "ACTIVE"


async def test_a_second_answer_is_refused(desk: Desk, shop: Shop) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    await desk.approve(agreement_id)
    for act in ("approve", "reject"):
        with refused(None, 400, "ACTIVE", "answered already"):
            await desk.ask("POST", f"/agreements/{agreement_id}/{act}")


async def test_at_the_very_instant_of_its_expiry_a_request_cannot_be_answered(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    await shop.clock.jumps(minutes=10)
    for act in ("approve", "reject"):
        with refused(None, 400, "Time is up", 10):
            await desk.ask("POST", f"/agreements/{agreement_id}/{act}")
    await desk.ask("POST", f"/sales-units/{shop.msn}/runs")
    assert (await shop.agreement(agreement_id))["status"] == "EXPIRED"


async def test_a_millisecond_before_its_expiry_a_request_can_be_answered(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    await shop.clock.jumps(minutes=10, milliseconds=-1)
    assert (await desk.approve(agreement_id))["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"phoneNumber": "47"}, "phoneNumber"),
        ({"phoneNumber": 4791234567}, "phoneNumber"),
        ({"maxAmount": "100"}, "maxAmount"),
        ({"maximum": 100}, "maximum"),
        ({"maxAmount": 100_00}, "maxAmount"),
    ],
)
async def test_a_yes_that_makes_no_sense_is_refused_by_name(
    desk: Desk, shop: Shop, body: dict[str, Any], fault: str
) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    reply = await desk.send("POST", f"/agreements/{agreement_id}/approve", body)
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert reply.faults.keys() == {fault}


# ── No, stop, and how much ───────────────────────────────────────────────────────────────────────


async def test_a_no_stops_the_agreement(desk: Desk, shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    answer = await desk.ask("POST", f"/agreements/{drafted['agreementId']}/reject")
    assert answer["status"] == "STOPPED"
    assert facts(answer) == ["charge cancelled", "agreement rejected"]
    assert await shop.status(drafted["chargeId"]) == "CANCELLED"


async def test_a_payer_stops_an_agreement_and_leaves_reservations_to_the_merchant(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    held = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    await desk.advance(shop, days=3)
    pending = await shop.charge(agreement_id, due="2026-12-01")
    answer = await desk.ask("POST", f"/agreements/{agreement_id}/stop")
    assert answer["status"] == "STOPPED"
    assert facts(answer) == ["charge cancelled", "agreement stopped"]
    assert (await shop.agreement(agreement_id))["history"][-1]["actor"] == "USER"
    assert (await shop.status(held), await shop.status(pending)) == ("RESERVED", "CANCELLED")
    assert answer["happened"][-1]["detail"] == "“Premier League” was STOPPED by the payer."


async def test_only_an_active_agreement_is_stopped(desk: Desk, shop: Shop) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    with refused("illegal-agreement-update", 400, "PENDING"):
        await desk.ask("POST", f"/agreements/{agreement_id}/stop")


async def test_a_payer_chooses_a_maximum_with_the_yes_and_another_later(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = (await shop.draft(pricing=VARIABLE))["agreementId"]
    await desk.approve(agreement_id, maxAmount=200_00)
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 200_00
    path = f"/agreements/{agreement_id}/max-amount"
    answer = await desk.ask("POST", path, {"maxAmount": 300_00})
    assert (answer["status"], answer["happened"]) == ("ACTIVE", [])
    assert (await shop.agreement(agreement_id))["pricing"]["maxAmount"] == 300_00


async def test_a_raised_maximum_lets_a_waiting_charge_through(desk: Desk, shop: Shop) -> None:
    agreement_id = (await shop.draft(pricing=VARIABLE))["agreementId"]
    await desk.approve(agreement_id, maxAmount=200_00)
    charge_id = await shop.charge(agreement_id, amount=400_00, retryDays=2)
    assert "charge attempt declined" in facts(await desk.advance(shop, days=2))
    await desk.ask("POST", f"/agreements/{agreement_id}/max-amount", {"maxAmount": 400_00})
    await desk.advance(shop, days=1)
    assert await shop.status(charge_id) == "CHARGED"


async def test_a_maximum_belongs_to_an_active_variable_agreement(desk: Desk, shop: Shop) -> None:
    waiting = (await shop.draft(pricing=VARIABLE))["agreementId"]
    with refused(None, 400, "PENDING"):
        await desk.ask("POST", f"/agreements/{waiting}/max-amount", {"maxAmount": 1_00})
    legacy = await shop.agreed()
    with refused("validation-error", 400):
        await desk.ask("POST", f"/agreements/{legacy}/max-amount", {"maxAmount": 1_00})
    await desk.approve(waiting)
    for amount in (99, 2_000_001):
        with refused("validation-error", 400):
            await desk.ask("POST", f"/agreements/{waiting}/max-amount", {"maxAmount": amount})
    reply = await desk.send("POST", f"/agreements/{waiting}/max-amount", {})
    assert reply.faults == {"maxAmount": "is required"}


# ── Which one is meant ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("act", ["approve", "reject", "stop", "max-amount"])
async def test_an_agreement_that_does_not_exist_is_not_found(desk: Desk, act: str) -> None:
    body = {"maxAmount": 1_00} if act == "max-amount" else {}
    with refused("resource-not-found", 404):
        await desk.ask("POST", f"/agreements/agr_unheard0/{act}", body)
    with refused("invalid-agreement-id", 400):
        await desk.ask("POST", f"/agreements/premier-league/{act}", body)


async def same_order_id_in_two_units(desk: Desk) -> tuple[Shop, Shop]:
    one, other = await desk.house.shop(), await desk.house.shop()
    await one.charge(await one.agreed(), orderId="order-1")
    await desk.advance(other, days=1)
    await other.charge(await other.agreed(), orderId="order-1", due="2026-11-05")
    return one, other


async def test_an_id_in_two_units_means_the_newest_unless_the_unit_is_named(desk: Desk) -> None:
    one, other = await same_order_id_in_two_units(desk)
    answer = await desk.ask("POST", "/charges/order-1/process")
    assert (answer["merchantSerialNumber"], answer["status"]) == (other.msn, "CHARGED")
    assert await one.status("order-1") == "PENDING"
    answer = await desk.ask("POST", f"/charges/order-1/process?merchantSerialNumber={one.msn}")
    assert (answer["merchantSerialNumber"], answer["status"]) == (one.msn, "CHARGED")


async def test_a_unit_that_has_no_such_id_is_told_so(desk: Desk, shop: Shop) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    named = f"?merchantSerialNumber={shop.msn}"
    with refused("resource-not-found", 404):
        await desk.ask("POST", f"/agreements/{agreement_id}/approve?merchantSerialNumber=123456")
    with refused("validation-error", 400):
        await desk.ask("POST", f"/agreements/{agreement_id}/approve?merchantSerialNumber=abc")
    assert await desk.ask("POST", f"/agreements/{agreement_id}/approve{named}")


# ── Charges ──────────────────────────────────────────────────────────────────────────────────────


async def test_scripted_outcomes_are_met_in_order_then_whatever_comes(
    desk: Desk, shop: Shop
) -> None:
    charge_id = await shop.charge(await shop.agreed(), retryDays=5)
    outcomes = ["insufficient_funds", "technical_error", "timeout"]
    answer = await desk.ask("POST", f"/charges/{charge_id}/outcomes", {"outcomes": outcomes})
    assert answer == {
        "chargeId": charge_id,
        "merchantSerialNumber": shop.msn,
        "status": "PENDING",
        "outcomes": outcomes,
    }
    told = facts(await desk.advance(shop, days=10))
    assert [word for word in told if word not in {"charge shown", "charge attempt begun"}] == [
        "charge attempt declined",
        "charge attempt declined",
        "charge outcome unclear",
        "charge captured",
    ]


async def test_a_script_replaces_the_one_before(desk: Desk, shop: Shop) -> None:
    charge_id = await shop.charge(await shop.agreed(), retryDays=5)
    for outcomes in (["refused", "refused"], ["ok"], []):
        await desk.ask("POST", f"/charges/{charge_id}/outcomes", {"outcomes": outcomes})
    assert facts(await desk.advance(shop, days=10))[-1] == "charge captured"


async def test_a_charge_that_is_over_has_no_more_attempts_to_script(desk: Desk, shop: Shop) -> None:
    charge_id = await shop.charge(await shop.agreed())
    await desk.advance(shop, days=3)
    with refused(None, 400, "CHARGED", "no more attempts"):
        await desk.ask("POST", f"/charges/{charge_id}/outcomes", {"outcomes": ["ok"]})


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "outcomes"),
        ({"outcomes": None}, "outcomes"),
        ({"outcomes": ["maybe"]}, "outcomes.0"),
        ({"outcomes": "ok"}, "outcomes"),
        ({"outcomes": ["ok"], "times": 2}, "times"),
    ],
)
async def test_a_script_that_makes_no_sense_is_refused_by_name(
    desk: Desk, shop: Shop, body: dict[str, Any], fault: str
) -> None:
    charge_id = await shop.charge(await shop.agreed())
    reply = await desk.send("POST", f"/charges/{charge_id}/outcomes", body)
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert reply.faults.keys() == {fault}


async def test_a_charge_is_attempted_now_before_its_day(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, due="2026-12-24")
    answer = await desk.ask("POST", f"/charges/{charge_id}/process")
    assert answer.keys() == {
        "chargeId",
        "agreementId",
        "merchantSerialNumber",
        "status",
        "happened",
    }
    assert (answer["chargeId"], answer["agreementId"]) == (charge_id, agreement_id)
    assert answer["status"] == "CHARGED"
    assert facts(answer) == ["charge shown", "charge attempt begun", "charge captured"]
    assert {fact["occurred"] for fact in answer["happened"]} == {"2026-11-02T09:30:00Z"}
    assert facts(await desk.advance(shop, days=60)) == []


async def test_an_attempt_now_that_is_declined_leaves_the_runs_to_come(
    desk: Desk, shop: Shop
) -> None:
    charge_id = await shop.charge(await shop.agreed())
    await desk.ask("POST", f"/charges/{charge_id}/outcomes", {"outcomes": ["refused"]})
    answer = await desk.ask("POST", f"/charges/{charge_id}/process")
    assert answer["status"] == "DUE"
    assert answer["happened"][-1]["detail"].endswith("the next is at 2026-11-04T08:00:00Z.")
    told = (await desk.advance(shop, days=3))["happened"]
    assert [fact["occurred"] for fact in told] == ["2026-11-04T08:00:00Z"] * 2


async def test_an_attempt_now_above_the_payers_maximum_is_declined(desk: Desk, shop: Shop) -> None:
    agreement_id = (await shop.draft(pricing=VARIABLE))["agreementId"]
    await desk.approve(agreement_id, maxAmount=200_00)
    charge_id = await shop.charge(agreement_id, amount=400_00)
    answer = await desk.ask("POST", f"/charges/{charge_id}/process")
    assert answer["status"] == "DUE"
    assert "charge amount too high" in answer["happened"][-1]["detail"]


async def test_a_charge_that_is_reserved_now_waits_for_its_capture(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    answer = await desk.ask("POST", f"/charges/{charge_id}/process")
    assert (answer["status"], facts(answer)[-1]) == ("RESERVED", "charge reserved")
    await shop.capture(agreement_id, charge_id, 499_00)
    assert await shop.status(charge_id) == "CHARGED"


async def test_what_is_over_or_not_there_is_not_attempted(desk: Desk, shop: Shop) -> None:
    charge_id = await shop.charge(await shop.agreed())
    await desk.ask("POST", f"/charges/{charge_id}/process")
    with refused(None, 400, "CHARGED"):
        await desk.ask("POST", f"/charges/{charge_id}/process")
    for unheard in ("chr-0000000", "no%20such", "%F0%9F%92%B8"):
        for act, body in (("process", None), ("outcomes", {"outcomes": []})):
            with refused("resource-not-found", 404):
                await desk.ask("POST", f"/charges/{unheard}/{act}", body)


async def test_an_initial_charge_waits_for_the_yes(desk: Desk, shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL)
    with refused(None, 400, "approves"):
        await desk.ask("POST", f"/charges/{drafted['chargeId']}/process")


async def test_a_charge_that_is_being_attempted_is_left_alone(desk: Desk, shop: Shop) -> None:
    charge_id = await shop.charge(await shop.agreed())
    await desk.ask("POST", f"/charges/{charge_id}/outcomes", {"outcomes": ["timeout"]})
    answer = await desk.ask("POST", f"/charges/{charge_id}/process")
    assert answer["status"] == "PROCESSING"
    with refused("conflict", 409, "under way"):
        await desk.ask("POST", f"/charges/{charge_id}/process")


# ── Every database ───────────────────────────────────────────────────────────────────────────────


async def test_payers_act_on_every_database(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    drafted = await shop.draft(pricing=VARIABLE, initialCharge=INITIAL)
    agreement_id = drafted["agreementId"]
    assert (await desk.approve(agreement_id, maxAmount=200_00))["status"] == "ACTIVE"
    await desk.ask("POST", f"/agreements/{agreement_id}/max-amount", {"maxAmount": 450_00})
    charge_id = await shop.charge(agreement_id, amount=450_00)
    await desk.ask("POST", f"/charges/{charge_id}/outcomes", {"outcomes": ["refused"]})
    assert (await desk.ask("POST", f"/charges/{charge_id}/process"))["status"] == "DUE"
    assert (await desk.ask("POST", f"/charges/{charge_id}/process"))["status"] == "CHARGED"
    rejected = (await shop.draft())["agreementId"]
    for act, of in (("stop", agreement_id), ("reject", rejected)):
        assert (await desk.ask("POST", f"/agreements/{of}/{act}"))["status"] == "STOPPED"
    assert (await desk.advance(shop, days=1))["from"] == "2026-11-02T09:30:00Z"
    unit = await stored_house.find(SalesUnit, shop.msn)
    assert (unit.clock_mode, unit.clock_at.day) == ("frozen", MONDAY.day + 1)
