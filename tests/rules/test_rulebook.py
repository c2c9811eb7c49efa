"""Every published number is what was published, and every row of it is told."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtale.rulebook import (
    MARKETS,
    OVERRIDABLE,
    PUBLISHED,
    Environment,
    MarketCode,
    Rulebook,
    UnknownRule,
    UnsoundRule,
    rulebook_for,
)

ENVIRONMENTS: list[Environment] = ["test", "production"]
TEST, LIVE = rulebook_for("test", "NO"), rulebook_for("production", "NO")
SECOND = timedelta(seconds=1)

in_every_place = pytest.mark.parametrize(
    "rules", [rulebook_for(e, m) for e in ENVIRONMENTS for m in MARKETS]
)


# The rows of rulings §1, in their order.


@pytest.mark.parametrize("code", MARKETS)
def test_access_token_lives_an_hour_in_test_and_a_day_in_production(code: MarketCode) -> None:
    assert rulebook_for("test", code).token_lifetime_seconds == 3600
    assert rulebook_for("production", code).token_lifetime_seconds == 86400


def test_lead_time_is_one_day_in_test_and_two_in_production() -> None:
    today = date(2028, 2, 28)
    assert TEST.earliest_due(today) == date(2028, 2, 29)
    assert LIVE.earliest_due(today) == date(2028, 3, 1)


def test_lead_time_may_be_set_to_one_day_for_a_sales_unit() -> None:
    lenient = rulebook_for("production", "NO", {"lead_days": 1})
    assert lenient.earliest_due(date(2027, 12, 31)) == date(2028, 1, 1)
    assert LIVE.lead_days == 2


@in_every_place
def test_charge_horizon_is_two_years(rules: Rulebook) -> None:
    assert rules.latest_due(date(2027, 5, 17)) == date(2029, 5, 17)
    assert rules.latest_due(date(2026, 2, 28)) == date(2028, 2, 28)


@in_every_place
def test_charge_horizon_from_29_february_is_the_28th(rules: Rulebook) -> None:
    assert rules.latest_due(date(2028, 2, 29)) == date(2030, 2, 28)


@in_every_place
def test_charge_reads_pending_until_its_due_day_begins(rules: Rulebook) -> None:
    turns = rules.becomes_due_at(date(2027, 5, 17))
    assert rules.visible_days == 0
    assert turns == rules.market.start_of_day(date(2027, 5, 17))


def test_visible_days_of_30_shows_a_charge_when_it_is_less_than_30_days_off() -> None:
    live_like = rulebook_for("test", "NO", {"visible_days": 30})
    # Midnight of 18 April in Oslo: 17 May is 29 days off, and the second before it was 30.
    assert live_like.becomes_due_at(date(2027, 5, 17)) == datetime(2027, 4, 17, 22, tzinfo=UTC)


@in_every_place
def test_agreement_waits_ten_minutes_for_the_payer(rules: Rulebook) -> None:
    created = datetime(2027, 3, 28, 0, 55, tzinfo=UTC)
    assert rules.expires_at(created) == datetime(2027, 3, 28, 1, 5, tzinfo=UTC)
    assert (rules.approval_minutes, rules.landing_minutes) == (10, 5)


@in_every_place
def test_retry_days_are_0_to_14(rules: Rulebook) -> None:
    assert rules.max_retry_days == 14


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(("code", "days"), [("NO", 180), ("DK", 14), ("FI", 14)])
def test_capture_window_is_180_days_in_norway_and_14_elsewhere(
    environment: Environment, code: MarketCode, days: int
) -> None:
    assert rulebook_for(environment, code).capture_days == days


@pytest.mark.parametrize("code", MARKETS)
def test_capture_window_is_180_days_everywhere_with_late_capture(code: MarketCode) -> None:
    assert rulebook_for("production", code, late_capture=True).capture_days == 180


def test_what_was_set_for_the_sales_unit_wins_over_late_capture() -> None:
    assert rulebook_for("test", "DK", {"capture_days": 3}, late_capture=True).capture_days == 3


def test_capture_is_possible_to_the_last_second_of_the_14th_day() -> None:
    reserved = datetime(2027, 10, 20, 1, tzinfo=UTC)
    deadline = rulebook_for("production", "DK").capture_deadline(reserved)
    # 4 November in Copenhagen, winter time by then.
    assert deadline == datetime(2027, 11, 3, 23, tzinfo=UTC)


@in_every_place
def test_refund_window_is_365_days_from_the_capture(rules: Rulebook) -> None:
    captured = rules.market.start_of_day(date(2027, 3, 1))
    deadline = rules.refund_deadline(captured)
    assert rules.refund_days == 365
    # The leap day of 2028 is one of the 365.
    assert rules.market.day_of(deadline - SECOND) == date(2028, 2, 29)
    assert rules.market.day_of(deadline) == date(2028, 3, 1)


@in_every_place
def test_userinfo_window_is_168_hours(rules: Rulebook) -> None:
    assert rules.userinfo_hours == 168


@in_every_place
def test_legacy_ceiling_of_one_charge_is_five_times_the_price(rules: Rulebook) -> None:
    assert rules.legacy_ceiling(499_00) == 2_495_00


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(("code", "most"), [("NO", 2_000_000), ("DK", 30_000_000), ("FI", 200_000)])
def test_suggested_max_amount_ceiling_is_the_currencys(
    environment: Environment, code: MarketCode, most: int
) -> None:
    assert rulebook_for(environment, code).suggested_max_ceiling == most


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(("code", "least"), [("NO", 100), ("DK", 1), ("FI", 1)])
def test_smallest_payment_is_the_currencys(
    environment: Environment, code: MarketCode, least: int
) -> None:
    assert rulebook_for(environment, code).smallest_payment == least


@in_every_place
def test_bulk_creation_takes_2000_items(rules: Rulebook) -> None:
    assert rules.bulk_items == 2000


@in_every_place
def test_list_page_holds_500_and_at_most_2000(rules: Rulebook) -> None:
    assert (rules.page_items, rules.max_page_items) == (500, 2000)


@in_every_place
def test_webhook_registrations_are_25_per_event(rules: Rulebook) -> None:
    assert rules.webhooks_per_event == 25


def test_force_accept_simulated_payers_clock_control_and_magic_amounts_are_for_test_only() -> None:
    assert TEST.is_test
    assert not LIVE.is_test


# The rows of rulings §2. Days and runs are walked second by second in test_market_days.


@pytest.mark.parametrize(
    ("code", "currency", "zone"),
    [
        ("NO", "NOK", "Europe/Oslo"),
        ("DK", "DKK", "Europe/Copenhagen"),
        ("FI", "EUR", "Europe/Helsinki"),
    ],
)
def test_a_market_has_its_currency_and_its_time_zone(
    code: MarketCode, currency: str, zone: str
) -> None:
    market = MARKETS[code]
    assert (market.code, market.currency, market.zone.key) == (code, currency, zone)


def test_there_are_three_markets() -> None:
    assert list(MARKETS) == ["NO", "DK", "FI"]


def test_what_a_partly_captured_charge_holds_is_released_after_seven_days() -> None:
    # Rulings §8. The 17th is the last whole day; at midnight in Oslo it is let go.
    captured = datetime(2027, 5, 10, 9, tzinfo=UTC)
    assert LIVE.partial_release_at(captured) == datetime(2027, 5, 17, 22, tzinfo=UTC)


def test_a_charge_stays_due_until_the_last_run_of_the_last_day() -> None:
    due = date(2027, 5, 17)
    assert LIVE.first_attempt_at(due) == datetime(2027, 5, 17, 7, tzinfo=UTC)
    assert LIVE.last_attempt_at(due, 2) == datetime(2027, 5, 19, 15, tzinfo=UTC)
    assert LIVE.next_attempt_at(datetime(2027, 5, 19, 14, 59, 59, tzinfo=UTC), due, 2) is not None
    assert LIVE.next_attempt_at(datetime(2027, 5, 19, 15, tzinfo=UTC), due, 2) is None


def test_a_process_that_was_down_goes_on_with_the_run_after_the_one_it_did() -> None:
    due = date(2027, 5, 17)
    done = LIVE.first_attempt_at(due)
    assert LIVE.next_attempt_at(done, due, 0) == datetime(2027, 5, 17, 15, tzinfo=UTC)


# What is told about the rules, and what may be changed.


def test_every_field_of_the_rulebook_is_published_once_in_its_order() -> None:
    fields = [f.name for f in msgspec.structs.fields(Rulebook)]
    assert [rule.field for rule in PUBLISHED] == [*fields[2:], "is_test"]
    assert fields[:2] == ["environment", "market"]


@pytest.mark.parametrize("rule", PUBLISHED, ids=lambda rule: rule.field)
def test_every_rule_has_a_sentence_a_source_and_a_value(rule: Any) -> None:
    assert rule.sentence[0].isupper() or rule.sentence.startswith("suggestedMaxAmount")
    assert rule.sentence.endswith(".")
    assert rule.source
    assert isinstance(getattr(TEST, rule.field), int)


@pytest.mark.parametrize("field", OVERRIDABLE)
def test_every_number_may_be_set_for_a_sales_unit(field: str) -> None:
    value = getattr(TEST, field) - 1 if field == "page_items" else getattr(TEST, field) + 1
    changed = rulebook_for("test", "NO", {field: value})
    assert changed == msgspec.structs.replace(TEST, **{field: value})


@pytest.mark.parametrize("field", OVERRIDABLE)
@pytest.mark.parametrize("value", [-1, 2**31, True, 1.0, "1", None])
def test_a_value_out_of_sense_is_refused_with_the_names_that_may_be_set(
    field: str, value: Any
) -> None:
    with pytest.raises(UnsoundRule) as refused:
        rulebook_for("test", "NO", {field: value})
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field} is a whole number from ")
    assert all(name in str(refused.value) for name in OVERRIDABLE)


@pytest.mark.parametrize("field", ["environment", "market", "is_test", "leadDays", "", "zone"])
def test_an_unknown_rule_is_refused_with_the_names_that_may_be_set(field: str) -> None:
    with pytest.raises(UnknownRule) as refused:
        rulebook_for("test", "NO", {field: 1})
    assert refused.value.field == field
    assert all(name in str(refused.value) for name in OVERRIDABLE)


def test_true_is_not_one_even_when_one_was_asked_for_before() -> None:
    rulebook_for("test", "NO", {"lead_days": 1})
    with pytest.raises(UnsoundRule):
        rulebook_for("test", "NO", {"lead_days": True})


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"page_items": 2001}, "page_items is at most max_page_items, which is 2000"),
        ({"max_page_items": 499}, "page_items is at most max_page_items, which is 499"),
        ({"suggested_max_ceiling": 99}, "smallest_payment is at most suggested_max_ceiling"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(
    overrides: dict[str, int], sentence: str
) -> None:
    with pytest.raises(UnsoundRule, match=sentence):
        rulebook_for("test", "NO", overrides)


def test_an_environment_or_market_that_does_not_exist_is_refused() -> None:
    nowhere: Any = "SE"
    with pytest.raises(ValueError, match="no market 'SE'"):
        rulebook_for("test", nowhere)
    staging: Any = "staging"
    with pytest.raises(ValueError, match="no environment 'staging'"):
        rulebook_for(staging, "NO")


def test_equal_sales_units_share_one_rulebook() -> None:
    one = rulebook_for("test", "DK", {"lead_days": 1, "visible_days": 30})
    other = rulebook_for("test", "DK", {"visible_days": 30, "lead_days": 1})
    assert one is other


instants = st.integers(min_value=0, max_value=10 * 366 * 24 * 3600).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + seconds * SECOND
)
books = st.sampled_from([rulebook_for(e, m) for e in ENVIRONMENTS for m in MARKETS])


@given(books, st.dates(date(2026, 1, 1), date(2036, 1, 1)), st.integers(0, 14), instants)
@settings(deadline=None)
def test_an_attempt_is_after_now_in_its_window_and_the_first_such(
    rules: Rulebook, due_day: date, retry_days: int, now: datetime
) -> None:
    window = [
        run for n in range(retry_days + 1) for run in rules.market.runs_on(due_day + timedelta(n))
    ]
    assert rules.next_attempt_at(now, due_day, retry_days) == min(
        (run for run in window if run > now), default=None
    )


@given(books, instants)
@settings(deadline=None)
def test_every_window_closes_after_it_opens(rules: Rulebook, opened: datetime) -> None:
    assert rules.expires_at(opened) > opened
    for deadline, days in (
        (rules.capture_deadline(opened), rules.capture_days),
        (rules.partial_release_at(opened), rules.partial_release_days),
        (rules.refund_deadline(opened), rules.refund_days),
    ):
        # Between n and n + 1 days, an hour of summer time either way.
        assert timedelta(days=days, hours=-1) < deadline - opened <= timedelta(days + 1, hours=1)


@given(books, st.dates(date(2026, 1, 1), date(2096, 12, 31)))
@settings(deadline=None)
def test_there_is_always_a_day_on_which_a_charge_may_be_due(rules: Rulebook, today: date) -> None:
    assert today < rules.earliest_due(today) < rules.latest_due(today)
