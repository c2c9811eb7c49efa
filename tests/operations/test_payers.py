"""Payers are made on first use, change, and leave; and what their next attempts will meet can be scripted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import ChargeStatus
from avtale.ledger import Script
from avtale.operations.payers import delete_payer, market_of, put_payer, script_charge
from avtale.payers import Payer, made_up_payer
from avtale.problems import Refused, ResourceNotFound
from avtale.sales_units import SalesUnit
from avtale.wire.payers import PutPayer
from tests.operations.workbench import ID, KARI, MSN, NOW, Bench, created, drafted

OTHER_MSN = "654321"


def put(bench: Bench, number: str = KARI, **members: Any) -> tuple[Payer, bool]:
    bench.needs.of(Payer, (number,))
    return put_payer(bench.world, bench.call(), number, msgspec.convert(members, PutPayer))


def kari(bench: Bench, **members: Any) -> Payer:
    payer = bench.has(made_up_payer(KARI, "NO").described(**members))
    assert isinstance(payer, Payer)
    return payer


def leave(bench: Bench, *ids: tuple[str, str], waiting: tuple[tuple[str, str], ...] = ()) -> None:
    bench.needs.of(Payer, (KARI,)).of(Agreement, *ids, *waiting)
    delete_payer(bench.world, bench.call(""), KARI, ids, waiting)


# ── Made and changed ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "market"), [("4712345678", "NO"), ("4512345678", "DK"), ("358401234567", "FI")]
)
def test_a_payer_is_from_where_the_number_is_from(number: str, market: str) -> None:
    payer, is_new = put(Bench(), number)
    assert is_new
    assert market_of(number) == market
    assert payer.profile.address.country == market


def test_a_number_from_elsewhere_is_taken_for_a_norwegian_one() -> None:
    assert market_of("4612345678") == "NO"


def test_what_is_not_given_stays_as_it_is() -> None:
    bench = Bench()
    before = kari(bench, balance=500_00)
    payer, is_new = put(bench, email="kari@news.example")
    assert not is_new
    assert payer == before.described(email="kari@news.example")
    assert bench.find(Payer, KARI) == payer


def test_a_payer_whose_profile_is_gone_is_made_again() -> None:
    bench = Bench()
    before = kari(bench, deleted=NOW)
    payer, is_new = put(bench)
    assert is_new
    assert payer.deleted is None
    assert payer.sub(MSN) != before.sub(MSN)


# ── Gone ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_deleted_profile_stops_every_agreement_with_actor_admin() -> None:
    bench = Bench()
    kari(bench)
    bench.agreement()
    bench.agreement(agreement_id="agr_2")
    bench.charge("PENDING")
    bench.charge("RESERVED", charge_id="held")
    leave(bench, (MSN, ID), (MSN, "agr_2"))
    for agreement_id in (ID, "agr_2"):
        agreement = bench.find(Agreement, MSN, agreement_id)
        assert (agreement.status, agreement.stopped_by) == ("STOPPED", "ADMIN")
    assert bench.find(Charge, MSN, "november-1").status == "CANCELLED"
    assert [payment.charge_id for payment in bench.world.begun] == ["held"]
    assert bench.find(Payer, KARI).deleted == NOW


def test_each_unit_says_by_its_own_clock_when_the_payer_left() -> None:
    bench = Bench()
    kari(bench)
    later = NOW + timedelta(days=100)
    bench.has(SalesUnit(OTHER_MSN, "Sports Weekly", "NO", NOW).frozen_at(later))
    bench.agreement()
    theirs, _ = (
        drafted(bench, merchant_serial_number=OTHER_MSN)
        .approved_by(KARI, None, None)
        .activated(NOW)
    )
    bench.has(theirs)
    bench.needs.open_charges(OTHER_MSN, ID)
    leave(bench, (MSN, ID), (OTHER_MSN, ID))
    assert bench.find(Agreement, MSN, ID).stop == NOW
    assert bench.find(Agreement, OTHER_MSN, ID).stop == later


def test_requests_that_wait_are_rejected_with_their_initial_charges() -> None:
    bench = Bench()
    kari(bench)
    bench.has(created(bench, charge_id="first", type="INITIAL", wake_at=None))
    bench.agreement("PENDING", initial_charge_id="first")
    leave(bench, waiting=((MSN, ID),))
    assert bench.find(Agreement, MSN, ID).status == "STOPPED"
    assert bench.find(Charge, MSN, "first").status == "CANCELLED"
    assert bench.told == ["cancelled", "rejected"]


def test_what_has_changed_since_is_left_as_it_is() -> None:
    bench = Bench()
    kari(bench)
    stopped = bench.agreement("STOPPED")
    answered = bench.agreement(agreement_id="agr_2")
    approving = bench.agreement("PENDING", agreement_id="agr_3", payer=KARI, wake_at=None)
    late = bench.agreement("PENDING", agreement_id="agr_4", wake_at=NOW)
    leave(bench, (MSN, ID), waiting=((MSN, "agr_2"), (MSN, "agr_3"), (MSN, "agr_4")))
    for before in (stopped, answered, approving, late):
        assert bench.find(Agreement, MSN, before.agreement_id) == before
    assert bench.told == []


@pytest.mark.parametrize("deleted", [None, NOW])
def test_nobody_leaves_who_is_not_there(deleted: Any) -> None:
    bench = Bench()
    if deleted is not None:
        kari(bench, deleted=deleted)
    with pytest.raises(ResourceNotFound):
        leave(bench)


# ── Scripts ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["PENDING", "DUE", "PROCESSING"])
def test_the_next_attempts_on_a_charge_can_be_scripted(status: ChargeStatus) -> None:
    bench = Bench()
    charge = bench.charge(status)
    script_charge(bench.world, bench.call(""), "november-1", ("refused",))
    found, script = script_charge(bench.world, bench.call(""), "november-1", ("timeout", "ok"))
    assert found == charge
    assert script == bench.find(Script, MSN, "november-1")
    assert script.outcomes == ("timeout", "ok"), "in place of what was scripted before"


@pytest.mark.parametrize("status", ["RESERVED", "CHARGED", "FAILED", "CANCELLED", "REFUNDED"])
def test_there_is_nothing_to_script_where_there_will_be_no_attempt(status: ChargeStatus) -> None:
    bench = Bench()
    bench.charge(status)
    with pytest.raises(Refused, match=status):
        script_charge(bench.world, bench.call(""), "november-1", ("ok",))


def test_nobody_scripts_a_charge_that_is_not_there() -> None:
    bench = Bench()
    bench.lacks(Charge, MSN, "nothing")
    with pytest.raises(ResourceNotFound):
        script_charge(bench.world, bench.call(""), "nothing", ("ok",))
