"""The evidence: what is recorded and stored of one sales unit, as checks look at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import msgspec

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.record import Seen
from avtale.rulebook import Rulebook
from avtale.webhooks.delivery import DeliveryAttempt
from avtale.webhooks.registration import Registration

STALE: Final = timedelta(days=31)
"""Older proof says little about the integration as it is (api-facts 12.4)."""

MOST_PROOFS: Final = 5


class Proof(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """Something that shows a finding: a request, an agreement, or a charge by its order id."""

    context_id: str | None = None
    order_id: str | None = None
    agreement_id: str | None = None
    status: str | None = None
    received: datetime | None = None
    """In real time."""


class Evidence(msgspec.Struct, frozen=True, dict=True):
    """One sales unit, looked at now; the newest of everything where there is too much."""

    now: datetime
    """On the unit's clock."""
    real_now: datetime
    rules: Rulebook
    requests: Sequence[Seen]
    """Oldest first."""
    agreements: Sequence[Agreement]
    """Newest first, and so the charges."""
    charges: Sequence[Charge]
    registrations: Sequence[Registration]
    """Those that are not gone."""
    attempts: Sequence[DeliveryAttempt]
    """Newest first."""

    def asked(self, *operations: str) -> list[Seen]:
        """The requests for these operations, oldest first."""
        return [each for each in self.requests if each.request.operation in operations]

    def done(self, *operations: str) -> list[Seen]:
        """Those that did what they asked for."""
        return [each for each in self.asked(*operations) if each.request.status < 300]

    @cached_property
    def refused(self) -> list[Seen]:
        """The requests that were refused, oldest first."""
        return [each for each in self.requests if 400 <= each.request.status < 500]

    @cached_property
    def last_named(self) -> dict[str, datetime]:
        """When each agreement and charge was last named in a request, in real time."""
        return {
            name: request.received
            for _, request in self.requests
            for name in (request.agreement_id, request.charge_id)
            if name is not None
        }

    def is_stale(self, proofs: Iterable[Proof]) -> bool:
        """Whether even the newest of these is older than a month."""
        times = [proof.received for proof in proofs if proof.received is not None]
        return bool(times) and self.real_now - max(times) > STALE


def proofs_of(seen: Sequence[Seen]) -> tuple[Proof, ...]:
    """The newest few of these requests, newest first."""
    return tuple(
        Proof(
            context_id=request.context_id,
            order_id=request.charge_id,
            agreement_id=request.agreement_id,
            received=request.received.replace(microsecond=0),
        )
        for _, request in reversed(seen[-MOST_PROOFS:])
    )


def proof_of_agreement(evidence: Evidence, agreement: Agreement) -> Proof:
    """An agreement as it is now."""
    return Proof(
        agreement_id=agreement.agreement_id,
        status=agreement.status,
        received=_to_the_second(evidence.last_named.get(agreement.agreement_id)),
    )


def proof_of_charge(evidence: Evidence, charge: Charge) -> Proof:
    """A charge as it is now."""
    return Proof(
        order_id=charge.charge_id,
        agreement_id=charge.agreement_id,
        status=charge.status,
        received=_to_the_second(evidence.last_named.get(charge.charge_id)),
    )


def _to_the_second(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(microsecond=0)
