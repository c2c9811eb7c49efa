"""What the API answers, as a client reads it: members that nobody knows are ignored, words that nobody knows are kept.

Amounts are whole minor units, instants are aware. Source: api-facts 3, 7, 9.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class _Answer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Members of other versions of the API break nothing."""


class Pricing(_Answer, frozen=True, kw_only=True):
    """What an agreement costs: `type` is LEGACY, VARIABLE or FLEXIBLE."""

    type: str = "LEGACY"
    currency: str = ""
    amount: int | None = None
    """The price per interval (LEGACY)."""
    suggested_max_amount: int | None = None
    """The maximum that the merchant suggested (VARIABLE)."""
    max_amount: int | None = None
    """The maximum that the payer chose (VARIABLE)."""


class Rhythm(_Answer, frozen=True, kw_only=True):
    """How often something comes: `unit` is DAY, WEEK, MONTH or YEAR."""

    unit: str
    count: int
    text: str | None = None


class Campaign(_Answer, frozen=True, kw_only=True):
    """A lower price at the beginning; which of the members are there depends on `type`."""

    type: str
    price: int | None = None
    end: datetime | None = None
    period: Rhythm | None = None
    interval: Rhythm | None = None
    event_date: datetime | None = None
    event_text: str | None = None
    explanation: str | None = None


class AgreementEvent(_Answer, frozen=True, kw_only=True):
    """One line of an agreement's history."""

    occurred: datetime
    event: str
    actor: str | None = None


class Agreement(_Answer, frozen=True, kw_only=True):
    """An agreement; `status` is PENDING, ACTIVE, STOPPED or EXPIRED."""

    id: str
    status: str
    uuid: str | None = None
    created: datetime | None = None
    start: datetime | None = None
    stop: datetime | None = None
    product_name: str | None = None
    product_description: str | None = None
    pricing: Pricing | None = None
    interval: Rhythm | None = None
    campaign: Campaign | None = None
    merchant_agreement_url: str | None = None
    merchant_redirect_url: str | None = None
    vipps_confirmation_url: str | None = None
    external_id: str | None = None
    country_code: str | None = None
    sub: str | None = None
    userinfo_url: str | None = None
    history: tuple[AgreementEvent, ...] = ()

    @property
    def agreement_id(self) -> str:
        """The same as `id`, under the name that a draft's answer has for it."""
        return self.id


class DraftedAgreement(_Answer, frozen=True, kw_only=True):
    """A draft: send the payer to `vipps_confirmation_url`."""

    agreement_id: str
    vipps_confirmation_url: str | None = None
    uuid: str | None = None
    charge_id: str | None = None
    """The initial charge's, where there is one."""


class CreatedCharge(_Answer, frozen=True, kw_only=True):
    """A new charge."""

    charge_id: str


class Summary(_Answer, frozen=True, kw_only=True):
    """What became of a charge's amount."""

    captured: int = 0
    refunded: int = 0
    cancelled: int = 0


class ChargeEvent(_Answer, frozen=True, kw_only=True):
    """One line of a charge's history."""

    occurred: datetime
    event: str
    amount: int = 0
    idempotency_key: str | None = None
    success: bool = True
    transaction_id: str | None = None


class Charge(_Answer, frozen=True, kw_only=True):
    """A charge; `status` is one of the ten of api-facts 5.1, or one that is newer."""

    id: str
    status: str
    agreement_id: str | None = None
    external_id: str | None = None
    external_agreement_id: str | None = None
    type: str | None = None
    transaction_type: str | None = None
    amount: int = 0
    currency: str | None = None
    description: str | None = None
    due: datetime | None = None
    retry_days: int | None = None
    processing_mode: str | None = None
    transaction_id: str | None = None
    failure_reason: str | None = None
    failure_description: str | None = None
    summary: Summary = Summary()
    history: tuple[ChargeEvent, ...] = ()

    @property
    def charge_id(self) -> str:
        """The same as `id`, under the name that the answer to its creation has for it."""
        return self.id


class InvalidCharge(_Answer, frozen=True, kw_only=True):
    """An item of a bulk that was refused, and a sentence for each thing that is wrong with it."""

    charge_batch_item_dto: dict[str, Any]
    errors: tuple[str, ...] = ()


class Bulk(_Answer, frozen=True, kw_only=True):
    """What became of a bulk: the ids of the charges that will be created, and the rest."""

    valid_charges: tuple[str, ...] = ()
    invalid_charges: tuple[InvalidCharge, ...] = ()


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A postal address of a profile."""

    address_type: str | None = None
    street_address: str | None = None
    postal_code: str | None = None
    region: str | None = None
    country: str | None = None
    formatted: str | None = None


class Userinfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a payer shared, as far as it was consented to; for 168 hours."""

    sub: str
    sid: str | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    email_verified: bool | str | None = None
    phone_number: str | None = None
    phone_number_verified: bool | str | None = None
    birthdate: str | None = None
    address: Address | str | None = None
    other_addresses: tuple[Address, ...] = ()
    nin: str | None = None


class RegisteredWebhook(_Answer, frozen=True, kw_only=True):
    """A new registration; the secret is shown this once."""

    id: str
    secret: str


class Webhook(_Answer, frozen=True, kw_only=True):
    """A registration."""

    id: str
    url: str
    events: tuple[str, ...] = ()


class Webhooks(_Answer, frozen=True, kw_only=True):
    """All registrations."""

    webhooks: tuple[Webhook, ...] = ()


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An access token; the vendor writes its lifetime as text, others as a number."""

    access_token: str
    expires_in: str | int = "3600"

    @property
    def seconds(self) -> float:
        """How long it is good for; an hour where that cannot be read."""
        try:
            return float(self.expires_in)
        except ValueError:
            return 3600.0
