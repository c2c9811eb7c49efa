"""The client: every operation of the Recurring API under its published name, blocking or not.

    from avtale import Client

    client = Client(
        base_url="http://127.0.0.1:8080", client_id=…, client_secret=…, subscription_key=…,
        merchant_serial_number="123456", system_name="acme", system_version="3.1.2",
    )
    drafted = client.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(amount=499_00, currency="NOK"),
        interval=Interval("MONTH", 1),
        merchant_redirect_url="https://shop.example/thanks",
        merchant_agreement_url="https://shop.example/subscriptions/1",
    )

It works against avtale and, with a sales unit's own keys, against the vendor's service (sandbox §10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from avtale.agreements.campaigns import (
    EventCampaign,
    FullFlexCampaign,
    PeriodCampaign,
    PriceCampaign,
)
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing, VariablePricing
from avtale.client import answers, errors
from avtale.client.blocking import Client
from avtale.client.bodies import BulkCharge, InitialCharge
from avtale.client.bulk import ChargeResult
from avtale.client.errors import AvtaleError, NoAnswer, Refused, StillPending
from avtale.client.setup import PRODUCTION, TEST, Retries

if TYPE_CHECKING:
    from avtale.client.asynchronous import AsyncClient

__all__ = [
    "PRODUCTION",
    "TEST",
    "AsyncClient",
    "AvtaleError",
    "BulkCharge",
    "ChargeResult",
    "Client",
    "EventCampaign",
    "FlexiblePricing",
    "FullFlexCampaign",
    "InitialCharge",
    "Interval",
    "LegacyPricing",
    "NoAnswer",
    "PeriodCampaign",
    "PriceCampaign",
    "Refused",
    "Retries",
    "StillPending",
    "VariablePricing",
    "answers",
    "errors",
]


def __getattr__(name: str) -> object:
    """The client that awaits, loaded when somebody asks for it: an event loop takes its time."""
    if name == "AsyncClient":
        from avtale.client import asynchronous  # noqa: PLC0415

        return asynchronous.AsyncClient
    raise AttributeError(f"module 'avtale.client' has no attribute {name!r}")
