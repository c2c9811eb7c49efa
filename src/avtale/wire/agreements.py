"""Agreements as JSON: drafting, updating and accepting them, and how they are answered.

Source: api-facts 3.2–3.10; rulings §5, §7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, assert_never

import msgspec
from msgspec import UNSET, Meta, UnsetType

from avtale.agreements.agreement import Actor, Agreement, AgreementEntry, AgreementEvent
from avtale.agreements.campaigns import (
    EventCampaign,
    FullFlexCampaign,
    PeriodCampaign,
    PriceCampaign,
    ends_at,
    explanation,
)
from avtale.agreements.intervals import Interval, IntervalUnit
from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import LegacyPricing, Pricing
from avtale.charges.charge import TransactionType
from avtale.money import Money
from avtale.problems import Fault
from avtale.rulebook import Market, MarketCode, Rulebook
from avtale.wire import members
from avtale.wire.members import Instant, Int32, to_the_second
from avtale.wire.terms import (
    CampaignRequest,
    IntervalRequest,
    IntervalUpdate,
    PricingRequest,
    PricingUpdate,
)

LONGEST_REDIRECT_URL = 2048
LONGEST_AGREEMENT_URL = 1024

BlockedSource = Literal["COMMERCIAL_CARDS"]


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────


class InitialCharge(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the payer pays at approval; `amount` in minor units, without a ceiling."""

    amount: Int32
    description: members.Description
    transaction_type: TransactionType
    order_id: members.OrderId | None = None
    external_id: members.ExternalId | None = None

    def faults(self, rules: Rulebook) -> list[Fault]:
        """An amount that can be paid."""
        return members.payable("amount", self.amount, rules)


class PaymentMethod(msgspec.Struct, frozen=True, rename="camel"):
    """What the payer may not pay with."""

    blocked_sources: Annotated[tuple[BlockedSource, ...], Meta(max_length=10)] | None = None


class DraftAgreement(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The body of a draft. Whether the sales unit may skip the landing page is not asked here."""

    pricing: PricingRequest
    merchant_redirect_url: str
    product_name: members.ProductName
    interval: IntervalRequest | None = None
    merchant_agreement_url: str | None = None
    product_description: members.ProductDescription | None = None
    phone_number: str | None = None
    initial_charge: InitialCharge | None = None
    campaign: CampaignRequest | None = None
    is_app: bool = False
    scope: members.Scope | None = None
    skip_landing_page: bool = False
    external_id: members.ExternalId | None = None
    payment_method: PaymentMethod | None = None

    @property
    def phone(self) -> str | None:
        """The phone number where it is one, else None: one that is not is ignored (rulings §5)."""
        return members.phone_number(self.phone_number)

    @property
    def blocked_sources(self) -> tuple[BlockedSource, ...] | None:
        """What the payer may not pay with, or None where nothing was said."""
        return None if self.payment_method is None else self.payment_method.blocked_sources

    def faults(self, rules: Rulebook) -> list[Fault]:
        """Everything about the body alone that the shape cannot say."""
        found = members.faults_in("pricing", self.pricing, rules)
        found += members.faults_in("initialCharge", self.initial_charge, rules)
        found += members.faults_in("campaign", self.campaign, rules)
        found += members.web_url(
            "merchantRedirectUrl",
            self.merchant_redirect_url,
            LONGEST_REDIRECT_URL,
            rules,
            app_link_allowed=self.is_app,
        )
        found += members.web_url(
            "merchantAgreementUrl", self.merchant_agreement_url, LONGEST_AGREEMENT_URL, rules
        )
        if rules.market.code == "NO" and self.merchant_agreement_url is None:
            found.append(Fault("merchantAgreementUrl", "is required in Norway"))
        if self.campaign is not None and self._is_priced_otherwise:
            found.append(Fault("campaign", "must not be given unless pricing.type is LEGACY"))
        if self.skip_landing_page and self.phone is None:
            reason = "must be 8 to 15 digits where skipLandingPage is true"
            found.append(Fault("phoneNumber", reason))
        return found

    @property
    def _is_priced_otherwise(self) -> bool:
        pricing: PricingRequest | None = self.pricing
        return pricing is not None and pricing.type in {"VARIABLE", "FLEXIBLE"}


class UpdateAgreement(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The body of an update: what is not given stays as it is."""

    product_name: members.ProductName | None = None
    product_description: members.ProductDescription | None = None
    merchant_agreement_url: str | None = None
    external_id: members.ExternalId | None = None
    pricing: PricingUpdate | None = None
    interval: IntervalUpdate | None = None
    status: Literal["STOPPED"] | None = None

    @property
    def changes_besides_status(self) -> bool:
        """Whether anything but `status` is given; a stop comes alone."""
        return any(
            getattr(self, field) is not None
            for field in self.__struct_fields__
            if field != "status"
        )

    def faults(self, rules: Rulebook) -> list[Fault]:
        """Everything about the body alone that the shape cannot say."""
        found = members.faults_in("pricing", self.pricing, rules)
        if self.pricing == PricingUpdate():
            found.append(Fault("pricing", "must hold amount or suggestedMaxAmount"))
        found += members.faults_in("interval", self.interval, rules)
        found += members.web_url(
            "merchantAgreementUrl", self.merchant_agreement_url, LONGEST_AGREEMENT_URL, rules
        )
        if self == UpdateAgreement():
            found.append(Fault("body", "must hold at least one member that can be changed"))
        return found


class AcceptAgreement(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a force accept: whose phone says yes."""

    phone_number: members.PhoneNumber

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """Nothing that the shape has not said."""
        return []


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────


class DraftAgreementAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What a draft is answered with; `charge_id` is the initial charge's, if there is one."""

    agreement_id: str
    uuid: str
    vipps_confirmation_url: str
    charge_id: str | None


class IntervalAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """A rhythm, with words for it in English."""

    unit: IntervalUnit
    count: int
    text: str


class PriceCampaignAnswer(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="PRICE_CAMPAIGN"
):
    """Another price until an instant; `price` in minor units."""

    price: int
    end: Instant
    explanation: str


class PeriodCampaignAnswer(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="PERIOD_CAMPAIGN"
):
    """One price for a whole period, with the end that follows from its beginning."""

    price: int
    period: Interval
    end: Instant
    explanation: str


class EventCampaignAnswer(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="EVENT_CAMPAIGN"
):
    """Another price until something named happens."""

    price: int
    event_date: Instant
    event_text: str
    explanation: str


class FullFlexCampaignAnswer(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="FULL_FLEX_CAMPAIGN"
):
    """Another price in another rhythm until an instant."""

    price: int
    end: Instant
    interval: Interval
    explanation: str


CampaignAnswer = (
    PriceCampaignAnswer | PeriodCampaignAnswer | EventCampaignAnswer | FullFlexCampaignAnswer
)


class PaymentMethodAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What the payer may not pay with."""

    blocked_sources: tuple[str, ...]


class AgreementHistoryAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """One line of history; `actor` is absent where nobody acted."""

    occurred: Instant
    event: AgreementEvent
    actor: Actor | UnsetType = UNSET


class AgreementAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An agreement as it is read and listed; all but two members are always there."""

    id: str
    uuid: str
    status: AgreementStatus
    created: Instant
    start: Instant | None
    stop: Instant | None
    product_name: str
    product_description: str | None
    pricing: Pricing
    interval: IntervalAnswer | None
    campaign: CampaignAnswer | None
    merchant_agreement_url: str | None
    merchant_redirect_url: str
    vipps_confirmation_url: str
    external_id: str | UnsetType = UNSET
    country_code: MarketCode
    sub: str | None
    userinfo_url: str | None
    payment_method: PaymentMethodAnswer | UnsetType = UNSET
    history: tuple[AgreementHistoryAnswer, ...]


def agreement_answer(
    agreement: Agreement,
    history: Sequence[AgreementEntry],
    *,
    confirmation_url: str,
    userinfo_url: str | None,
    market: Market,
) -> AgreementAnswer:
    """An agreement and its history, oldest line first, as the API answers them (api-facts 3.7)."""
    return AgreementAnswer(
        id=agreement.agreement_id,
        uuid=agreement.uuid,
        status=agreement.status,
        created=to_the_second(agreement.created),
        start=agreement.start and to_the_second(agreement.start),
        stop=agreement.stop and to_the_second(agreement.stop),
        product_name=agreement.product_name,
        product_description=agreement.product_description,
        pricing=agreement.pricing,
        interval=_interval_answer(agreement.interval),
        campaign=_campaign_answer(agreement, market),
        merchant_agreement_url=agreement.merchant_agreement_url,
        merchant_redirect_url=agreement.merchant_redirect_url,
        vipps_confirmation_url=confirmation_url,
        external_id=UNSET if agreement.external_id is None else agreement.external_id,
        country_code=market.code,
        sub=agreement.sub,
        userinfo_url=userinfo_url,
        payment_method=_payment_method_answer(agreement.blocked_sources),
        history=tuple(
            AgreementHistoryAnswer(to_the_second(entry.occurred), entry.event, entry.actor or UNSET)
            for entry in history
        ),
    )


def _interval_answer(interval: Interval | None) -> IntervalAnswer | None:
    if interval is None:
        return None
    return IntervalAnswer(interval.unit, interval.count, interval.text)


def _campaign_answer(agreement: Agreement, market: Market) -> CampaignAnswer | None:
    campaign, pricing = agreement.campaign, agreement.pricing
    if campaign is None or not isinstance(pricing, LegacyPricing):
        return None
    # Until the payer has said yes, the campaign is explained as if that were the day of the draft.
    start = agreement.start or agreement.created
    words = explanation(campaign, Money(pricing.amount, pricing.currency), start, market)
    end = to_the_second(ends_at(campaign, start, market))
    match campaign:
        case PriceCampaign():
            return PriceCampaignAnswer(campaign.price, end, words)
        case PeriodCampaign():
            return PeriodCampaignAnswer(campaign.price, campaign.period, end, words)
        case EventCampaign():
            return EventCampaignAnswer(campaign.price, end, campaign.event_text, words)
        case FullFlexCampaign():
            return FullFlexCampaignAnswer(campaign.price, end, campaign.interval, words)
        case _:
            assert_never(campaign)


def _payment_method_answer(blocked: tuple[str, ...] | None) -> PaymentMethodAnswer | UnsetType:
    return UNSET if blocked is None else PaymentMethodAnswer(blocked)
