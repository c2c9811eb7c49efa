"""A stop is for good: what is still to come is called off, what is reserved depends on who stops."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Actor, Agreement, AgreementEntry
from avtale.agreements.lifecycle import AgreementStatus
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.lifecycle import CHARGE_STATUSES, ChargeStatus
from avtale.operations.agreements import stop_agreement, update_agreement
from avtale.problems import IllegalAgreementUpdate
from avtale.wire.agreements import UpdateAgreement
from tests.operations.workbench import ID, MSN, NOW, Bench

SETTLED: list[ChargeStatus] = [
    status
    for status in CHARGE_STATUSES
    if status not in {"PENDING", "DUE", "RESERVED", "PARTIALLY_CAPTURED"}
]


def stop(bench: Bench, **besides: Any) -> Agreement:
    body = msgspec.convert({"status": "STOPPED", **besides}, UpdateAgreement)
    return update_agreement(bench.world, bench.call(), ID, body)


def stopped_by(bench: Bench, actor: Actor) -> Agreement:
    return stop_agreement(bench.world, bench.call(""), ID, actor)


def now(bench: Bench) -> Charge:
    charge = bench.find(Charge, MSN, "november-1")
    assert isinstance(charge, Charge)
    return charge


# ── Who may stop what ────────────────────────────────────────────────────────────────────────────


def test_a_stopped_agreement_says_when_and_by_whom() -> None:
    bench = Bench()
    bench.agreement()
    agreement = stop(bench)
    assert (agreement.status, agreement.stop, agreement.stopped_by) == ("STOPPED", NOW, "MERCHANT")
    [entry] = bench.written(AgreementEntry)
    assert (entry.event, entry.actor, entry.idempotency_key) == ("STOP", "MERCHANT", "key-1")
    assert bench.told == ["stopped"]
    assert bench.fact("stopped").actor == "MERCHANT"


@pytest.mark.parametrize("actor", ["USER", "ADMIN"])
def test_a_stop_by_somebody_else_carries_no_key(actor: Actor) -> None:
    bench = Bench()
    bench.agreement()
    agreement = stopped_by(bench, actor)
    [entry] = bench.written(AgreementEntry)
    assert agreement.stopped_by == actor
    assert (entry.event, entry.actor, entry.idempotency_key) == ("STOP", actor, None)
    assert bench.fact("stopped").actor == actor


@pytest.mark.parametrize("first", ["MERCHANT", "USER", "ADMIN"])
def test_a_repeated_stop_changes_nothing_whoever_stopped_before(first: Actor) -> None:
    bench = Bench()
    before = bench.agreement("STOPPED", stopped_by=first)
    assert stop(bench) == before
    assert not bench.world.is_changed
    assert bench.told == []


@pytest.mark.parametrize("status", ["PENDING", "EXPIRED"])
def test_only_an_active_agreement_can_be_stopped(status: AgreementStatus) -> None:
    bench = Bench()
    bench.agreement(status)
    with pytest.raises(IllegalAgreementUpdate, match=status):
        stop(bench)


@pytest.mark.parametrize("status", ["ACTIVE", "STOPPED"])
def test_a_stop_comes_alone(status: AgreementStatus) -> None:
    bench = Bench()
    bench.agreement(status)
    with pytest.raises(IllegalAgreementUpdate) as refusal:
        stop(bench, productName="Champions League")
    assert [fault.name for fault in refusal.value.faults] == ["status"]


# ── What becomes of the charges ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("actor", ["MERCHANT", "USER", "ADMIN"])
@pytest.mark.parametrize("status", ["PENDING", "DUE"])
def test_every_stop_calls_off_what_holds_no_money(actor: Actor, status: ChargeStatus) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status)
    stopped_by(bench, actor)
    charge = now(bench)
    assert (charge.status, charge.cancelled) == ("CANCELLED", charge.amount)
    assert bench.told == ["cancelled", "stopped"]
    assert bench.world.begun == [], "no money moves"


def test_a_merchants_stop_leaves_its_key_in_the_history_of_what_it_calls_off() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("PENDING")
    stop(bench)
    [entry] = bench.written(ChargeEntry)
    assert (entry.event, entry.idempotency_key) == ("CANCEL", "key-1")


def test_anybody_elses_stop_leaves_the_systems_key() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("PENDING")
    stopped_by(bench, "USER")
    [entry] = bench.written(ChargeEntry)
    assert entry.idempotency_key == f"november-1-{ID}-ProcessPayment"


@pytest.mark.parametrize("actor", ["MERCHANT", "ADMIN"])
@pytest.mark.parametrize(("status", "held"), [("RESERVED", 499_00), ("PARTIALLY_CAPTURED", 399_00)])
def test_the_stop_of_a_merchant_or_a_deleted_profile_releases_what_is_held(
    actor: Actor, status: ChargeStatus, held: int
) -> None:
    bench = Bench()
    bench.agreement()
    bench.charge(status)
    stopped_by(bench, actor)
    [payment] = bench.world.begun
    assert (payment.kind, payment.amount, payment.answers) == ("CANCEL", held, None)
    assert now(bench).open_payment == payment.payment_key


@pytest.mark.parametrize("status", ["RESERVED", "PARTIALLY_CAPTURED"])
def test_a_payers_stop_leaves_reservations_to_the_merchant(status: ChargeStatus) -> None:
    bench = Bench()
    bench.agreement()
    before = bench.charge(status)
    stopped_by(bench, "USER")
    assert now(bench) == before
    assert bench.world.begun == []


@pytest.mark.parametrize("actor", ["MERCHANT", "USER", "ADMIN"])
@pytest.mark.parametrize("status", SETTLED)
def test_a_stop_leaves_alone_what_is_settled_or_being_attempted(
    actor: Actor, status: ChargeStatus
) -> None:
    bench = Bench()
    bench.agreement()
    before = bench.charge(status)
    stopped_by(bench, actor)
    assert now(bench) == before
    assert bench.told == ["stopped"]


def test_a_stop_leaves_a_capture_that_is_under_way_to_its_outcome() -> None:
    bench = Bench()
    bench.agreement()
    before = bench.has(bench.charge("RESERVED").claimed("123456:november-1:CAPTURE:2"))
    stop(bench)
    assert now(bench) == before


def test_charges_are_called_off_oldest_first_and_then_the_stop_is_told() -> None:
    bench = Bench()
    bench.agreement()
    bench.charge("DUE", charge_id="b")
    bench.charge("PENDING", charge_id="a")
    bench.charge("RESERVED", charge_id="c")
    stop(bench)
    told = [getattr(fact, "charge", None) for fact in bench.world.happened]
    assert [charge and charge.charge_id for charge in told] == ["a", "b", None]
    assert [payment.charge_id for payment in bench.world.begun] == ["c"]


def test_another_agreements_charges_stay_as_they_are() -> None:
    bench = Bench()
    bench.agreement()
    other = bench.charge("DUE", agreement_id="agr_another", charge_id="theirs")
    stop(bench)
    assert bench.find(Charge, MSN, "theirs") == other
