"""A merchant who does everything right, as the record shows it; tests let it do one thing wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import LegacyPricing
from avtale.charges.charge import Charge
from avtale.checklist.evidence import Evidence
from avtale.record import RecordedRequest, Seen
from avtale.rulebook import rulebook_for
from avtale.webhooks.delivery import DeliveryAttempt
from avtale.webhooks.registration import Registration

MSN = "123456"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ACTIVE, STOPPED = "agr_Active1", "agr_Stopped"
CHARGED, REFUNDED, RESERVED, CANCELLED = "chr-paid", "chr-back", "chr-held", "chr-off"

_AGREEMENTS = "/recurring/v3/agreements"


def asked(operation: str, seconds: float, **members: Any) -> Seen:
    """A request so many seconds after noon that went well."""
    at = NOON + timedelta(seconds=seconds)
    path = members.pop("path", f"{_AGREEMENTS}/{members.get('agreement_id')}/{operation}")
    request = RecordedRequest(
        context_id=f"{operation} at {seconds}",
        received=at,
        method="GET" if operation.startswith(("fetch", "list")) else "POST",
        path=path,
        operation=operation,
        status=200,
        problem=None,
        microseconds=900,
        agreement_id=None,
        charge_id=None,
        replayed=False,
        idempotency_key=f"key of {operation} at {seconds}",
        sent_serial_number=MSN,
        system_name="acme",
        system_version="3.1.2",
        plugin_name="acme-shop",
        plugin_version="4.5.6",
    )
    return Seen(at, replace(request, **members))


def refused(
    operation: str, seconds: float, problem: str, status: int = 400, **members: Any
) -> Seen:
    """A request that was not answered as it wished."""
    return asked(operation, seconds, problem=problem, status=status, **members)


def requests() -> list[Seen]:
    """All nine endpoints, in their time."""
    active: dict[str, Any] = {"agreement_id": ACTIVE}
    stopped: dict[str, Any] = {"agreement_id": STOPPED}
    return [
        asked("fetch_token", 0),
        asked("register_webhook", 1),
        asked("draft_agreement", 10, **active),
        asked("fetch_agreement", 15, **active),
        asked("fetch_agreement", 17, **active),
        asked("draft_agreement", 30, **stopped),
        asked("fetch_agreement", 35, **stopped),
        asked("create_charge", 60, **active, charge_id=CHARGED),
        asked("create_charge", 61, **active, charge_id=REFUNDED),
        asked("create_charge", 62, **active, charge_id=RESERVED),
        asked("create_charge", 63, **active, charge_id=CANCELLED),
        refused("create_charge", 64, "charge-due-too-soon", **active),
        asked("cancel_charge", 70, **active, charge_id=CANCELLED),
        asked("list_charges", 80, **active),
        asked("fetch_charge", 90, **active, charge_id=CHARGED),
        asked("capture_charge", 100, **active, charge_id=RESERVED),
        asked("refund_charge", 110, **active, charge_id=REFUNDED),
        asked("update_agreement", 120, **stopped),
        asked("create_charge", 130, **active, charge_id="chr-next"),
    ]


def agreement(agreement_id: str, status: str, **members: Any) -> Agreement:
    """An agreement that somebody said yes to today."""
    found = Agreement(
        merchant_serial_number=MSN,
        agreement_id=agreement_id,
        uuid="0b1c2d3e-4f50-4a6b-8c7d-8e9fa0b1c2d3",
        created=NOON,
        merchant_redirect_url="https://news.example/thanks",
        is_app=False,
        phone_number=None,
        scope=None,
        skip_landing_page=False,
        blocked_sources=None,
        campaign=None,
        initial_charge_id=None,
        product_name="Premier League",
        product_description="Every match, live",
        merchant_agreement_url="https://news.example/account/premier-league",
        external_id=None,
        pricing=LegacyPricing(499_00, "NOK"),
        interval=Interval("MONTH", 1),
        status=status,  # type: ignore[arg-type]
        start=NOON,
        payer="4791234567",
    )
    return replace(found, **members)


def charge(charge_id: str, status: str, **members: Any) -> Charge:
    """A charge that was created today and is due in a week."""
    found = Charge(
        merchant_serial_number=MSN,
        charge_id=charge_id,
        agreement_id=ACTIVE,
        external_id=None,
        type="RECURRING",
        transaction_type="RESERVE_CAPTURE",
        processing_mode="MULTIPLE_ATTEMPTS",
        amount=499_00,
        currency="NOK",
        description="January",
        ceiling=None,
        due_day=date(2026, 11, 9),
        retry_days=5,
        created=NOON,
        due=NOON + timedelta(days=7),
        status=status,  # type: ignore[arg-type]
    )
    return replace(found, **members)


def attempt(
    status: int | None = 200, milliseconds: int = 40, error: str | None = None
) -> DeliveryAttempt:
    """An event that was taken in."""
    return DeliveryAttempt("delivery-1", 1, MSN, NOON, status, error, "", milliseconds)


def evidence(**members: Any) -> Evidence:
    """The record of the merchant who does everything right; `members` are what differs."""
    registration = Registration(
        "webhook-1",
        "client-1",
        MSN,
        "https://news.example/hook",
        "hush",
        ("recurring.agreement-activated.v1", "recurring.charge-captured.v1"),
        NOON,
    )
    found: dict[str, Any] = {
        "now": NOON + timedelta(hours=1),
        "real_now": NOON + timedelta(hours=1),
        "rules": rulebook_for("test", "NO"),
        "requests": requests(),
        "agreements": [agreement(STOPPED, "STOPPED"), agreement(ACTIVE, "ACTIVE")],
        "charges": [
            charge(CHARGED, "CHARGED"),
            charge(REFUNDED, "REFUNDED"),
            charge(RESERVED, "CHARGED"),
            charge(CANCELLED, "CANCELLED"),
        ],
        "registrations": [registration],
        "attempts": [attempt()],
    }
    return Evidence(**{**found, **members})
