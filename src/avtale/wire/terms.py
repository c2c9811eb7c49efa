"""The terms of an agreement as requests give them: pricing, rhythm and campaign.

They put up with what the rules' own do not: a missing `type`, a `count` in quotes, any amount.
Source: api-facts 3.3, 3.5, 3.9; rulings §5.
"""

from __future__ import annotations

from datetime import UTC
from typing import Literal, assert_never

import msgspec

from avtale.agreements.campaigns import (
    Campaign,
    EventCampaign,
    FullFlexCampaign,
    Instant,
    PeriodCampaign,
    PriceCampaign,
)
from avtale.agreements.intervals import Interval, IntervalUnit
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing, Pricing, VariablePricing
from avtale.money import Currency
from avtale.problems import Fault
from avtale.rulebook import Rulebook
from avtale.wire import members
from avtale.wire.members import Int32, Price


class PricingRequest(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What an agreement shall cost; amounts in minor units. A missing `type` means LEGACY."""

    type: Literal["LEGACY", "VARIABLE", "FLEXIBLE"] = "LEGACY"
    amount: Int32 | None = None
    suggested_max_amount: Int32 | None = None
    currency: Currency

    def faults(self, rules: Rulebook) -> list[Fault]:
        """The market's currency, and the amount that the type calls for.

        A suggested maximum above the ceiling is no fault here: its refusal has its own name.
        """
        found: list[Fault] = []
        if self.currency != rules.market.currency:
            reason = f"must be {rules.market.currency}, the currency of the sales unit's market"
            found.append(Fault("currency", reason))
        if self.type == "LEGACY":
            found += members.given("amount", self.amount)
            found += members.payable("amount", self.amount, rules)
        elif self.type == "VARIABLE":
            found += members.given("suggestedMaxAmount", self.suggested_max_amount)
            found += members.payable("suggestedMaxAmount", self.suggested_max_amount, rules)
        return found

    def to_pricing(self) -> Pricing:
        """The same, as the rules know it; members of another type are left out."""
        match self.type:
            case "LEGACY":
                return LegacyPricing(members.once_checked(self.amount), self.currency)
            case "VARIABLE":
                suggested = members.once_checked(self.suggested_max_amount)
                return VariablePricing(suggested, self.currency)
            case "FLEXIBLE":
                return FlexiblePricing(self.currency)
            case _:
                assert_never(self.type)


class IntervalRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A rhythm, or the length of a campaign; `count` may be a string of digits."""

    unit: IntervalUnit
    count: members.Count

    def to_interval(self) -> Interval:
        """The same, as the rules know it."""
        return Interval(self.unit, int(self.count))


class PriceCampaignRequest(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="PRICE_CAMPAIGN"
):
    """Another price until an instant."""

    price: Price
    end: Instant

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """An end that exists in UTC."""
        return members.in_range_of_utc("end", self.end)

    def to_campaign(self) -> Campaign:
        """The same, as the rules know it."""
        return PriceCampaign(self.price, self.end.astimezone(UTC))


class PeriodCampaignRequest(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="PERIOD_CAMPAIGN"
):
    """One price for a whole period."""

    price: Price
    period: IntervalRequest

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """Nothing that the shape has not said."""
        return []

    def to_campaign(self) -> Campaign:
        """The same, as the rules know it."""
        return PeriodCampaign(self.price, self.period.to_interval())


class EventCampaignRequest(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="EVENT_CAMPAIGN"
):
    """Another price until something named happens."""

    price: Price
    event_date: Instant
    event_text: members.ShortText

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """A date that exists in UTC."""
        return members.in_range_of_utc("eventDate", self.event_date)

    def to_campaign(self) -> Campaign:
        """The same, as the rules know it."""
        return EventCampaign(self.price, self.event_date.astimezone(UTC), self.event_text)


class FullFlexCampaignRequest(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="FULL_FLEX_CAMPAIGN"
):
    """Another price in another rhythm until an instant."""

    price: Price
    end: Instant
    interval: IntervalRequest

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """An end that exists in UTC."""
        return members.in_range_of_utc("end", self.end)

    def to_campaign(self) -> Campaign:
        """The same, as the rules know it."""
        return FullFlexCampaign(self.price, self.end.astimezone(UTC), self.interval.to_interval())


CampaignRequest = (
    PriceCampaignRequest | PeriodCampaignRequest | EventCampaignRequest | FullFlexCampaignRequest
)


class PricingUpdate(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A new price, in minor units; which of the two is right depends on the agreement."""

    amount: Int32 | None = None
    suggested_max_amount: Int32 | None = None

    def faults(self, rules: Rulebook) -> list[Fault]:
        """Amounts that can be paid."""
        return [
            *members.payable("amount", self.amount, rules),
            *members.payable("suggestedMaxAmount", self.suggested_max_amount, rules),
        ]


class IntervalUpdate(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A new rhythm, or none any more. Its form differs from that of a draft (api-facts 3.9)."""

    type: Literal["RECURRING", "FLEXIBLE"] = "RECURRING"
    period: IntervalRequest | None = None

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """RECURRING has a period, FLEXIBLE has none."""
        found: list[Fault] = []
        if self.type == "RECURRING":
            found = members.given("period", self.period)
        elif self.type == "FLEXIBLE":
            why = "where interval.type is FLEXIBLE"
            found = members.not_given("period", self.period, why)
        return found

    def to_interval(self) -> Interval | None:
        """The new rhythm, as the rules know it; None for FLEXIBLE."""
        return self.period.to_interval() if self.period else None
