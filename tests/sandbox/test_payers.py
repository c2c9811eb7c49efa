"""Payers are described by member, made up where they are not, and go with all their agreements."""

from typing import Any

import pytest

from avtale.operations.payers import market_of
from avtale.payers import Payer, made_up_payer
from tests.sandbox.desk import Desk
from tests.support import INITIAL, KARI, House, Shop, refused

OLA = "4798765432"
MEMBERS = {
    "phoneNumber",
    "name",
    "email",
    "birthDate",
    "address",
    "nin",
    "balance",
    "source",
    "outcomes",
    "persona",
}


# ── Describing ───────────────────────────────────────────────────────────────────────────────────


async def test_a_payer_who_is_put_for_the_first_time_is_made_up_around_what_is_said(
    desk: Desk,
) -> None:
    reply = await desk.send("PUT", f"/payers/{OLA}", {"name": "Ola Nordmann", "balance": 500_00})
    assert reply.status == 201
    made_up = made_up_payer(OLA, "NO")
    assert reply.json == {
        "phoneNumber": OLA,
        "name": "Ola Nordmann",
        "email": made_up.profile.email,
        "birthDate": made_up.profile.birth_date.isoformat(),
        "address": {
            "streetAddress": made_up.profile.address.street_address,
            "postalCode": made_up.profile.address.postal_code,
            "region": made_up.profile.address.region,
            "country": "NO",
        },
        "nin": made_up.profile.nin,
        "balance": 500_00,
        "source": {"kind": "CARD", "status": "OK", "expires": None},
        "outcomes": [],
        "persona": None,
    }


async def test_what_is_not_given_stays(desk: Desk) -> None:
    await desk.put_payer(
        OLA,
        balance=500_00,
        source={"kind": "ACCOUNT", "expires": "2027-03"},
        outcomes=["refused", "ok"],
        address={"region": "BODØ"},
    )
    reply = await desk.send(
        "PUT",
        f"/payers/{OLA}",
        {
            "email": "ola@example.com",
            "birthDate": "2001-02-03",
            "nin": "01010112345",
            "source": {"status": "BLOCKED"},
            "address": {"streetAddress": "Sjøgata 1"},
        },
    )
    assert reply.status == 200
    payer = reply.json
    assert payer["email"] == "ola@example.com"
    assert payer["birthDate"] == "2001-02-03"
    assert payer["nin"] == "01010112345"
    assert payer["balance"] == 500_00
    assert payer["source"] == {"kind": "ACCOUNT", "status": "BLOCKED", "expires": "2027-03"}
    assert payer["outcomes"] == ["refused", "ok"]
    assert (payer["address"]["streetAddress"], payer["address"]["region"]) == ("Sjøgata 1", "BODØ")


async def test_null_means_enough_money_and_a_card_that_never_expires(desk: Desk) -> None:
    await desk.put_payer(OLA, balance=0, source={"expires": "2027-03"})
    payer = await desk.put_payer(OLA, balance=None, name=None, source={"expires": None})
    assert payer["balance"] is None
    assert payer["source"]["expires"] is None


async def test_putting_nothing_makes_a_payer_up(desk: Desk) -> None:
    assert (await desk.send("PUT", f"/payers/{OLA}")).status == 201
    assert (await desk.send("PUT", f"/payers/{OLA}", {})).status == 200


@pytest.mark.parametrize(
    ("phone_number", "market"),
    [
        ("4798765432", "NO"),
        ("4512345678", "DK"),
        ("358401234567", "FI"),
        ("46701234567", "NO"),
    ],
)
async def test_a_made_up_payer_looks_right_for_the_number(
    desk: Desk, phone_number: str, market: str
) -> None:
    assert (await desk.put_payer(phone_number))["address"]["country"] == market
    assert market_of(phone_number) == market


async def test_the_last_word_of_a_name_is_the_family_name(desk: Desk, house: House) -> None:
    assert (await desk.put_payer(OLA, name="Anne Marie Berg"))["name"] == "Anne Marie Berg"
    payer = await house.find(Payer, OLA)
    assert (payer.profile.given_name, payer.profile.family_name) == ("Anne Marie", "Berg")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": "Ola"}, "name"),
        ({"name": " Ola "}, "name"),
        ({"name": "Ola\nNordmann"}, "name"),
        ({"email": "ola"}, "email"),
        ({"birthDate": "1820-01-01"}, "birthDate"),
        ({"birthDate": "yesterday"}, "birthDate"),
        ({"nin": "no"}, "nin"),
        ({"balance": -1}, "balance"),
        ({"balance": 1.5}, "balance"),
        ({"balance": "1"}, "balance"),
        ({"balance": True}, "balance"),
        ({"balance": 10**13}, "balance"),
        ({"source": "CARD"}, "source"),
        ({"source": {"kind": "CASH"}}, "source.kind"),
        ({"source": {"status": "LOST"}}, "source.status"),
        ({"source": {"expires": "2027-13"}}, "source.expires"),
        ({"outcomes": "ok"}, "outcomes"),
        ({"outcomes": ["ok", "perhaps"]}, "outcomes.1"),
        ({"outcomes": ["ok"] * 101}, "outcomes"),
        ({"address": {"country": "SE"}}, "address.country"),
        ({"balanse": 1}, "balanse"),
        ({"source": {"expire": "2027-03"}}, "source.expire"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    desk: Desk, body: dict[str, Any], fault: str
) -> None:
    reply = await desk.send("PUT", f"/payers/{OLA}", body)
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert reply.faults.keys() == {fault}
    assert (await desk.send("GET", f"/payers/{OLA}")).status == 404


async def test_every_fault_is_told_at_once(desk: Desk) -> None:
    reply = await desk.send(
        "PUT", f"/payers/{OLA}", {"name": "Ola", "birthDate": "1800-01-01", "balanse": 1}
    )
    assert reply.faults.keys() == {"name", "birthDate", "balanse"}


@pytest.mark.parametrize(
    "number", ["1234567", "1234567890123456", "+4798765432", "ola", "%2047987654"]
)
async def test_a_phone_number_is_eight_to_fifteen_digits(desk: Desk, number: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        reply = await desk.send(method, f"/payers/{number}", {} if method == "PUT" else None)
        assert (reply.status, reply.slug) == (400, "validation-error")
        assert reply.faults.keys() == {"phoneNumber"}


async def test_payers_are_listed_by_number_in_pages(desk: Desk) -> None:
    for number in ("4512345678", "358401234567", OLA):
        await desk.put_payer(number)
    listed = await desk.ask("GET", "/payers")
    assert [payer["phoneNumber"] for payer in listed] == [
        "358401234567",
        "4512345678",
        KARI,
        OLA,
    ]
    assert all(payer.keys() == MEMBERS for payer in listed)
    second = await desk.ask("GET", "/payers?pageSize=3&pageNumber=2")
    assert [payer["phoneNumber"] for payer in second] == [OLA]


async def test_a_payer_nobody_knows_is_not_found(desk: Desk) -> None:
    for method in ("GET", "DELETE"):
        with refused("resource-not-found", 404):
            await desk.ask(method, f"/payers/{OLA}")


# ── Money ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_described_money_is_what_a_charge_meets(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, balance=400_00)
    charge_id = await shop.charge(await shop.agreed(), retryDays=1)
    await desk.advance(shop, days=2)
    assert await shop.status(charge_id) == "DUE"
    await desk.put_payer(KARI, balance=600_00)
    await desk.advance(shop, days=1)
    assert await shop.status(charge_id) == "CHARGED"
    assert (await desk.ask("GET", f"/payers/{KARI}"))["balance"] == 101_00


# ── What the phone shows ─────────────────────────────────────────────────────────────────────────


async def test_the_phone_shows_requests_agreements_and_payments(desk: Desk, shop: Shop) -> None:
    request = await shop.draft(phoneNumber=KARI, productName="Weekend")
    await shop.draft(productName="For nobody in particular")
    agreement_id = await shop.agreed(initialCharge=INITIAL)
    phone = await desk.ask("GET", f"/payers/{KARI}")
    assert phone.keys() == MEMBERS | {"requests", "agreements", "payments", "notifications"}
    assert phone["requests"] == [
        {
            "agreementId": request["agreementId"],
            "merchantSerialNumber": shop.msn,
            "status": "PENDING",
            "productName": "Weekend",
            "pricing": {"type": "LEGACY", "amount": 499_00, "currency": "NOK"},
            "interval": {"unit": "MONTH", "count": 1},
            "created": "2026-11-02T09:30:00Z",
            "expires": "2026-11-02T09:40:00Z",
        }
    ]
    [agreement] = phone["agreements"]
    assert (agreement["agreementId"], agreement["status"]) == (agreement_id, "ACTIVE")
    [payment] = phone["payments"]
    assert (payment["kind"], payment["status"], payment["amount"]) == (
        "DIRECT_CAPTURE",
        "OK",
        499_00,
    )
    await shop.stop(agreement_id)
    await desk.advance(shop, minutes=10)
    phone = await desk.ask("GET", f"/payers/{KARI}")
    assert phone["requests"] == []
    assert [each["status"] for each in phone["agreements"]] == ["STOPPED"]


async def test_the_newest_comes_first_and_other_payers_see_none_of_it(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    for day in ("2026-11-04", "2026-11-05"):
        await shop.charge(agreement_id, due=day, orderId=day)
    await desk.advance(shop, days=5)
    payments = (await desk.ask("GET", f"/payers/{KARI}"))["payments"]
    assert [payment["chargeId"] for payment in payments] == ["2026-11-05", "2026-11-04"]
    await desk.put_payer(OLA)
    phone = await desk.ask("GET", f"/payers/{OLA}")
    assert phone["agreements"] == phone["payments"] == []


# ── Leaving ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_payer_who_leaves_stops_every_agreement_in_every_unit(
    desk: Desk, house: House
) -> None:
    one, other = await house.shop(), await house.shop("DK")
    await desk.advance(other, days=40)
    first, second = await one.agreed(), await other.agreed(initialCharge=_reserved())
    pending = await one.charge(first)
    [held] = [charge["id"] for charge in await other.charges(second)]
    assert await other.status(held) == "RESERVED"
    assert (await desk.send("DELETE", f"/payers/{KARI}")).status == 204
    for shop, agreement_id, at in ((one, first, "2026-11-02"), (other, second, "2026-12-12")):
        stopped = (await shop.agreement(agreement_id))["history"][-1]
        assert (stopped["event"], stopped["actor"]) == ("STOP", "ADMIN")
        assert stopped["occurred"].startswith(at)
    assert await one.status(pending) == "CANCELLED"
    assert await other.status(held) == "CANCELLED"
    [told] = [body for body in one.bodies("agreement-stopped") if body["msn"] == one.msn]
    assert told["actor"] == "ADMIN"


async def test_a_payer_who_leaves_rejects_what_was_asked(desk: Desk, shop: Shop) -> None:
    asked = (await shop.draft(phoneNumber=KARI, initialCharge=INITIAL))["agreementId"]
    others = (await shop.draft(phoneNumber=OLA))["agreementId"]
    await desk.ask("DELETE", f"/payers/{KARI}")
    assert (await shop.agreement(asked))["status"] == "STOPPED"
    assert shop.events(asked) == ["charge-canceled", "agreement-rejected"]
    assert (await shop.agreement(others))["status"] == "PENDING"


async def test_a_request_whose_time_is_up_expires_rather_than_being_rejected(
    desk: Desk, shop: Shop
) -> None:
    asked = (await shop.draft(phoneNumber=KARI))["agreementId"]
    await shop.clock.jumps(minutes=10)
    await desk.ask("DELETE", f"/payers/{KARI}")
    await desk.ask("POST", f"/sales-units/{shop.msn}/runs")
    assert (await shop.agreement(asked))["status"] == "EXPIRED"


async def test_a_payer_who_has_left_is_gone_until_described_again(desk: Desk, shop: Shop) -> None:
    before = await shop.agreed(scope="name")
    await desk.ask("DELETE", f"/payers/{KARI}")
    for method in ("GET", "DELETE"):
        with refused("resource-not-found", 404):
            await desk.ask(method, f"/payers/{KARI}")
    assert await desk.ask("GET", "/payers") == []
    assert (await desk.send("PUT", f"/payers/{KARI}", {"balance": 0})).status == 201
    after = await shop.agreed(scope="name")
    subs = {(await shop.agreement(each))["sub"] for each in (before, after)}
    assert len(subs) == 2


async def test_leaving_works_on_every_database(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    agreement_id = await shop.agreed(initialCharge=_reserved())
    asked = (await shop.draft(phoneNumber=KARI))["agreementId"]
    await desk.put_payer(KARI, balance=1_00)
    phone = await desk.ask("GET", f"/payers/{KARI}")
    assert [len(phone[name]) for name in ("requests", "agreements", "payments")] == [1, 1, 1]
    assert len(await desk.ask("GET", "/payers")) == 1
    await desk.ask("DELETE", f"/payers/{KARI}")
    assert {(await shop.agreement(each))["status"] for each in (agreement_id, asked)} == {"STOPPED"}
    assert (await stored_house.find(Payer, KARI)).balance == 500_00
    await desk.put_payer(KARI, balance=7)
    assert (await desk.ask("GET", f"/payers/{KARI}"))["balance"] == 7


def _reserved() -> dict[str, Any]:
    return {**INITIAL, "transactionType": "RESERVE_CAPTURE"}
