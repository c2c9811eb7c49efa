"""An attempt is claimed, written down and asked for; what comes back counts where the fence still stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Actor, Agreement
from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import VariablePricing
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.lifecycle import ChargeStatus
from avtale.charges.payments import Payment, PaymentKind
from avtale.engine.rows import StoredAnswer
from avtale.gateways.gateway import GatewayAnswer
from avtale.operations.charges import process_charge
from avtale.operations.payments import (
    begin_attempt,
    begin_payment,
    record_outcome,
    release_reservation,
    show_due,
    take_up,
)
from avtale.problems import Conflict, Refused
from tests.operations.workbench import (
    ID,
    KARI,
    MSN,
    NOW,
    PRICE,
    Bench,
    declined,
    ok,
    open_payment_of,
    unclear,
    variable,
)

DUE_DAY_BEGINS = datetime(2026, 11, 3, 23, tzinfo=UTC)
FIRST_RUN = datetime(2026, 11, 4, 8, tzinfo=UTC)
SECOND_RUN = datetime(2026, 11, 4, 16, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 5, 8, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def at(bench: Bench, now: datetime) -> Bench:
    bench.now = now
    return bench


def attempt(bench: Bench, *, now: bool = False) -> Payment | None:
    return begin_attempt(bench.world, bench.call(""), ID, "november-1", now=now)


def process(bench: Bench) -> None:
    process_charge(bench.world, bench.call(""), ID, "november-1")


def record(bench: Bench, answer: GatewayAnswer, fence: int | None = None) -> Payment | None:
    payment = bench.find(Payment, answer.payment_key)
    assert isinstance(payment, Payment)
    return record_outcome(
        bench.world,
        bench.call(""),
        answer.payment_key,
        payment.fence if fence is None else fence,
        answer,
    )


def charge(bench: Bench) -> Charge:
    found = bench.find(Charge, MSN, "november-1")
    assert isinstance(found, Charge)
    return found


def agreement(bench: Bench) -> Agreement:
    found = bench.find(Agreement, MSN, ID)
    assert isinstance(found, Agreement)
    return found


def attempted(bench: Bench, **members: Any) -> str:
    """A charge in PROCESSING whose first run has come; answers with the key of its payment."""
    bench.agreement()
    bench.charge("PROCESSING", **members)
    at(bench, FIRST_RUN)
    return str(charge(bench).open_payment)


# ── The due day begins ───────────────────────────────────────────────────────────────────────────


def test_a_charge_reads_due_when_its_day_begins_and_not_a_millisecond_sooner() -> None:
    bench = Bench()
    bench.agreement()
    before = bench.charge()
    show_due(at(bench, DUE_DAY_BEGINS - MILLISECOND).world, bench.call(""), "november-1")
    assert charge(bench) == before
    show_due(at(bench, DUE_DAY_BEGINS).world, bench.call(""), "november-1")
    assert (charge(bench).status, charge(bench).wake_at) == ("DUE", FIRST_RUN)
    assert bench.told == ["shown"]


@pytest.mark.parametrize("status", ["DUE", "CANCELLED", "PROCESSING"])
def test_only_a_pending_charge_is_shown(status: ChargeStatus) -> None:
    bench = Bench(now=FIRST_RUN)
    bench.agreement()
    before = bench.charge(status)
    show_due(bench.world, bench.call(""), "november-1")
    assert charge(bench) == before


# ── Beginning ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("transaction_type", "kind"),
    [("DIRECT_CAPTURE", "DIRECT_CAPTURE"), ("RESERVE_CAPTURE", "RESERVE")],
)
def test_an_attempt_is_written_down_before_anybody_is_asked(
    transaction_type: str, kind: PaymentKind
) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("DUE", transaction_type=transaction_type)
    payment = attempt(at(bench, FIRST_RUN))
    assert payment is not None
    assert (payment.kind, payment.amount, payment.payer) == (kind, PRICE, KARI)
    assert payment.payment_key == f"{MSN}:november-1:{kind}:1"
    assert payment.cause == f"november-1-{ID}-ProcessPayment"
    assert (payment.run_at, payment.asked) == (FIRST_RUN, FIRST_RUN)
    assert (charge(bench).status, charge(bench).attempts) == ("PROCESSING", 1)
    assert (charge(bench).open_payment, charge(bench).fence) == (payment.payment_key, 1)
    assert bench.world.begun == [payment]
    assert bench.told == ["attempt begun"]


def test_nothing_is_attempted_before_its_run() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("DUE")
    assert attempt(at(bench, FIRST_RUN - MILLISECOND)) is None
    assert not bench.world.is_changed


def test_the_run_belongs_to_the_attempt_even_where_it_comes_late() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("DUE")
    payment = attempt(at(bench, FIRST_RUN + timedelta(hours=3)))
    assert payment is not None
    assert (payment.run_at, payment.asked) == (FIRST_RUN, FIRST_RUN + timedelta(hours=3))


@pytest.mark.parametrize("status", ["PROCESSING", "RESERVED", "CHARGED", "FAILED", "CANCELLED"])
def test_what_is_not_due_is_not_attempted(status: ChargeStatus) -> None:
    bench = Bench(now=FIRST_RUN)
    bench.agreement()
    bench.charge(status)
    assert attempt(bench) is None
    assert attempt(bench, now=True) is None


@pytest.mark.parametrize("status", ["PENDING", "STOPPED", "EXPIRED"])
def test_nothing_is_attempted_on_an_agreement_that_is_not_active(status: AgreementStatus) -> None:
    bench = Bench()
    bench.agreement(status)
    bench.charge("DUE")
    assert attempt(at(bench, FIRST_RUN)) is None


def test_a_charge_that_is_gone_is_not_attempted() -> None:
    bench = Bench()
    bench.agreement()
    bench.lacks(Charge, MSN, "november-1")
    assert attempt(bench) is None


@pytest.mark.parametrize("status", ["PENDING", "DUE"])
def test_a_charge_can_be_attempted_at_somebodys_word(status: ChargeStatus) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status, retry_days=1)
    process(bench)
    [payment] = bench.world.begun
    assert payment.run_at == NOW
    assert bench.told == ["shown", "attempt begun"][status == "DUE" :]
    record(bench, declined(payment.payment_key))
    assert (charge(bench).status, charge(bench).wake_at) == ("DUE", FIRST_RUN)


@pytest.mark.parametrize("status", ["RESERVED", "CHARGED", "FAILED", "CANCELLED", "REFUNDED"])
def test_what_does_not_wait_is_not_attempted_at_anybodys_word(status: ChargeStatus) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status)
    with pytest.raises(Refused, match=status):
        process(bench)


def test_nobody_attempts_what_is_being_attempted() -> None:
    bench = Bench()
    attempted(bench)
    with pytest.raises(Conflict, match="PROCESSING"):
        process(bench)


def test_an_initial_charge_waits_for_its_payer_whatever_anybody_says() -> None:
    bench = Bench()
    bench.agreement("PENDING")
    bench.charge("PENDING", type="INITIAL")
    with pytest.raises(Refused, match="payer"):
        process(bench)


def test_an_unscheduled_charge_is_attempted_straight_from_pending() -> None:
    bench = Bench(unscheduled=True)
    bench.agreement()
    bench.charge(
        "PENDING", type="UNSCHEDULED", processing_mode="SINGLE_ATTEMPT", wake_at=NOW, due=NOW
    )
    payment = attempt(bench)
    assert payment is not None
    record(bench, declined(payment.payment_key))
    assert (charge(bench).status, charge(bench).failure_reason) == (
        "FAILED",
        "user_action_required",
    )


# ── Above the payer's maximum ────────────────────────────────────────────────────────────────────


def above_maximum(bench: Bench, status: ChargeStatus = "DUE", **members: Any) -> None:
    bench.agreement(pricing=variable(500_00), max_amount=300_00)
    bench.charge(status, **members)


def test_a_charge_above_the_payers_maximum_is_not_asked_for_and_waits_for_the_next_run() -> None:
    bench = Bench()
    above_maximum(bench, retry_days=1)
    assert attempt(at(bench, FIRST_RUN)) is None
    assert bench.world.begun == []
    assert (charge(bench).status, charge(bench).wake_at) == ("DUE", SECOND_RUN)
    assert charge(bench).failure_reason == "charge_amount_too_high"
    assert bench.told == ["attempt declined"]


def test_a_charge_above_the_payers_maximum_fails_after_the_last_run() -> None:
    bench = Bench()
    above_maximum(bench, wake_at=SECOND_RUN)
    bench.has(msgspec.structs.replace(charge(bench), wake_at=SECOND_RUN))
    attempt(at(bench, SECOND_RUN))
    assert (charge(bench).status, charge(bench).failure_reason) == (
        "FAILED",
        "charge_amount_too_high",
    )
    assert bench.told == ["failed"]


def test_a_payer_who_raises_the_maximum_in_time_pays() -> None:
    bench = Bench()
    above_maximum(bench)
    raised = agreement(bench).with_max_amount(PRICE)
    assert raised.pricing == VariablePricing(500_00, "NOK", PRICE)
    bench.has(raised)
    assert attempt(at(bench, FIRST_RUN)) is not None


def test_a_pending_charge_above_the_payers_maximum_can_be_attempted_at_somebodys_word() -> None:
    bench = Bench()
    above_maximum(bench, "PENDING")
    process(bench)
    assert bench.world.begun == []
    assert (charge(bench).status, charge(bench).wake_at) == ("DUE", FIRST_RUN)
    assert charge(bench).failure_reason == "charge_amount_too_high"


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
