"""A payer says yes, no or nothing; each has its consequences, and each is good only once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import FlexiblePricing, VariablePricing
from avtale.charges.charge import Charge, ChargeEntry
from avtale.engine.command import InProgress
from avtale.operations.approvals import (
    accept_agreement,
    approve_agreement,
    expire_agreement,
    reject_agreement,
    set_max_amount,
)
from avtale.payers import Payer, made_up_payer
from avtale.problems import Refused, ResourceNotFound, ValidationFailed
from tests.operations.workbench import ID, KARI, MSN, NOW, Bench, variable

MILLISECOND = timedelta(milliseconds=1)
TIME_IS_UP = NOW + timedelta(minutes=10)

Act = Callable[[Bench], object]


def approve(bench: Bench, max_amount: int | None = None) -> Agreement:
    bench.needs.of(Payer, (KARI,))
    answer = approve_agreement(bench.world, bench.call(""), ID, KARI, max_amount)
    assert isinstance(answer, Agreement)
    return answer


def reject(bench: Bench) -> Agreement:
    return reject_agreement(bench.world, bench.call(""), ID)


def expire(bench: Bench) -> None:
    expire_agreement(bench.world, bench.call(""), ID)


def with_initial_charge(bench: Bench) -> None:
    bench.charge(charge_id="first", type="INITIAL", processing_mode="SINGLE_ATTEMPT", wake_at=None)
    bench.agreement("PENDING", initial_charge_id="first")


def kari(bench: Bench, **members: object) -> Payer:
    payer = bench.has(made_up_payer(KARI, "NO").described(**members))
    assert isinstance(payer, Payer)
    return payer


def first_charge(bench: Bench) -> Charge:
    charge = bench.find(Charge, MSN, "first")
    assert isinstance(charge, Charge)
    return charge


def now(bench: Bench) -> Agreement:
    agreement = bench.find(Agreement, MSN, ID)
    assert isinstance(agreement, Agreement)
    return agreement


# ── Yes ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_approved_agreement_is_active_from_that_moment() -> None:
    bench = Bench()
    bench.agreement("PENDING")
    agreement = approve(bench)
    assert (agreement.status, agreement.start, agreement.payer) == ("ACTIVE", NOW, KARI)
    assert agreement.wake_at is None
    [entry] = bench.written(AgreementEntry)
    assert (entry.event, entry.actor) == ("ACTIVATE", "USER")
    assert bench.told == ["activated"]
    assert bench.fact("activated").actor == "USER"


def test_a_payer_whom_nobody_described_is_made_up_on_first_use() -> None:
    bench = Bench("DK")
    bench.agreement("PENDING")
    bench.needs.of(Payer, ("4520123456",))
    approve_agreement(bench.world, bench.call(""), ID, "4520123456")
    payer = bench.find(Payer, "4520123456")
    assert payer == made_up_payer("4520123456", "DK")
    assert payer.profile.address.country == "DK"


def test_another_person_than_the_one_who_was_asked_may_approve() -> None:
    bench = Bench()
    bench.agreement("PENDING", phone_number="4799999999")
    assert approve(bench).payer == KARI


def test_a_payer_gets_an_id_towards_the_unit_only_where_a_profile_is_shared() -> None:
    bench = Bench()
    bench.agreement("PENDING", scope="name")
    shared = approve(bench)
    assert shared.sub == made_up_payer(KARI, "NO").sub(MSN)
    assert shared.consented == NOW
    bench = Bench()
    bench.agreement("PENDING")
    alone = approve(bench)
    assert (alone.sub, alone.consented) == (None, None)


def test_a_payer_who_comes_back_after_deleting_the_profile_is_somebody_new_to_the_unit() -> None:
    bench = Bench()
    bench.agreement("PENDING", scope="name")
    before = kari(bench, deleted=NOW)
    after = approve(bench)
    assert after.sub is not None
    assert after.sub != before.sub(MSN)
    assert bench.find(Payer, KARI).deleted is None


def test_a_maximum_may_be_chosen_with_the_approval_of_variable_pricing() -> None:
    bench = Bench()
    bench.agreement("PENDING", pricing=variable(500_00))
    assert approve(bench, 300_00).pricing == VariablePricing(500_00, "NOK", 300_00)


def test_whoever_chooses_no_maximum_takes_the_suggested_one() -> None:
    bench = Bench()
    bench.agreement("PENDING", pricing=variable(500_00))
    assert approve(bench).pricing == VariablePricing(500_00, "NOK", 500_00)


def test_an_initial_charge_is_attempted_before_the_agreement_is_active() -> None:
    bench = Bench()
    with_initial_charge(bench)
    bench.needs.of(Payer, (KARI,))
    answer = accept_agreement(bench.world, bench.call("key-9", answers="a\nb"), ID, KARI)
    assert isinstance(answer, InProgress)
    assert now(bench).is_being_approved
    assert now(bench).status == "PENDING"
    assert now(bench).wake_at is None, "it can no longer expire"
    charge = first_charge(bench)
    assert (charge.status, charge.due) == ("PROCESSING", NOW)
    [payment] = bench.world.begun
    assert (payment.kind, payment.amount, payment.payer) == ("RESERVE", charge.amount, KARI)
    assert payment.answers == "a\nb"
    assert bench.told == ["attempt begun"]


# ── Too young ────────────────────────────────────────────────────────────────────────────────────


def test_a_payer_under_18_is_refused_without_a_reason_and_the_agreement_expires() -> None:
    bench = Bench()
    with_initial_charge(bench)
    kari(bench, birth_date=date(2008, 11, 3))
    agreement = approve(bench)
    assert agreement.status == "EXPIRED"
    assert first_charge(bench).status == "FAILED"
    assert bench.told == ["failed", "expired"]
    assert bench.fact("expired").actor is None


def test_a_payer_is_18_on_the_birthday_in_the_market() -> None:
    bench = Bench(now=NOW.replace(hour=23, minute=30, day=1))
    bench.agreement("PENDING")
    kari(bench, birth_date=date(2008, 11, 2))
    assert approve(bench).status == "ACTIVE", "in Oslo it is half past midnight on 2 November"


# ── No ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_rejected_agreement_is_stopped_by_the_payer() -> None:
    bench = Bench()
    bench.agreement("PENDING")
    agreement = reject(bench)
    assert (agreement.status, agreement.stop, agreement.stopped_by) == ("STOPPED", NOW, "USER")
    [entry] = bench.written(AgreementEntry)
    assert (entry.event, entry.actor) == ("REJECT", "USER")
    assert bench.told == ["rejected"]
    assert bench.fact("rejected").actor == "USER"


def test_the_initial_charge_goes_with_the_agreement_that_is_rejected() -> None:
    bench = Bench()
    with_initial_charge(bench)
    reject(bench)
    assert first_charge(bench).status == "CANCELLED"
    assert bench.told == ["cancelled", "rejected"]


# ── Nothing ──────────────────────────────────────────────────────────────────────────────────────


def test_an_agreement_expires_after_exactly_ten_minutes() -> None:
    bench = Bench()
    bench.agreement("PENDING")
    bench.now = TIME_IS_UP - MILLISECOND
    expire(bench)
    assert now(bench).status == "PENDING"
    bench.now = TIME_IS_UP
    expire(bench)
    assert now(bench).status == "EXPIRED"
    [entry] = bench.written(AgreementEntry)
    assert (entry.event, entry.actor, entry.occurred) == ("EXPIRE", None, TIME_IS_UP)
    assert bench.told == ["expired"]


def test_an_unpaid_initial_charge_fails_first() -> None:
    bench = Bench()
    with_initial_charge(bench)
    bench.now = TIME_IS_UP
    expire(bench)
    charge = first_charge(bench)
    assert (charge.status, charge.failure_reason) == ("FAILED", "user_action_required")
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.success) == ("FAIL", False)
    assert bench.told == ["failed", "expired"]


def test_an_agreement_does_not_expire_while_its_initial_charge_is_being_attempted() -> None:
    bench = Bench()
    bench.agreement("PENDING", payer=KARI, wake_at=None)
    bench.now = TIME_IS_UP
    expire(bench)
    assert now(bench).status == "PENDING"


@pytest.mark.parametrize("status", ["ACTIVE", "STOPPED", "EXPIRED"])
def test_what_was_answered_does_not_expire(status: AgreementStatus) -> None:
    bench = Bench()
    before = bench.agreement(status)
    bench.now = TIME_IS_UP
    expire(bench)
    assert now(bench) == before


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("act", [approve, reject])
def test_nobody_answers_an_agreement_that_is_not_there(act: Act) -> None:
    bench = Bench()
    bench.lacks(Agreement, MSN, ID)
    with pytest.raises(ResourceNotFound):
        act(bench)


@pytest.mark.parametrize("act", [approve, reject])
@pytest.mark.parametrize("status", ["ACTIVE", "STOPPED", "EXPIRED"])
def test_an_answer_is_good_once(act: Act, status: AgreementStatus) -> None:
    bench = Bench()
    bench.agreement(status)
    with pytest.raises(Refused, match=status):
        act(bench)


@pytest.mark.parametrize("act", [approve, reject])
def test_an_answer_is_taken_until_the_last_millisecond(act: Act) -> None:
    bench = Bench()
    bench.agreement("PENDING")
    bench.now = TIME_IS_UP - MILLISECOND
    act(bench)
    bench = Bench()
    bench.agreement("PENDING")
    bench.now = TIME_IS_UP
    with pytest.raises(Refused, match="10 minutes"):
        act(bench)


@pytest.mark.parametrize("act", [approve, reject])
def test_nobody_answers_while_the_initial_charge_is_being_attempted(act: Act) -> None:
    bench = Bench()
    bench.agreement("PENDING", payer=KARI, wake_at=None)
    with pytest.raises(Refused, match="attempted"):
        act(bench)


@pytest.mark.parametrize("amount", [99, 2_000_001])
def test_a_maximum_is_between_the_smallest_payment_and_the_ceiling(amount: int) -> None:
    bench = Bench()
    bench.agreement("PENDING", pricing=variable())
    with pytest.raises(ValidationFailed) as refusal:
        approve(bench, amount)
    [fault] = refusal.value.faults
    assert fault.name == "maxAmount"
    assert "100" in fault.reason
    assert "2000000" in fault.reason


def test_there_is_no_maximum_to_choose_without_variable_pricing() -> None:
    bench = Bench()
    bench.agreement("PENDING", pricing=FlexiblePricing("NOK"))
    with pytest.raises(ValidationFailed):
        approve(bench, 300_00)


# ── The maximum, later ───────────────────────────────────────────────────────────────────────────


def test_a_payer_may_raise_or_lower_the_maximum_at_any_time() -> None:
    bench = Bench()
    bench.agreement(pricing=variable(500_00), max_amount=300_00)
    for amount in (800_00, 100):
        after = set_max_amount(bench.world, bench.call(""), ID, amount)
        assert after.pricing == VariablePricing(500_00, "NOK", amount)


@pytest.mark.parametrize("status", ["PENDING", "STOPPED", "EXPIRED"])
def test_only_an_active_agreement_has_a_maximum_to_set(status: AgreementStatus) -> None:
    bench = Bench()
    bench.agreement(status, pricing=variable())
    with pytest.raises(Refused, match=status):
        set_max_amount(bench.world, bench.call(""), ID, 300_00)


def test_a_fixed_price_has_no_maximum_to_set() -> None:
    bench = Bench()
    bench.agreement()
    with pytest.raises(ValidationFailed):
        set_max_amount(bench.world, bench.call(""), ID, 300_00)
