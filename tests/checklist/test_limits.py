"""A run is what its requests made or named: nothing of another build, and nothing from before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from avtale.checklist.evidence import Evidence, limited
from avtale.record import Seen
from tests.checklist.merchant import (
    ACTIVE,
    CANCELLED,
    CHARGED,
    NOON,
    REFUNDED,
    RESERVED,
    STOPPED,
    asked,
    evidence,
    requests,
)

FOUR = ("system_name", "system_version", "plugin_name", "plugin_version")


def run(more: list[Seen], **how: Any) -> Evidence:
    return limited(evidence(requests=[*requests(), *more]), **how)


def names(found: Evidence) -> tuple[set[str], set[str]]:
    return {each.agreement_id for each in found.agreements}, {c.charge_id for c in found.charges}


def test_without_a_limit_everything_counts() -> None:
    everything = evidence()
    assert limited(everything) is everything


@pytest.mark.parametrize("header", FOUR)
def test_each_of_the_four_headers_can_be_the_label(header: str) -> None:
    mine = asked("fetch_charge", 200, agreement_id=ACTIVE, charge_id=CHARGED, **{header: "b-42"})
    found = run([mine], label="b-42")
    assert found.requests == [mine]
    assert names(found) == ({ACTIVE}, {CHARGED})


@pytest.mark.parametrize("member", ["sent_serial_number", "idempotency_key", "context_id"])
def test_nothing_else_of_a_request_is_a_label(member: str) -> None:
    assert run([asked("fetch_token", 200, **{member: "b-42"})], label="b-42").requests == []


@pytest.mark.parametrize("other", ["b-4", "b-422", "B-42", " b-42"])
def test_a_label_is_the_whole_value(other: str) -> None:
    assert run([asked("fetch_token", 200, system_version="b-42")], label=other).requests == []


def test_since_is_an_instant_of_real_time_and_belongs_to_the_run() -> None:
    found = limited(evidence(), since=NOON + timedelta(seconds=110))
    assert [each.request.operation for each in found.requests] == [
        "refund_charge",
        "update_agreement",
        "create_charge",
    ]
    assert names(found) == ({ACTIVE, STOPPED}, {REFUNDED})


def test_both_limits_hold_at_once() -> None:
    early = asked("fetch_charge", 200, charge_id=CHARGED, system_version="b-42")
    late = asked("fetch_charge", 300, charge_id=CANCELLED, system_version="b-42")
    found = run([early, late], since=NOON + timedelta(seconds=250), label="b-42")
    assert found.requests == [late]
    assert names(found)[1] == {CANCELLED}


def test_the_agreement_of_a_charge_comes_along() -> None:
    mine = asked("fetch_charge_by_id", 200, charge_id=RESERVED, system_version="b-42")
    assert names(run([mine], label="b-42")) == ({ACTIVE}, {RESERVED})


def test_charges_of_a_bulk_go_with_the_request_that_asked_for_it() -> None:
    mine = asked("create_charges", 200, idempotency_key="mine", system_version="b-42")
    in_bulk = {CHARGED: "mine", REFUNDED: "another's"}
    assert names(run([mine], label="b-42", in_bulk=in_bulk)) == ({ACTIVE}, {CHARGED})
    # A key is one for each operation, so the same one of another says nothing.
    stray = asked("create_charge", 200, idempotency_key="mine", system_version="b-42")
    assert names(run([stray], label="b-42", in_bulk=in_bulk)) == (set(), set())


def test_what_a_run_made_is_as_stale_as_the_run() -> None:
    later = NOON + timedelta(days=40)
    found = limited(replace(evidence(), real_now=later), since=NOON + timedelta(seconds=100))
    assert found.last_named[REFUNDED] == NOON + timedelta(seconds=110)
    assert CHARGED not in found.last_named


def test_receivers_belong_to_the_unit_and_stay() -> None:
    found = limited(evidence(), label="nobody's")
    assert (found.registrations, found.attempts) == (evidence().registrations, evidence().attempts)
    assert names(found) == (set(), set())
