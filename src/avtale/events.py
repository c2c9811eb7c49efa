"""What has happened, as frozen facts: every change tells one, and some of them become webhooks.

A fact names the agreement or charge as it is after the change. The catalogue (`avtale.webhooks.catalogue`)
knows which facts merchants are told of, and under which name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from avtale.agreements.agreement import Actor, Agreement
from avtale.charges.charge import Charge

AgreementFact = Literal["drafted", "activated", "rejected", "expired", "updated", "stopped"]
ChargeFact = Literal[
    "created",
    "shown",
    "attempt begun",
    "attempt declined",
    "outcome unclear",
    "reserved",
    "captured",
    "cancelled",
    "refunded",
    "failed",
    "capture refused",
    "release refused",
    "refund refused",
    "creation failed",
]


class AgreementHappened(msgspec.Struct, frozen=True):
    """Something happened to an agreement."""

    what: AgreementFact
    occurred: datetime
    agreement: Agreement
    actor: Actor | None = None


class ChargeHappened(msgspec.Struct, frozen=True):
    """Something happened to a charge; `amount` is what moved, in minor units."""

    what: ChargeFact
    occurred: datetime
    charge: Charge
    agreement_external_id: str | None
    amount: int
    transaction_id: str | None = None
    reason: str | None = None
    origin: str = ""
    """Where the charge never came to be: what stands for it, `batch:position` of a bulk."""


Happened = AgreementHappened | ChargeHappened
