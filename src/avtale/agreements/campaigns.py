"""Campaigns: a lower price at the beginning of an agreement, and when it gives way."""

from datetime import datetime
from typing import Annotated, assert_never

import msgspec

from avtale.agreements.intervals import Interval
from avtale.money import Money
from avtale.rulebook import Market

# An instant without an offset means nothing to a payer in another zone; decoding refuses it.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class PriceCampaign(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="PRICE_CAMPAIGN"
):
    """Another price per interval until an instant. `price` is in minor units and may be 0."""

    price: int
    end: Instant


class PeriodCampaign(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="PERIOD_CAMPAIGN"
):
    """One price for a whole period that begins with the agreement. `price` is in minor units."""

    price: int
    period: Interval


class EventCampaign(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="EVENT_CAMPAIGN"
):
    """Another price until something named happens. `price` is in minor units."""

    price: int
    event_date: Instant
    event_text: str


class FullFlexCampaign(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="FULL_FLEX_CAMPAIGN"
):
    """Another price in another rhythm until an instant. `price` is in minor units."""

    price: int
    end: Instant
    interval: Interval


Campaign = PriceCampaign | PeriodCampaign | EventCampaign | FullFlexCampaign


def ends_at(campaign: Campaign, start: datetime, market: Market) -> datetime:
    """The first instant at which the ordinary price holds, for an agreement begun at `start`.

    A period is counted in days of the market (rulings §2): begun at any time on 6 November, one
    month is over when 6 December begins there.
    """
    match campaign:
        case PriceCampaign() | FullFlexCampaign():
            return campaign.end
        case EventCampaign():
            return campaign.event_date
        case PeriodCampaign():
            return market.start_of_day(campaign.period.after(market.day_of(start)))
        case _:
            assert_never(campaign)


def price_on(
    campaign: Campaign, ordinary: int, start: datetime, at: datetime, market: Market
) -> int:
    """The price that holds at an instant, in minor units.

    The campaign's price holds from `start` until the campaign ends, the ordinary one otherwise.
    """
    return campaign.price if start <= at < ends_at(campaign, start, market) else ordinary


def explanation(campaign: Campaign, ordinary: Money, start: datetime, market: Market) -> str:
    """What the payer reads about the campaign, in English, with days of the market (rulings §7)."""
    price = Money(campaign.price, ordinary.currency).in_words()
    last = market.day_of(ends_at(campaign, start, market))
    day = f"{last.day:02}/{last.month:02}/{last.year:04}"
    match campaign:
        case PriceCampaign():
            offer = f"{price} until {day}"
        case PeriodCampaign():
            offer = f"{price} for {campaign.period.length}"
        case EventCampaign():
            offer = f"{price} until {day} ({campaign.event_text})"
        case FullFlexCampaign():
            offer = f"{price} {campaign.interval.text} until {day}"
        case _:
            assert_never(campaign)
    return f"{offer}. Ordinary price {ordinary.in_words()} starts {day}"
