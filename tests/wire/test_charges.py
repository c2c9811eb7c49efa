"""Charges come in one by one or by the thousand, and go out with every member that the API promises."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from avtale.charges.charge import Charge, ChargeEntry
from avtale.problems import Fault, InvalidJson, PayloadTooLarge, ValidationFailed
from avtale.rulebook import rulebook_for
from avtale.wire.charges import (
    BulkAnswer,
    BulkCharge,
    CaptureCharge,
    CreateCharge,
    CreateChargeAnswer,
    RefundCharge,
    charge_answer,
    invalid_charge,
    read_bulk,
    sentences,
)
from avtale.wire.reading import read

RULES = rulebook_for("test", "NO")
EUROS = rulebook_for("test", "FI")

CHARGE: dict[str, Any] = {
    "amount": 499_00,
    "description": "October",
    "transactionType": "DIRECT_CAPTURE",
    "due": "2026-11-01",
    "retryDays": 5,
}
UNSCHEDULED = {"type": "UNSCHEDULED", "due": None, "retryDays": None}
ITEM: dict[str, Any] = {**CHARGE, "agreementId": "agr_5kSeqz", "orderId": "october-1"}


def created(**members: Any) -> CreateCharge:
    return read(json.dumps({**CHARGE, **members}).encode(), CreateCharge)


def faults_of(**members: Any) -> dict[str, str]:
    return dict(created(**members).faults(RULES))


def shape_faults(**members: Any) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as refusal:
        created(**members)
    return dict(refusal.value.faults)


# ── One by one ───────────────────────────────────────────────────────────────────────────────────


def test_a_charge_is_recurring_unless_it_says_otherwise() -> None:
    charge = created()
    assert charge.faults(RULES) == []
    assert (charge.type, charge.due, charge.retry_days) == ("RECURRING", date(2026, 11, 1), 5)
    assert (charge.processing_mode, charge.order_id, charge.external_id) == (None, None, None)


def test_a_recurring_charge_needs_a_due_day_and_retry_days() -> None:
    assert faults_of(due=None, retryDays=None) == {"due": "is required", "retryDays": "is required"}


@pytest.mark.parametrize("retry_days", [0, 1, 14])
def test_retry_days_are_a_fortnight_at_most(retry_days: int) -> None:
    assert faults_of(retryDays=retry_days) == {}


@pytest.mark.parametrize("retry_days", [-1, 15, 2**31 - 1])
def test_retry_days_are_no_more_than_a_fortnight(retry_days: int) -> None:
    assert faults_of(retryDays=retry_days) == {"retryDays": "must be from 0 to 14"}


def test_a_single_attempt_is_not_tried_again() -> None:
    assert faults_of(processingMode="SINGLE_ATTEMPT", retryDays=0) == {}
    assert faults_of(processingMode="MULTIPLE_ATTEMPTS", retryDays=0) == {}
    assert faults_of(processingMode="SINGLE_ATTEMPT", retryDays=1) == {
        "retryDays": "must be 0 where processingMode is SINGLE_ATTEMPT"
    }


def test_an_unscheduled_charge_has_no_day_and_no_second_attempt() -> None:
    assert faults_of(**UNSCHEDULED) == {}
    assert faults_of(**{**UNSCHEDULED, "retryDays": 0}) == {}
    assert faults_of(
        type="UNSCHEDULED", due="2026-11-01", retryDays=1, processingMode="SINGLE_ATTEMPT"
    ) == {
        "due": "must not be given where type is UNSCHEDULED",
        "processingMode": "must not be given where type is UNSCHEDULED",
        "retryDays": "must be absent or 0 where type is UNSCHEDULED",
    }


def test_an_initial_charge_is_created_with_its_agreement_only() -> None:
    assert shape_faults(type="INITIAL") == {"type": "must be RECURRING or UNSCHEDULED"}


@pytest.mark.parametrize(
    "due",
    ["", "2026-02-30", "2026-13-01", "01.11.2026", "2026-11-01T00:00:00Z", "2026-11-1", 20261101],
)
def test_a_due_day_is_a_day_that_exists(due: object) -> None:
    assert shape_faults(due=due) == {"due": "must be a date, such as 2026-12-06"}


def test_no_charge_is_below_the_smallest_payment() -> None:
    assert faults_of(amount=100) == {}
    assert faults_of(amount=99) == {"amount": "must be at least 100 (minor units of NOK)"}
    assert created(amount=1).faults(EUROS) == []
    assert created(amount=0).faults(EUROS) == [
        Fault("amount", "must be at least 1 (minor units of EUR)")
    ]


@pytest.mark.parametrize(
    ("name", "most"), [("description", 100), ("orderId", 64), ("externalId", 64)]
)
def test_texts_have_their_lengths(name: str, most: int) -> None:
    assert faults_of(**{name: "x"}) == {}
    assert faults_of(**{name: "x" * most}) == {}
    assert shape_faults(**{name: ""}) == {name: "must not be empty"}
    assert shape_faults(**{name: "x" * (most + 1)}) == {name: f"must be at most {most} characters"}


@pytest.mark.parametrize(
    "order_id", ["a b", "a_b", "a/b", "å", "october-1\n", "١٢٣", "chr_1", "\u200b"], ids=ascii
)
def test_order_ids_are_plain(order_id: str) -> None:
    assert shape_faults(orderId=order_id) == {"orderId": "must contain only A–Z, a–z, 0–9 and -"}


def test_descriptions_and_external_ids_are_of_any_language() -> None:
    assert faults_of(description="Lørdagstipping 🎉", externalId="søknad #7/26: «ja»") == {}


def test_captures_and_refunds_move_something() -> None:
    capture = read(b'{"amount": 1}', CaptureCharge)
    assert (capture.amount, capture.description, capture.faults(RULES)) == (1, None, [])
    assert read(b'{"amount": 0}', CaptureCharge).faults(RULES) == [
        Fault("amount", "must be at least 1")
    ]
    refund = read(b'{"amount": -100, "description": "Rain"}', RefundCharge)
    assert refund.faults(RULES) == [Fault("amount", "must be at least 1")]
    with pytest.raises(ValidationFailed) as refusal:
        read(b"{}", RefundCharge)
    assert [fault.name for fault in refusal.value.faults] == ["amount", "description"]


# ── By the thousand ──────────────────────────────────────────────────────────────────────────────


def bulk(*items: object) -> bytes:
    return json.dumps(items).encode()


def test_reads_each_item_on_its_own() -> None:
    broken = {**ITEM, "amount": "1", "due": None, "agreementId": "agr-1", "note": "x"}
    (first, good, raw), (second, faults, raw_broken), (third, no_object, seven) = read_bulk(
        bulk(ITEM, broken, 7)
    )
    assert (first, second, third) == (0, 1, 2)
    assert isinstance(good, BulkCharge)
    assert good.faults(RULES) == []
    assert good.as_create_charge() == created(orderId="october-1")
    assert raw == ITEM
    assert faults == [
        Fault("agreementId", "must be agr_ and 1 to 32 letters and digits"),
        Fault("amount", "must be a whole number"),
        Fault("due", "is required"),
    ]
    assert raw_broken == broken
    assert (no_object, seven) == ([Fault("body", "must be an object")], 7)


def test_an_item_hears_what_the_rules_say_too() -> None:
    broken = {**ITEM, "amount": 99, "orderId": None, "retryDays": 15}
    ((_, faults, _),) = read_bulk(bulk(broken), rules=RULES)
    assert isinstance(faults, list)
    assert {fault.name for fault in faults} == {"amount", "orderId", "retryDays"}


def test_a_type_is_no_member_of_an_item() -> None:
    ((_, item, _),) = read_bulk(bulk({**ITEM, "type": "UNSCHEDULED"}))
    assert isinstance(item, BulkCharge)
    assert item.as_create_charge().type == "RECURRING"


def test_takes_1_to_2000_items() -> None:
    assert len(read_bulk(bulk(*[ITEM] * 2000))) == 2000
    for items in ([], [ITEM] * 2001):
        with pytest.raises(ValidationFailed) as refusal:
            read_bulk(bulk(*items))
        assert dict(refusal.value.faults) == {"body": "must hold 1 to 2000 charges"}
    with pytest.raises(ValidationFailed):
        read_bulk(bulk(ITEM, ITEM), largest=1)


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"null", json.dumps(ITEM).encode()])
def test_takes_nothing_but_an_array(body: bytes) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        read_bulk(body)
    assert dict(refusal.value.faults) == {"body": "must be an array"}


def test_refuses_the_whole_where_it_cannot_be_read() -> None:
    with pytest.raises(InvalidJson):
        read_bulk(b"[{}")
    with pytest.raises(PayloadTooLarge, match="2097152"):
        read_bulk(b"[" + b" " * 2 * 1024 * 1024)


def test_shows_a_refused_item_as_far_as_it_could_be_read() -> None:
    broken = {**ITEM, "amount": "1", "orderId": "a b", "externalId": "x", "msn": "1", "due": [1]}
    ((_, faults, raw),) = read_bulk(bulk(broken))
    assert isinstance(faults, list)
    answer = BulkAnswer((invalid_charge(raw, sentences(faults)),), ("october-2",))
    assert json.loads(msgspec.json.encode(answer)) == {
        "invalidCharges": [
            {
                "chargeBatchItemDto": {
                    "agreementId": "agr_5kSeqz",
                    "due": None,
                    "retryDays": 5,
                    "amount": None,
                    "description": "October",
                    "transactionType": "DIRECT_CAPTURE",
                    "orderId": "a b",
                    "externalId": "x",
                },
                "errors": [
                    "amount: must be a whole number",
                    "due: must be a date, such as 2026-12-06",
                    "orderId: must contain only A–Z, a–z, 0–9 and -",
                ],
            }
        ],
        "validCharges": ["october-2"],
    }


@pytest.mark.parametrize("item", [7, None, [], {}, {"amount": True, "retryDays": 10**30}], ids=str)
def test_shows_an_item_that_says_nothing(item: object) -> None:
    echo = json.loads(msgspec.json.encode(invalid_charge(item, ["x"])))["chargeBatchItemDto"]
    assert set(echo.values()) == {None}
    assert len(echo) == 7


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────

CREATED = datetime(2026, 10, 20, 8, 30, 1, 999000, tzinfo=UTC)
NINE = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


def october() -> tuple[Charge, ChargeEntry]:
    return Charge(
        merchant_serial_number="123456",
        charge_id="chr-WCVbcA1",
        agreement_id="agr_5kSeqz",
        external_id=None,
        type="RECURRING",
        transaction_type="DIRECT_CAPTURE",
        processing_mode="MULTIPLE_ATTEMPTS",
        amount=499_00,
        currency="NOK",
        description="October",
        ceiling=2495_00,
        due_day=date(2026, 11, 1),
        retry_days=5,
        created=CREATED,
        due=datetime(2026, 11, 1, tzinfo=UTC),
    ).created_with("key-1")


def answered(charge: Charge, *history: ChargeEntry, external: str | None = None) -> dict[str, Any]:
    answer = charge_answer(charge, history, agreement_external_id=external)
    written: dict[str, Any] = json.loads(msgspec.json.encode(answer))
    return written


def test_a_charge_answers_with_every_member() -> None:
    charge, entry = october()
    assert answered(charge, entry) == {
        "id": "chr-WCVbcA1",
        "agreementId": "agr_5kSeqz",
        "externalId": None,
        "externalAgreementId": None,
        "status": "PENDING",
        "type": "RECURRING",
        "transactionType": "DIRECT_CAPTURE",
        "amount": 499_00,
        "currency": "NOK",
        "description": "October",
        "due": "2026-11-01T00:00:00Z",
        "retryDays": 5,
        "processingMode": "MULTIPLE_ATTEMPTS",
        "transactionId": None,
        "failureReason": None,
        "failureDescription": None,
        "summary": {"captured": 0, "refunded": 0, "cancelled": 0},
        "history": [
            {
                "occurred": "2026-10-20T08:30:01Z",
                "event": "CREATE",
                "amount": 499_00,
                "idempotencyKey": "key-1",
                "success": True,
            }
        ],
    }


def test_a_refunded_charge_tells_its_life() -> None:
    charge, first = october()
    charge = charge.shown(NINE).attempted("p1")
    charge, paid = charge.paid(NINE, "5001419121", "p1")
    charge, refunded = charge.refund(100_00, NINE + timedelta(hours=1), "key-2", "5001419122", "p2")
    told = answered(charge, first, paid, refunded, external="member-7")
    assert told["status"] == "PARTIALLY_REFUNDED"
    assert told["externalAgreementId"] == "member-7"
    assert told["transactionId"] == "5001419121"
    assert told["summary"] == {"captured": 499_00, "refunded": 100_00, "cancelled": 0}
    assert told["history"][1:] == [
        {
            "occurred": "2026-11-01T08:00:00Z",
            "event": "CAPTURE",
            "amount": 499_00,
            "idempotencyKey": "chr-WCVbcA1-agr_5kSeqz-ProcessPayment",
            "success": True,
            "transactionId": "5001419121",
        },
        {
            "occurred": "2026-11-01T09:00:00Z",
            "event": "REFUND",
            "amount": 100_00,
            "idempotencyKey": "key-2",
            "success": True,
            "transactionId": "5001419122",
        },
    ]


def test_a_failed_charge_says_why() -> None:
    charge, first = october()
    charge, failed = charge.shown(NINE).attempted("p1").failed("user_action_required", NINE, "p1")
    told = answered(charge, first, failed)
    assert (told["status"], told["failureReason"], told["failureDescription"]) == (
        "FAILED",
        "user_action_required",
        "User action required",
    )
    assert told["history"][1]["success"] is False


def test_a_new_charge_answers_with_its_id() -> None:
    assert msgspec.json.encode(CreateChargeAnswer("chr-WCVbcA1")) == b'{"chargeId":"chr-WCVbcA1"}'
