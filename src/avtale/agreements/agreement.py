"""An agreement: a payer's consent to be charged, from the draft to its stop.

Frozen: every method answers with the next agreement and the line of history that tells why it differs.
Source: api-facts 3.7, 4; rulings §7.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from avtale.agreements.campaigns import Campaign
from avtale.agreements.intervals import Interval
from avtale.agreements.lifecycle import AgreementHappening, AgreementStatus, next_status
from avtale.agreements.pricing import Pricing, VariablePricing
from avtale.problems import ChargeCreationFailed, IllegalAgreementUpdate

Actor = Literal["MERCHANT", "USER", "ADMIN"]
AgreementEvent = Literal["CREATE", "ACTIVATE", "REJECT", "EXPIRE", "UPDATE", "STOP"]


class AgreementEntry(msgspec.Struct, frozen=True):
    """One line of an agreement's history; written once, never changed."""

    merchant_serial_number: str
    agreement_id: str
    sequence: int
    occurred: datetime
    event: AgreementEvent
    actor: Actor | None
    idempotency_key: str | None


class Agreement(msgspec.Struct, frozen=True):
    """One agreement of one sales unit; amounts in minor units, instants in UTC."""

    merchant_serial_number: str
    agreement_id: str
    uuid: str
    created: datetime
    merchant_redirect_url: str
    is_app: bool
    phone_number: str | None
    scope: str | None
    skip_landing_page: bool
    blocked_sources: tuple[str, ...] | None
    campaign: Campaign | None
    initial_charge_id: str | None

    product_name: str
    product_description: str | None
    merchant_agreement_url: str | None
    external_id: str | None
    pricing: Pricing
    interval: Interval | None
    status: AgreementStatus = "PENDING"
    start: datetime | None = None
    stop: datetime | None = None
    stopped_by: Actor | None = None
    payer: str | None = None
    """The phone number of the payer who said yes; set when the approval begins."""
    sub: str | None = None
    consented: datetime | None = None
    wake_at: datetime | None = None
    history_length: int = 0
    changed: datetime | None = None
    sent_to: str | None = None
    """The phone that the request was sent to; None while it waits on the landing page."""
    sent_at: datetime | None = None
    notifies: bool = False
    """Whether the payer wants to be told of each payment that succeeds; told of failures is every payer."""
    listens: bool = False
    """Whether the payer's persona does something when told of a payment."""

    def require_active(self) -> None:
        """Refuse a charge on an agreement that is not ACTIVE."""
        if self.status != "ACTIVE":
            raise ChargeCreationFailed(
                f"The agreement is {self.status}; charges can be created only while it is ACTIVE."
            )

    def require_changeable(self) -> None:
        """Refuse a change of an agreement that is not ACTIVE."""
        if self.status != "ACTIVE":
            raise IllegalAgreementUpdate(
                f"The agreement is {self.status}; only an ACTIVE agreement can be updated."
            )

    @property
    def is_being_approved(self) -> bool:
        """Whether the payer has said yes and the initial charge is still being attempted."""
        return self.status == "PENDING" and self.payer is not None

    def drafted(self, expires_at: datetime, key: str) -> tuple[Agreement, AgreementEntry]:
        """The first line of history; the payer has until `expires_at`."""
        return replace(self, wake_at=expires_at)._tell("CREATE", "MERCHANT", self.created, key)

    def sent(self, phone_number: str, at: datetime) -> Agreement:
        """The request lies on a phone from `at` on."""
        return replace(self, sent_to=phone_number, sent_at=at)

    def approved_by(self, payer: str, max_amount: int | None, sub: str | None) -> Agreement:
        """The payer said yes; the initial charge, if any, is attempted before it is ACTIVE.

        `sub` is the payer's id towards the sales unit, where a profile is shared.
        """
        pricing = self.pricing
        if isinstance(pricing, VariablePricing):
            chosen = pricing.suggested_max_amount if max_amount is None else max_amount
            pricing = replace(pricing, max_amount=chosen)
        return replace(self, payer=payer, pricing=pricing, sub=sub, wake_at=None)

    def activated(self, at: datetime) -> tuple[Agreement, AgreementEntry]:
        """ACTIVE from `at`; where a profile is shared, consent counts from then."""
        active = self._moved("approved", start=at, consented=at if self.sub is not None else None)
        return active._tell("ACTIVATE", "USER", at)

    def rejected(self, at: datetime) -> tuple[Agreement, AgreementEntry]:
        """The payer said no."""
        gone = self._moved("rejected", stop=at, stopped_by="USER", wake_at=None)
        return gone._tell("REJECT", "USER", at)

    def expired(self, at: datetime) -> tuple[Agreement, AgreementEntry]:
        """Nobody answered in time, or the initial charge could not be processed."""
        gone = self._moved("expired", wake_at=None)
        return gone._tell("EXPIRE", None, at)

    def stopped(
        self, at: datetime, actor: Actor, key: str | None
    ) -> tuple[Agreement, AgreementEntry]:
        """Stopped for good."""
        gone = self._moved("stopped", stop=at, stopped_by=actor, wake_at=None)
        return gone._tell("STOP", actor, at, key)

    def updated(
        self, changes: dict[str, Any], at: datetime, key: str
    ) -> tuple[Agreement, AgreementEntry]:
        """The merchant changed the named members."""
        return replace(self, **changes)._tell("UPDATE", "MERCHANT", at, key)

    def with_max_amount(self, max_amount: int) -> Agreement:
        """The payer raised or lowered the maximum of a VARIABLE agreement."""
        assert isinstance(self.pricing, VariablePricing)
        return replace(self, pricing=replace(self.pricing, max_amount=max_amount))

    def _moved(self, happening: AgreementHappening, **changes: Any) -> Agreement:
        return replace(self, status=next_status(self.status, happening), **changes)

    def _tell(
        self, event: AgreementEvent, actor: Actor | None, at: datetime, key: str | None = None
    ) -> tuple[Agreement, AgreementEntry]:
        sequence = self.history_length + 1
        at = max(at, self.changed or at)
        entry = AgreementEntry(
            self.merchant_serial_number, self.agreement_id, sequence, at, event, actor, key
        )
        return replace(self, history_length=sequence, changed=at), entry
