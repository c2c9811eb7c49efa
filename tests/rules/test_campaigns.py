"""Campaigns hold from the agreement's beginning to their end, to the second, and say so."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtale.agreements.campaigns import (
    Campaign,
    EventCampaign,
    FullFlexCampaign,
    PeriodCampaign,
    PriceCampaign,
    ends_at,
    explanation,
    price_on,
)
from avtale.agreements.intervals import Interval, IntervalUnit
from avtale.money import Money
from avtale.rulebook import MARKETS, Market

NO, FI = MARKETS["NO"], MARKETS["FI"]
ORDINARY = 399_00
START = datetime(2026, 11, 6, 14, 30, tzinfo=UTC)
END = datetime(2026, 12, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)

PRICE = PriceCampaign(49_00, END)
PERIOD = PeriodCampaign(49_00, Interval("MONTH", 1))
EVENT = EventCampaign(49_00, datetime(2026, 12, 24, 16, tzinfo=UTC), "Christmas")
FULL_FLEX = FullFlexCampaign(49_00, END, Interval("WEEK", 2))

every_campaign = pytest.mark.parametrize("campaign", [PRICE, PERIOD, EVENT, FULL_FLEX])


@every_campaign
def test_gives_way_to_the_ordinary_price_at_its_end(campaign: Campaign) -> None:
    end = ends_at(campaign, START, NO)
    assert price_on(campaign, ORDINARY, START, START - SECOND, NO) == ORDINARY
    assert price_on(campaign, ORDINARY, START, START, NO) == 49_00
    assert price_on(campaign, ORDINARY, START, end - SECOND, NO) == 49_00
    assert price_on(campaign, ORDINARY, START, end, NO) == ORDINARY


def test_a_campaign_that_ended_before_the_agreement_began_never_holds() -> None:
    late = END + timedelta(days=3)
    assert price_on(PRICE, ORDINARY, late, late, NO) == ORDINARY


def test_a_free_month_is_a_price_of_zero() -> None:
    free = PeriodCampaign(0, Interval("MONTH", 1))
    assert price_on(free, ORDINARY, START, START, NO) == 0
    assert explanation(free, Money(ORDINARY, "NOK"), START, NO).startswith("0 kr for 1 month.")


def test_three_campaigns_name_their_own_end() -> None:
    assert ends_at(PRICE, START, NO) == END
    assert ends_at(FULL_FLEX, START, NO) == END
    assert ends_at(EVENT, START, NO) == EVENT.event_date


def test_a_period_is_over_when_its_last_day_is_in_the_market() -> None:
    assert ends_at(PERIOD, START, NO) == datetime(2026, 12, 5, 23, tzinfo=UTC)
    assert ends_at(PERIOD, START, FI) == datetime(2026, 12, 5, 22, tzinfo=UTC)


def test_a_period_begun_late_in_the_evening_counts_from_the_markets_day() -> None:
    # 23:30 UTC on 5 November is already the 6th in Oslo.
    evening = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
    assert ends_at(PERIOD, evening, NO) == ends_at(PERIOD, START, NO)


def test_a_period_into_summer_time_ends_at_the_markets_midnight() -> None:
    start = datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert ends_at(PERIOD, start, NO) == datetime(2027, 3, 31, 22, tzinfo=UTC)


@given(
    st.integers(min_value=0, max_value=4 * 366 * 24 * 3600).map(lambda s: START + s * SECOND),
    st.sampled_from(["YEAR", "MONTH", "WEEK", "DAY"]),
    st.integers(min_value=1, max_value=31),
    st.sampled_from(list(MARKETS.values())),
)
@settings(deadline=None)
def test_every_period_lasts_and_ends_on_a_market_midnight(
    start: datetime, unit: IntervalUnit, count: int, market: Market
) -> None:
    interval = Interval(unit, count)
    end = ends_at(PeriodCampaign(1_00, interval), start, market)
    assert end > start
    assert market.day_of(end) == interval.after(market.day_of(start))
    assert market.day_of(end - SECOND) < market.day_of(end)


@pytest.mark.parametrize(
    ("campaign", "text"),
    [
        (PRICE, "49 kr until 06/12/2026. Ordinary price 399 kr starts 06/12/2026"),
        (PERIOD, "49 kr for 1 month. Ordinary price 399 kr starts 06/12/2026"),
        (EVENT, "49 kr until 24/12/2026 (Christmas). Ordinary price 399 kr starts 24/12/2026"),
        (
            FULL_FLEX,
            "49 kr every 2 weeks until 06/12/2026. Ordinary price 399 kr starts 06/12/2026",
        ),
    ],
)
def test_explains_itself_to_the_payer(campaign: Campaign, text: str) -> None:
    assert explanation(campaign, Money(ORDINARY, "NOK"), START, NO) == text


def test_explains_itself_in_the_markets_currency_and_days() -> None:
    # Half past ten in the evening UTC is half past midnight in Helsinki.
    campaign = PriceCampaign(4_50, datetime(2026, 12, 5, 22, 30, tzinfo=UTC))
    said = explanation(campaign, Money(12_00, "EUR"), START, FI)
    assert said == "4.50 EUR until 06/12/2026. Ordinary price 12 EUR starts 06/12/2026"


def test_an_end_as_far_as_the_calendar_goes_is_explained_too() -> None:
    campaign = PriceCampaign(49_00, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    said = explanation(campaign, Money(ORDINARY, "NOK"), START, NO)
    assert said.endswith("starts 31/12/9999")


@pytest.mark.parametrize(
    ("campaign", "json"),
    [
        (PRICE, b'{"type":"PRICE_CAMPAIGN","price":4900,"end":"2026-12-06T00:00:00Z"}'),
        (
            PERIOD,
            b'{"type":"PERIOD_CAMPAIGN","price":4900,"period":{"unit":"MONTH","count":1}}',
        ),
        (
            EVENT,
            (
                b'{"type":"EVENT_CAMPAIGN","price":4900,'
                b'"eventDate":"2026-12-24T16:00:00Z","eventText":"Christmas"}'
            ),
        ),
        (
            FULL_FLEX,
            (
                b'{"type":"FULL_FLEX_CAMPAIGN","price":4900,'
                b'"end":"2026-12-06T00:00:00Z","interval":{"unit":"WEEK","count":2}}'
            ),
        ),
    ],
)
def test_reads_and_writes_the_published_shape(campaign: Campaign, json: bytes) -> None:
    assert msgspec.json.encode(campaign) == json
    assert msgspec.json.decode(json, type=Campaign) == campaign


def test_an_end_without_a_time_zone_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="timezone"):
        msgspec.json.decode(
            b'{"type":"PRICE_CAMPAIGN","price":4900,"end":"2026-12-06T00:00:00"}', type=Campaign
        )
