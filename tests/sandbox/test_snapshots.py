"""Snapshots: a unit is as it was, wholly, and nobody else notices."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from avtale.auditing.auditor import audit
from avtale.charges.charge import Charge, ChargeEntry
from avtale.engine.command import Decided
from avtale.sales_units import SalesUnit
from avtale.snapshots import MOST_SNAPSHOTS
from avtale.storage.erasing import OWNED
from avtale.storage.snapshots import PARENTS_FIRST
from avtale.storage.statements import queries
from avtale.webhooks.registration import Registration
from tests.sandbox.desk import Desk
from tests.sandbox.living import everything, lived_in, of
from tests.support import KARI, MONDAY, House, Shop, installation

# What is not the same after going back: where requests stand among all, fences, and what the clock is kept as.
MOVES = {"requests", "webhooks", "sales_units"}


async def take(desk: Desk, shop: Shop, name: str = "before") -> Any:
    """Take a snapshot."""
    return await desk.ask("POST", f"/sales-units/{shop.msn}/snapshots", {"name": name})


async def go_back(desk: Desk, shop: Shop, name: str = "before") -> Any:
    """Restore one."""
    return await desk.ask("POST", f"/sales-units/{shop.msn}/snapshots/{name}/restore")


async def test_everything_is_as_it_was_and_neighbours_notice_nothing(stored_house: House) -> None:
    desk = Desk(stored_house)
    shop, stays = await lived_in(stored_house), await lived_in(stored_house)
    await take(desk, shop)
    before = await everything(stored_house)
    told_before = await desk.ask("GET", f"/sales-units/{shop.msn}/events")
    sent_before = await desk.ask("GET", f"/sales-units/{shop.msn}/deliveries")
    await desk.advance(shop, days=40)
    await shop.charge(await shop.agreed(), due=await shop.in_days(9))
    await desk.ask(
        "PATCH", f"/sales-units/{shop.msn}", {"name": "Another", "rules": {"leadDays": 3}}
    )
    await go_back(desk, shop)
    after = await everything(stored_house)
    assert of(stays.msn, after) == of(stays.msn, before)
    ours_before, ours_after = of(shop.msn, before), of(shop.msn, after)
    assert ours_after.keys() == ours_before.keys()
    for table in ours_before.keys() - MOVES:
        assert ours_after[table] == ours_before[table], table
    for table in MOVES:
        assert len(ours_after[table]) == len(ours_before[table]), table
    assert await desk.ask("GET", f"/sales-units/{shop.msn}/events") == told_before
    assert await desk.ask("GET", f"/sales-units/{shop.msn}/deliveries") == sent_before
    unit = await desk.ask("GET", f"/sales-units/{shop.msn}")
    assert (unit["name"], unit["rules"]) == ("Nordic News", {})


async def test_life_goes_on_from_there_and_the_books_agree(database_url: str) -> None:
    async with installation(database_url) as house:
        desk, shop = Desk(house), await house.shop()
        agreement_id = await shop.agreed()
        charge_id = await shop.charge(agreement_id)
        held = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
        await desk.advance(shop, days=3)
        await take(desk, shop)
        for amount in (100_00, 499_00):
            await go_back(desk, shop)
            await shop.refund(agreement_id, charge_id, amount, key="the same key each time")
            await shop.capture(agreement_id, held, 499_00)
            assert await shop.summary(charge_id) == (499_00, amount, 0)
            await desk.advance(shop, days=30)
    report = await asyncio.to_thread(audit, database_url)
    assert report.violations == ()


async def test_a_restart_and_a_reset_leave_snapshots_be(database_url: str) -> None:
    async with installation(database_url) as house:
        shop = await house.shop()
        agreement_id = await shop.agreed()
        await take(Desk(house), shop)
    async with installation(database_url) as house:
        desk = Desk(house)
        await desk.ask("POST", f"/sales-units/{shop.msn}/reset")
        await go_back(desk, shop)
        found = await desk.ask("GET", f"/agreements/{agreement_id}/timeline")
        assert found["status"] == "ACTIVE"


@pytest.mark.parametrize("mode", ["frozen", "running"])
async def test_the_clock_shows_what_it_showed_and_goes_on_as_it_went(
    desk: Desk, house: House, shop: Shop, mode: str
) -> None:
    if mode == "running":
        await desk.ask("POST", f"/sales-units/{shop.msn}/clock/resume")
    taken = await take(desk, shop)
    await desk.advance(shop, days=100)
    await desk.ask(
        "POST", f"/sales-units/{shop.msn}/clock/{'freeze' if mode == 'running' else 'resume'}"
    )
    clock = await go_back(desk, shop)
    assert clock["mode"] == mode
    assert clock["now"][:16] == taken["clock"][:16]
    unit: SalesUnit = await house.find(SalesUnit, shop.msn)
    assert unit.clock_lease_until is None


async def test_who_was_registered_is_told_again_and_who_came_later_is_not(
    desk: Desk, house: House, shop: Shop
) -> None:
    event = "recurring.agreement-activated.v1"

    async def register(name: str) -> str:
        sent = {"url": f"http://127.0.0.1:9/{name}", "events": [event]}
        reply = await shop.raw(
            "POST",
            "/webhooks/v1/webhooks",
            headers=await shop.headers(),
            content=json.dumps(sent).encode(),
        )
        made: str = reply.json["id"]
        return made

    first = await register("first")
    secret = (await house.find(Registration, first)).secret
    await take(desk, shop)
    await shop.raw("DELETE", f"/webhooks/v1/webhooks/{first}", headers=await shop.headers())
    await register("second")
    await go_back(desk, shop)
    unit: SalesUnit = await house.find(SalesUnit, shop.msn)
    assert unit.webhooks == {event: 1}
    restored: Registration = await house.find(Registration, first)
    assert (restored.removed, restored.secret) == (None, secret)
    await shop.agreed()
    await desk.advance(shop, days=0)
    await house.parts.deliveries.deliver(shop.msn, await shop.clock.now(), patience_seconds=5)
    deliveries = await desk.ask("GET", f"/sales-units/{shop.msn}/deliveries")
    assert {each["registrationId"] for each in deliveries} == {first}


async def test_names_are_listed_taken_once_and_forgotten(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    await shop.charge(agreement_id)
    taken = await take(desk, shop, "Before the night")
    assert (taken["agreements"], taken["charges"]) == (1, 1)
    assert taken["bytes"] > 100
    again = await desk.send("POST", f"/sales-units/{shop.msn}/snapshots", {"name": taken["name"]})
    assert again.status == 409
    assert "already" in again.json["detail"]
    assert [
        each["name"] for each in await desk.ask("GET", f"/sales-units/{shop.msn}/snapshots")
    ] == [taken["name"]]
    path = f"/sales-units/{shop.msn}/snapshots/{taken['name']}"
    assert (await desk.send("DELETE", path)).status == 204
    assert (await desk.send("DELETE", path)).status == 404
    assert (await desk.send("POST", f"{path}/restore")).status == 404
    assert await desk.ask("GET", f"/sales-units/{shop.msn}/snapshots") == []


@pytest.mark.parametrize("name", ["", " ", "a/b", "x" * 61, "Friday ", "é", "-x", None, 5])
async def test_a_name_that_will_not_do_is_refused(desk: Desk, shop: Shop, name: Any) -> None:
    reply = await desk.send("POST", f"/sales-units/{shop.msn}/snapshots", {"name": name})
    assert reply.status == 400
    assert reply.json["extraDetails"][0]["name"] == "name"


async def test_there_are_not_too_many(desk: Desk, shop: Shop) -> None:
    for i in range(MOST_SNAPSHOTS):
        await take(desk, shop, f"s{i}")
    reply = await desk.send("POST", f"/sales-units/{shop.msn}/snapshots", {"name": "one more"})
    assert reply.status == 400
    assert "delete one first" in reply.json["detail"]


async def test_nothing_is_taken_or_put_back_while_the_clock_is_moved(
    desk: Desk, house: House, shop: Shop
) -> None:
    await take(desk, shop)
    unit: SalesUnit = await house.find(SalesUnit, shop.msn)
    later = house.parts.engine.real_now() + timedelta(minutes=1)
    await house.put(unit.advancing_at(await shop.clock.now(), later), shop.msn)
    for path in ("", "/before/restore"):
        reply = await desk.send("POST", f"/sales-units/{shop.msn}/snapshots{path}", {"name": "x"})
        assert reply.status == 409, path


async def test_a_payer_keeps_the_money_of_now(desk: Desk, house: House, shop: Shop) -> None:
    await desk.put_payer(KARI, balance=1_000_00)
    agreement_id = await shop.agreed()
    await shop.charge(agreement_id)
    await take(desk, shop)
    await desk.advance(shop, days=3)
    await go_back(desk, shop)
    phone = await desk.ask("GET", f"/payers/{KARI}")
    assert phone["balance"] == 501_00


async def test_faults_that_come_back_strike_at_once(desk: Desk, shop: Shop) -> None:
    path = f"/sales-units/{shop.msn}/faults"
    await desk.ask("PUT", path, [{"operation": "*", "fault": "error", "status": 500}])
    await take(desk, shop)
    await desk.ask("DELETE", path)
    assert (await shop.send("GET", "/agreements")).status == 200
    await go_back(desk, shop)
    assert (await shop.send("GET", "/agreements")).status == 500


async def test_whoever_listens_sees_the_clock_go_back(desk: Desk, house: House, shop: Shop) -> None:
    told: list[SalesUnit] = []

    def listen(decided: Sequence[Decided[Any]]) -> None:
        told.extend(each.result for each in decided if isinstance(each.result, SalesUnit))

    await take(desk, shop)
    await desk.advance(shop, days=40)
    house.parts.engine.listeners.append(listen)
    await go_back(desk, shop)
    assert [unit.clock_at for unit in told if unit.merchant_serial_number == shop.msn] == [MONDAY]


def test_every_table_that_a_unit_owns_is_taken() -> None:
    assert set(PARENTS_FIRST) == set(OWNED)
    assert {f"snap_{table}" for table in OWNED} <= queries().keys()


async def test_ten_thousand_charges_are_back_in_well_under_a_second(
    database_url: str,
) -> None:
    async with installation(database_url) as house:
        desk, shop = Desk(house), await house.shop()
        agreement_id = await shop.agreed()
        charge: Charge = await shop.stored_charge(await shop.charge(agreement_id))
        history = await house.parts.storage.rows(
            ChargeEntry, "history_of_charge", msn=shop.msn, charge_id=charge.charge_id
        )
        many = [replace(charge, charge_id=f"chr-{i:06}") for i in range(10_000)]
        await house.parts.storage.append(Charge, many)
        entries = [replace(history[0], charge_id=each.charge_id) for each in many]
        await house.parts.storage.append(ChargeEntry, entries)
        taken = await take(desk, shop)
        assert taken["charges"] == 10_001
        began = time.perf_counter()
        await go_back(desk, shop)
        # Several times what it takes on a quiet machine; PostgreSQL takes twice as long as SQLite.
        assert time.perf_counter() - began < 3
        again = await take(desk, shop, "again")
        assert (again["charges"], again["bytes"]) == (
            10_001,
            pytest.approx(taken["bytes"], rel=0.01),
        )
