"""Whoever repeats a request gets the answer of the first one, byte by byte, and nothing is done twice (rulings §4)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests.api.requests import WRITES, Request, request_for, send
from tests.support import CHARGE, House, Reply, Shop, installation, refused

WITH_BODY = [operation for operation in WRITES if operation != "cancel"]
IN_CONFLICT = [operation for operation in WITH_BODY if operation != "update"]
REPLAYED = "Idempotency-Replayed"


def assert_replayed(reply: Reply, first: Reply) -> None:
    """The same status, body and media type; only the request's own id is new."""
    assert reply.headers[REPLAYED] == "true"
    assert REPLAYED not in first.headers
    assert (reply.status, reply.body) == (first.status, first.body)
    assert reply.headers.get("Content-Type") == first.headers.get("Content-Type")
    assert reply.headers["X-Request-Id"] != first.headers["X-Request-Id"]


async def everything(shop: Shop) -> Any:
    """All that the API shows of a shop, and how much money Kari has."""
    shown: list[Any] = [await shop.kari.balance()]
    for status in ("PENDING", "ACTIVE", "STOPPED", "EXPIRED"):
        for agreement in await shop.agreements(f"?status={status}"):
            shown += [agreement, await shop.charges(agreement["id"])]
    return shown


# ── The same key with the same request ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("operation", WRITES)
async def test_a_repeated_request_is_answered_alike_and_done_once(
    shop: Shop, operation: str
) -> None:
    await shop.kari.has(10_000_00)
    request = await request_for(shop, operation)
    first = await send(shop, request, key="once")
    assert first.status == request.status, first.body
    await shop.clock.lets_work_be_done()
    before = await everything(shop)
    for _ in range(3):
        assert_replayed(await send(shop, request, key="once"), first)
    await shop.clock.lets_work_be_done()
    assert await everything(shop) == before


@pytest.mark.parametrize("operation", WRITES)
async def test_a_hundred_at_the_same_moment_are_one(shop: Shop, operation: str) -> None:
    await shop.kari.has(10_000_00)
    request = await request_for(shop, operation)
    replies = await asyncio.gather(*(send(shop, request, key="once") for _ in range(100)))
    assert {(reply.status, reply.body) for reply in replies} == {(request.status, replies[0].body)}
    assert sum(REPLAYED not in reply.headers for reply in replies) == 1
    [first] = [reply for reply in replies if REPLAYED not in reply.headers]
    assert_replayed(await send(shop, request, key="once"), first)


@pytest.mark.parametrize("operation", WRITES)
async def test_an_answer_is_kept_as_long_as_what_it_made(shop: Shop, operation: str) -> None:
    request = await request_for(shop, operation)
    first = await send(shop, request, key="once")
    await shop.clock.advance(days=3650)
    assert_replayed(await send(shop, request, key="once"), first)


async def test_answers_outlive_the_process(database_url: str) -> None:
    async with installation(database_url) as house:
        shop = await house.public_shop()
        requests, first = {}, {}
        for operation in WRITES:
            requests[operation] = await request_for(shop, operation)
            first[operation] = await send(shop, requests[operation], key=operation)
    async with installation(database_url) as house:
        shop = Shop(house, await house.parts.clocks.show(shop.msn), shop.credentials)
        for name, request in requests.items():
            assert_replayed(await send(shop, request, key=name), first[name])


async def test_the_confirmation_url_is_the_same_in_a_replay_and_stored_nowhere(
    house: House, shop: Shop
) -> None:
    request = await request_for(shop, "draft")
    first = await send(shop, request, key="once")
    assert_replayed(await send(shop, request, key="once"), first)
    url = first.json["vippsConfirmationUrl"]
    token = url.partition("token=")[2]
    dump = await stored_bodies(house)
    assert dump
    assert all(token not in body for body in dump)


async def stored_bodies(house: House) -> list[str]:
    """The bodies of all stored answers, as they lie in the database."""
    writer = house.parts.storage._writer  # type: ignore[attr-defined]  # what a thief would see
    return [body for (body,) in writer.execute("SELECT body FROM idempotency_keys")]


# ── The same key with another request ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("operation", IN_CONFLICT)
async def test_another_body_under_one_key_is_a_conflict_without_effect(
    shop: Shop, operation: str
) -> None:
    request = await request_for(shop, operation)
    first = await send(shop, request, key="once")
    before = await everything(shop)
    for body in (request.other, b"{", b"", msgspec.json.format(msgspec.json.encode(request.body))):
        reply = await send(shop, request, body, key="once")
        assert (reply.status, reply.slug) == (409, "idempotency-conflict"), reply.body
        assert REPLAYED not in reply.headers
    assert await everything(shop) == before
    assert_replayed(await send(shop, request, key="once"), first)


async def test_another_update_of_an_agreement_may_come_under_one_key(shop: Shop) -> None:
    """A widely used shop plugin updates and stops with one key."""
    agreement = await shop.agreed()
    await shop.update(agreement, productName="Serie A", key="order-1")
    await shop.update(agreement, productName="La Liga", key="order-1")
    assert (await shop.agreement(agreement))["productName"] == "La Liga"
    await shop.update(agreement, status="STOPPED", key="order-1")
    assert (await shop.agreement(agreement))["status"] == "STOPPED"
    path = f"/agreements/{agreement}"
    again = await shop.send("PATCH", path, {"productName": "Serie A"}, key="order-1")
    assert (again.status, again.headers[REPLAYED]) == (204, "true"), "it was done while ACTIVE"
    assert (await shop.agreement(agreement))["productName"] == "La Liga"


# ── The scope of a key ───────────────────────────────────────────────────────────────────────────


async def test_one_key_serves_draft_capture_and_cancel_of_an_order(shop: Shop) -> None:
    """The same plugin again."""
    initial = {"amount": 499_00, "description": "x", "transactionType": "RESERVE_CAPTURE"}
    drafted = await shop.draft(initialCharge=initial, key="order-1")
    agreement, charge = drafted["agreementId"], drafted["chargeId"]
    await shop.kari.approves(agreement)
    await shop.capture(agreement, charge, 100_00, key="order-1")
    await shop.cancel(agreement, charge, key="order-1")
    assert await shop.summary(charge) == (100_00, 0, 399_00)


async def test_one_key_serves_each_path_once(shop: Shop) -> None:
    one, other = await shop.agreed(), await shop.agreed()
    charges = [await shop.charge(agreement, key="order-1") for agreement in (one, other)]
    assert charges[0] != charges[1]


async def test_a_key_is_known_to_its_own_unit_alone(house: House, shop: Shop) -> None:
    request = await request_for(shop, "draft")
    first = await send(shop, request, key="once")
    other = await house.shop()
    theirs = await send(other, request, key="once")
    assert theirs.status == 201
    assert theirs.json["agreementId"] != first.json["agreementId"]


async def test_a_partner_may_use_one_key_for_two_units(house: House, shop: Shop) -> None:
    other = await house.shop()
    unit = await house.parts.clocks.show(shop.msn)
    partner = Shop(house, unit, await house.partner(shop, other))
    request = await request_for(shop, "draft")
    replies = [
        await send(partner, request, key="once", Merchant_Serial_Number=msn)
        for msn in (shop.msn, other.msn)
    ]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].json["agreementId"] != replies[1].json["agreementId"]


@pytest.mark.parametrize("tail", ["", "/"])
async def test_a_slash_at_the_end_makes_no_other_path(shop: Shop, tail: str) -> None:
    agreement = await shop.agreed()
    path = f"/agreements/{agreement}/charges"
    first = await shop.send("POST", path, CHARGE, key="once")
    again = await shop.send("POST", f"{path}{tail}", CHARGE, key="once")
    assert_replayed(again, first)


# ── What is stored and what is not ───────────────────────────────────────────────────────────────


async def test_a_refusal_stands_though_the_world_has_changed(shop: Shop) -> None:
    agreement = (await shop.draft())["agreementId"]
    path = f"/agreements/{agreement}/charges"
    first = await shop.send("POST", path, CHARGE, key="once")
    assert (first.status, first.slug) == (400, "charge-creation-failed")
    await shop.kari.approves(agreement)
    assert_replayed(await shop.send("POST", path, CHARGE, key="once"), first)
    assert (await shop.send("POST", path, CHARGE, key="fresh")).status == 201


@pytest.mark.parametrize("operation", WITH_BODY)
@pytest.mark.parametrize(("body", "slug"), [(b"{", "invalid-json"), (b'"x"', "validation-error")])
async def test_faults_of_a_body_are_stored_too(
    shop: Shop, operation: str, body: bytes, slug: str
) -> None:
    request = await request_for(shop, operation)
    first = await send(shop, request, body, key="once")
    assert (first.status, first.slug) == (400, slug)
    assert_replayed(await send(shop, request, body, key="once"), first)
    mended = await send(shop, request, key="once")
    if operation == "update":
        assert mended.status == 204, "another body is another request"
    else:
        assert (mended.status, mended.slug) == (409, "idempotency-conflict")


async def test_every_kind_of_refusal_by_an_operation_is_stored(shop: Shop) -> None:
    agreement = await shop.agreed()
    taken = await shop.charge(agreement, orderId="taken")
    charges = f"/agreements/{agreement}/charges"
    refusals: list[tuple[int, str, str, Any]] = [
        (404, "POST", "/agreements/agr_nowhere/charges", CHARGE),
        (400, "POST", "/agreements/nonsense/charges", CHARGE),
        (409, "POST", charges, {**CHARGE, "orderId": taken}),
        (400, "POST", charges, {**CHARGE, "due": "2026-11-02"}),
        (
            403,
            "POST",
            "/agreements",
            shop.draft_body(skipLandingPage=True, phoneNumber="4791234567"),
        ),
        (400, "POST", f"{charges}/{taken}/capture", {"amount": 1}),
        (404, "DELETE", f"{charges}/nothing", None),
    ]
    for number, (status, method, path, body) in enumerate(refusals):
        first = await shop.send(method, path, body, key=f"k{number}")
        assert first.status == status, first.body
        assert_replayed(await shop.send(method, path, body, key=f"k{number}"), first)


async def test_what_the_gate_refuses_is_not_stored(house: House, shop: Shop) -> None:
    agreement = await shop.agreed()
    other = await house.shop()
    path = f"/agreements/{agreement}/charges"
    wrong: list[tuple[int, dict[str, str | None]]] = [
        (401, {"Ocp_Apim_Subscription_Key": None}),
        (401, {"Authorization": "Bearer nonsense"}),
        (403, {"Merchant_Serial_Number": other.msn}),
        (406, {"Accept": "text/html"}),
        (415, {"Content_Type": "text/plain"}),
    ]
    for status, headers in wrong:
        reply = await shop.send("POST", path, CHARGE, key="once", **headers)
        assert reply.status == status
    too_large = {**CHARGE, "note": "x" * 70_000}
    assert (await shop.send("POST", path, too_large, key="once")).status == 413
    mended = await shop.send("POST", path, CHARGE, key="once")
    assert (mended.status, REPLAYED in mended.headers) == (201, False)


async def test_too_many_requests_are_not_stored() -> None:
    async with installation(vendor_limits=True) as house:
        shop = await house.shop()
        agreement = await shop.agreed()
        path, body = f"/agreements/{agreement}", {"productName": "La Liga"}
        for _ in range(5):
            await shop.update(agreement, productName="Serie A")
        assert (await shop.send("PATCH", path, body, key="once")).status == 429
        unit = await house.parts.clocks.show(shop.msn)
        later = Shop(house.with_settings(vendor_limits=False), unit, shop.credentials)
        reply = await later.send("PATCH", path, body, key="once")
        assert (reply.status, REPLAYED in reply.headers) == (204, False)


async def test_a_fault_of_ours_is_not_stored(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    agreement = await shop.agreed()
    path = f"/agreements/{agreement}/charges"

    def broken(*_arguments: object) -> None:
        raise RuntimeError("a mistake of ours")

    with monkeypatch.context() as patch:
        patch.setattr("avtale.api.charges.create_charge", broken)
        reply = await shop.send("POST", path, CHARGE, key="once")
    assert reply.status == 500
    assert set(reply.json) == {"type", "title", "status", "detail", "instance", "contextId"}
    assert reply.json["type"] == "about:blank"
    assert "mistake" not in reply.body.decode()
    mended = await shop.send("POST", path, CHARGE, key="once")
    assert (mended.status, REPLAYED in mended.headers) == (201, False)


# ── Keys that are none ───────────────────────────────────────────────────────────────────────────

NOT_A_KEY = [
    None,
    "",
    "x" * 41,
    "a#b",
    "a?b",
    "a/b",
    "a\\b",
    "a\tb",
    "é",
    "日本".encode().decode("latin-1"),
]


@pytest.mark.parametrize("operation", WRITES)
async def test_a_key_is_required_and_must_be_one(shop: Shop, operation: str) -> None:
    request = await request_for(shop, operation)
    for key in NOT_A_KEY:
        reply = await send(shop, request, Idempotency_Key=key)
        assert (reply.status, reply.slug) == (400, "idempotency-key-header"), key
    assert (await send(shop, request)).status == request.status, "nothing was done before"


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "x" * 40,
        "order:42",
        "a b",
        "{}[]()<>@!$%&*+=,.;:'\"`~^|_-",
        "2f1d5c1e-7a8e-4c55-9b57-6a4d1b7e1c11",
    ],
)
async def test_anything_else_printable_is_a_key(shop: Shop, key: str) -> None:
    request = await request_for(shop, "draft")
    first = await send(shop, request, key=key)
    assert first.status == 201
    assert_replayed(await send(shop, request, key=key), first)


async def test_the_key_of_a_request_is_in_the_history_of_what_it_did(shop: Shop) -> None:
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE", key="k-create")
    await shop.clock.advance(days=2)
    await shop.capture(agreement, charge, 300_00, key="k-capture")
    await shop.refund(agreement, charge, 100_00, key="k-refund")
    await shop.cancel(agreement, charge, key="k-cancel")
    lines = (await shop.fetch(agreement, charge))["history"]
    assert [(line["event"], line["idempotencyKey"]) for line in lines] == [
        ("CREATE", "k-create"),
        ("RESERVE", f"{charge}-{agreement}-ProcessPayment"),
        ("CAPTURE", "k-capture"),
        ("REFUND", "k-refund"),
        ("CANCEL", "k-cancel"),
    ]


async def test_a_stop_that_is_repeated_under_a_fresh_key_is_done_already(shop: Shop) -> None:
    agreement = await shop.agreed()
    await shop.stop(agreement)
    before = await shop.agreement(agreement)
    await shop.stop(agreement)
    assert await shop.agreement(agreement) == before
    with refused("illegal-agreement-update", 400):
        await shop.update(agreement, productName="Serie A")


def test_there_are_eight_operations_that_write() -> None:
    assert len(WRITES) == len(set(WRITES)) == 8
    assert Request("GET", "/x", 200).writes is False
