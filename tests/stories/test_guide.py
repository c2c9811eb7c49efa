"""The guide, heading by heading: what a merchant does with the collection, told over HTTP, day by day."""

from __future__ import annotations

import pytest

from tests.support import CHARGE, INITIAL, KARI, Shop, installation, refused

# ── Make API calls ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("environment", "hours"), [("test", 1), ("production", 24)])
async def test_get_access_token(environment: str, hours: int) -> None:
    async with installation(environment=environment) as house:
        shop = await house.shop()
        keys = shop.credentials
        headers = {
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "Ocp-Apim-Subscription-Key": keys.subscription_key,
            "Merchant-Serial-Number": shop.msn,
            "Vipps-System-Name": "acme",
            "Vipps-System-Version": "3.1.2",
            "Vipps-System-Plugin-Name": "acme-webshop",
            "Vipps-System-Plugin-Version": "4.5.6",
        }
        token = (await shop.raw("POST", "/accesstoken/get", headers=headers)).json
        assert token["expires_in"] == str(hours * 3600)
        reply = await shop.send(
            "GET", "/agreements", Authorization=f"Bearer {token['access_token']}"
        )
        assert reply.status == 200


# ── Create agreements ────────────────────────────────────────────────────────────────────────────


async def test_create_a_minimal_agreement(shop: Shop) -> None:
    drafted = await shop.draft(phoneNumber=KARI)
    assert drafted["vippsConfirmationUrl"].startswith("https://avtale.test/landing?")
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "PENDING"

    await shop.clock.advance(minutes=2)
    await shop.kari.approves(drafted["agreementId"])

    agreement = await shop.agreement(drafted["agreementId"])
    assert agreement["status"] == "ACTIVE"
    assert agreement["start"] == "2026-11-02T09:32:00Z"
    assert shop.events() == ["agreement-activated"]


async def test_create_a_minimal_agreement_and_never_confirm_it(shop: Shop) -> None:
    agreement = (await shop.draft())["agreementId"]
    await shop.clock.advance(minutes=9, seconds=59)
    assert (await shop.agreement(agreement))["status"] == "PENDING"
    await shop.clock.advance(seconds=1)
    assert (await shop.agreement(agreement))["status"] == "EXPIRED"
    assert shop.events() == ["agreement-expired"]


async def test_create_an_agreement_with_an_initial_charge(shop: Shop) -> None:
    await shop.kari.has(600_00)
    drafted = await shop.draft(initialCharge=INITIAL)
    assert await shop.status(drafted["chargeId"]) == "PENDING"

    await shop.kari.approves(drafted["agreementId"])

    assert (await shop.agreement(drafted["agreementId"]))["status"] == "ACTIVE"
    assert await shop.status(drafted["chargeId"]) == "CHARGED"
    assert await shop.kari.balance() == 101_00
    assert shop.events() == ["charge-captured", "agreement-activated"]


async def test_create_an_agreement_with_a_reserve_capture(shop: Shop) -> None:
    """A telephone with a subscription: the telephone is paid for when it is sent."""
    phone = {"amount": 4990_00, "description": "A telephone", "transactionType": "RESERVE_CAPTURE"}
    await shop.kari.has(5000_00)
    drafted = await shop.draft(initialCharge=phone)
    agreement, charge = drafted["agreementId"], drafted["chargeId"]
    await shop.kari.approves(agreement)
    assert (await shop.agreement(agreement))["status"] == "ACTIVE"
    assert await shop.status(charge) == "RESERVED"
    assert shop.events() == ["charge-reserved", "agreement-activated"]

    await shop.clock.reaches("2026-11-05 14:00")  # the telephone is sent
    await shop.capture(agreement, charge, 4990_00)
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 10_00


async def test_getting_access_to_user_info(shop: Shop) -> None:
    agreement = (await shop.draft(scope="name address email phoneNumber birthDate"))["agreementId"]
    assert (await shop.agreement(agreement))["sub"] is None

    await shop.kari.approves(agreement)

    answer = await shop.agreement(agreement)
    assert len(answer["sub"]) == 36
    assert answer["userinfoUrl"].endswith(f"/vipps-userinfo-api/userinfo/{answer['sub']}")


async def test_get_a_list_of_agreements(shop: Shop) -> None:
    active, rejected = await shop.agreed(), (await shop.draft())["agreementId"]
    await shop.kari.rejects(rejected)
    await shop.clock.advance(minutes=1)
    pending = (await shop.draft())["agreementId"]

    for query, expected in (
        ("?status=ACTIVE", [active]),
        ("", [active]),
        ("?status=STOPPED", [rejected]),
        ("?status=PENDING", [pending]),
        ("?status=EXPIRED", []),
    ):
        assert [each["id"] for each in await shop.agreements(query)] == expected


async def test_update_an_agreement(shop: Shop) -> None:
    agreement = await shop.agreed()
    before = await shop.agreement(agreement)

    await shop.clock.advance(days=30)
    await shop.update(
        agreement, productName="Champions League", pricing={"amount": 599_00}, externalId="sub-1"
    )

    after = await shop.agreement(agreement)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"productName", "pricing", "externalId", "history"}
    assert after["pricing"]["amount"] == 599_00
    assert after["history"][-1]["event"] == "UPDATE"


async def test_stop_an_agreement(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.clock.advance(days=90)
    await shop.stop(agreement)

    answer = await shop.agreement(agreement)
    assert (answer["status"], answer["stop"]) == ("STOPPED", "2027-01-31T09:30:00Z")
    assert shop.events() == ["agreement-activated", "agreement-stopped"]
    with refused("charge-creation-failed", 400, "STOPPED"):
        await shop.charge(agreement, due="2027-03-01")


# ── Create charges ───────────────────────────────────────────────────────────────────────────────


async def test_create_a_charge(shop: Shop) -> None:
    agreement = await shop.agreed()
    with refused("charge-due-too-soon", 400, "1 day"):
        await shop.charge(agreement, due="2026-11-02")
    charge = await shop.charge(agreement, due="2026-11-03")  # one day ahead in the test environment

    assert await shop.status(charge) == "PENDING"
    await shop.clock.reaches("2026-11-03 00:00")
    assert await shop.status(charge) == "DUE"
    await shop.clock.reaches("2026-11-03 09:00")
    answer = await shop.fetch(agreement, charge)
    assert (answer["status"], answer["type"]) == ("CHARGED", "RECURRING")


async def test_create_a_charge_in_production() -> None:
    async with installation(environment="production") as house:
        shop = await house.shop()
        agreement = await shop.agreed()
        with refused("charge-due-too-soon", 400, "2 day"):
            await shop.charge(agreement, due="2026-11-03")
        charge = await shop.charge(agreement, due="2026-11-04")
        await shop.clock.reaches("2026-11-04 09:00")
        assert await shop.status(charge) == "CHARGED"


async def test_get_a_list_of_charges_for_an_agreement(shop: Shop) -> None:
    agreement = await shop.agreed()
    november = await shop.charge(agreement, due="2026-11-04")
    december = await shop.charge(agreement, due="2026-12-04")
    await shop.clock.reaches("2026-12-04 06:00")

    found = await shop.charges(agreement, "?chargeStatus=DUE")
    assert [charge["id"] for charge in found] == [december]
    statuses = {charge["id"]: charge["status"] for charge in await shop.charges(agreement)}
    assert statuses == {november: "CHARGED", december: "DUE"}


async def test_cancel_a_charge(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.cancel(agreement, charge)
    assert await shop.status(charge) == "CANCELLED"

    await shop.clock.advance(days=7)  # and nothing is taken on its due date
    assert await shop.summary(charge) == (0, 0, 499_00)
    assert shop.events(charge) == ["charge-canceled"]


async def test_refund_a_charge(shop: Shop) -> None:
    await shop.kari.has(500_00)
    drafted = await shop.draft(initialCharge=INITIAL)
    agreement, charge = drafted["agreementId"], drafted["chargeId"]
    await shop.kari.approves(agreement)
    assert await shop.status(charge) == "CHARGED"

    await shop.clock.advance(days=3)
    await shop.refund(agreement, charge, 200_00)
    assert await shop.status(charge) == "PARTIALLY_REFUNDED"
    await shop.clock.advance(days=3)
    await shop.refund(agreement, charge, 299_00)
    assert await shop.status(charge) == "REFUNDED"
    assert await shop.summary(charge) == (499_00, 499_00, 0)
    assert await shop.kari.balance() == 500_00
    assert (await shop.agreement(agreement))["status"] == "ACTIVE"
    assert shop.events(charge) == ["charge-captured", "charge-refunded", "charge-refunded"]


async def test_capture_reserved_charge(shop: Shop) -> None:
    reserve = {**INITIAL, "transactionType": "RESERVE_CAPTURE"}
    drafted = await shop.draft(initialCharge=reserve)
    agreement, charge = drafted["agreementId"], drafted["chargeId"]
    await shop.kari.approves(agreement)
    assert await shop.status(charge) == "RESERVED"

    await shop.capture(agreement, charge, 499_00)

    answer = await shop.fetch(agreement, charge)
    assert answer["status"] == "CHARGED"
    assert [line["event"] for line in answer["history"]] == ["CREATE", "RESERVE", "CAPTURE"]


# ── And the checklist ────────────────────────────────────────────────────────────────────────────


async def test_the_four_states_that_the_checklist_asks_for(lasting_shop: Shop) -> None:
    """An agreement ACTIVE, one STOPPED, a RECURRING charge CHARGED and one REFUNDED."""
    shop = lasting_shop
    active, stopped = await shop.agreed(), await shop.agreed()

    # In November both are charged.
    charged = await shop.charge(active, orderId="checklist-charged", retryDays=2)
    refunded = await shop.charge(stopped, orderId="checklist-refunded", retryDays=2)
    await shop.clock.reaches("2026-11-04 09:00")

    # The next day one of them wants the money back, and no more of it.
    await shop.clock.advance(days=1)
    await shop.refund(stopped, refunded, 499_00)
    await shop.stop(stopped)

    # A year later it is still so.
    await shop.clock.advance(days=365)
    assert (await shop.agreement(active))["status"] == "ACTIVE"
    assert (await shop.agreement(stopped))["status"] == "STOPPED"
    for agreement, charge, status in (
        (active, charged, "CHARGED"),
        (stopped, refunded, "REFUNDED"),
    ):
        answer = await shop.fetch(agreement, charge)
        assert (answer["status"], answer["type"]) == (status, "RECURRING")


async def test_a_year_of_a_subscription(lasting_shop: Shop) -> None:
    """Twelve charges, each created when the one before was paid, and not one more."""
    shop = lasting_shop
    await shop.kari.has(12 * 499_00)
    agreement = await shop.agreed(
        initialCharge={**INITIAL, "amount": 1_00, "orderId": "first-month"}
    )
    for month in range(11):
        due = f"{2026 + (11 + month) // 12}-{(11 + month) % 12 + 1:02}-05"
        charge = await shop.charge(
            agreement, due=due, retryDays=5, orderId=f"month-{month}", description=due[:7]
        )
        await shop.clock.reaches(f"{due} 09:00")
        assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 12 * 499_00 - 11 * 499_00 - 1_00
    charges = await shop.charges(agreement)
    assert len(charges) == 12
    assert {charge["status"] for charge in charges} == {"CHARGED"}
    assert [charge["type"] for charge in charges] == ["INITIAL"] + ["RECURRING"] * 11
    assert CHARGE["description"] not in {charge["description"] for charge in charges}
