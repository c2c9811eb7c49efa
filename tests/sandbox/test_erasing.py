"""A unit that is deleted leaves nothing behind, one that is reset begins anew, and its neighbours notice neither."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avtale.accounts import Act
from avtale.engine.engine import Taken
from avtale.ledger import Script
from avtale.problems import Conflict
from avtale.storage import erasing
from avtale.storage.erasing import ITSELF, OWNED, erase
from avtale.storage.statements import queries
from tests.sandbox.desk import Desk
from tests.sandbox.living import ask, everything, lived_in, of
from tests.sandbox.slow import Slow
from tests.support import INITIAL, MONDAY, House, Shop, installation


async def test_a_deleted_unit_leaves_no_row_in_any_table(stored_house: House) -> None:
    desk = Desk(stored_house)
    gone, stays = await lived_in(stored_house), await lived_in(stored_house)
    await desk.ask("POST", f"/sales-units/{gone.msn}/snapshots", {"name": "before"})
    await stored_house.parts.storage.append(Act, [act(gone)])
    before = await everything(stored_house)
    assert {"snapshots", "snapshot_parts", "acts"} <= of(gone.msn, before).keys()
    filled = {table for table in (*OWNED, "sales_units", "grants") if table in of(gone.msn, before)}
    assert filled == {*OWNED, "sales_units", "grants"}
    assert (await desk.send("DELETE", f"/sales-units/{gone.msn}")).status == 204
    after = await everything(stored_house)
    assert of(gone.msn, after) == {}
    assert gone.credentials.client_id not in repr(after)
    assert of(stays.msn, after) == of(stays.msn, before)
    for table in ("clients", "subscription_keys"):
        assert len(before[table]) - len(after[table]) == 1
    assert after["payers"] == before["payers"]
    assert after["erasing"] == set()
    assert (await stays.agreements())[0]["status"] == "ACTIVE"
    await desk.advance(stays, days=30)


def act(shop: Shop) -> Act:
    """Something that somebody did at the dashboard."""
    return Act("act-1", shop.msn, "kari", "stop_agreement", None, None, "", "done", MONDAY)


async def test_a_reset_unit_keeps_itself_and_begins_anew(stored_house: House) -> None:
    desk = Desk(stored_house)
    shop, stays = await lived_in(stored_house), await lived_in(stored_house)
    await desk.ask("PATCH", f"/sales-units/{shop.msn}", {"rules": {"leadDays": 3}})
    before = await everything(stored_house)
    assert (await desk.send("POST", f"/sales-units/{shop.msn}/reset")).status == 204
    after = await everything(stored_house)
    assert of(shop.msn, after).keys() == {"sales_units", "grants"}
    assert of(stays.msn, after) == of(stays.msn, before)
    for table in ("clients", "subscription_keys", "grants", "payers"):
        assert after[table] == before[table]
    unit = await desk.ask("GET", f"/sales-units/{shop.msn}")
    assert (unit["name"], unit["rules"]) == ("Nordic News", {"leadDays": 3})
    assert unit["clock"]["mode"] == "running"
    present = datetime.fromisoformat(unit["clock"]["now"])
    assert abs(present - datetime.now(UTC)) < timedelta(seconds=10)
    # Its keys still work, and an order id of before is free again.
    agreement_id = await shop.agreed()
    due = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    assert await shop.charge(agreement_id, orderId="bulk-1", due=due) == "bulk-1"


async def test_a_reset_unit_takes_used_idempotency_keys_again(desk: Desk, shop: Shop) -> None:
    first = await shop.draft(key="one")
    assert (await shop.draft(key="one")) == first
    await desk.ask("POST", f"/sales-units/{shop.msn}/reset")
    assert (await shop.draft(key="one"))["agreementId"] != first["agreementId"]


async def test_the_keys_of_a_deleted_unit_are_good_for_nothing_at_once(
    desk: Desk, house: House
) -> None:
    shop = await house.shop()
    headers = await shop.headers()
    assert (await shop.raw("GET", "/recurring/v3/agreements", headers=headers)).status == 200
    await desk.ask("DELETE", f"/sales-units/{shop.msn}")
    reply = await shop.raw("GET", "/recurring/v3/agreements", headers=headers)
    assert reply.status == 401
    keys = shop.credentials
    sent = {
        "client_id": keys.client_id,
        "client_secret": keys.client_secret,
        "Ocp-Apim-Subscription-Key": keys.subscription_key,
    }
    reply = await shop.raw("POST", "/accesstoken/get", headers=sent)
    assert reply.status == 401


async def test_a_partner_keeps_its_keys_for_the_other_units(desk: Desk, house: House) -> None:
    gone, stays = await house.shop(), await house.shop()
    partner = await house.partner(gone, stays)
    await desk.ask("DELETE", f"/sales-units/{gone.msn}")
    unit = await house.parts.directory.sales_unit(stays.msn)
    assert (await Shop(house, unit, partner).draft())["agreementId"]
    reply = await Shop(house, unit, partner).send(
        "GET", "/agreements", Merchant_Serial_Number=gone.msn
    )
    assert (reply.status, reply.slug) == (403, "invalid-sale-unit")


async def test_a_number_can_be_used_again(desk: Desk, house: House) -> None:
    await desk.ask("POST", "/sales-units", {"merchantSerialNumber": "778899"})
    await desk.ask("DELETE", "/sales-units/778899")
    assert (await desk.send("DELETE", "/sales-units/778899")).status == 404
    await desk.ask("POST", "/sales-units", {"merchantSerialNumber": "778899"})


async def test_a_unit_whose_number_begins_another_is_not_mistaken_for_it(desk: Desk) -> None:
    """Payments are erased by the beginning of their keys."""
    house = desk.house
    shops = []
    for msn in ("7788", "77889", "778899"):
        await desk.ask("POST", "/sales-units", {"merchantSerialNumber": msn})
        await house.put(Script(msn, "chr-1", ("ok",)), msn, "chr-1")
        shops.append(msn)
    await desk.ask("POST", "/sales-units/77889/reset")
    left = [msn for msn in shops if await house.find(Script, msn, "chr-1") is not None]
    assert left == ["7788", "778899"]


async def test_history_goes_only_with_its_unit(stored_house: House) -> None:
    shop = await stored_house.shop()
    await shop.charge(await shop.agreed())
    text = f"DELETE FROM charge_history WHERE merchant_serial_number = '{shop.msn}'"
    queries().setdefault(f"tamper_{shop.msn}", text)
    with pytest.raises(Exception, match="history is kept"):
        await stored_house.parts.storage.execute([(f"tamper_{shop.msn}", {})])
    await erase(stored_house.parts.storage, shop.msn)
    assert of(shop.msn, await everything(stored_house)) == {}


async def test_erasing_is_all_or_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = await lived_in(house)
    before = await everything(house)
    monkeypatch.setattr(erasing, "ITSELF", ("grants", "sales_units", "nothing_like_this"))
    queries().setdefault("erase_nothing_like_this", "DELETE FROM nothing_like_this")
    with pytest.raises(Exception, match="nothing_like_this"):
        await erase(house.parts.storage, shop.msn)
    assert await everything(house) == before


async def test_erasing_begins_again_where_another_process_writes(house: House) -> None:
    class Busy:
        def __init__(self, times: int) -> None:
            self.times = times
            self.executed: list[Any] = []

        async def execute(self, statements: Any) -> None:
            if self.times:
                self.times -= 1
                raise Taken("a row was written meanwhile")
            self.executed.append(statements)

    busy: Any = Busy(times=3)
    await erase(busy, "778899")
    assert len(busy.executed) == 1
    with pytest.raises(Conflict, match="778899"):
        await erase(Busy(times=99), "778899")  # type: ignore[arg-type]


async def test_merchants_who_write_during_a_reset_break_nothing(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()

    async def write() -> None:
        for _ in range(10):
            reply = await shop.send("POST", "/agreements", shop.draft_body(initialCharge=INITIAL))
            assert reply.status in {201, 503}
            if reply.status == 201:
                agreement_id = reply.json["agreementId"]
                reply = await desk.send("POST", f"/agreements/{agreement_id}/approve")
                assert reply.status in {200, 400, 404, 409}, reply.body

    async def reset() -> None:
        for _ in range(5):
            reply = await desk.send("POST", f"/sales-units/{shop.msn}/reset")
            assert reply.status in {204, 409}, reply.body
            await asyncio.sleep(0.01)

    await asyncio.gather(write(), write(), reset())
    await desk.ask("DELETE", f"/sales-units/{shop.msn}")
    assert of(shop.msn, await everything(stored_house)) == {}


async def test_every_table_with_rows_of_a_unit_is_erased(house: House) -> None:
    """Whoever adds such a table adds it to `OWNED` too, and a statement that empties it."""
    text = (
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND c.name = 'merchant_serial_number'"
    )
    tables = {name for (name,) in await ask(house, "tables_of_units", text)}
    assert tables <= {*OWNED, *ITSELF, "erasing"}
    statements = {name for name in queries() if name.startswith("erase_")}
    assert {f"erase_{table}" for table in (*OWNED, *ITSELF)} <= statements


async def test_what_is_being_asked_of_the_gateway_is_not_erased(stored_house: House) -> None:
    """The gateway would write its book of a unit that is gone."""
    shop = await stored_house.shop()
    await shop.charge(await shop.agreed())
    await shop.clock.jumps(days=2)
    slow = Slow(stored_house)
    runs = stored_house.with_gateway(slow).parts.runs
    running = asyncio.create_task(runs.catch_up(shop.msn, await shop.clock.now()))
    await slow.is_asked.wait()
    before = await everything(stored_house)
    with pytest.raises(Conflict, match=shop.msn):
        await erase(stored_house.parts.storage, shop.msn)
    assert await everything(stored_house) == before
    desk = Desk(stored_house)
    deleting = asyncio.create_task(desk.send("DELETE", f"/sales-units/{shop.msn}"))
    await asyncio.sleep(1)
    assert not deleting.done()
    slow.may_answer.set()
    assert (await deleting).status == 204
    assert [fact.what for fact in await running][-1] == "captured"
    assert of(shop.msn, await everything(stored_house)) == {}


async def test_the_loop_goes_on_where_units_come_and_go() -> None:
    """A unit that is erased while the loop has it in hand is nobody's trouble."""
    async with installation(work=True, tick_seconds=0.001) as house:
        desk = Desk(house)
        stays = await house.shop(unscheduled=True)
        agreement_id = await stays.agreed()
        for gone in [await house.shop() for _ in range(20)]:
            await gone.charge(await gone.agreed())
            await gone.clock.jumps(days=5)
            assert (await desk.send("DELETE", f"/sales-units/{gone.msn}")).status == 204
        charge_id = await stays.charge(agreement_id, type="UNSCHEDULED", due=None, retryDays=None)
        for _ in range(1000):
            if await stays.status(charge_id) == "CHARGED":
                break
            await asyncio.sleep(0.005)
        assert await stays.status(charge_id) == "CHARGED"
        left = await everything(house)
        assert (len(left["sales_units"]), len(left["agreements"])) == (2, 1)
