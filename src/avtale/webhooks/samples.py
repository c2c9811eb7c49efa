"""Samples: each event as it looks, made by the same code that tells of real changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from avtale.agreements.agreement import Agreement
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import LegacyPricing
from avtale.charges.charge import Charge
from avtale.events import AgreementHappened, ChargeFact, ChargeHappened, Happened
from avtale.webhooks.catalogue import Event, EventType, event_of

_AT: Final = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
_HELD_UNTIL: Final = _AT + timedelta(days=180)
_AMOUNT: Final = 499_00


def _agreement() -> Agreement:
    drafted, _ = Agreement(
        merchant_serial_number="123456",
        agreement_id="agr_5kSeqzW",
        uuid="9c2ca95c-245f-4a2e-aab2-4a08eb78e6fb",
        created=_AT - timedelta(minutes=3),
        merchant_redirect_url="https://example.com/thanks",
        is_app=False,
        phone_number=None,
        scope=None,
        skip_landing_page=False,
        blocked_sources=None,
        campaign=None,
        initial_charge_id=None,
        product_name="Premier League",
        product_description=None,
        merchant_agreement_url="https://example.com/subscription",
        external_id="subscription-2468",
        pricing=LegacyPricing(_AMOUNT, "NOK"),
        interval=Interval("MONTH", 1),
    ).drafted(_AT + timedelta(minutes=7), "draft-1")
    return drafted


def _charge() -> Charge:
    created, _ = Charge(
        merchant_serial_number="123456",
        charge_id="chr-WCVbcA1",
        agreement_id="agr_5kSeqzW",
        external_id="invoice-1",
        type="RECURRING",
        transaction_type="RESERVE_CAPTURE",
        processing_mode="MULTIPLE_ATTEMPTS",
        amount=_AMOUNT,
        currency="NOK",
        description="November",
        ceiling=None,
        due_day=date(2026, 11, 2),
        retry_days=2,
        created=_AT - timedelta(days=3),
        due=_AT,
        status="DUE",
    ).created_with("charge-1")
    return created


def _charge_samples() -> list[ChargeHappened]:
    waiting = _charge()
    being_tried = waiting.attempted("123456:chr-WCVbcA1:RESERVE:1")
    held, _ = being_tried.reserved_by(_AT, "5001419121", "RESERVE:1", _HELD_UNTIL)
    key = "CAPTURE:2"
    taken, _ = held.capture(_AMOUNT, _AT, "capture-1", "5001419122", key, _HELD_UNTIL)
    returned, _ = taken.refund(100_00, _AT, "refund-1", "5001419123", "REFUND:3")
    freed, _ = held.release(_AT, "cancel-1", "5001419124", "CANCEL:2")
    over, _ = being_tried.failed("user_action_required", _AT, "RESERVE:1")
    unborn = "The agreement is STOPPED; charges can be created only while it is ACTIVE."
    return [
        _told("reserved", held, "5001419121"),
        _told("captured", taken, "5001419122"),
        _told("cancelled", freed, "5001419124"),
        _told("refunded", returned, "5001419123"),
        _told("failed", over, reason="user_action_required"),
        _told("creation failed", waiting, reason=unborn, origin="charge-1:0"),
    ]


def _told(
    what: ChargeFact,
    charge: Charge,
    transaction_id: str | None = None,
    *,
    reason: str | None = None,
    origin: str = "",
) -> ChargeHappened:
    return ChargeHappened(
        what, _AT, charge, "subscription-2468", _AMOUNT, transaction_id, reason, origin
    )


def _agreement_samples() -> list[AgreementHappened]:
    waiting = _agreement()
    active, _ = waiting.approved_by("4791234567", None, None).activated(_AT)
    rejected, _ = waiting.rejected(_AT)
    stopped, _ = active.stopped(_AT, "MERCHANT", "stop-1")
    expired, _ = waiting.expired(_AT)
    return [
        AgreementHappened("activated", _AT, active, "USER"),
        AgreementHappened("rejected", _AT, rejected, "USER"),
        AgreementHappened("stopped", _AT, stopped, "MERCHANT"),
        AgreementHappened("expired", _AT, expired),
    ]


def _samples() -> dict[EventType, Event]:
    happened: list[Happened] = [*_agreement_samples(), *_charge_samples()]
    events = [event for each in happened if (event := event_of(each)) is not None]
    return {event.event_type: event for event in events}


SAMPLES: Final[dict[EventType, Event]] = _samples()
"""One of each, in the order of the catalogue."""
