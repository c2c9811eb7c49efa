"""What a merchant asked and what came of it can be looked up afterwards, in one order, with its causes."""

from __future__ import annotations

from typing import Any

import pytest

from avtale.api import recorder
from avtale.engine.engine import StorageDown
from avtale.record import RecordedBatch
from tests.sandbox.desk import Desk
from tests.support import KARI, House, Shop, installation, refused, soon


async def requests(desk: Desk, shop: Shop, query: str = "") -> list[Any]:
    found: list[Any] = await desk.ask("GET", f"/sales-units/{shop.msn}/requests{query}")
    return found


async def operations(desk: Desk, shop: Shop, query: str = "") -> list[tuple[str, int]]:
    return [(each["operation"], each["status"]) for each in await requests(desk, shop, query)]


async def details(desk: Desk, agreement_id: str, *kinds: str) -> list[str]:
    found = await desk.ask("GET", f"/agreements/{agreement_id}/timeline")
    return [each["detail"] for each in found["entries"] if not kinds or each["kind"] in kinds]


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────


async def test_every_request_of_a_merchant_is_there_newest_first(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, key="january")
    await shop.fetch(agreement_id, charge_id)
    found = await requests(desk, shop)
    assert [each["operation"] for each in found] == [
        "fetch_charge",
        "create_charge",
        "draft_agreement",
        "fetch_token",
    ]
    created = found[1]
    assert created["method"] == "POST"
    assert created["path"] == f"/recurring/v3/agreements/{agreement_id}/charges"
    assert (created["agreementId"], created["chargeId"]) == (agreement_id, charge_id)
    assert (created["status"], created["replayed"]) == (201, False)
    assert created["idempotencyKey"] == "january"
    assert created["occurred"] == "2026-11-02T09:30:00Z"
    assert created["milliseconds"] > 0
    assert created["headers"] == {"merchantSerialNumber": shop.msn, "systemName": "acme"}
    assert found[2]["agreementId"] == agreement_id


async def test_a_refusal_is_there_with_its_problem_even_where_the_token_was_wrong(
    desk: Desk, shop: Shop
) -> None:
    await shop.send("GET", "/agreements/agr_nobody")
    await shop.send("GET", "/agreements/agr_nobody", Authorization="Bearer wrong")
    wrong, missing, _ = await requests(desk, shop)
    assert (wrong["status"], wrong["problem"]) == (401, "not-authorized")
    assert (missing["status"], missing["problem"]) == (404, "resource-not-found")


async def test_a_repeated_request_is_seen_to_be_one(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    for _ in range(2):
        await shop.charge(agreement_id, key="once")
    again, first = await requests(desk, shop, "?operation=create_charge")
    assert (again["replayed"], first["replayed"]) == (True, False)
    assert again["chargeId"] == first["chargeId"]


async def test_requests_are_found_by_what_they_were_about(desk: Desk, shop: Shop) -> None:
    first, second = await shop.agreed(), await shop.agreed()
    charge_id = await shop.charge(second)
    await shop.fetch(second, charge_id)
    await shop.send("GET", f"/agreements/{first}/charges/{charge_id}")
    of_second = [("fetch_charge", 200), ("create_charge", 201), ("draft_agreement", 201)]
    assert await operations(desk, shop, f"?agreementId={second}") == of_second
    assert await operations(desk, shop, f"?chargeId={charge_id}&status=2xx") == of_second[:2]
    assert await operations(desk, shop, "?status=404") == [("fetch_charge", 404)]
    assert await operations(desk, shop, "?pageSize=1&pageNumber=2") == [("fetch_charge", 200)]


@pytest.mark.parametrize(
    ("query", "member"),
    [("operation=capture", "operation"), ("status=ok", "status"), ("pageSize=0", "pageSize")],
)
async def test_a_filter_that_makes_no_sense_is_refused(
    desk: Desk, shop: Shop, query: str, member: str
) -> None:
    reply = await desk.send("GET", f"/sales-units/{shop.msn}/requests?{query}")
    assert (reply.status, list(reply.faults)) == (400, [member])


async def test_another_unit_sees_nothing_of_it(desk: Desk, house: House, shop: Shop) -> None:
    await shop.agreed()
    assert await requests(desk, await house.shop()) == []


async def test_no_secret_and_nothing_personal_is_in_the_record(stored_house: House) -> None:
    shop = await stored_house.shop()
    await shop.draft(phoneNumber=KARI, scope="name nin")
    await shop.send("GET", f"/agreements?phoneNumber={KARI}")
    await stored_house.parts.recorder.flush()
    rows = await stored_house.parts.storage.rows(
        RecordedBatch, "batches_of_unit", msn=shop.msn, before=2**62, most=10
    )
    assert sum(len(row.opened()) for row in rows) == 3
    secrets = (await shop.token(), *shop.credentials, KARI)
    assert not [secret for secret in secrets if secret in repr(rows)]


async def test_a_clock_that_is_moved_does_not_move_what_was_asked_before(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    await desk.advance(shop, days=40)
    await shop.agreement(agreement_id)
    after, before = await requests(desk, shop, f"?agreementId={agreement_id}")
    assert before["occurred"] == "2026-11-02T09:30:00Z"
    assert after["occurred"].startswith("2026-12-12")


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────


async def test_requests_are_written_down_by_themselves(house: House, shop: Shop) -> None:
    await shop.token()

    async def is_written() -> bool:
        found = await house.parts.storage.rows(
            RecordedBatch, "batches_of_unit", msn=shop.msn, before=2**62, most=10
        )
        return [seen.request.operation for row in found for seen in row.opened()] == ["fetch_token"]

    await soon(is_written)


async def test_more_than_can_be_remembered_is_dropped_and_counted(
    desk: Desk, house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_BYTES", 1)
    await house.parts.recorder.flush()
    await shop.token()
    await shop.agreements()
    reply = await desk.send("GET", f"/sales-units/{shop.msn}/requests")
    assert [each["operation"] for each in reply.json] == ["fetch_token"]
    assert reply.headers["Avtale-Dropped"] == "1"


async def test_a_database_that_is_gone_costs_the_record_and_nothing_else(
    house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise StorageDown("the disk is full")

    await shop.token()
    monkeypatch.setattr(house.parts.storage, "append", gone)
    await house.parts.recorder.flush()
    assert house.parts.recorder.dropped == 1
    monkeypatch.undo()
    assert await shop.agreements() == []


async def test_what_is_older_than_it_is_kept_is_forgotten(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    await shop.token()
    await stored_house.parts.recorder.flush()
    await shop.agreements()
    [newest, oldest] = await requests(desk, shop)
    storage = stored_house.parts.storage
    await storage.execute([("forget_requests", {"before": 0})])
    assert await requests(desk, shop) == [newest, oldest]
    later = recorder.Recorder(
        storage, lambda: stored_house.parts.engine.real_now().replace(year=2036), keep_days=30
    )
    await later.forget()
    assert await requests(desk, shop) == []


async def test_an_installation_may_keep_no_record() -> None:
    async with installation(record_days=0) as house:
        shop = await house.shop()
        await shop.agreed()
        assert await requests(Desk(house), shop) == []


# ── The timeline ─────────────────────────────────────────────────────────────────────────────────


async def test_a_life_is_told_in_the_order_in_which_it_was_lived_though_the_clock_stands(
    stored_house: House,
) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    drafted = await shop.draft(key="the draft")
    agreement_id = drafted["agreementId"]
    await desk.ask("POST", f"/agreements/{agreement_id}/approve")
    await shop.charge(agreement_id, key="the charge", transactionType="RESERVE_CAPTURE")
    path = f"/recurring/v3/agreements/{agreement_id}"
    assert await details(desk, agreement_id) == [
        "POST /recurring/v3/agreements was answered 201.",
        "The merchant drafted the agreement.",
        "The payer said yes: the agreement is ACTIVE.",
        f"POST {path}/charges was answered 201.",
        "The charge of 499 kr was created.",
    ]


async def test_attempts_stand_before_what_came_of_them(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, retryDays=1)
    await shop.next_attempts(charge_id, "insufficient_funds", "card_expired")
    await desk.advance(shop, days=3)
    told = await details(desk, agreement_id, "payment", "charge")
    assert told[:3] == [
        "The charge of 499 kr was created.",
        "The gateway was asked to take 499 kr from the payer.",
        "The gateway declined to take 499 kr from the payer: insufficient funds.",
    ]
    assert told[-2:] == [
        "The gateway was asked to take 499 kr from the payer.",
        "499 kr was captured.",
    ]


async def test_an_attempt_stays_before_its_reservation_whatever_is_asked_for_later(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    await desk.advance(shop, days=3)
    await shop.capture(agreement_id, charge_id, 199_00)
    told = await details(desk, agreement_id, "payment", "charge")
    assert told == [
        "The charge of 499 kr was created.",
        "The gateway was asked to reserve 499 kr of the payer's.",
        "499 kr was reserved.",
        "The gateway was asked to capture 199 kr.",
        "199 kr was captured.",
    ]


async def test_a_capture_stands_behind_the_request_that_asked_for_it(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    await desk.advance(shop, days=3)
    # The same key again is another request, since it is another operation.
    await shop.capture(agreement_id, charge_id, 199_00, key="again")
    await shop.refund(agreement_id, charge_id, 100_00, key="again")
    told = await details(desk, agreement_id)
    charges = f"/recurring/v3/agreements/{agreement_id}/charges/{charge_id}"
    assert told[-6:] == [
        f"POST {charges}/capture was answered 204.",
        "The gateway was asked to capture 199 kr.",
        "199 kr was captured.",
        f"POST {charges}/refund was answered 204.",
        "The gateway was asked to return 100 kr.",
        "100 kr was refunded.",
    ]


async def test_an_agreement_that_nobody_knows_has_no_timeline(desk: Desk) -> None:
    with refused("resource-not-found", 404):
        await desk.ask("GET", "/agreements/agr_nobody/timeline")


# ── Why ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_charge_that_failed_says_what_led_there(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, retryDays=0)
    await shop.next_attempts(charge_id, "insufficient_funds", "insufficient_funds")
    await desk.advance(shop, days=4)
    why = await desk.ask("GET", f"/charges/{charge_id}/why")
    assert why["status"] == "FAILED"
    assert why["because"][0] == (
        "It is 499 kr, due on 2026-11-04, with 0 retry days: the last attempt is on 2026-11-04."
    )
    assert why["because"][1].startswith("2026-11-02 10:30: POST /recurring/v3/agreements/")
    assert why["because"][-2:] == [
        f"{why['because'][-2][:16]}: 499 kr FAILED.",
        "It failed for good: user action required.",
    ]
    assert why["next"] == "Nothing: FAILED is an end."


@pytest.mark.parametrize(
    ("days", "status", "next_words"),
    [
        (0, "PENDING", "it is DUE and shown to the payer"),
        (3, "RESERVED", "499 kr is held for the merchant to capture or release"),
    ],
)
async def test_a_charge_says_what_comes_next(
    desk: Desk, shop: Shop, days: int, status: str, next_words: str
) -> None:
    charge_id = await shop.charge(await shop.agreed(), transactionType="RESERVE_CAPTURE")
    await desk.advance(shop, days=days)
    why = await desk.ask("GET", f"/charges/{charge_id}/why")
    assert why["status"] == status
    assert next_words in why["next"]


async def test_a_charge_that_nobody_knows_has_no_reasons(desk: Desk) -> None:
    with refused("resource-not-found", 404):
        await desk.ask("GET", "/charges/chr-nobody/why")
