"""A body becomes a typed event; what is new is let through, what is broken is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.webhooks import AgreementEvent, ChargeEvent, MalformedEvent, UnknownEvent, parse
from avtale.webhooks.catalogue import AGREEMENT_EVENTS, CHARGE_EVENTS
from avtale.webhooks.parsing import AgreementEventType, ChargeEventType
from avtale.webhooks.samples import SAMPLES

STOPPED = {
    "agreementId": "agr_5kSeqz",
    "agreementUUID": "9c2ca95c-245f-4a2e-aab2-4a08eb78e6fb",
    "agreementExternalId": "external-id-2468",
    "eventType": "recurring.agreement-stopped.v1",
    "occurred": "2026-10-01T09:12:33Z",
    "actor": "USER",
    "msn": "123456",
}
CAPTURED = {
    "agreementId": "agr_5kSeqz",
    "chargeId": "chr-WCVbcA1",
    "chargeType": "RECURRING",
    "eventType": "recurring.charge-captured.v1",
    "occurred": "2026-10-01T07:01:12Z",
    "amount": 49900,
    "currency": "NOK",
    "amountCaptured": 49900,
    "amountCanceled": 0,
    "amountRefunded": 0,
    "transactionId": "5001419122",
    "msn": "123456",
}


def body(event: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps(event | changes).encode()


def without(event: dict[str, Any], name: str) -> bytes:
    return json.dumps({each: value for each, value in event.items() if each != name}).encode()


def test_the_names_are_those_of_the_catalogue() -> None:
    assert set(get_args(AgreementEventType)) == set(AGREEMENT_EVENTS.values())
    assert set(get_args(ChargeEventType)) == set(CHARGE_EVENTS.values())


def test_an_agreement_s_event_is_typed() -> None:
    event = parse(body(STOPPED))
    assert isinstance(event, AgreementEvent)
    assert (event.event_type, event.actor) == ("recurring.agreement-stopped.v1", "USER")
    assert (event.agreement_id, event.agreement_external_id) == ("agr_5kSeqz", "external-id-2468")
    assert event.occurred == datetime(2026, 10, 1, 9, 12, 33, tzinfo=UTC)


def test_a_charge_s_event_is_typed() -> None:
    event = parse(body(CAPTURED))
    assert isinstance(event, ChargeEvent)
    assert (event.amount, event.currency, event.amount_captured) == (49900, "NOK", 49900)
    assert (event.charge_id, event.charge_external_id) == ("chr-WCVbcA1", None)
    assert event.transaction_id == "5001419122"


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_every_event_that_avtale_sends_is_understood(sample: Any) -> None:
    event = parse(sample.body.encode())
    assert isinstance(event, AgreementEvent | ChargeEvent)
    assert event.event_type == sample.event_type
    assert event.agreement_id == sample.agreement_id
    if isinstance(event, ChargeEvent):
        assert event.amount_captured is not None
        assert event.charge_id == sample.charge_id


def test_what_is_new_is_let_through() -> None:
    assert parse(body(STOPPED, news=[1])) == parse(body(STOPPED))
    dollars = parse(body(CAPTURED, currency="USD", chargeType="YEARLY"))
    assert isinstance(dollars, ChargeEvent)
    assert dollars.currency == "USD"
    raw = body(STOPPED, eventType="recurring.agreement-paused.v1")
    assert parse(raw) == UnknownEvent(
        event_type="recurring.agreement-paused.v1", data=json.loads(raw), raw=raw
    )


def test_the_actor_is_found_however_it_is_written() -> None:
    capital = {("Actor" if name == "actor" else name): value for name, value in STOPPED.items()}
    assert parse(body(capital)) == parse(body(STOPPED))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"eventType":7}',
        without(CAPTURED, "eventType"),
        without(CAPTURED, "amount"),
        without(CAPTURED, "chargeId"),
        without(STOPPED, "agreementId"),
        body(CAPTURED, amount=499.5),
        body(CAPTURED, amount=49900.0),
        body(CAPTURED, amount=True),
        body(CAPTURED, amount="49900"),
        body(CAPTURED, amount=-1),
        body(CAPTURED, amountRefunded=2**53),
        body(CAPTURED, amountCaptured=10**400),
        body(CAPTURED, occurred="yesterday"),
        body(CAPTURED, occurred="2026-10-01T07:01:12"),
    ],
)
def test_what_is_broken_is_refused(broken: bytes) -> None:
    with pytest.raises(MalformedEvent):
        parse(broken)


def test_text_is_the_receiver_s_own_mistake() -> None:
    text: Any = "{}"
    with pytest.raises(TypeError, match="bytes"):
        parse(text)


@given(st.one_of(st.binary(), st.dictionaries(st.text(), st.text()).map(body)))
def test_hostile_bytes_are_refused_and_nothing_else_happens(raw: bytes) -> None:
    try:
        parse(raw)
    except MalformedEvent:
        return
    raise AssertionError(raw)


def test_copies_have_one_key_and_others_have_another() -> None:
    events = [
        body(STOPPED),
        body(STOPPED, occurred="2026-10-01T09:12:34Z"),
        body(CAPTURED),
        body(CAPTURED, transactionId="5001419123"),
        body(CAPTURED, transactionId=None),
        body(CAPTURED, transactionId=None, amountCanceled=1),
        body(CAPTURED, eventType="recurring.charge-refunded.v1"),
        body(STOPPED, eventType="recurring.agreement-paused.v1"),
        body(STOPPED, eventType="recurring.agreement-paused.v1", actor="ADMIN"),
    ]
    keys = [parse(each).deduplication_key for each in events]
    assert len(set(keys)) == len(events)
    assert keys == [parse(each).deduplication_key for each in events]
