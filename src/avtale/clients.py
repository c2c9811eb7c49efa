"""Clients: who may ask for tokens, with which keys, for which sales units.

Secrets are kept as keyed hashes only; they have 128 random bits or more, so a fast hash does
(reliability A-2).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

ClientKind = Literal["MERCHANT", "PARTNER"]


class Client(msgspec.Struct, frozen=True):
    """One set of API keys, of a sales unit or of a partner."""

    client_id: str
    kind: ClientKind
    name: str
    secret_hash: str
    created: datetime
    disabled: datetime | None = None
    webhooks: dict[str, int] = {}
    """How many registrations a partner has for all its units, by event type."""


class SubscriptionKey(msgspec.Struct, frozen=True):
    """One of a client's keys for the gateway; a primary and a secondary, either is good."""

    key_hash: str
    client_id: str
    created: datetime


class Grant(msgspec.Struct, frozen=True):
    """A client may act for a sales unit."""

    client_id: str
    merchant_serial_number: str
    created: datetime
