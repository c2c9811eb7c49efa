"""Agreements over HTTP: what may be sent, and every member of what is answered (rulings §5, §7)."""

from __future__ import annotations

import base64
import re
from datetime import date
from typing import Any

import pytest

from avtale.rulebook import Environment, MarketCode
from tests.support import DRAFT, INITIAL, KARI, House, Shop, installation, refused

ALWAYS = {
    "id",
    "uuid",
    "status",
    "created",
    "start",
    "stop",
    "productName",
    "productDescription",
    "pricing",
    "interval",
    "campaign",
    "merchantAgreementUrl",
    "merchantRedirectUrl",
    "vippsConfirmationUrl",
    "countryCode",
    "sub",
    "userinfoUrl",
    "history",
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


# ── Drafting ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_draft_is_answered_with_an_id_a_uuid_and_where_to_send_the_payer(
    shop: Shop,
) -> None:
    reply = await shop.send("POST", "/agreements", shop.draft_body())
    assert reply.status == 201
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"agreementId", "uuid", "vippsConfirmationUrl", "chargeId"}
    assert re.fullmatch(r"agr_[A-Za-z0-9]{7}", reply.json["agreementId"])
    assert reply.json["chargeId"] is None


async def test_the_confirmation_url_is_the_same_wherever_it_is_read(shop: Shop) -> None:
    drafted = await shop.draft()
    url = drafted["vippsConfirmationUrl"]
    assert re.fullmatch(r"https://avtale\.test/landing\?v=2&token=[A-Za-z0-9_-]+", url)
    agreement = await shop.agreement(drafted["agreementId"])
    assert agreement["vippsConfirmationUrl"] == url
    [listed] = await shop.agreements("?status=PENDING")
    assert listed["vippsConfirmationUrl"] == url


async def test_no_two_drafts_have_one_landing_token_and_none_can_be_forged(shop: Shop) -> None:
    tokens = {(await shop.draft())["vippsConfirmationUrl"].partition("token=")[2] for _ in "abc"}
    assert len(tokens) == 3
    for token in tokens:
        assert "=" not in token
        assert len(base64.urlsafe_b64decode(token + "==")) >= 20


@pytest.mark.parametrize(("environment", "scheme"), [("test", "vippsMT"), ("production", "vipps")])
async def test_an_app_is_sent_to_the_app(environment: Environment, scheme: str) -> None:
    async with installation(environment=environment) as house:
        shop = await house.shop()
        drafted = await shop.draft(isApp=True, merchantRedirectUrl="news://home")
        assert drafted["vippsConfirmationUrl"].startswith(f"{scheme}://?token=")
        agreement = await shop.agreement(drafted["agreementId"])
        assert agreement["vippsConfirmationUrl"] == drafted["vippsConfirmationUrl"]
        assert agreement["merchantRedirectUrl"] == "news://home"


async def test_an_initial_charge_is_named_and_can_be_read_at_once(shop: Shop) -> None:
    drafted = await shop.draft(initialCharge={**INITIAL, "orderId": "order-1", "externalId": "x"})
    assert drafted["chargeId"] == "order-1"
    charge = await shop.fetch(drafted["agreementId"], "order-1")
    assert (charge["type"], charge["status"]) == ("INITIAL", "PENDING")
    assert charge["due"] == "2026-11-02T09:30:00Z"
    assert charge["externalId"] == "x"


# ── What an agreement is answered with ───────────────────────────────────────────────────────────


async def test_a_pending_agreement_has_every_member_that_is_always_there(shop: Shop) -> None:
    drafted = await shop.draft()
    agreement = await shop.agreement(drafted["agreementId"])
    assert set(agreement) == ALWAYS
    expected: dict[str, Any] = {
        "id": drafted["agreementId"],
        "uuid": drafted["uuid"],
        "status": "PENDING",
        "created": "2026-11-02T09:30:00Z",
        "start": None,
        "stop": None,
        "productName": "Premier League",
        "productDescription": None,
        "pricing": {"type": "LEGACY", "amount": 499_00, "currency": "NOK"},
        "interval": {"unit": "MONTH", "count": 1, "text": "every month"},
        "campaign": None,
        "merchantAgreementUrl": DRAFT["merchantAgreementUrl"],
        "merchantRedirectUrl": DRAFT["merchantRedirectUrl"],
        "vippsConfirmationUrl": drafted["vippsConfirmationUrl"],
        "countryCode": "NO",
        "sub": None,
        "userinfoUrl": None,
        "history": [{"occurred": "2026-11-02T09:30:00Z", "event": "CREATE", "actor": "MERCHANT"}],
    }
    assert agreement == expected


async def test_two_members_are_there_only_when_set(shop: Shop) -> None:
    agreement = await shop.agreement(
        await shop.agreed(
            externalId="sub-1", paymentMethod={"blockedSources": ["COMMERCIAL_CARDS"]}
        )
    )
    assert set(agreement) == ALWAYS | {"externalId", "paymentMethod"}
    assert agreement["externalId"] == "sub-1"
    assert agreement["paymentMethod"] == {"blockedSources": ["COMMERCIAL_CARDS"]}


async def test_the_life_of_an_agreement_is_in_its_history(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.clock.advance(days=1)
    await shop.update(agreement, productName="Serie A")
    await shop.clock.advance(days=1)
    await shop.stop(agreement)
    answer = await shop.agreement(agreement)
    assert [(line["event"], line.get("actor")) for line in answer["history"]] == [
        ("CREATE", "MERCHANT"),
        ("ACTIVATE", "USER"),
        ("UPDATE", "MERCHANT"),
        ("STOP", "MERCHANT"),
    ]
    assert answer["start"] == "2026-11-02T09:30:00Z"
    assert answer["stop"] == "2026-11-04T09:30:00Z"
    assert all(INSTANT.fullmatch(line["occurred"]) for line in answer["history"])


async def test_an_expiry_has_no_actor_and_a_rejection_the_payer(shop: Shop) -> None:
    expired, rejected = (await shop.draft())["agreementId"], (await shop.draft())["agreementId"]
    await shop.kari.rejects(rejected)
    await shop.clock.advance(minutes=10)
    line = (await shop.agreement(expired))["history"][-1]
    assert line == {"occurred": "2026-11-02T09:40:00Z", "event": "EXPIRE"}
    answer = await shop.agreement(rejected)
    assert (answer["status"], answer["history"][-1]["event"]) == ("STOPPED", "REJECT")
    assert answer["history"][-1]["actor"] == "USER"
    assert answer["stop"] == "2026-11-02T09:30:00Z"


async def test_a_shared_profile_has_an_id_of_the_payer_towards_this_unit(
    house: House, shop: Shop
) -> None:
    one = await shop.agreement(await shop.agreed(scope="name email"))
    again = await shop.agreement(await shop.agreed(scope="address"))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one["sub"])
    assert one["userinfoUrl"] == f"https://avtale.test/vipps-userinfo-api/userinfo/{one['sub']}"
    assert again["sub"] == one["sub"], "the same payer, the same unit"
    other = await house.shop()
    elsewhere = await other.agreement(await other.agreed(scope="name"))
    assert elsewhere["sub"] != one["sub"]
    assert KARI not in str((one, again, elsewhere)), "nothing personal is in an agreement"


@pytest.mark.parametrize(
    ("unit", "count", "text"),
    [
        ("MONTH", 1, "every month"),
        ("MONTH", 2, "every 2 months"),
        ("WEEK", 1, "every week"),
        ("DAY", 31, "every 31 days"),
        ("YEAR", "1", "every year"),
        ("YEAR", "03", "every 3 years"),
    ],
)
async def test_an_interval_has_words(shop: Shop, unit: str, count: Any, text: str) -> None:
    agreement = await shop.agreed(interval={"unit": unit, "count": count})
    interval = (await shop.agreement(agreement))["interval"]
    assert interval == {"unit": unit, "count": int(count), "text": text}


@pytest.mark.parametrize(
    ("market", "country", "ordinary"),
    [("NO", "NO", "499 kr"), ("DK", "DK", "499 kr"), ("FI", "FI", "499 EUR")],
)
async def test_a_campaign_is_explained_in_the_currency_of_the_market(
    house: House, market: MarketCode, country: str, ordinary: str
) -> None:
    shop = await house.shop(market)
    campaign = {"type": "PRICE_CAMPAIGN", "price": 1_00, "end": "2026-12-06T12:00:00Z"}
    agreement = await shop.agreement(await shop.agreed(campaign=campaign))
    assert agreement["countryCode"] == country
    words = agreement["campaign"].pop("explanation")
    assert agreement["campaign"] == campaign
    assert f"Ordinary price {ordinary} starts 06/12/2026" in words


async def test_a_period_campaign_has_an_end_that_follows_from_its_start(shop: Shop) -> None:
    campaign = {"type": "PERIOD_CAMPAIGN", "price": 0, "period": {"unit": "MONTH", "count": 1}}
    agreement = await shop.agreement(await shop.agreed(campaign=campaign))
    assert agreement["campaign"]["end"] == "2026-12-01T23:00:00Z", "midnight in Oslo"
    assert agreement["campaign"]["period"] == {"unit": "MONTH", "count": 1}


async def test_an_event_campaign_and_a_full_flex_campaign_are_answered_as_they_were_sent(
    shop: Shop,
) -> None:
    campaigns: list[dict[str, Any]] = [
        {
            "type": "EVENT_CAMPAIGN",
            "price": 1_00,
            "eventDate": "2026-12-24T00:00:00Z",
            "eventText": "Christmas",
        },
        {
            "type": "FULL_FLEX_CAMPAIGN",
            "price": 1_00,
            "end": "2026-12-24T00:00:00Z",
            "interval": {"unit": "WEEK", "count": 1},
        },
    ]
    for campaign in campaigns:
        answer = (await shop.agreement(await shop.agreed(campaign=campaign)))["campaign"]
        assert answer.pop("explanation")
        assert answer == campaign


async def test_the_payers_maximum_is_there_once_it_was_chosen(shop: Shop) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 500_00, "currency": "NOK"}
    agreement = (await shop.draft(pricing=pricing))["agreementId"]
    assert (await shop.agreement(agreement))["pricing"] == pricing
    await shop.kari.approves(agreement, max_amount=300_00)
    assert (await shop.agreement(agreement))["pricing"] == {**pricing, "maxAmount": 300_00}
    await shop.kari.sets_maximum(agreement, 800_00)
    assert (await shop.agreement(agreement))["pricing"]["maxAmount"] == 800_00


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_update_shows_in_the_agreement_and_is_answered_with_nothing(shop: Shop) -> None:
    agreement = await shop.agreed()
    body = {
        "productName": "Champions League",
        "productDescription": "All matches",
        "merchantAgreementUrl": "https://news.example/you",
        "externalId": "sub-2",
        "pricing": {"amount": 599_00},
        "interval": {"type": "RECURRING", "period": {"unit": "WEEK", "count": 2}},
    }
    reply = await shop.send("PATCH", f"/agreements/{agreement}", body)
    assert (reply.status, reply.body) == (204, b"")
    assert "Content-Type" not in reply.headers
    answer = await shop.agreement(agreement)
    for member in ("productName", "productDescription", "merchantAgreementUrl", "externalId"):
        assert answer[member] == body[member]
    assert answer["pricing"]["amount"] == 599_00
    assert answer["interval"]["text"] == "every 2 weeks"
    assert answer["status"] == "ACTIVE"


async def test_an_interval_may_be_taken_away(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.update(agreement, interval={"type": "FLEXIBLE"})
    assert (await shop.agreement(agreement))["interval"] is None


async def test_members_that_are_null_in_an_update_stay_as_they_are(shop: Shop) -> None:
    agreement = await shop.agreed(externalId="sub-1")
    await shop.update(agreement, externalId=None, pricing=None, productName="Serie A")
    answer = await shop.agreement(agreement)
    assert (answer["externalId"], answer["productName"]) == ("sub-1", "Serie A")


@pytest.mark.parametrize("body", [{}, {"productName": None}, {"nonsense": 1}])
async def test_an_update_of_nothing_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    agreement = await shop.agreed()
    with refused("validation-error", 400):
        await shop.update(agreement, **body)


@pytest.mark.parametrize(
    "status", ["ACTIVE", "PENDING", "EXPIRED", "stopped", "", 1, True, ["STOPPED"]]
)
async def test_the_only_status_to_set_is_stopped(shop: Shop, status: Any) -> None:
    agreement = await shop.agreed()
    with refused("validation-error", 400):
        await shop.update(agreement, status=status)


# ── Force accept ─────────────────────────────────────────────────────────────────────────────────


async def test_force_accept_approves_as_a_payer_would(shop: Shop) -> None:
    drafted = await shop.draft(initialCharge=INITIAL, scope="name")
    await shop.force_accept(drafted["agreementId"])
    agreement = await shop.agreement(drafted["agreementId"])
    assert agreement["status"] == "ACTIVE"
    assert agreement["sub"]
    assert await shop.status(drafted["chargeId"]) == "CHARGED"
    assert shop.events() == ["charge-captured", "agreement-activated"]


async def test_force_accept_minds_magic_amounts(shop: Shop) -> None:
    drafted = await shop.draft(initialCharge={**INITIAL, "amount": 151})
    await shop.force_accept(drafted["agreementId"])
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "EXPIRED"
    assert await shop.status(drafted["chargeId"]) == "FAILED"


async def test_force_accept_of_a_minor_expires_the_agreement(shop: Shop) -> None:
    await shop.kari.is_described(birth_date=date(2010, 1, 1))
    agreement = (await shop.draft())["agreementId"]
    await shop.force_accept(agreement)
    assert (await shop.agreement(agreement))["status"] == "EXPIRED"


@pytest.mark.parametrize("number", [None, "", "+4791234567", "1234567", 4791234567])
async def test_force_accept_needs_a_phone_number(shop: Shop, number: Any) -> None:
    agreement = (await shop.draft())["agreementId"]
    reply = await shop.send("PATCH", f"/agreements/{agreement}/accept", {"phoneNumber": number})
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert list(reply.faults) == ["phoneNumber"]


async def test_force_accept_of_what_is_not_there_is_not_found(shop: Shop) -> None:
    with refused("resource-not-found", 404):
        await shop.force_accept("agr_nowhere")
    with refused("invalid-agreement-id", 400):
        await shop.force_accept("nonsense")


async def test_there_is_no_force_accept_in_production() -> None:
    async with installation(environment="production") as house:
        shop = await house.shop()
        agreement = (await shop.draft())["agreementId"]
        with refused("resource-not-found", 404):
            await shop.force_accept(agreement)
        assert (await shop.agreement(agreement))["status"] == "PENDING"
