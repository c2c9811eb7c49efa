"""Captures, releases and refunds move money where the gateway says so, and a stop is caught up with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Actor
from avtale.charges.charge import ChargeEntry
from avtale.charges.lifecycle import ChargeStatus
from avtale.charges.payments import PaymentKind
from avtale.engine.rows import StoredAnswer
from avtale.operations.payments import (
    begin_payment,
    release_reservation,
)
from tests.operations.attempting import (
    FIRST_RUN,
    MILLISECOND,
    at,
    charge,
    record,
)
from tests.operations.workbench import (
    MSN,
    NOW,
    PRICE,
    Bench,
    declined,
    ok,
)

# ── A stop that met an attempt ───────────────────────────────────────────────────────────────────


def stopped_meanwhile(bench: Bench, by: Actor, **members: Any) -> str:
    bench.agreement("STOPPED", stopped_by=by)
    bench.charge("PROCESSING", retry_days=3, **members)
    at(bench, FIRST_RUN)
    return str(charge(bench).open_payment)


@pytest.mark.parametrize("by", ["MERCHANT", "USER", "ADMIN"])
def test_a_declined_attempt_on_a_stopped_agreement_is_cancelled_for_good(by: Actor) -> None:
    bench = Bench()
    record(bench, declined(stopped_meanwhile(bench, by)))
    assert (charge(bench).status, charge(bench).cancelled) == ("CANCELLED", PRICE)
    assert bench.told == ["cancelled"]


@pytest.mark.parametrize("by", ["MERCHANT", "ADMIN"])
def test_a_reservation_that_went_through_meanwhile_is_released_again(by: Actor) -> None:
    bench = Bench()
    record(bench, ok(stopped_meanwhile(bench, by)))
    [release] = bench.world.begun
    assert (release.kind, release.amount, release.answers) == ("CANCEL", PRICE, None)
    record(bench, ok(release.payment_key))
    assert (charge(bench).status, charge(bench).cancelled) == ("CANCELLED", PRICE)
    assert bench.told == ["reserved", "cancelled"]


def test_a_reservation_that_went_through_during_a_payers_stop_is_kept() -> None:
    bench = Bench()
    record(bench, ok(stopped_meanwhile(bench, "USER")))
    assert charge(bench).status == "RESERVED"
    assert bench.world.begun == []


@pytest.mark.parametrize("by", ["MERCHANT", "USER", "ADMIN"])
def test_a_direct_capture_that_went_through_meanwhile_stays_charged(by: Actor) -> None:
    bench = Bench()
    record(bench, ok(stopped_meanwhile(bench, by, transaction_type="DIRECT_CAPTURE")))
    assert charge(bench).status == "CHARGED"
    assert bench.world.begun == []


def underway(bench: Bench, by: Actor, kind: PaymentKind, status: ChargeStatus, amount: int) -> str:
    """A capture or refund that was being asked for when the agreement was stopped."""
    bench.agreement("STOPPED", stopped_by=by)
    before = bench.charge(status)
    payment = begin_payment(bench.world, bench.call("key-5"), before, kind, amount, "key-5")
    bench.world.begun.clear()
    return payment.payment_key


@pytest.mark.parametrize("answer", [ok, declined])
def test_what_a_capture_leaves_is_released_after_a_merchants_stop(answer: Any) -> None:
    bench = Bench()
    key = underway(bench, "MERCHANT", "CAPTURE", "RESERVED", 100_00)
    record(bench, answer(key))
    [release] = bench.world.begun
    assert (release.kind, release.amount) == ("CANCEL", PRICE - charge(bench).captured)


@pytest.mark.parametrize("answer", [ok, declined])
def test_what_is_held_beside_a_refund_is_released_after_a_merchants_stop(answer: Any) -> None:
    bench = Bench()
    key = underway(bench, "MERCHANT", "REFUND", "PARTIALLY_CAPTURED", 50_00)
    record(bench, answer(key))
    [release] = bench.world.begun
    assert (release.kind, release.amount) == ("CANCEL", 399_00)


def test_what_a_capture_leaves_is_kept_after_a_payers_stop() -> None:
    bench = Bench()
    record(bench, ok(underway(bench, "USER", "CAPTURE", "RESERVED", 100_00)))
    assert charge(bench).status == "PARTIALLY_CAPTURED"
    assert bench.world.begun == []


def test_a_release_that_was_refused_is_not_asked_for_again_at_once() -> None:
    bench = Bench()
    key = underway(bench, "MERCHANT", "CANCEL", "RESERVED", PRICE)
    record(bench, declined(key, "payer_gone"))
    assert bench.world.begun == []


# ── Captures, releases and refunds ───────────────────────────────────────────────────────────────


def asked(bench: Bench, kind: PaymentKind, status: ChargeStatus, amount: int) -> str:
    bench.agreement()
    before = bench.charge(status)
    call = bench.call("key-5", answers=f"{MSN}\nPOST\n/x\nkey-5\n")
    bench.has(
        StoredAnswer(MSN, "POST", "/x", "key-5", "", "fingerprint", "context", NOW, "CLAIMED")
    )
    return begin_payment(bench.world, call, before, kind, amount, "key-5").payment_key


def stored(bench: Bench) -> StoredAnswer:
    answer = bench.find(StoredAnswer, MSN, "POST", "/x", "key-5", "")
    assert isinstance(answer, StoredAnswer)
    return answer


@pytest.mark.parametrize(
    ("kind", "status", "amount", "after", "sums", "told"),
    [
        ("CAPTURE", "RESERVED", PRICE, "CHARGED", (PRICE, 0, 0), "captured"),
        ("CAPTURE", "RESERVED", 1, "PARTIALLY_CAPTURED", (1, 0, 0), "captured"),
        ("CAPTURE", "PARTIALLY_CAPTURED", 1, "PARTIALLY_CAPTURED", (100_01, 0, 0), "captured"),
        ("CAPTURE", "PARTIALLY_CAPTURED", 399_00, "CHARGED", (PRICE, 0, 0), "captured"),
        ("CANCEL", "RESERVED", PRICE, "CANCELLED", (0, 0, PRICE), "cancelled"),
        ("CANCEL", "PARTIALLY_CAPTURED", 399_00, "CHARGED", (100_00, 0, 399_00), "cancelled"),
        ("REFUND", "CHARGED", PRICE, "REFUNDED", (PRICE, PRICE, 0), "refunded"),
        ("REFUND", "CHARGED", 1, "PARTIALLY_REFUNDED", (PRICE, 1, 0), "refunded"),
        ("REFUND", "PARTIALLY_REFUNDED", 1, "PARTIALLY_REFUNDED", (PRICE, 100_01, 0), "refunded"),
        ("REFUND", "PARTIALLY_REFUNDED", 399_00, "REFUNDED", (PRICE, PRICE, 0), "refunded"),
        ("REFUND", "PARTIALLY_CAPTURED", 1, "PARTIALLY_CAPTURED", (100_00, 1, 0), "refunded"),
        (
            "REFUND",
            "PARTIALLY_CAPTURED",
            100_00,
            "PARTIALLY_CAPTURED",
            (100_00, 100_00, 0),
            "refunded",
        ),
    ],
)
def test_money_that_moved_shows_in_status_sums_history_and_event(
    kind: PaymentKind,
    status: ChargeStatus,
    amount: int,
    after: ChargeStatus,
    sums: tuple[int, int, int],
    told: str,
) -> None:
    bench = Bench()
    record(bench, ok(asked(bench, kind, status, amount)))
    now = charge(bench)
    assert now.status == after
    assert (now.captured, now.refunded, now.cancelled) == sums
    assert now.open_payment is None
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.amount, entry.idempotency_key) == (kind, amount, "key-5")
    assert (entry.success, entry.transaction_id) == (True, "5001419121")
    assert bench.told == [told]
    assert bench.fact(told).transaction_id == "5001419121"
    assert (stored(bench).state, stored(bench).status, stored(bench).body) == ("DONE", 204, "")


@pytest.mark.parametrize(
    ("kind", "status", "slug"),
    [
        ("CAPTURE", "RESERVED", "charge-capture-failed"),
        ("CANCEL", "RESERVED", "cancel-charge-failed"),
        ("REFUND", "CHARGED", "operation-failed"),
    ],
)
def test_what_the_gateway_refuses_moves_nothing_and_becomes_the_answer(
    kind: PaymentKind, status: ChargeStatus, slug: str
) -> None:
    bench = Bench()
    key = asked(bench, kind, status, PRICE)
    before = charge(bench)
    record(bench, declined(key, "payer_gone"))
    now = charge(bench)
    assert now.status == status
    assert (now.captured, now.refunded, now.cancelled) == (
        before.captured,
        before.refunded,
        before.cancelled,
    )
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.success) == (kind, False)
    problem = msgspec.json.decode(stored(bench).body or "")
    assert (problem["status"], problem["type"].partition("#")[2]) == (400, slug)
    assert status in problem["detail"]
    assert problem["instance"] == "/x"


def test_a_refund_of_everything_captured_before_the_rest_is_settled_ends_refunded() -> None:
    bench = Bench()
    record(bench, ok(asked(bench, "REFUND", "PARTIALLY_CAPTURED", 100_00)))
    key = begin_payment(
        bench.world, bench.call("key-6"), charge(bench), "CANCEL", 399_00, "key-6"
    ).payment_key
    record(bench, ok(key))
    now = charge(bench)
    assert now.status == "REFUNDED"
    assert (now.captured, now.refunded, now.cancelled) == (100_00, 100_00, 399_00)


def test_a_capture_of_the_rest_after_a_refund_is_partially_refunded() -> None:
    bench = Bench()
    record(bench, ok(asked(bench, "REFUND", "PARTIALLY_CAPTURED", 100_00)))
    key = begin_payment(
        bench.world, bench.call("key-6"), charge(bench), "CAPTURE", 399_00, "key-6"
    ).payment_key
    record(bench, ok(key))
    assert charge(bench).status == "PARTIALLY_REFUNDED"


# ── Released by itself ───────────────────────────────────────────────────────────────────────────


def test_a_partly_captured_charge_lets_go_of_the_rest_after_seven_days() -> None:
    bench = Bench()
    record(bench, ok(asked(bench, "CAPTURE", "RESERVED", 100_00)))
    release_at = charge(bench).wake_at
    assert release_at == bench.rules.partial_release_at(NOW)
    assert bench.rules.market.day_of(release_at).isoformat() == "2026-11-10"


def test_the_rest_is_let_go_at_the_end_of_the_capture_window_where_that_is_sooner() -> None:
    bench = Bench("DK")
    bench.agreement()
    reserved = bench.charge("RESERVED")
    bench.now = NOW + timedelta(days=10)
    payment = begin_payment(bench.world, bench.call("k"), reserved, "CAPTURE", 100_00, "k")
    record(bench, ok(payment.payment_key))
    assert charge(bench).wake_at == bench.rules.capture_deadline(NOW)


@pytest.mark.parametrize("status", ["RESERVED", "PARTIALLY_CAPTURED"])
def test_what_is_held_is_asked_to_go_back_when_its_time_has_come(status: ChargeStatus) -> None:
    bench = Bench()
    bench.agreement()
    held = bench.charge(status)
    assert held.wake_at is not None
    early = at(bench, held.wake_at - MILLISECOND)
    assert release_reservation(early.world, early.call(""), "november-1") is None
    in_time = at(bench, held.wake_at)
    payment = release_reservation(in_time.world, in_time.call(""), "november-1")
    assert payment is not None
    assert (payment.kind, payment.amount, payment.answers) == ("CANCEL", held.held, None)
    assert payment.cause == held.system_key


def test_nothing_is_released_while_another_payment_is_open() -> None:
    bench = Bench()
    bench.agreement()
    held = bench.charge("RESERVED")
    bench.has(held.claimed(f"{MSN}:november-1:CAPTURE:2"))
    assert held.wake_at is not None
    at(bench, held.wake_at)
    assert release_reservation(bench.world, bench.call(""), "november-1") is None


def test_a_release_that_is_refused_is_tried_again_a_day_later() -> None:
    bench = Bench()
    bench.agreement()
    held = bench.charge("RESERVED")
    assert held.wake_at is not None
    at(bench, held.wake_at)
    payment = release_reservation(bench.world, bench.call(""), "november-1")
    assert payment is not None
    record(bench, declined(payment.payment_key, "payer_gone"))
    assert charge(bench).wake_at == held.wake_at + timedelta(days=1)
