"""Cancel, capture and refund: possible from few statuses, in a window of days, and never for too much."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.lifecycle import CHARGE_STATUSES, ChargeStatus
from avtale.charges.payments import Payment
from avtale.engine.command import InProgress
from avtale.operations.charges import cancel_charge, capture_charge, refund_charge
from avtale.problems import (
    CancelChargeFailed,
    ChargeCaptureFailed,
    Conflict,
    InvalidAgreementId,
    OperationFailed,
    Problem,
    ResourceNotFound,
    ValidationFailed,
)
from avtale.rulebook import MarketCode
from avtale.wire.charges import CaptureCharge, RefundCharge
from tests.operations.workbench import ID, KARI, MSN, NOW, PRICE, Bench

WAITING: set[ChargeStatus] = {"PENDING", "DUE"}
HOLDING: set[ChargeStatus] = {"RESERVED", "PARTIALLY_CAPTURED"}
CAPTURED: set[ChargeStatus] = {"PARTIALLY_CAPTURED", "CHARGED", "PARTIALLY_REFUNDED"}
ANSWERS = "POST\n/x\nkey-1\n"

Act = Callable[..., Any]


def cancel(bench: Bench, agreement_id: str = ID, charge_id: str = "november-1") -> Any:
    return cancel_charge(bench.world, bench.call(answers=ANSWERS), agreement_id, charge_id)


def capture(
    bench: Bench, agreement_id: str = ID, charge_id: str = "november-1", *, amount: int = PRICE
) -> InProgress:
    call = bench.call(answers=ANSWERS)
    return capture_charge(bench.world, call, agreement_id, charge_id, CaptureCharge(amount))


def refund(
    bench: Bench, agreement_id: str = ID, charge_id: str = "november-1", *, amount: int = 1
) -> InProgress:
    call = bench.call(answers=ANSWERS)
    body = RefundCharge(amount, "Sorry")
    return refund_charge(bench.world, call, agreement_id, charge_id, body)


ACTS: list[Act] = [cancel, capture, refund]
FAILED: dict[Act, type[Problem]] = {
    cancel: CancelChargeFailed,
    capture: ChargeCaptureFailed,
    refund: OperationFailed,
}
POSSIBLE: dict[Act, set[ChargeStatus]] = {
    cancel: WAITING | HOLDING,
    capture: HOLDING,
    refund: CAPTURED,
}


def begun(bench: Bench) -> Payment:
    [payment] = bench.world.begun
    charge = bench.find(Charge, MSN, "november-1")
    assert charge.open_payment == payment.payment_key
    return payment


# ── Every operation × every status ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("status", CHARGE_STATUSES)
def test_an_operation_is_possible_from_its_statuses_and_refused_by_name_from_the_others(
    act: Act, status: ChargeStatus
) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status)
    if status in POSSIBLE[act]:
        act(bench, **({"amount": 1} if act is capture else {}))
        assert bench.world.is_changed
        return
    refusal = Conflict if status == "PROCESSING" else FAILED[act]
    with pytest.raises(refusal, match=rf"\b{status}\b"):
        act(bench)
    assert not bench.world.is_changed


@pytest.mark.parametrize("act", ACTS)
def test_a_payers_stop_keeps_no_merchant_from_settling(act: Act) -> None:
    bench = Bench()
    bench.agreement("STOPPED", stopped_by="USER")
    bench.charge("PARTIALLY_CAPTURED")
    act(bench, **({"amount": 1} if act is capture else {}))
    assert begun(bench).answers == ANSWERS, "the merchant's request waits for the gateway"


@pytest.mark.parametrize("act", ACTS)
def test_whoever_loses_a_race_on_a_charge_meets_a_conflict(act: Act) -> None:
    bench = Bench()
    bench.agreement()
    bench.has(bench.charge("PARTIALLY_CAPTURED").claimed(f"{MSN}:november-1:CAPTURE:2"))
    with pytest.raises(Conflict, match="under way"):
        act(bench)


@pytest.mark.parametrize("act", ACTS)
def test_an_agreement_or_charge_that_is_not_there_is_not_found(act: Act) -> None:
    bench = Bench()
    bench.agreement()
    bench.agreement(agreement_id="agr_another")
    bench.charge("RESERVED")
    bench.lacks(Charge, MSN, "nothing")
    bench.lacks(Agreement, MSN, "agr_nowhere")
    with pytest.raises(InvalidAgreementId):
        act(bench, "agreement-1")
    with pytest.raises(ResourceNotFound, match="Agreement"):
        act(bench, "agr_nowhere")
    with pytest.raises(ResourceNotFound, match="Charge"):
        act(bench, ID, "nothing")
    with pytest.raises(ResourceNotFound, match="Charge"):
        act(bench, "agr_another")


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_cannot_be_captured_or_refunded(amount: int) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("PARTIALLY_CAPTURED")
    for act in (capture, refund):
        with pytest.raises(ValidationFailed) as refusal:
            act(bench, amount=amount)
        assert [fault.name for fault in refusal.value.faults] == ["amount"]


# ── Cancel ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", sorted(WAITING))
def test_a_charge_that_holds_no_money_is_cancelled_at_once(status: ChargeStatus) -> None:
    bench = Bench()
    bench.agreement(external_id="sub-1")
    bench.charge(status)
    charge = cancel(bench)
    assert (charge.status, charge.cancelled, charge.wake_at) == ("CANCELLED", PRICE, None)
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.amount, entry.idempotency_key) == ("CANCEL", PRICE, "key-1")
    assert entry.transaction_id is None
    assert bench.told == ["cancelled"]
    assert bench.fact("cancelled").agreement_external_id == "sub-1"


@pytest.mark.parametrize(("status", "held"), [("RESERVED", PRICE), ("PARTIALLY_CAPTURED", 399_00)])
def test_a_cancel_asks_for_all_that_is_held_to_go_back(status: ChargeStatus, held: int) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status)
    assert isinstance(cancel(bench), InProgress)
    payment = begun(bench)
    assert (payment.kind, payment.amount, payment.cause) == ("CANCEL", held, "key-1")
    assert (payment.answers, payment.payer) == (ANSWERS, KARI)
    assert bench.told == [], "nothing has happened before the gateway says so"


def test_an_initial_charge_that_waits_for_the_payer_goes_with_its_agreement() -> None:
    bench = Bench()
    bench.agreement("PENDING")
    bench.charge("PENDING", type="INITIAL")
    with pytest.raises(CancelChargeFailed, match="PENDING"):
        cancel(bench)


# ── Capture ──────────────────────────────────────────────────────────────────────────────────────


def test_a_capture_asks_for_its_amount_under_a_key_of_its_own() -> None:
    bench = Bench()
    bench.agreement()
    charge = bench.charge("RESERVED")
    in_progress = capture(bench, amount=200_00)
    payment = begun(bench)
    assert in_progress.payment == payment
    assert (payment.kind, payment.amount) == ("CAPTURE", 200_00)
    assert payment.payment_key == f"{MSN}:november-1:CAPTURE:{charge.payments + 1}"
    assert payment.fence == charge.fence + 1
    assert payment.lease_until == NOW + timedelta(seconds=30)


@pytest.mark.parametrize(("status", "left"), [("RESERVED", PRICE), ("PARTIALLY_CAPTURED", 399_00)])
def test_no_more_can_be_captured_than_is_left(status: ChargeStatus, left: int) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status)
    words = f"higher than the remaining capturable amount {left}"
    with pytest.raises(ChargeCaptureFailed, match=words):
        capture(bench, amount=left + 1)
    capture(bench, amount=left)


# ── Refund ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "left"),
    [("CHARGED", PRICE), ("PARTIALLY_CAPTURED", 100_00), ("PARTIALLY_REFUNDED", 399_00)],
)
def test_no_more_can_be_refunded_than_was_captured_and_not_given_back(
    status: ChargeStatus, left: int
) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status)
    with pytest.raises(OperationFailed, match=str(left)):
        refund(bench, amount=left + 1)
    refund(bench, amount=left)
    payment = begun(bench)
    assert (payment.kind, payment.amount, payment.cause) == ("REFUND", left, "key-1")


# ── Windows ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("act", [cancel, capture])
@pytest.mark.parametrize(
    ("market", "late_capture", "days"),
    [
        ("NO", False, 180),
        ("DK", False, 14),
        ("FI", False, 14),
        ("DK", True, 180),
        ("FI", True, 180),
    ],
)
def test_a_reservation_can_be_captured_or_cancelled_through_the_last_day_of_its_window(
    act: Act, market: MarketCode, late_capture: bool, days: int
) -> None:
    bench = Bench(market, late_capture=late_capture)
    bench.agreement()
    bench.charge("RESERVED")
    deadline = bench.rules.capture_deadline(NOW)
    last_day = bench.rules.market.day_of(deadline - timedelta(milliseconds=1))
    assert (last_day - bench.rules.market.day_of(NOW)).days == days
    bench.now = deadline
    with pytest.raises(FAILED[act], match=rf"RESERVED .* {days} days"):
        act(bench)
    bench.now = deadline - timedelta(milliseconds=1)
    act(bench)


def test_a_capture_can_be_refunded_through_the_365th_day_after_it() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("CHARGED")
    deadline = bench.rules.refund_deadline(NOW)
    assert deadline.date().isoformat() == "2027-11-02", "midnight of the 3rd in Oslo"
    bench.now = deadline
    with pytest.raises(OperationFailed, match=r"CHARGED .* 365 days"):
        refund(bench)
    bench.now = deadline - timedelta(milliseconds=1)
    refund(bench)


def test_the_refund_window_opens_anew_with_each_capture() -> None:
    bench = Bench()
    bench.agreement()
    charge = bench.charge("PARTIALLY_CAPTURED")
    later = NOW + timedelta(days=6)
    bench.has(msgspec.structs.replace(charge, captured_at=later))
    bench.now = bench.rules.refund_deadline(NOW)
    refund(bench)


def test_the_status_is_judged_before_the_window_and_the_window_before_the_amount() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("CHARGED")
    bench.now = bench.rules.capture_deadline(NOW)
    with pytest.raises(ChargeCaptureFailed, match="CHARGED and cannot"):
        capture(bench, amount=PRICE + 1)
    bench.charge("RESERVED")
    bench.has(msgspec.structs.replace(bench.find(Charge, MSN, "november-1"), reserved_at=NOW))
    with pytest.raises(ChargeCaptureFailed, match="180 days"):
        capture(bench, amount=PRICE + 1)
