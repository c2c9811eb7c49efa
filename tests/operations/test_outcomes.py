"""What the gateway says of an attempt counts once, and only where the fence still stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from avtale.charges.charge import ChargeEntry
from avtale.operations.payments import (
    take_up,
)
from tests.operations.attempting import (
    FIRST_RUN,
    MILLISECOND,
    NEXT_DAY,
    SECOND_RUN,
    agreement,
    at,
    attempt,
    attempted,
    charge,
    record,
)
from tests.operations.workbench import (
    KARI,
    MSN,
    NOW,
    PRICE,
    Bench,
    declined,
    ok,
    open_payment_of,
    unclear,
)

# ── It went through ──────────────────────────────────────────────────────────────────────────────


def test_a_direct_capture_is_charged_in_one_step() -> None:
    bench = Bench()
    key = attempted(bench, transaction_type="DIRECT_CAPTURE")
    payment = record(bench, ok(key))
    assert payment is not None
    assert (payment.status, payment.settled, payment.lease_until) == ("OK", FIRST_RUN, None)
    now = charge(bench)
    assert (now.status, now.captured, now.open_payment) == ("CHARGED", PRICE, None)
    assert (now.transaction_id, now.captured_at) == ("5001419121", FIRST_RUN)
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.idempotency_key) == ("CAPTURE", now.system_key)
    assert (entry.success, entry.transaction_id) == (True, "5001419121")
    assert bench.told == ["captured"]


def test_a_reservation_is_held_until_the_capture_window_ends() -> None:
    bench = Bench()
    key = attempted(bench)
    record(bench, ok(key))
    now = charge(bench)
    assert (now.status, now.reserved, now.captured) == ("RESERVED", PRICE, 0)
    assert now.wake_at == bench.rules.capture_deadline(FIRST_RUN)
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.idempotency_key) == ("RESERVE", now.system_key)
    assert bench.told == ["reserved"]


def test_success_forgets_why_earlier_attempts_failed() -> None:
    bench = Bench()
    key = attempted(bench, failure_reason="user_action_required")
    record(bench, ok(key))
    assert charge(bench).failure_reason is None


# ── It did not ───────────────────────────────────────────────────────────────────────────────────


def test_a_declined_attempt_stays_due_until_the_next_run() -> None:
    bench = Bench()
    key = attempted(bench, retry_days=1)
    payment = record(bench, declined(key))
    assert payment is not None
    assert (payment.status, payment.reason) == ("DECLINED", "insufficient_funds")
    now = charge(bench)
    assert (now.status, now.wake_at, now.open_payment) == ("DUE", SECOND_RUN, None)
    assert now.failure_reason == "user_action_required"
    assert bench.written(ChargeEntry) == [], "history knows final failures alone"
    assert bench.told == ["attempt declined"]


def test_the_next_attempt_is_asked_for_under_another_key() -> None:
    bench = Bench()
    record(bench, declined(attempted(bench, retry_days=1)))
    second = attempt(at(bench, SECOND_RUN))
    assert second is not None
    assert second.payment_key == f"{MSN}:november-1:RESERVE:2"


@pytest.mark.parametrize(
    ("retry_days", "mode", "run_at", "next_run"),
    [
        (0, "MULTIPLE_ATTEMPTS", FIRST_RUN, SECOND_RUN),
        (0, "MULTIPLE_ATTEMPTS", SECOND_RUN, None),
        (1, "MULTIPLE_ATTEMPTS", SECOND_RUN, NEXT_DAY),
        (1, "MULTIPLE_ATTEMPTS", NEXT_DAY + timedelta(hours=8), None),
        (0, "SINGLE_ATTEMPT", FIRST_RUN, None),
    ],
)
def test_a_charge_is_due_until_the_last_run_of_the_last_retry_day(
    retry_days: int, mode: str, run_at: datetime, next_run: datetime | None
) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("PROCESSING", retry_days=retry_days, processing_mode=mode)
    bench.has(open_payment_of(bench, charge(bench), run_at=run_at))
    record(at(bench, run_at), declined(str(charge(bench).open_payment)))
    assert charge(bench).status == ("DUE" if next_run else "FAILED")
    assert charge(bench).wake_at == next_run


def test_a_final_failure_is_a_line_of_history_without_success() -> None:
    bench = Bench()
    key = attempted(bench, processing_mode="SINGLE_ATTEMPT")
    record(bench, declined(key, "card_expired"))
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.success, entry.amount) == ("FAIL", False, PRICE)
    assert (entry.idempotency_key, entry.payment_key) == (charge(bench).system_key, key)
    assert (charge(bench).captured, charge(bench).cancelled) == (0, 0)
    assert bench.told == ["failed"]
    assert bench.fact("failed").reason == "user_action_required"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("insufficient_funds", "user_action_required"),
        ("card_expired", "user_action_required"),
        ("card_blocked", "user_action_required"),
        ("refused", "user_action_required"),
        ("technical_error", "technical_error"),
        ("payer_gone", "non_technical_error"),
        ("something new", "technical_error"),
    ],
)
def test_the_gateways_words_become_the_published_reasons(word: str, reason: str) -> None:
    bench = Bench()
    record(bench, declined(attempted(bench), word))
    assert charge(bench).failure_reason == reason


# ── Nobody knows ─────────────────────────────────────────────────────────────────────────────────


def test_an_unclear_outcome_changes_nothing_and_is_asked_for_again_in_a_minute() -> None:
    bench = Bench()
    key = attempted(bench)
    payment = record(bench, unclear(key))
    assert payment is not None
    assert (payment.status, payment.wake_at) == ("UNCLEAR", FIRST_RUN + timedelta(minutes=1))
    assert payment.lease_until is None
    assert charge(bench).status == "PROCESSING"
    assert bench.told == ["outcome unclear"]


def test_an_unclear_outcome_is_asked_for_again_when_the_gateway_says_it_is_known() -> None:
    bench = Bench()
    in_an_hour = FIRST_RUN + timedelta(hours=1)
    payment = record(bench, unclear(attempted(bench), in_an_hour))
    assert payment is not None
    assert payment.wake_at == in_an_hour


def test_asking_again_raises_the_fence_and_keeps_the_key() -> None:
    bench = Bench()
    key = attempted(bench)
    record(bench, unclear(key))
    ripe = FIRST_RUN + timedelta(minutes=1)
    assert take_up(at(bench, ripe - MILLISECOND).world, bench.call(""), key) is None
    payment = take_up(at(bench, ripe).world, bench.call(""), key)
    assert payment is not None
    assert (payment.payment_key, payment.fence) == (key, 2)
    assert charge(bench).fence == 2
    assert payment.last_asked == ripe
    assert bench.world.begun == [payment]


def test_a_payment_is_taken_up_when_its_lease_is_over() -> None:
    bench = Bench()
    key = attempted(bench)
    assert charge(bench).open_payment == key
    bench.has(open_payment_of(bench, charge(bench), lease_until=FIRST_RUN + MILLISECOND))
    assert take_up(bench.world, bench.call(""), key) is None
    payment = take_up(at(bench, FIRST_RUN + MILLISECOND).world, bench.call(""), key)
    assert payment is not None
    assert payment.lease_until == bench.now + timedelta(seconds=30)


def test_a_settled_payment_is_never_taken_up() -> None:
    bench = Bench()
    key = attempted(bench)
    record(bench, ok(key))
    assert take_up(at(bench, NEXT_DAY).world, bench.call(""), key) is None


# ── The fence ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answer", [ok, declined, unclear])
def test_an_outcome_under_an_old_fence_is_ignored(answer: Any) -> None:
    bench = Bench()
    key = attempted(bench)
    take_up(bench.world, bench.call(""), key)
    before = charge(bench)
    assert record(bench, answer(key), fence=1) is None
    assert charge(bench) == before
    assert bench.told == []
    assert record(bench, ok(key), fence=2) is not None


def test_an_outcome_is_recorded_once() -> None:
    bench = Bench()
    key = attempted(bench)
    record(bench, ok(key))
    before = charge(bench)
    assert record(bench, declined(key)) is None
    assert record(bench, ok(key)) is None
    assert charge(bench) == before


# ── An initial charge ────────────────────────────────────────────────────────────────────────────


def being_approved(bench: Bench, **members: Any) -> str:
    bench.agreement("PENDING", payer=KARI, wake_at=None, initial_charge_id="november-1")
    bench.charge("PROCESSING", type="INITIAL", processing_mode="SINGLE_ATTEMPT", **members)
    return str(charge(bench).open_payment)


@pytest.mark.parametrize(
    ("transaction_type", "told"),
    [("DIRECT_CAPTURE", "captured"), ("RESERVE_CAPTURE", "reserved")],
)
def test_the_agreement_is_active_once_its_initial_charge_went_through(
    transaction_type: str, told: str
) -> None:
    bench = Bench()
    key = being_approved(bench, transaction_type=transaction_type)
    record(bench, ok(key))
    assert (agreement(bench).status, agreement(bench).start) == ("ACTIVE", NOW)
    assert bench.told == [told, "activated"]


def test_the_agreement_expires_where_its_initial_charge_did_not() -> None:
    bench = Bench()
    record(bench, declined(being_approved(bench)))
    assert agreement(bench).status == "EXPIRED"
    assert charge(bench).status == "FAILED"
    assert bench.told == ["failed", "expired"]


def test_the_agreement_waits_as_long_as_nobody_knows() -> None:
    bench = Bench()
    record(bench, unclear(being_approved(bench)))
    assert agreement(bench).is_being_approved
    assert bench.told == ["outcome unclear"]
