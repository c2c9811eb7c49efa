"""Agreements come in as the API publishes them, and go out with every member that it promises."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.agreements.campaigns import (
    Campaign,
    EventCampaign,
    FullFlexCampaign,
    PeriodCampaign,
    PriceCampaign,
)
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import FlexiblePricing, LegacyPricing, VariablePricing
from avtale.problems import ValidationFailed
from avtale.rulebook import MARKETS, MarketCode, Rulebook, rulebook_for
from avtale.wire.agreements import (
    AcceptAgreement,
    DraftAgreement,
    DraftAgreementAnswer,
    UpdateAgreement,
    agreement_answer,
)
from avtale.wire.reading import read

NORWAY = rulebook_for("test", "NO")
FINLAND = rulebook_for("production", "FI")

DRAFT: dict[str, Any] = {
    "pricing": {"amount": 499_00, "currency": "NOK"},
    "merchantRedirectUrl": "https://example.com/welcome",
    "merchantAgreementUrl": "https://example.com/my/subscriptions/1234",
    "productName": "Premier League",
}
MONTHLY = {"unit": "MONTH", "count": 1}


def drafted(**members: Any) -> DraftAgreement:
    return read(json.dumps({**DRAFT, **members}).encode(), DraftAgreement)


def updated(**members: Any) -> UpdateAgreement:
    return read(json.dumps(members).encode(), UpdateAgreement)


def faults_of(
    body: DraftAgreement | UpdateAgreement | AcceptAgreement, rules: Rulebook = NORWAY
) -> dict[str, str]:
    return dict(body.faults(rules))


def shape_faults(**members: Any) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as refusal:
        drafted(**members)
    return dict(refusal.value.faults)


# ── Drafts ───────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_needs_little() -> None:
    body = drafted()
    assert faults_of(body) == {}
    assert body.pricing.to_pricing() == LegacyPricing(499_00, "NOK")
    assert (body.interval, body.campaign, body.phone, body.blocked_sources) == (None,) * 4
    assert (body.is_app, body.skip_landing_page) == (False, False)


def test_an_empty_draft_hears_what_it_lacks() -> None:
    with pytest.raises(ValidationFailed) as refusal:
        read(b"{}", DraftAgreement)
    assert dict(refusal.value.faults) == dict.fromkeys(
        ["pricing", "merchantRedirectUrl", "productName"], "is required"
    )


def test_each_pricing_becomes_its_own() -> None:
    variable = {"type": "VARIABLE", "suggestedMaxAmount": 300_00, "currency": "NOK"}
    assert drafted(pricing=variable).pricing.to_pricing() == VariablePricing(300_00, "NOK")
    flexible = {"type": "FLEXIBLE", "currency": "NOK", "amount": 5}
    assert drafted(pricing=flexible).pricing.to_pricing() == FlexiblePricing("NOK")
    assert faults_of(drafted(pricing=flexible)) == {}


def test_each_pricing_needs_its_amount() -> None:
    assert faults_of(drafted(pricing={"currency": "NOK"})) == {"pricing.amount": "is required"}
    variable = {"type": "VARIABLE", "amount": 499_00, "currency": "NOK"}
    assert faults_of(drafted(pricing=variable)) == {"pricing.suggestedMaxAmount": "is required"}


@pytest.mark.parametrize(
    ("rules", "currency", "least"), [(NORWAY, "NOK", 100), (FINLAND, "EUR", 1)], ids=["NO", "FI"]
)
def test_no_price_is_below_the_smallest_payment(rules: Rulebook, currency: str, least: int) -> None:
    too_little = f"must be at least {least} (minor units of {currency})"
    for amount, faults in [(least, {}), (least - 1, too_little), (-1, too_little)]:
        legacy = drafted(pricing={"amount": amount, "currency": currency})
        variable = drafted(
            pricing={"type": "VARIABLE", "suggestedMaxAmount": amount, "currency": currency}
        )
        assert faults_of(legacy, rules) == ({"pricing.amount": faults} if faults else {})
        assert faults_of(variable, rules) == (
            {"pricing.suggestedMaxAmount": faults} if faults else {}
        )


def test_a_suggested_maximum_above_the_ceiling_is_for_the_operation_to_refuse() -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 2_000_001, "currency": "NOK"}
    assert faults_of(drafted(pricing=pricing)) == {}


@pytest.mark.parametrize(("market", "own"), [("NO", "NOK"), ("DK", "DKK"), ("FI", "EUR")])
def test_the_currency_is_that_of_the_market(market: MarketCode, own: str) -> None:
    rules = rulebook_for("test", market)
    for currency in ("NOK", "DKK", "EUR"):
        faults = faults_of(drafted(pricing={"amount": 499_00, "currency": currency}), rules)
        said = {"pricing.currency": f"must be {own}, the currency of the sales unit's market"}
        assert faults == ({} if currency == own else said)


@pytest.mark.parametrize("count", [1, 31, "1", "31", "007"], ids=repr)
def test_counts_may_be_digits_in_quotes(count: int | str) -> None:
    interval = drafted(interval={"unit": "WEEK", "count": count}).interval
    assert interval is not None
    assert interval.to_interval() == Interval("WEEK", int(count))


@pytest.mark.parametrize(
    "count",
    [0, 32, -1, "0", "32", "", " 1", "1\n", "+1", "1.0", "0x1", "\u0661", "1_0", 1.0, True, []],
    ids=ascii,
)
def test_counts_are_whole_numbers_from_1_to_31(count: object) -> None:
    faults = shape_faults(interval={"unit": "WEEK", "count": count})
    assert faults == {"interval.count": "must be a whole number from 1 to 31"}


TEXTS = [
    ("productName", 1, 45),
    ("productDescription", 0, 100),
    ("externalId", 1, 64),
]


@pytest.mark.parametrize(("name", "least", "most"), TEXTS)
def test_texts_have_their_lengths_in_characters(name: str, least: int, most: int) -> None:
    for text in ("x" * least, "😀" * most):
        assert faults_of(drafted(**{name: text})) == {}
        if text:
            assert faults_of(updated(**{name: text})) == {}
    assert shape_faults(**{name: "😀" * (most + 1)}) == {name: f"must be at most {most} characters"}
    if least:
        assert shape_faults(**{name: ""}) == {name: "must not be empty"}


@pytest.mark.parametrize("control", ["\n", "\r", "\t", "\x1b", "\x7f", "\x85"], ids=ascii)
@pytest.mark.parametrize("name", [name for name, _, _ in TEXTS])
def test_texts_hold_no_control_characters(name: str, control: str) -> None:
    for text in (control, f"a{control}b", f"a{control}"):
        assert shape_faults(**{name: text}) == {name: "must not contain control characters"}


@pytest.mark.parametrize("scope", ["", "name", "name address email phoneNumber birthDate nin"])
def test_scopes_are_known_words(scope: str) -> None:
    assert drafted(scope=scope).scope == scope


@pytest.mark.parametrize("scope", ["Name", "nameaddress", "name,email", "name\temail", "openid"])
def test_scopes_are_nothing_else(scope: str) -> None:
    assert list(shape_faults(scope=scope)) == ["scope"]


def test_a_long_scope_is_read_in_no_time() -> None:
    assert list(shape_faults(scope="name " * 5000 + "!")) == ["scope"]


@pytest.mark.parametrize("number", ["47912345", "4791234567", "123456789012345"])
def test_phone_numbers_are_8_to_15_digits(number: str) -> None:
    body = drafted(phoneNumber=number, skipLandingPage=True)
    assert body.phone == number
    assert faults_of(body) == {}


@pytest.mark.parametrize(
    "number",
    [
        "",
        "4791234",
        "1234567890123456",
        "+4791234567",
        "47 912 34 567",
        "4791234567\n",
        "\u0664\u0667\u0669\u0661\u0662\u0663\u0664\u0665",
    ],
    ids=ascii,
)
def test_what_is_no_phone_number_is_ignored_unless_the_landing_page_is_skipped(number: str) -> None:
    body = drafted(phoneNumber=number)
    assert body.phone is None
    assert faults_of(body) == {}
    skipping = drafted(phoneNumber=number, skipLandingPage=True)
    assert list(faults_of(skipping)) == ["phoneNumber"]
    with pytest.raises(ValidationFailed):
        read(json.dumps({"phoneNumber": number}).encode(), AcceptAgreement)


def test_skipping_the_landing_page_needs_a_phone_number() -> None:
    assert list(faults_of(drafted(skipLandingPage=True))) == ["phoneNumber"]


def test_the_agreement_page_is_required_in_norway_only() -> None:
    body = drafted(merchantAgreementUrl=None)
    assert faults_of(body) == {"merchantAgreementUrl": "is required in Norway"}
    abroad = drafted(merchantAgreementUrl=None, pricing={"amount": 5_00, "currency": "EUR"})
    assert faults_of(abroad, FINLAND) == {}


def test_urls_have_their_lengths() -> None:
    start = "https://example.com/"
    for name, most in [("merchantRedirectUrl", 2048), ("merchantAgreementUrl", 1024)]:
        longest = start + "x" * (most - len(start))
        assert faults_of(drafted(**{name: longest})) == {}
        assert faults_of(drafted(**{name: longest + "x"})) == {
            name: f"must be at most {most} characters"
        }


def test_an_app_is_returned_to_where_the_draft_says_that_it_is_one() -> None:
    assert faults_of(drafted(merchantRedirectUrl="myApp://home", isApp=True)) == {}
    assert list(faults_of(drafted(merchantRedirectUrl="myApp://home"))) == ["merchantRedirectUrl"]
    assert list(faults_of(drafted(merchantAgreementUrl="myApp://my", isApp=True))) == [
        "merchantAgreementUrl"
    ]
    assert list(faults_of(drafted(merchantRedirectUrl="javascript:alert(1)", isApp=True))) == [
        "merchantRedirectUrl"
    ]


def test_this_very_machine_will_do_in_test() -> None:
    local = drafted(merchantRedirectUrl="http://localhost:3000/welcome")
    assert faults_of(local) == {}
    assert list(faults_of(local, rulebook_for("production", "NO"))) == ["merchantRedirectUrl"]


def test_initial_charges_can_be_paid() -> None:
    charge = {"amount": 100, "description": "x" * 100, "transactionType": "DIRECT_CAPTURE"}
    assert faults_of(drafted(initialCharge={**charge, "currency": "NOK"})) == {}
    too_little = faults_of(drafted(initialCharge={**charge, "amount": 99}))
    assert list(too_little) == ["initialCharge.amount"]
    assert list(shape_faults(initialCharge={**charge, "orderId": "x" * 65})) == [
        "initialCharge.orderId"
    ]


def test_blocked_sources_are_kept() -> None:
    assert drafted(paymentMethod={}).blocked_sources is None
    blocked = {"blockedSources": ["COMMERCIAL_CARDS"]}
    assert drafted(paymentMethod=blocked).blocked_sources == ("COMMERCIAL_CARDS",)
    assert shape_faults(paymentMethod={"blockedSources": ["GIFT_CARDS"]}) == {
        "paymentMethod.blockedSources.0": "must be COMMERCIAL_CARDS"
    }


# ── Campaigns ────────────────────────────────────────────────────────────────────────────────────

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
CAMPAIGNS: list[tuple[dict[str, Any], Campaign]] = [
    (
        {"type": "PRICE_CAMPAIGN", "price": 1_00, "end": "2027-01-01T01:00:00+01:00"},
        PriceCampaign(1_00, NEW_YEAR),
    ),
    (
        {"type": "PERIOD_CAMPAIGN", "price": 0, "period": {"unit": "WEEK", "count": "2"}},
        PeriodCampaign(0, Interval("WEEK", 2)),
    ),
    (
        {
            "type": "EVENT_CAMPAIGN",
            "price": 1_00,
            "eventDate": "2027-01-01T00:00:00Z",
            "eventText": "New Year's Day!",
        },
        EventCampaign(1_00, NEW_YEAR, "New Year's Day!"),
    ),
    (
        {
            "type": "FULL_FLEX_CAMPAIGN",
            "price": 1_00,
            "end": "2027-01-01T00:00:00Z",
            "interval": {"unit": "DAY", "count": 3},
        },
        FullFlexCampaign(1_00, NEW_YEAR, Interval("DAY", 3)),
    ),
]
each_campaign = pytest.mark.parametrize(
    ("asked", "campaign"), CAMPAIGNS, ids=[asked["type"] for asked, _ in CAMPAIGNS]
)


@each_campaign
def test_campaigns_are_read(asked: dict[str, Any], campaign: Campaign) -> None:
    body = drafted(campaign=asked)
    assert body.campaign is not None
    assert faults_of(body) == {}
    assert body.campaign.to_campaign() == campaign


@each_campaign
def test_campaigns_go_with_legacy_pricing_only(asked: dict[str, Any], campaign: Campaign) -> None:
    assert asked["type"]
    for pricing in (
        {"type": "VARIABLE", "suggestedMaxAmount": 300_00, "currency": "NOK"},
        {"type": "FLEXIBLE", "currency": "NOK"},
    ):
        assert faults_of(drafted(campaign=asked, pricing=pricing)) == {
            "campaign": "must not be given unless pricing.type is LEGACY"
        }


@each_campaign
def test_campaigns_need_all_their_members(asked: dict[str, Any], campaign: Campaign) -> None:
    for name in asked:
        lacking = {member: value for member, value in asked.items() if member != name}
        assert shape_faults(campaign=lacking) == {f"campaign.{name}": "is required"}


def test_campaigns_are_of_a_known_type() -> None:
    assert shape_faults(campaign={"type": "LEGACY_CAMPAIGN", "price": 1}) == {
        "campaign.type": "must be PRICE_CAMPAIGN, PERIOD_CAMPAIGN, EVENT_CAMPAIGN"
        " or FULL_FLEX_CAMPAIGN"
    }


@pytest.mark.parametrize(
    "end",
    ["2022/02/28T00:00:00Z", "2027-01-01", "2027-01-01T00:00:00", "2027-02-30T00:00:00Z", 0, "now"],
)
def test_campaigns_end_at_an_instant_that_exists(end: object) -> None:
    campaign = {"type": "PRICE_CAMPAIGN", "price": 1_00, "end": end}
    assert list(shape_faults(campaign=campaign)) == ["campaign.end"]


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_campaigns_end_within_the_years_that_there_are(end: str) -> None:
    body = drafted(campaign={"type": "PRICE_CAMPAIGN", "price": 1_00, "end": end})
    assert faults_of(body) == {"campaign.end": "must be within the years 1 to 9999 in UTC"}


def test_event_texts_are_short() -> None:
    asked = CAMPAIGNS[2][0]
    for text in ("", "x" * 16, "a\nb"):
        assert list(shape_faults(campaign={**asked, "eventText": text})) == ["campaign.eventText"]


# ── Updates ──────────────────────────────────────────────────────────────────────────────────────


def test_an_update_changes_something() -> None:
    changes_nothing = {"body": "must hold at least one member that can be changed"}
    assert faults_of(updated()) == changes_nothing
    assert faults_of(updated(productName=None, campaign={}, msn="1")) == changes_nothing
    assert faults_of(updated(pricing={})) == {"pricing": "must hold amount or suggestedMaxAmount"}


def test_an_update_knows_whether_it_is_a_stop_alone() -> None:
    stop = updated(status="STOPPED")
    assert faults_of(stop) == {}
    assert stop.changes_besides_status is False
    assert updated(status="STOPPED", productName=None).changes_besides_status is False
    for member in (
        {"productName": "Cup"},
        {"productDescription": ""},
        {"merchantAgreementUrl": "https://example.com/my"},
        {"externalId": "x"},
        {"pricing": {"amount": 1_00}},
        {"interval": {"type": "FLEXIBLE"}},
    ):
        assert updated(status="STOPPED", **member).changes_besides_status is True


@pytest.mark.parametrize("status", ["ACTIVE", "PENDING", "stopped", ""])
def test_a_merchant_can_only_stop(status: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        updated(status=status)
    assert dict(refusal.value.faults) == {"status": "must be STOPPED"}


def test_an_interval_is_updated_in_a_form_of_its_own() -> None:
    recurring = updated(interval={"period": MONTHLY})
    assert faults_of(recurring) == {}
    assert recurring.interval is not None
    assert recurring.interval.to_interval() == Interval("MONTH", 1)
    flexible = updated(interval={"type": "FLEXIBLE", "period": None})
    assert faults_of(flexible) == {}
    assert flexible.interval is not None
    assert flexible.interval.to_interval() is None
    assert faults_of(updated(interval=MONTHLY)) == {"interval.period": "is required"}
    assert faults_of(updated(interval={"type": "FLEXIBLE", "period": MONTHLY})) == {
        "interval.period": "must not be given where interval.type is FLEXIBLE"
    }


def test_updated_amounts_and_urls_are_judged_too() -> None:
    body = updated(
        pricing={"amount": 99, "suggestedMaxAmount": 0}, merchantAgreementUrl="http://example.com"
    )
    assert list(faults_of(body)) == [
        "pricing.amount",
        "pricing.suggestedMaxAmount",
        "merchantAgreementUrl",
    ]


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────

CREATED = datetime(2026, 8, 22, 12, 59, 56, 789000, tzinfo=UTC)
AGREEMENT = Agreement(
    merchant_serial_number="123456",
    agreement_id="agr_ADbq4JK",
    uuid="6080c099-d7f2-43ef-a82b-2991ccc3a239",
    created=CREATED,
    merchant_redirect_url="https://example.com/welcome",
    is_app=False,
    phone_number="4791234567",
    scope=None,
    skip_landing_page=False,
    blocked_sources=None,
    campaign=None,
    initial_charge_id=None,
    product_name="Premier League",
    product_description=None,
    merchant_agreement_url="https://example.com/my/1234/",
    external_id=None,
    pricing=LegacyPricing(499_00, "NOK"),
    interval=None,
)


def answered(
    agreement: Agreement,
    history: tuple[AgreementEntry, ...] = (),
    userinfo_url: str | None = None,
    market: MarketCode = "NO",
) -> dict[str, Any]:
    answer = agreement_answer(
        agreement,
        history,
        confirmation_url="https://example.org/landing?v=2&token=t",
        userinfo_url=userinfo_url,
        market=MARKETS[market],
    )
    written: dict[str, Any] = json.loads(msgspec.json.encode(answer))
    return written


def with_changes(**changes: Any) -> Agreement:
    return msgspec.structs.replace(AGREEMENT, **changes)


def test_an_agreement_answers_with_null_where_there_is_nothing() -> None:
    assert answered(AGREEMENT) == {
        "id": "agr_ADbq4JK",
        "uuid": "6080c099-d7f2-43ef-a82b-2991ccc3a239",
        "status": "PENDING",
        "created": "2026-08-22T12:59:56Z",
        "start": None,
        "stop": None,
        "productName": "Premier League",
        "productDescription": None,
        "pricing": {"type": "LEGACY", "amount": 499_00, "currency": "NOK"},
        "interval": None,
        "campaign": None,
        "merchantAgreementUrl": "https://example.com/my/1234/",
        "merchantRedirectUrl": "https://example.com/welcome",
        "vippsConfirmationUrl": "https://example.org/landing?v=2&token=t",
        "countryCode": "NO",
        "sub": None,
        "userinfoUrl": None,
        "history": [],
    }


def test_an_agreement_answers_with_all_that_there_is() -> None:
    sub = "8d7de74e-0243-11eb-adc1-0242ac120002"
    agreement = with_changes(
        product_description="Every match",
        external_id="member-7",
        blocked_sources=("COMMERCIAL_CARDS",),
        interval=Interval("MONTH", 2),
        pricing=VariablePricing(300_00, "NOK"),
    )
    agreement, created = agreement.drafted(CREATED + timedelta(minutes=10), "key-1")
    agreement = agreement.approved_by("4791234567", 200_00, sub)
    agreement, active = agreement.activated(CREATED + timedelta(seconds=4))
    agreement, stopped = agreement.stopped(CREATED + timedelta(days=1), "ADMIN", None)
    told = answered(agreement, (created, active, stopped), f"https://example.org/userinfo/{sub}")
    assert told["externalId"] == "member-7"
    assert told["paymentMethod"] == {"blockedSources": ["COMMERCIAL_CARDS"]}
    assert told["interval"] == {"unit": "MONTH", "count": 2, "text": "every 2 months"}
    assert told["pricing"] == {
        "type": "VARIABLE",
        "suggestedMaxAmount": 300_00,
        "currency": "NOK",
        "maxAmount": 200_00,
    }
    assert (told["sub"], told["userinfoUrl"]) == (sub, f"https://example.org/userinfo/{sub}")
    assert (told["status"], told["start"], told["stop"]) == (
        "STOPPED",
        "2026-08-22T13:00:00Z",
        "2026-08-23T12:59:56Z",
    )
    assert told["history"] == [
        {"occurred": "2026-08-22T12:59:56Z", "event": "CREATE", "actor": "MERCHANT"},
        {"occurred": "2026-08-22T13:00:00Z", "event": "ACTIVATE", "actor": "USER"},
        {"occurred": "2026-08-23T12:59:56Z", "event": "STOP", "actor": "ADMIN"},
    ]


def test_nobody_is_named_for_an_expiry() -> None:
    agreement, expired = AGREEMENT.expired(CREATED + timedelta(minutes=10))
    assert answered(agreement, (expired,))["history"] == [
        {"occurred": "2026-08-22T13:09:56Z", "event": "EXPIRE"}
    ]


@pytest.mark.parametrize(
    ("campaign", "members"),
    [
        (
            PriceCampaign(1_00, NEW_YEAR),
            {"type": "PRICE_CAMPAIGN", "price": 1_00, "end": "2027-01-01T00:00:00Z"},
        ),
        (
            PeriodCampaign(0, Interval("MONTH", 1)),
            {
                "type": "PERIOD_CAMPAIGN",
                "price": 0,
                "period": {"unit": "MONTH", "count": 1},
                "end": "2026-09-21T22:00:00Z",
            },
        ),
        (
            EventCampaign(1_00, NEW_YEAR, "New Year"),
            {
                "type": "EVENT_CAMPAIGN",
                "price": 1_00,
                "eventDate": "2027-01-01T00:00:00Z",
                "eventText": "New Year",
            },
        ),
        (
            FullFlexCampaign(1_00, NEW_YEAR, Interval("WEEK", 2)),
            {
                "type": "FULL_FLEX_CAMPAIGN",
                "price": 1_00,
                "end": "2027-01-01T00:00:00Z",
                "interval": {"unit": "WEEK", "count": 2},
            },
        ),
    ],
    ids=["price", "period", "event", "full flex"],
)
def test_a_campaign_answers_with_an_explanation(
    campaign: Campaign, members: dict[str, Any]
) -> None:
    told = answered(with_changes(campaign=campaign))["campaign"]
    explanation = told.pop("explanation")
    assert told == members
    assert "Ordinary price 499 kr starts" in explanation


def test_a_period_begins_anew_when_the_payer_says_yes() -> None:
    agreement = with_changes(campaign=PeriodCampaign(0, Interval("MONTH", 1)))
    agreement, _ = agreement.activated(datetime(2026, 8, 22, 22, 1, tzinfo=UTC))
    told = answered(agreement)["campaign"]
    assert told["end"] == "2026-09-22T22:00:00Z"
    assert told["explanation"].endswith("Ordinary price 499 kr starts 23/09/2026")


def test_a_danish_agreement_may_have_no_page_of_its_own() -> None:
    told = answered(with_changes(merchant_agreement_url=None), market="DK")
    assert (told["countryCode"], told["merchantAgreementUrl"]) == ("DK", None)


def test_a_draft_answers_with_null_where_there_is_no_initial_charge() -> None:
    answer = DraftAgreementAnswer("agr_ADbq4JK", AGREEMENT.uuid, "https://example.org/l", None)
    assert json.loads(msgspec.json.encode(answer)) == {
        "agreementId": "agr_ADbq4JK",
        "uuid": "6080c099-d7f2-43ef-a82b-2991ccc3a239",
        "vippsConfirmationUrl": "https://example.org/l",
        "chargeId": None,
    }
