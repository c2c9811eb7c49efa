"""Payers are told of every attempt that failed, of payments where they asked for it, and of a merchant's stop."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from avtale.agreements.pricing import VariablePricing
from avtale.notifications import Notification, coming_at, told_as_coming
from avtale.operations.agreements import stop_agreement
from avtale.operations.approvals import set_notifies
from avtale.problems import Refused
from tests.operations.attempting import (
    FIRST_RUN,
    NEXT_DAY,
    SECOND_RUN,
    at,
    attempt,
    attempted,
    record,
)
from tests.operations.workbench import ID, KARI, MSN, NOW, PRICE, Bench, created, declined, ok


def said(bench: Bench) -> list[Notification]:
    return bench.written(Notification)


def test_a_failed_attempt_is_told_with_the_next_one() -> None:
    bench = Bench()
    record(bench, declined(attempted(bench)))
    [notification] = said(bench)
    assert (notification.kind, notification.phone_number) == ("attempt_failed", KARI)
    assert (notification.merchant_serial_number, notification.agreement_id) == (MSN, ID)
    assert (notification.charge_id, notification.amount) == ("november-1", PRICE)
    assert notification.reason == "user_action_required"
    assert (notification.occurred, notification.next_attempt) == (FIRST_RUN, SECOND_RUN)


def test_the_last_failure_is_told_as_final() -> None:
    bench = Bench()
    record(bench, declined(attempted(bench, processing_mode="SINGLE_ATTEMPT")))
    [notification] = said(bench)
    assert (notification.kind, notification.next_attempt) == ("payment_failed", None)


def test_each_attempt_is_told_of_on_its_own() -> None:
    bench = Bench()
    record(bench, declined(attempted(bench, retry_days=1)))
    payment = attempt(at(bench, SECOND_RUN))
    assert payment is not None
    record(bench, declined(payment.payment_key, "card_expired"))
    assert [each.next_attempt for each in said(bench)] == [SECOND_RUN, NEXT_DAY]
    assert len({each.notification_id for each in said(bench)}) == 2


def test_an_amount_above_the_maximum_is_told_although_nobody_was_asked_for_money() -> None:
    bench = at(Bench(), FIRST_RUN)
    bench.agreement(pricing=VariablePricing(500_00, "NOK"), max_amount=300_00)
    bench.charge("DUE", amount=400_00)
    assert attempt(bench) is None
    [notification] = said(bench)
    assert (notification.reason, notification.amount) == ("charge_amount_too_high", 400_00)


def test_a_payment_is_told_of_only_where_the_switch_is_on() -> None:
    quiet, talkative = Bench(), Bench()
    record(quiet, ok(attempted(quiet)))
    assert said(quiet) == []
    key = attempted(talkative)
    switched = set_notifies(talkative.world, talkative.call(""), ID, notifies=True)
    assert switched.notifies
    record(talkative, ok(key))
    [notification] = said(talkative)
    assert (notification.kind, notification.amount) == ("payment_made", PRICE)


def test_the_switch_goes_off_again() -> None:
    bench = Bench()
    bench.agreement()
    set_notifies(bench.world, bench.call(""), ID, notifies=True)
    assert not set_notifies(bench.world, bench.call(""), ID, notifies=False).notifies


def test_an_agreement_that_is_over_has_no_switch() -> None:
    bench = Bench()
    bench.agreement("STOPPED")
    with pytest.raises(Refused, match="STOPPED"):
        set_notifies(bench.world, bench.call(""), ID, notifies=True)


@pytest.mark.parametrize(("actor", "kinds"), [("MERCHANT", ["agreement_stopped"]), ("USER", [])])
def test_the_payer_is_told_when_somebody_else_stops_the_agreement(
    actor: Any, kinds: list[str]
) -> None:
    bench = Bench()
    bench.agreement()
    stop_agreement(bench.world, bench.call(), ID, actor)
    assert [each.kind for each in said(bench)] == kinds


def test_production_has_no_phones_to_tell() -> None:
    bench = Bench(environment="production")
    record(bench, declined(attempted(bench)))
    assert said(bench) == []


# ── The day before ───────────────────────────────────────────────────────────────────────────────


def test_a_payment_is_told_of_at_ten_the_day_before() -> None:
    bench = Bench()
    charge = created(bench)
    market = bench.rules.market
    told = coming_at(date(2026, 11, 4), charge.created, market)
    assert told.isoformat() == "2026-11-03T09:00:00+00:00"
    assert told_as_coming(charge, told - timedelta(seconds=1), market) is None
    assert told_as_coming(charge, told, market) == told


def test_a_charge_that_is_created_later_than_that_is_told_of_at_once() -> None:
    bench = at(Bench(), NOW + timedelta(days=1))
    charge = created(bench)
    assert told_as_coming(charge, bench.now, bench.rules.market) == charge.created


def test_a_charge_that_was_called_off_before_is_never_told_of() -> None:
    bench = Bench()
    gone, _ = created(bench).cancel(NOW + timedelta(hours=1), "key")
    later = NOW + timedelta(days=10)
    assert told_as_coming(gone, later, bench.rules.market) is None


def test_a_charge_that_was_called_off_afterwards_was_told_of() -> None:
    bench = Bench()
    told = coming_at(date(2026, 11, 4), NOW, bench.rules.market)
    gone, _ = created(bench).cancel(told + timedelta(hours=1), "key")
    assert told_as_coming(gone, told + timedelta(days=1), bench.rules.market) == told


def test_what_is_paid_at_once_is_not_announced() -> None:
    bench = Bench()
    for kind in ("INITIAL", "UNSCHEDULED"):
        assert told_as_coming(created(bench, type=kind), NEXT_DAY, bench.rules.market) is None
