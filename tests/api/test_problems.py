"""Every refusal of rulings §6 over HTTP: its status, its identifier, and a sentence that helps."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from avtale import problems
from avtale.api.problem_responses import STATUSES, TYPE_BASE, status_of
from avtale.engine.engine import StorageDown
from tests.processing.gateways import Slow
from tests.support import CHARGE, House, Reply, Shop, installation

Ask = Callable[[Shop], Awaitable[Reply]]


async def create(shop: Shop, agreement: str, **members: Any) -> Reply:
    """Ask for a charge, whatever is answered."""
    return await shop.send("POST", f"/agreements/{agreement}/charges", {**CHARGE, **members})


async def draft(shop: Shop, **members: Any) -> Reply:
    """Ask for an agreement, whatever is answered."""
    return await shop.send("POST", "/agreements", shop.draft_body(**members))


async def reserved(shop: Shop) -> str:
    """The path of a reserved charge of 499 kr."""
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.clock.advance(days=2)
    return f"/agreements/{agreement}/charges/{charge}"


# ── How each is met ──────────────────────────────────────────────────────────────────────────────


async def body_rules(shop: Shop) -> Reply:
    return await draft(shop, productName="")


async def malformed_agreement_id(shop: Shop) -> Reply:
    return await shop.send("GET", "/agreements/agr_with-dash")


async def not_json(shop: Shop) -> Reply:
    return await shop.send("POST", "/agreements", b'{"amount": 1, "amount": 2}')


async def other_media_type(shop: Shop) -> Reply:
    return await shop.send("POST", "/agreements", {}, Content_Type="application/xml")


async def json_excluded(shop: Shop) -> Reply:
    return await shop.send("GET", "/agreements", Accept="text/html")


async def wrong_method(shop: Shop) -> Reply:
    return await shop.send("PUT", "/agreements")


async def unknown_path(shop: Shop) -> Reply:
    return await shop.send("GET", "/products")


async def unknown_agreement(shop: Shop) -> Reply:
    return await shop.send("GET", "/agreements/agr_nowhere")


async def unknown_charge(shop: Shop) -> Reply:
    return await shop.send("GET", "/charges/nothing")


async def without_product(shop: Shop) -> Reply:
    return await draft(await shop.house.shop(recurring=False))


async def skip_landing_page(shop: Shop) -> Reply:
    return await draft(shop, skipLandingPage=True, phoneNumber="4791234567")


async def unscheduled(shop: Shop) -> Reply:
    body = {"type": "UNSCHEDULED", "due": None, "retryDays": None}
    return await create(shop, await shop.agreed(), **body)


async def not_active(shop: Shop) -> Reply:
    return await create(shop, (await shop.draft())["agreementId"])


async def too_soon(shop: Shop) -> Reply:
    return await create(shop, await shop.agreed(), due="2026-11-02")


async def too_far(shop: Shop) -> Reply:
    return await create(shop, await shop.agreed(), due="2028-11-03")


async def too_much(shop: Shop) -> Reply:
    return await create(shop, await shop.agreed(), amount=5 * 499_00 + 1)


async def suggested_too_high(shop: Shop) -> Reply:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 2_000_001, "currency": "NOK"}
    return await draft(shop, pricing=pricing)


async def order_id_taken(shop: Shop) -> Reply:
    await shop.charge(await shop.agreed(), orderId="order-77")
    return await create(shop, await shop.agreed(), orderId="order-77")


async def capture_in_wrong_status(shop: Shop) -> Reply:
    agreement = await shop.agreed()
    path = f"/agreements/{agreement}/charges/{await shop.charge(agreement)}/capture"
    return await shop.send("POST", path, {"amount": 100})


async def capture_of_too_much(shop: Shop) -> Reply:
    return await shop.send("POST", f"{await reserved(shop)}/capture", {"amount": 499_01})


async def capture_too_late(shop: Shop) -> Reply:
    path = await reserved(shop)
    await shop.clock.jumps(days=181)
    return await shop.send("POST", f"{path}/capture", {"amount": 100})


async def cancel_in_wrong_status(shop: Shop) -> Reply:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement)
    await shop.clock.advance(days=2)
    return await shop.send("DELETE", f"/agreements/{agreement}/charges/{charge}")


async def cancel_too_late(shop: Shop) -> Reply:
    path = await reserved(shop)
    await shop.clock.jumps(days=181)
    return await shop.send("DELETE", path)


async def refund_in_wrong_status(shop: Shop) -> Reply:
    path = await reserved(shop)
    return await shop.send("POST", f"{path}/refund", {"amount": 100, "description": "x"})


async def refund_of_too_much(shop: Shop) -> Reply:
    path = await reserved(shop)
    await shop.send("POST", f"{path}/capture", {"amount": 300_00})
    return await shop.send("POST", f"{path}/refund", {"amount": 300_01, "description": "x"})


async def refund_too_late(shop: Shop) -> Reply:
    path = await reserved(shop)
    await shop.send("POST", f"{path}/capture", {"amount": 499_00})
    await shop.clock.advance(days=366)
    return await shop.send("POST", f"{path}/refund", {"amount": 100, "description": "x"})


async def refund_that_the_gateway_refuses(shop: Shop) -> Reply:
    path = await reserved(shop)
    await shop.send("POST", f"{path}/capture", {"amount": 499_00})
    return await shop.send("POST", f"{path}/refund", {"amount": 123, "description": "x"})


async def update_of_pending(shop: Shop) -> Reply:
    agreement = (await shop.draft())["agreementId"]
    return await shop.send("PATCH", f"/agreements/{agreement}", {"productName": "Serie A"})


async def stop_with_more(shop: Shop) -> Reply:
    body = {"status": "STOPPED", "productName": "Serie A"}
    return await shop.send("PATCH", f"/agreements/{await shop.agreed()}", body)


async def no_key(shop: Shop) -> Reply:
    return await shop.send("POST", "/agreements", shop.draft_body(), Idempotency_Key=None)


async def key_used_before(shop: Shop) -> Reply:
    await shop.draft(key="once")
    return await shop.send("POST", "/agreements", shop.draft_body(isApp=True), key="once")


async def no_token(shop: Shop) -> Reply:
    return await shop.send("GET", "/agreements", Authorization=None)


async def not_theirs(shop: Shop) -> Reply:
    return await shop.send("GET", "/agreements", Merchant_Serial_Number="999999")


async def too_large(shop: Shop) -> Reply:
    return await shop.send("POST", "/agreements", b" " * (64 * 1024 + 1))


async def accept_twice(shop: Shop) -> Reply:
    body = {"phoneNumber": "4791234567"}
    return await shop.send("PATCH", f"/agreements/{await shop.agreed()}/accept", body)


PUBLISHED: list[tuple[Ask, int, str | None, str]] = [
    (body_rules, 400, "validation-error", "validation failed"),
    (malformed_agreement_id, 400, "invalid-agreement-id", "agr_"),
    (not_json, 400, "invalid-json", "amount"),
    (other_media_type, 415, "unsupported-media-type", "application/json"),
    (json_excluded, 406, "not-acceptable", "application/json"),
    (wrong_method, 405, "invalid-method", "GET"),
    (unknown_path, 404, "resource-not-found", "resource"),
    (unknown_agreement, 404, "resource-not-found", "Agreement"),
    (unknown_charge, 404, "resource-not-found", "Charge"),
    (without_product, 403, "invalid-sale-unit", "recurring"),
    (not_theirs, 403, "invalid-sale-unit", "Merchant-Serial-Number"),
    (skip_landing_page, 403, "unsupported-feature", "skipLandingPage"),
    (unscheduled, 400, "unsupported-feature", "'UNSCHEDULED'"),
    (not_active, 400, "charge-creation-failed", "PENDING"),
    (too_soon, 400, "charge-due-too-soon", "2026-11-03"),
    (too_far, 400, "charge-due-in-too-long", "2028-11-02"),
    (too_much, 400, "charge-amount-too-high", str(5 * 499_00)),
    (suggested_too_high, 400, "invalid-suggested-max-amount", "2000000"),
    (order_id_taken, 409, "conflict", "orderId"),
    (capture_in_wrong_status, 400, "charge-capture-failed", "PENDING"),
    (
        capture_of_too_much,
        400,
        "charge-capture-failed",
        "higher than the remaining capturable amount 49900",
    ),
    (capture_too_late, 400, "charge-capture-failed", "180 days"),
    (cancel_in_wrong_status, 400, "cancel-charge-failed", "CHARGED"),
    (cancel_too_late, 400, "cancel-charge-failed", "180 days"),
    (refund_in_wrong_status, 400, "operation-failed", "RESERVED"),
    (refund_of_too_much, 400, "operation-failed", "30000"),
    (refund_too_late, 400, "operation-failed", "365 days"),
    (refund_that_the_gateway_refuses, 400, "operation-failed", "CHARGED"),
    (update_of_pending, 400, "illegal-agreement-update", "PENDING"),
    (stop_with_more, 400, "illegal-agreement-update", "alone"),
    (no_key, 400, "idempotency-key-header", "required"),
    (key_used_before, 409, "idempotency-conflict", "another request"),
    (no_token, 401, "not-authorized", "Authorization"),
    (too_large, 413, None, "65536"),
    (accept_twice, 400, None, "ACTIVE"),
]


@pytest.mark.parametrize(
    ("ask", "status", "slug", "words"), PUBLISHED, ids=[each[0].__name__ for each in PUBLISHED]
)
async def test_a_refusal_has_its_status_its_identifier_and_a_sentence_that_helps(
    shop: Shop, ask: Ask, status: int, slug: str | None, words: str
) -> None:
    reply = await ask(shop)
    assert (reply.status, reply.slug) == (status, slug), reply.body
    assert words in reply.detail
    assert_well_formed(reply)


def assert_well_formed(reply: Reply) -> None:
    """What every problem document has (rulings §6)."""
    assert reply.headers["Content-Type"] == "application/problem+json"
    document = reply.json
    assert list(document)[:6] == ["type", "title", "status", "detail", "instance", "contextId"]
    assert document["type"] in {"about:blank", f"{TYPE_BASE}{reply.slug}"}
    assert document["status"] == reply.status
    assert document["instance"].startswith("/recurring/v3/")
    assert uuid.UUID(document["contextId"]).version == 4
    assert document["contextId"] == reply.headers["X-Request-Id"]
    assert len(document["detail"].split()) >= 2


# ── What takes more to meet ──────────────────────────────────────────────────────────────────────


async def test_whoever_loses_a_race_on_a_charge_meets_a_conflict(house: House) -> None:
    gateway = Slow(house)
    gateway.may_answer.set()
    shop = await house.with_gateway(gateway).shop()
    path = await reserved(shop)
    gateway.asked.clear()
    gateway.may_answer.clear()
    first = asyncio.create_task(shop.send("POST", f"{path}/capture", {"amount": 100_00}))
    await gateway.is_asked()
    second = await shop.send("POST", f"{path}/capture", {"amount": 100_00})
    assert (second.status, second.slug) == (409, "conflict")
    assert "RESERVED" in second.detail
    assert_well_formed(second)
    gateway.may_answer.set()
    assert (await first).status == 204


async def test_too_many_requests_say_when_to_come_back() -> None:
    async with installation(vendor_limits=True) as house:
        shop = await house.shop()
        for _ in range(5):
            await shop.agreements()
        reply = await shop.send("GET", "/agreements")
        assert (reply.status, reply.slug) == (429, None)
        assert int(reply.headers["Retry-After"]) >= 1
        assert_well_formed(reply)


async def test_a_database_that_is_gone_says_when_to_come_back(tmp_path: Path) -> None:
    path = tmp_path / "avtale.db"
    async with installation(str(path)) as house:
        shop = await house.public_shop()
        agreement = await shop.agreed()
        away = path.rename(tmp_path / "elsewhere.db")
        # Where something is read, the file is looked for twenty times a second; this looks at once.
        with pytest.raises(StorageDown):
            await house.parts.storage.check()
        for reply in (
            await shop.send("GET", f"/agreements/{agreement}"),
            await create(shop, agreement),
        ):
            assert (reply.status, reply.slug) == (503, None)
            assert int(reply.headers["Retry-After"]) >= 1
            assert str(tmp_path) not in reply.body.decode()
            assert_well_formed(reply)
        away.rename(path)
        assert (await create(shop, agreement)).status == 201


async def test_what_nobody_foresaw_says_nothing_but_where_to_look(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("avtale.api.agreements.draft_agreement", broken)
    reply = await draft(shop)
    assert (reply.status, reply.slug) == (500, None)
    assert_well_formed(reply)
    assert "secret" not in reply.body.decode()
    assert "extraDetails" not in reply.json


async def test_faults_name_members_and_never_repeat_values(shop: Shop) -> None:
    canary = "4929000000006"
    reply = await draft(
        shop,
        productName=canary * 10,
        merchantRedirectUrl=f"javascript:{canary}",
        interval={"unit": canary, "count": 32},
        pricing={"type": "LEGACY", "amount": 1, "currency": canary},
        initialCharge={"amount": "100", "description": "x", "transactionType": canary},
    )
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert set(reply.faults) == {
        "productName",
        "merchantRedirectUrl",
        "interval.unit",
        "interval.count",
        "pricing.amount",
        "pricing.currency",
        "initialCharge.amount",
        "initialCharge.transactionType",
    }
    assert all(set(item) == {"name", "reason"} for item in reply.json["extraDetails"])
    assert canary not in reply.body.decode()


def test_every_problem_has_a_status() -> None:
    classes = {
        each
        for each in vars(problems).values()
        if isinstance(each, type)
        and issubclass(each, problems.Problem)
        and each is not problems.Problem
    }
    assert classes == set(STATUSES)


def test_a_feature_is_forbidden_or_unsupported() -> None:
    assert status_of(problems.UnsupportedFeature("x", forbidden=True)) == 403
    assert status_of(problems.UnsupportedFeature("x", forbidden=False)) == 400


def test_every_published_identifier_is_reached_by_a_test_here() -> None:
    reached = {slug for _, _, slug, _ in PUBLISHED if slug}
    ours = {each.slug for each in STATUSES if each.slug}
    # The one of a missing header is the token endpoint's, and is met there.
    assert ours - reached == {"missing-request-header"}
