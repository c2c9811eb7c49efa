"""Charges over HTTP: what may be sent, and every member of what is answered (rulings §5, §8)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support import CHARGE, INITIAL, Reply, Shop

MEMBERS = {
    "id",
    "agreementId",
    "externalId",
    "externalAgreementId",
    "status",
    "type",
    "transactionType",
    "amount",
    "currency",
    "description",
    "due",
    "retryDays",
    "processingMode",
    "transactionId",
    "failureReason",
    "failureDescription",
    "summary",
    "history",
}


async def post(shop: Shop, agreement: str, **members: Any) -> Reply:
    """Ask for a charge, whatever is answered; ... leaves a member out."""
    body = {name: value for name, value in {**CHARGE, **members}.items() if value is not ...}
    return await shop.send("POST", f"/agreements/{agreement}/charges", body)


def assert_faults(reply: Reply, *names: str) -> None:
    """Refused for these members and no others."""
    assert (reply.status, reply.slug) == (400, "validation-error"), reply.body
    assert sorted(reply.faults) == sorted(names)


# ── Creating ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_charge_is_answered_with_its_id(shop: Shop) -> None:
    reply = await post(shop, await shop.agreed())
    assert reply.status == 201
    assert set(reply.json) == {"chargeId"}
    assert re.fullmatch(r"chr-[A-Za-z0-9]{7}", reply.json["chargeId"])


async def test_an_order_id_is_the_charges_id(shop: Shop) -> None:
    longest = "A-z-0-9-" * 8
    assert await shop.charge(await shop.agreed(), orderId=longest) == longest


@pytest.mark.parametrize(
    "order_id", ["", "x" * 65, "a_b", "a b", "a/b", "å", "٣", "a\n", "a.b", 7, True]
)
async def test_an_order_id_is_letters_digits_and_hyphens(shop: Shop, order_id: Any) -> None:
    assert_faults(await post(shop, await shop.agreed(), orderId=order_id), "orderId")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("amount", 99),
        ("amount", 100.0),
        ("amount", "100"),
        ("amount", True),
        ("amount", 2**31),
        ("amount", None),
        ("description", ""),
        ("description", "x" * 101),
        ("description", "a\x07b"),
        ("description", None),
        ("transactionType", "CASH"),
        ("transactionType", None),
        ("type", "INITIAL"),
        ("due", "2026-11-31"),
        ("due", "04.11.2026"),
        ("due", "2026-11-04T00:00:00Z"),
        ("due", 20261104),
        ("due", None),
        ("retryDays", 15),
        ("retryDays", -1),
        ("retryDays", "5"),
        ("retryDays", None),
        ("processingMode", "SOMETIMES"),
        ("externalId", ""),
        ("externalId", "x" * 65),
    ],
)
async def test_a_member_that_is_wrong_is_named(shop: Shop, member: str, value: Any) -> None:
    assert_faults(await post(shop, await shop.agreed(), **{member: value}), member)


async def test_all_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    reply = await post(
        shop, await shop.agreed(), amount=1, description="", due=..., retryDays=99, orderId="a_b"
    )
    assert_faults(reply, "amount", "description", "due", "retryDays", "orderId")


async def test_texts_may_be_as_long_as_published_and_in_any_script(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, description="ø" * 99 + "🎉", externalId="日" * 64)
    answer = await shop.fetch(agreement, charge)
    assert answer["description"] == "ø" * 99 + "🎉"
    assert answer["externalId"] == "日" * 64


async def test_optional_members_may_be_null(shop: Shop) -> None:
    reply = await post(
        shop, await shop.agreed(), type=None, processingMode=None, orderId=None, externalId=None
    )
    assert reply.status == 201


async def test_members_that_nobody_knows_are_ignored(shop: Shop) -> None:
    agreement = await shop.agreed()
    reply = await post(shop, agreement, currency="EUR", status="CHARGED", hasPriceChanged=False)
    charge = await shop.fetch(agreement, reply.json["chargeId"])
    assert (charge["status"], charge["currency"]) == ("PENDING", "NOK")


# ── What a charge is answered with ───────────────────────────────────────────────────────────────


async def test_a_pending_charge_has_every_member(shop: Shop) -> None:
    agreement = await shop.agreed(externalId="sub-1")
    charge = await shop.charge(agreement, orderId="november-1", externalId="INV-1", key="k-1")
    answer = await shop.fetch(agreement, charge)
    expected: dict[str, Any] = {
        "id": "november-1",
        "agreementId": agreement,
        "externalId": "INV-1",
        "externalAgreementId": "sub-1",
        "status": "PENDING",
        "type": "RECURRING",
        "transactionType": "DIRECT_CAPTURE",
        "amount": 499_00,
        "currency": "NOK",
        "description": "November",
        "due": "2026-11-04T00:00:00Z",
        "retryDays": 0,
        "processingMode": "MULTIPLE_ATTEMPTS",
        "transactionId": None,
        "failureReason": None,
        "failureDescription": None,
        "summary": {"captured": 0, "refunded": 0, "cancelled": 0},
        "history": [
            {
                "occurred": "2026-11-02T09:30:00Z",
                "event": "CREATE",
                "amount": 499_00,
                "idempotencyKey": "k-1",
                "success": True,
            }
        ],
    }
    assert answer == expected
    assert set(answer) == MEMBERS


async def test_a_charge_is_found_by_its_id_alone_as_well(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    assert await shop.ask("GET", f"/charges/{charge}") == await shop.fetch(agreement, charge)


async def test_a_direct_capture_is_created_and_captured(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    await shop.clock.advance(days=2)
    answer = await shop.fetch(agreement, charge)
    assert [line["event"] for line in answer["history"]] == ["CREATE", "CAPTURE"]
    capture = answer["history"][1]
    assert capture["occurred"] == "2026-11-04T08:00:00Z"
    assert capture["idempotencyKey"] == f"{charge}-{agreement}-ProcessPayment"
    assert re.fullmatch(r"\d{10,}", answer["transactionId"])
    assert capture["transactionId"] == answer["transactionId"]
    assert answer["summary"] == {"captured": 499_00, "refunded": 0, "cancelled": 0}


async def test_every_movement_of_a_reservation_is_a_line_with_its_own_transaction(
    shop: Shop,
) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.clock.advance(days=2)
    await shop.capture(agreement, charge, 300_00)
    await shop.refund(agreement, charge, 100_00)
    await shop.cancel(agreement, charge)
    answer = await shop.fetch(agreement, charge)
    lines = [(line["event"], line["amount"], line["success"]) for line in answer["history"]]
    assert lines == [
        ("CREATE", 499_00, True),
        ("RESERVE", 499_00, True),
        ("CAPTURE", 300_00, True),
        ("REFUND", 100_00, True),
        ("CANCEL", 199_00, True),
    ]
    transactions = [line["transactionId"] for line in answer["history"][1:]]
    assert len(set(transactions)) == 4
    assert answer["summary"] == {"captured": 300_00, "refunded": 100_00, "cancelled": 199_00}
    assert answer["status"] == "PARTIALLY_REFUNDED"


async def test_a_failed_charge_says_why_and_moved_nothing(shop: Shop) -> None:
    await shop.kari.pays_with(status="EXPIRED")
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    await shop.clock.advance(days=3)
    answer = await shop.fetch(agreement, charge)
    assert answer["status"] == "FAILED"
    assert answer["failureReason"] == "user_action_required"
    assert answer["failureDescription"] == "User action required"
    assert answer["summary"] == {"captured": 0, "refunded": 0, "cancelled": 0}
    line = answer["history"][-1]
    assert (line["event"], line["success"]) == ("FAIL", False)
    assert answer["transactionId"] is None


@pytest.mark.parametrize(
    ("outcome", "reason", "description"),
    [
        ("insufficient_funds", "user_action_required", "User action required"),
        ("card_expired", "user_action_required", "User action required"),
        ("card_blocked", "user_action_required", "User action required"),
        ("refused", "user_action_required", "User action required"),
        ("technical_error", "technical_error", "Technical error"),
    ],
)
async def test_the_reason_of_a_failure_is_one_of_the_published(
    shop: Shop, outcome: Any, reason: str, description: str
) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, processingMode="SINGLE_ATTEMPT")
    await shop.next_attempts(charge, outcome)
    await shop.clock.advance(days=2)
    answer = await shop.fetch(agreement, charge)
    assert (answer["failureReason"], answer["failureDescription"]) == (reason, description)


async def test_a_payer_who_is_gone_is_no_fault_of_technology(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    await shop.kari.is_described(deleted=await shop.clock.now())
    await shop.clock.advance(days=2)
    answer = await shop.fetch(agreement, charge)
    assert answer["failureReason"] == "non_technical_error"
    assert answer["failureDescription"] == "Non technical error"


async def test_a_charge_cancelled_before_any_reservation_has_cancelled_its_amount(
    shop: Shop,
) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    await shop.cancel(agreement, charge)
    answer = await shop.fetch(agreement, charge)
    assert answer["status"] == "CANCELLED"
    assert answer["summary"] == {"captured": 0, "refunded": 0, "cancelled": 499_00}


async def test_a_refused_refund_is_a_line_without_success(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    await shop.clock.advance(days=2)
    body = {"amount": 124, "description": "x"}
    path = f"/agreements/{agreement}/charges/{charge}/refund"
    assert (await shop.send("POST", path, body)).slug == "operation-failed"
    answer = await shop.fetch(agreement, charge)
    assert (answer["status"], answer["summary"]["refunded"]) == ("CHARGED", 0)
    line = answer["history"][-1]
    assert (line["event"], line["amount"], line["success"]) == ("REFUND", 124, False)


async def test_all_figures_are_whole_numbers(shop: Shop) -> None:
    agreement = await shop.agreed(initialCharge=INITIAL)
    reply = await shop.send("GET", f"/agreements/{agreement}/charges")
    floats: list[str] = []
    json.loads(reply.body, parse_float=floats.append)
    assert floats == []


# ── Listing ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("parameter", ["status", "chargeStatus"])
async def test_charges_of_one_status_are_listed(shop: Shop, parameter: str) -> None:
    agreement = await shop.agreed()
    due = await shop.charge(agreement, due="2026-11-04")
    await shop.clock.advance(milliseconds=1)
    pending = await shop.charge(agreement, due="2026-12-04")
    await shop.clock.reaches("2026-11-04 01:00")
    for status, expected in (("DUE", [due]), ("PENDING", [pending]), ("CHARGED", [])):
        found = await shop.charges(agreement, f"?{parameter}={status}")
        assert [charge["id"] for charge in found] == expected
    assert [charge["id"] for charge in await shop.charges(agreement)] == [due, pending]


# ── Capture and refund bodies ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("amount", [None, 0, -1, 1.0, "100", True, 2**31])
async def test_how_much_to_capture_or_refund_is_a_whole_number(shop: Shop, amount: Any) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    for operation in ("capture", "refund"):
        path = f"/agreements/{agreement}/charges/{charge}/{operation}"
        reply = await shop.send("POST", path, {"amount": amount, "description": "x"})
        assert_faults(reply, "amount")


async def test_a_refund_needs_a_description_and_a_capture_does_not(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.clock.advance(days=2)
    path = f"/agreements/{agreement}/charges/{charge}"
    assert (await shop.send("POST", f"{path}/capture", {"amount": 1})).status == 204
    assert_faults(await shop.send("POST", f"{path}/refund", {"amount": 1}), "description")
    body = {"amount": 1, "description": "x"}
    assert (await shop.send("POST", f"{path}/refund", body)).status == 204
    assert (await shop.send("POST", f"{path}/capture", body)).status == 204
