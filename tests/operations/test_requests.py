"""A request goes from the landing page to one phone, and can be answered there for as long as there is time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from avtale.agreements.agreement import Agreement
from avtale.operations.agreements import draft_agreement
from avtale.operations.requests import (
    cancel_request,
    request_closes_at,
    require_answerable,
    send_request,
)
from avtale.payers import Payer
from avtale.problems import Refused, ResourceNotFound
from avtale.wire.agreements import DraftAgreement
from avtale.wire.reading import shaped
from tests.operations.workbench import ID, KARI, MSN, NOW, Bench

OLA = "4798765432"
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)


def send(bench: Bench, phone_number: str = KARI) -> Agreement:
    bench.needs.of(Payer, (phone_number,))
    return send_request(bench.world, bench.call(""), ID, phone_number)


def answerable(bench: Bench, phone_number: str = KARI) -> Agreement:
    return require_answerable(bench.world, bench.call(""), ID, phone_number)


def at(bench: Bench, minutes: float) -> Bench:
    bench.now = NOW + timedelta(minutes=minutes)
    return bench


def pending(**members: Any) -> Bench:
    bench = Bench()
    bench.agreement("PENDING", **members)
    return bench


def test_a_request_that_was_sent_lies_on_that_phone() -> None:
    bench = at(pending(), 2)
    sent = send(bench)
    assert (sent.sent_to, sent.sent_at) == (KARI, NOW + 2 * MINUTE)
    assert sent.status == "PENDING"
    assert answerable(bench) == sent


def test_a_phone_that_nobody_has_gets_somebody_made_up_who_can_answer() -> None:
    bench = pending()
    send(bench, OLA)
    assert bench.world.get(Payer, OLA).name


def test_another_phone_cannot_answer_it() -> None:
    bench = pending()
    send(bench)
    with pytest.raises(ResourceNotFound, match="lies on this phone"):
        answerable(bench, OLA)


def test_a_request_that_nobody_sent_can_be_answered_on_no_phone() -> None:
    with pytest.raises(ResourceNotFound, match="lies on this phone"):
        answerable(pending(phone_number=KARI))


def test_sending_it_again_to_the_same_phone_changes_nothing() -> None:
    bench = pending()
    sent = send(bench)
    assert send(at(bench, 6)) == sent


def test_it_cannot_be_sent_to_a_second_phone() -> None:
    bench = pending()
    send(bench)
    with pytest.raises(Refused, match="another phone already"):
        send(bench, OLA)


def test_the_landing_page_waits_five_minutes() -> None:
    bench = pending()
    bench.now = NOW + 5 * MINUTE
    with pytest.raises(Refused, match="Time is up"):
        send(bench)
    bench.now -= MILLISECOND
    assert send(bench).sent_to == KARI


def test_the_app_waits_five_minutes_more() -> None:
    bench = at(pending(), 3)
    send(bench)
    bench.now = NOW + 8 * MINUTE - MILLISECOND
    answerable(bench)
    bench.now += MILLISECOND
    with pytest.raises(Refused, match="Time is up"):
        answerable(bench)


def test_together_they_never_wait_longer_than_the_agreement() -> None:
    bench = pending()
    rules = Bench(rules={"approval_minutes": 3}).rules
    drafted = bench.find(Agreement, MSN, ID)
    assert request_closes_at(drafted, rules) == NOW + 3 * MINUTE
    assert request_closes_at(drafted.sent(KARI, NOW + MINUTE), rules) == NOW + 2 * MINUTE


def test_a_request_that_skips_the_landing_page_has_all_the_time_there_is() -> None:
    bench = Bench(skip_landing_page=True)
    body = {
        "pricing": {"type": "LEGACY", "amount": 499_00, "currency": "NOK"},
        "interval": {"unit": "MONTH", "count": 1},
        "productName": "Premier League",
        "merchantRedirectUrl": "https://news.example/welcome",
        "merchantAgreementUrl": "https://news.example/me",
        "skipLandingPage": True,
        "phoneNumber": KARI,
    }
    agreement = draft_agreement(bench.world, bench.call(), shaped(body, DraftAgreement))
    assert (agreement.sent_to, agreement.sent_at) == (KARI, NOW)
    assert request_closes_at(agreement, bench.rules) == NOW + 10 * MINUTE


def test_going_back_is_a_no() -> None:
    bench = pending()
    cancelled = cancel_request(bench.world, bench.call(""), ID)
    assert (cancelled.status, cancelled.stopped_by) == ("STOPPED", "USER")
    assert bench.told == ["rejected"]
    with pytest.raises(Refused, match="answered already"):
        send(bench)


def test_a_request_that_does_not_exist_is_not_found() -> None:
    bench = Bench()
    bench.lacks(Agreement, MSN, ID)
    with pytest.raises(ResourceNotFound):
        send(bench)
