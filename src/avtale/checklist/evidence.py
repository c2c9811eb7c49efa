"""The evidence: what is recorded and stored of one sales unit, as checks look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import msgspec
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.record import RecordedRequest, Seen
from avtale.rulebook import Rulebook
from avtale.webhooks.delivery import DeliveryAttempt
from avtale.webhooks.registration import Registration

STALE: Final = timedelta(days=31)
"""Older proof says little about the integration as it is (api-facts 12.4)."""

MOST_PROOFS: Final = 5

LONGEST_LABEL: Final = 64
"""Of a header no more than this is kept."""


class Proof(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """Something that shows a finding: a request, an agreement, or a charge by its order id."""

    context_id: str | None = None
    order_id: str | None = None
    agreement_id: str | None = None
    status: str | None = None
    received: datetime | None = None
    """In real time."""
    detail: str | None = None
    """What it is about it that shows the finding, where that cannot be seen otherwise."""


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
    unanswered: Mapping[str, str] = {}
    """Each `merchantAgreementUrl` that was tried and does not answer, and how; empty where none was tried."""

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


def limited(
    evidence: Evidence,
    since: datetime | None = None,
    label: str | None = None,
    in_bulk: Mapping[str, str] | None = None,
) -> Evidence:
    """What is known of one run alone: its requests, and the agreements and charges they made or named.

    A request is of the run where it came from `since` on, in real time, and carries `label` as one of the
    four headers `Vipps-System-*`. `in_bulk` says under which idempotency key charges were created in bulk,
    since no single request names those. Where a charge is of the run, so is its agreement.
    Registrations and deliveries belong to the unit rather than to a run, and stay.
    """
    if since is None and label is None:
        return evidence
    requests = [each for each in evidence.requests if is_of_run(each.request, since, label)]
    named = {
        name
        for _, request in requests
        for name in (request.agreement_id, request.charge_id)
        if name is not None
    }
    keys = {
        request.idempotency_key for _, request in requests if request.operation == "create_charges"
    }
    named |= {name for name, key in (in_bulk or {}).items() if key in keys}
    charges = [each for each in evidence.charges if each.charge_id in named]
    named |= {each.agreement_id for each in charges}
    agreements = [each for each in evidence.agreements if each.agreement_id in named]
    return replace(evidence, requests=requests, agreements=agreements, charges=charges)


def is_of_run(request: RecordedRequest, since: datetime | None, label: str | None) -> bool:
    """Whether a request came from `since` on, and carries the label, where either is given."""
    return (since is None or request.received >= since) and (
        label is None
        or label
        in {
            request.system_name,
            request.system_version,
            request.plugin_name,
            request.plugin_version,
        }
    )


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
