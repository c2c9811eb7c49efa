"""Parts of requests that are worth a name; prices, rhythms and campaigns are those of the rules themselves."""

from __future__ import annotations

from datetime import date

import msgspec


class InitialCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What the payer pays at approval; `amount` in minor units."""

    amount: int
    description: str
    transaction_type: str = "DIRECT_CAPTURE"
    order_id: str | None = None
    external_id: str | None = None


class BulkCharge(msgspec.Struct, frozen=True, kw_only=True):
    """One charge of many; `amount` in minor units."""

    agreement_id: str
    amount: int
    description: str
    due: date
    order_id: str
    retry_days: int = 5
    transaction_type: str = "DIRECT_CAPTURE"
    processing_mode: str | None = None
    external_id: str | None = None
