"""The page of events leaves nothing out: every event, every step of both lives, a sample of each."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from avtale.agreements.lifecycle import LIFECYCLE as AGREEMENT_LIFE
from avtale.charges.lifecycle import LIFECYCLE as CHARGE_LIFE
from avtale.webhooks.catalogue import EventType
from avtale.webhooks.occasions import OCCASIONS, ORDERS, SILENT, told_by
from avtale.webhooks.samples import SAMPLES

TRANSACTIONS = {"reserved", "captured", "canceled", "refunded"}


def test_every_event_has_its_occasion_and_its_sample() -> None:
    assert [each.event_type for each in OCCASIONS] == list(get_args(EventType))
    assert list(SAMPLES) == list(get_args(EventType))
    assert all(each.told.endswith(".") and each.ways for each in OCCASIONS)


def test_every_step_of_both_lives_is_told_or_is_silent_for_a_reason() -> None:
    for status, steps in AGREEMENT_LIFE.items():
        for step in steps:
            assert bool(told_by(status, step)) != (step in SILENT), (status, step)
    for charge_status, charge_steps in CHARGE_LIFE.items():
        for charge_step in charge_steps:
            told = bool(told_by(charge_status, charge_step))
            assert told != (charge_step in SILENT), (charge_status, charge_step)


def test_no_occasion_names_a_step_that_there_is_not() -> None:
    agreement_steps = {step for steps in AGREEMENT_LIFE.values() for step in steps}
    charge_steps = {step for steps in CHARGE_LIFE.values() for step in steps}
    for each in OCCASIONS:
        known = agreement_steps if "agreement" in each.event_type else charge_steps
        assert set(each.steps) | set(each.after_a_capture) <= known, each.event_type


def test_what_is_settled_at_once_was_captured_and_not_cancelled() -> None:
    assert told_by("RESERVED", "settled") == ("recurring.charge-captured.v1",)
    assert len(told_by("PARTIALLY_CAPTURED", "settled")) == 2


@pytest.mark.parametrize("event_type", get_args(EventType))
def test_a_sample_has_the_members_that_its_event_always_has(event_type: EventType) -> None:
    body = json.loads(SAMPLES[event_type].body)
    assert body["eventType"] == event_type
    assert {"agreementId", "occurred", "msn"} <= body.keys()
    kind = event_type.removesuffix(".v1").rpartition("-")[2]
    if "agreement" in event_type:
        assert ("actor" in body) is (kind != "expired")
    else:
        assert ("transactionId" in body) is (kind in TRANSACTIONS)
        assert ("failureReason" in body) is (kind == "failed")
        assert all(isinstance(body[name], int) for name in body if name.startswith("amount"))


def test_all_orders_have_titles_of_their_own() -> None:
    assert len({each.title for each in ORDERS}) == len(ORDERS)
