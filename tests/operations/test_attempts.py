"""An attempt is claimed and written down when its run has come, before anybody is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import VariablePricing
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import ChargeStatus
from avtale.charges.payments import PaymentKind
from avtale.operations.payments import (
    show_due,
)
from avtale.problems import Conflict, Refused
from tests.operations.attempting import (
    DUE_DAY_BEGINS,
    FIRST_RUN,
    MILLISECOND,
    SECOND_RUN,
    agreement,
    at,
    attempt,
    attempted,
    charge,
    process,
    record,
)
from tests.operations.workbench import (
    ID,
    KARI,
    MSN,
    NOW,
    PRICE,
    Bench,
    declined,
    variable,
)

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
