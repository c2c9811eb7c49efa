"""Every operation under its published name, read as the documentation reads."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

import avtale
from avtale import problems
from avtale.api.routes import ROUTES
from avtale.client import (
    PRODUCTION,
    TEST,
    AsyncClient,
    BulkCharge,
    Client,
    InitialCharge,
    Interval,
    LegacyPricing,
    PeriodCampaign,
    StillPending,
    VariablePricing,
    answers,
    calls,
    errors,
)
from avtale.client.errors import ResourceNotFound, error_of
from avtale.testing import Unit
from avtale.wire import agreements, charges

DRAFT: dict[str, Any] = {
    "product_name": "Premier League",
    "pricing": LegacyPricing(499_00, "NOK"),
    "interval": Interval("MONTH", 1),
    "merchant_redirect_url": "https://news.example/thanks",
    "merchant_agreement_url": "https://news.example/account/1",
}


def agreed(unit: Unit, client: Client, **members: Any) -> str:
    drafted = client.draft_agreement(**{**DRAFT, **members})
    unit.payer().approve(drafted.agreement_id)
    return drafted.agreement_id


def charged(unit: Unit, client: Client, agreement_id: str, **members: Any) -> str:
    due = unit.clock.today() + timedelta(days=3)
    body = {"amount": 499_00, "description": "January", "due": due, "retry_days": 5}
    return client.create_charge(agreement_id, **{**body, **members}).charge_id


# ── The operations ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_published_operation_has_a_method_of_its_name(kind: type) -> None:
    missing = {route.operation for route in ROUTES} - set(dir(kind))
    assert missing == set()


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    names = {name for name in dir(Client) if not name.startswith("_")}
    assert names == {name for name in dir(AsyncClient) if not name.startswith("_")}
    for name in names:
        one, other = (
            list(inspect.signature(getattr(k, name)).parameters) for k in (Client, AsyncClient)
        )
        assert one == other, name


def test_the_guide_from_a_draft_to_a_refund(unit: Unit, client: Client) -> None:
    drafted = client.draft_agreement(**DRAFT, external_id="customer-1")
    assert drafted.vipps_confirmation_url is not None
    assert client.fetch_agreement(drafted.agreement_id).status == "PENDING"
    unit.payer().approve(drafted.agreement_id)
    agreement = client.fetch_agreement(drafted.agreement_id)
    assert (agreement.status, agreement.external_id) == ("ACTIVE", "customer-1")
    assert agreement.pricing == answers.Pricing(type="LEGACY", amount=499_00, currency="NOK")
    charge_id = charged(unit, client, agreement.id, transaction_type="RESERVE_CAPTURE")
    off = charged(unit, client, agreement.id)
    client.cancel_charge(agreement.id, off)
    unit.clock.advance(days=4)
    assert client.fetch_charge(agreement.id, charge_id).status == "RESERVED"
    client.capture_charge(agreement.id, charge_id, amount=499_00)
    client.refund_charge(agreement.id, charge_id, amount=99_00, description="Half a match")
    charge = client.fetch_charge_by_id(charge_id)
    assert (charge.status, charge.summary.refunded) == ("PARTIALLY_REFUNDED", 99_00)
    client.update_agreement(agreement.id, product_name="Champions League", price=599_00)
    assert client.fetch_agreement(agreement.id).product_name == "Champions League"
    client.stop_agreement(agreement.id)
    assert client.fetch_agreement(agreement.id).status == "STOPPED"
    assert [each.status for each in client.charges(agreement.id, status="CANCELLED")] == [
        "CANCELLED"
    ]


def test_what_a_draft_may_hold_arrives(unit: Unit, client: Client) -> None:
    drafted = client.draft_agreement(
        **DRAFT,
        product_description="Every match",
        campaign=PeriodCampaign(1_00, Interval("WEEK", 2)),
        initial_charge=InitialCharge(amount=1_00, description="First weeks", order_id="first"),
        phone_number="4791234567",
        scope="name",
        blocked_sources=["COMMERCIAL_CARDS"],
    )
    assert drafted.charge_id == "first"
    agreement = client.fetch_agreement(drafted.agreement_id)
    assert agreement.campaign is not None
    assert agreement.campaign.period == answers.Rhythm(unit="WEEK", count=2, text=None)
    unit.payer().approve(drafted.agreement_id)
    sub = client.fetch_agreement(drafted.agreement_id).sub
    assert sub is not None
    assert client.fetch_userinfo(sub).name


def test_variable_prices_and_force_accept(unit: Unit, client: Client) -> None:
    pricing = VariablePricing(1000_00, "NOK")
    drafted = client.draft_agreement(**{**DRAFT, "pricing": pricing})
    client.accept_agreement(drafted.agreement_id, phone_number="4791234567")
    client.update_agreement(drafted.agreement_id, suggested_max_amount=2000_00)
    found = client.fetch_agreement(drafted.agreement_id).pricing
    assert found is not None
    assert found.suggested_max_amount == 2000_00


def test_lists_go_through_all_pages(unit: Unit, client: Client) -> None:
    wanted = {agreed(unit, client) for _ in range(5)}
    assert {each.id for each in client.agreements(page_size=2)} == wanted
    assert list(client.agreements(status="STOPPED")) == []
    agreement_id = wanted.pop()
    unit.change(rules={"pageItems": 100})
    due = unit.clock.today() + timedelta(days=3)
    many = [
        BulkCharge(
            agreement_id=agreement_id,
            amount=1_00,
            description="A page",
            due=due,
            order_id=f"page-{i}",
        )
        for i in range(250)
    ]
    assert all(result.is_accepted for result in client.charge_all(many))
    unit.clock.run()
    first = client.list_charges(agreement_id)
    assert first.continuation_token is not None
    assert {each.id for each in client.charges(agreement_id)} == {each.order_id for each in many}


def test_any_number_of_charges_goes_out_in_bulks_and_each_has_its_result(
    unit: Unit, client: Client
) -> None:
    agreement_id = agreed(unit, client)
    due = unit.clock.today() + timedelta(days=3)
    taken = 0

    def charges() -> Iterator[BulkCharge]:
        nonlocal taken
        for i in range(7):
            taken += 1
            yield BulkCharge(
                agreement_id="agr_nobody" if i == 4 else agreement_id,
                amount=1 if i == 6 else 1_00,
                description="One of many",
                due=due,
                order_id=f"bulk-{i}",
            )

    sent: list[int] = []
    results = client.charge_all(charges(), progress=sent.append, size=3)
    assert next(results).is_accepted
    assert taken == 3
    refused = {result.charge.order_id: result.errors for result in results if result.errors}
    assert set(refused) == {"bulk-4", "bulk-6"}
    assert "amount" in refused["bulk-6"][0]
    assert sent == [3, 6, 7]


def test_a_bulk_has_a_size(client: Client) -> None:
    with pytest.raises(ValueError, match="1 to 2000"):
        client.create_charges([])
    with pytest.raises(ValueError, match="1 to 2000"):
        list(client.charge_all([], size=2001))


# ── Waiting for a payer ──────────────────────────────────────────────────────────────────────────


def test_an_agreement_is_looked_at_after_five_seconds_and_then_every_two(unit: Unit) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            unit.payer().approve(drafted.agreement_id)

    with Client(**unit.credentials, sleep=sleep) as client:
        drafted = client.draft_agreement(**DRAFT)
        assert client.wait_for_agreement(drafted.agreement_id).status == "ACTIVE"
    assert waited == [5.0, 2.0, 2.0]


def test_waiting_ends_when_time_is_over(unit: Unit) -> None:
    waited: list[float] = []
    with Client(**unit.credentials, sleep=waited.append) as client:
        drafted = client.draft_agreement(**DRAFT)
        with pytest.raises(StillPending) as over:
            client.wait_for_agreement(drafted.agreement_id, timeout_seconds=8)
    assert over.value.agreement.status == "PENDING"
    assert waited == [5.0, 2.0, 1.0]


def test_waiting_ends_at_once_on_a_signal(unit: Unit, client: Client) -> None:
    drafted = client.draft_agreement(**DRAFT)
    wake = threading.Event()
    wake.set()
    assert client.wait_for_agreement(drafted.agreement_id, wake=wake).status == "PENDING"


async def test_the_client_that_awaits_does_all_that_too(unit: Unit) -> None:
    async with AsyncClient(**unit.credentials) as client:
        drafted = await client.draft_agreement(**DRAFT)
        wake = asyncio.Event()
        waiting = asyncio.create_task(client.wait_for_agreement(drafted.agreement_id, wake=wake))
        await asyncio.to_thread(unit.payer().approve, drafted.agreement_id)
        wake.set()
        assert (await waiting).status == "ACTIVE"
        charges = [
            BulkCharge(
                agreement_id=drafted.agreement_id,
                amount=1_00,
                description="One",
                due=unit.clock.today() + timedelta(days=3),
                order_id=f"async-{i}",
            )
            for i in range(3)
        ]
        assert [r.is_accepted async for r in client.charge_all(charges)] == [True] * 3
        await asyncio.to_thread(unit.clock.run)
        assert len([each async for each in client.charges(drafted.agreement_id)]) == 3
        assert [each.id async for each in client.agreements()] == [drafted.agreement_id]
        assert await client.list_webhooks() == []
        tokens = await asyncio.gather(*(client.fetch_token() for _ in range(5)))
        assert len(set(tokens)) == 1
        with pytest.raises(ResourceNotFound):
            await client.fetch_charge_by_id("chr-nobody")


# ── What is sent, and how it is read ─────────────────────────────────────────────────────────────


def test_every_request_names_the_system_and_the_unit(unit: Unit) -> None:
    with Client(**unit.credentials, system_name="acme", system_plugin_version="4.5.6") as client:
        client.list_agreements()
    for request in unit.requests():
        assert request.headers.merchant_serial_number == unit.msn
        assert request.headers.system_name == "acme"
        assert request.headers.system_plugin_version == "4.5.6"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "127.0.0.1:8080"}, "base_url"),
        ({"client_secret": ""}, "client_secret"),
        ({"subscription_key": "a\nb"}, "subscription_key"),
        ({"system_name": "a" * 31}, "system_name"),
        ({"system_version": ""}, "system_version"),
        ({"system_plugin_name": "blåbær"}, "system_plugin_name"),
        ({"base_url": TEST, "client_id": "fb492b5e-7907-4d83-bc20-c7fb60ca35de"}, "public keys"),
        (
            {"base_url": PRODUCTION, "client_id": "fb492b5e-7907-4d83-bc20-c7fb60ca35de"},
            "public keys",
        ),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_call(
    unit: Unit, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Client(**{**unit.credentials, **changes})


def test_a_key_that_is_too_long_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(ValueError, match="41"):
        client.stop_agreement("agr_1", idempotency_key="k" * 41)


def test_no_key_is_shown(unit: Unit, client: Client) -> None:
    for shown in (repr(client), repr(client.setup), repr(unit)):
        assert unit.client_secret not in shown
        assert unit.subscription_key not in shown


def test_ids_with_strange_letters_stay_in_their_place() -> None:
    assert calls.fetch_agreement("a/../b?c#d").path == "/recurring/v3/agreements/a%2F..%2Fb%3Fc%23d"


def test_words_and_members_that_nobody_knows_break_nothing() -> None:
    body = (
        b'{"id":"agr_1","status":"SLEEPING","colour":"red","pricing":{"type":"AUCTION","currency":"SEK"},'
        b'"campaign":{"type":"LOTTERY","odds":1},"created":"2030-12-31T00:00:00.1234567Z"}'
    )
    agreement = calls.fetch_agreement("agr_1").read(body)
    assert agreement.status == "SLEEPING"
    assert agreement.pricing is not None
    assert agreement.pricing.type == "AUCTION"
    charge = b'{"id":"c","status":"FROZEN","type":"GIFT","failureReason":"moon_phase","summary":{"given":1}}'
    assert calls.fetch_charge("agr_1", "c").read(charge).failure_reason == "moon_phase"


def test_answers_have_the_members_that_the_server_answers() -> None:
    pairs: list[tuple[Any, Any]] = [
        (agreements.AgreementAnswer, answers.Agreement),
        (agreements.DraftAgreementAnswer, answers.DraftedAgreement),
        (charges.ChargeAnswer, answers.Charge),
        (charges.SummaryAnswer, answers.Summary),
        (charges.ChargeHistoryAnswer, answers.ChargeEvent),
        (charges.BulkAnswer, answers.Bulk),
    ]
    for served, read in pairs:
        names = {field.encode_name for field in msgspec.structs.fields(served)}
        known = {field.encode_name for field in msgspec.structs.fields(read)}
        assert names - known <= {"paymentMethod"}, read


# ── Errors ───────────────────────────────────────────────────────────────────────────────────────


def test_every_published_problem_type_has_a_class_of_its_name() -> None:
    published = {
        each.slug: each.__name__ for each in problems.Problem.__subclasses__() if each.slug
    }
    assert {slug: kind.__name__ for slug, kind in errors.BY_SLUG.items()} == published


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            400,
            b'{"type":"https://x#charge-due-too-soon","detail":"Too soon"}',
            errors.ChargeDueTooSoon,
            "Too soon",
        ),
        (
            401,
            b'{"responseInfo":{},"result":{"message":"Access denied"}}',
            errors.WrongCredentials,
            "Access denied",
        ),
        (
            400,
            b'{"error":"unauthorized_client","error_description":"Unknown"}',
            errors.WrongCredentials,
            "Unknown",
        ),
        (403, b'{"title":"Forbidden","type":"about:blank"}', errors.Refused, "Forbidden"),
        (404, b"<html>", errors.ResourceNotFound, "no reason given"),
        (429, b"", errors.TooManyRequests, "429"),
        (502, b"\xff\xfe", errors.ServerTrouble, "502"),
        (
            400,
            b'{"type":7,"detail":[],"extraDetails":{"a":1},"contextId":{}}',
            errors.Refused,
            "no reason given",
        ),
        (400, b'["x"]', errors.Refused, "400"),
    ],
)
def test_a_refusal_in_any_shape_is_an_error_with_its_words(
    status: int, body: bytes, kind: type[errors.Refused], words: str
) -> None:
    error = error_of(status, body, asked="GET /x", idempotency_key="k")
    assert type(error) is kind
    assert words in str(error)
    assert (error.status, error.idempotency_key) == (status, "k")


def test_the_webhooks_api_calls_its_id_a_trace(client: Client) -> None:
    with pytest.raises(errors.ValidationFailed) as refused:
        client.register_webhook(url="http://127.0.0.1:9/hook", events=["no.such.event"])
    assert refused.value.context_id


# ── Alone ────────────────────────────────────────────────────────────────────────────────────────


def test_the_client_is_loaded_without_anything_of_the_server() -> None:
    script = (
        "import sys, avtale; assert 'httpx' not in sys.modules; from avtale import Client;"
        "bad = [m for m in sys.modules if m.partition('.')[0] in"
        " {'falcon','granian','asyncpg','structlog','jinja2','jwt','sqlite3','limits','uvloop'}"
        " or m.startswith(('avtale.engine','avtale.storage','avtale.api','avtale.server','avtale.operations'))];"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


def test_there_is_nothing_else_to_import() -> None:
    assert avtale.AsyncClient is AsyncClient
    with pytest.raises(AttributeError, match="nothing"):
        _ = avtale.nothing


def test_dates_are_dates() -> None:
    call = calls.create_charge("agr_1", amount=1, description="x", due=date(2030, 1, 2))
    assert b'"due":"2030-01-02"' in (call.body or b"")
