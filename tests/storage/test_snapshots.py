"""Snapshots on every database: one moment each, nothing lost, nothing doubled, nobody else's rows touched."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from avtale.auditing.auditor import audit
from avtale.charges.payments import Payment
from avtale.engine.clock import real_now
from avtale.events import Happened
from avtale.gateways.simulated import SimulatedGateway
from avtale.problems import Conflict, Refused, ResourceNotFound
from avtale.processing.settlement import Settlement
from avtale.sales_units import SalesUnit
from avtale.snapshots import SnapshotPart
from avtale.storage import snapshots
from avtale.storage.erasing import erase
from avtale.storage.snapshots import restore, take
from avtale.storage.statements import numbered, queries
from avtale.webhooks.catalogue import Event
from avtale.webhooks.delivery import Delivery
from avtale.webhooks.registration import Registration
from tests.sandbox.desk import Desk
from tests.sandbox.living import everything, lived_in, of
from tests.sandbox.slow import Slow
from tests.support import KARI, House, Shop, installation

NOBODY = "http://127.0.0.1:9/hook"
"""Where nobody listens, so that what is sent there goes on waiting."""
EVENTS = ["recurring.agreement-activated.v1", "recurring.charge-captured.v1"]


@pytest.fixture(autouse=True)
def _queries_as_they_were() -> Iterator[None]:
    """Queries of a test's own are gone with it."""
    before = dict(queries())
    yield
    queries().clear()
    queries().update(before)
    numbered.cache_clear()


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """An installation on a database of each kind."""
    async with installation(database_url) as running:
        yield running


async def kept(house: House, shop: Shop, name: str = "before") -> None:
    """Take a snapshot."""
    await take(house.parts.storage, shop.msn, name, real_now())


async def put_back(house: House, shop: Shop, name: str = "before") -> None:
    """Restore one."""
    await restore(house.parts.storage, shop.msn, name, real_now())


async def unit_of(house: House, shop: Shop) -> SalesUnit:
    """The unit as it is."""
    unit: SalesUnit = await house.find(SalesUnit, shop.msn)
    return unit


async def registered(shop: Shop, **headers: str | None) -> dict[str, Any]:
    """A registration to be told at an address where nobody listens: its id and secret."""
    reply = await shop.raw(
        "POST",
        "/webhooks/v1/webhooks",
        headers=await shop.headers(**headers),
        content=json.dumps({"url": NOBODY, "events": EVENTS}).encode(),
    )
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


async def told(house: House, shop: Shop) -> None:
    """Try to tell all that are to be told."""
    now = (await unit_of(house, shop)).now(real_now())
    await house.parts.deliveries.deliver(shop.msn, now, patience_seconds=5)


async def events_of(house: House, shop: Shop) -> list[tuple[Event, int]]:
    """The unit's events with their places."""
    return await house.parts.storage.rows_with(Event, "snap_events", msn=shop.msn)


async def deliveries_of(house: House, shop: Shop) -> dict[str, Delivery]:
    """The unit's deliveries by their ids."""
    found = await house.parts.storage.rows(Delivery, "snap_deliveries", msn=shop.msn)
    return {each.delivery_id: each for each in found}


async def test_nothing_is_taken_while_a_payment_is_being_asked(house: House) -> None:
    shop = await house.shop()
    await shop.charge(await shop.agreed())
    await shop.clock.jumps(days=2)
    slow = Slow(house)
    runs = house.with_gateway(slow).parts.runs
    running = asyncio.create_task(runs.catch_up(shop.msn, await shop.clock.now()))
    await slow.is_asked.wait()
    with pytest.raises(Conflict, match=shop.msn):
        await kept(house, shop)
    assert of(shop.msn, await everything(house)).keys().isdisjoint({"snapshots", "snapshot_parts"})
    slow.may_answer.set()
    await running
    await kept(house, shop)
    payments = await house.parts.storage.rows(Payment, "snap_payments", msn=shop.msn)
    assert {each.status for each in payments} == {"OK"}


async def test_another_process_that_begins_to_move_the_clock_puts_it_off(house: House) -> None:
    shop = await house.shop()
    await kept(house, shop)
    unit = await unit_of(house, shop)
    lease_until = real_now() + timedelta(minutes=1)
    await house.put(unit.advancing_at(await shop.clock.now(), lease_until), shop.msn)
    before = await everything(house)
    with pytest.raises(Conflict, match="being moved"):
        await kept(house, shop, "meanwhile")
    with pytest.raises(Conflict, match="being moved"):
        await put_back(house, shop)
    assert await everything(house) == before


async def test_a_unit_that_was_deleted_meanwhile_is_not_there(house: House) -> None:
    shop = await house.shop()
    await kept(house, shop)
    await erase(house.parts.storage, shop.msn)
    for act in (kept, put_back):
        with pytest.raises(ResourceNotFound):
            await act(house, shop)
    assert of(shop.msn, await everything(house)) == {}


async def test_what_waits_for_a_partners_registration_that_is_gone_is_dropped(
    house: House,
) -> None:
    shop = await house.shop()
    partner = Shop(house, await unit_of(house, shop), await house.partner(shop))
    made = await registered(partner, Merchant_Serial_Number=None)
    await shop.agreed()
    await told(house, shop)
    [waiting] = (await deliveries_of(house, shop)).values()
    assert (waiting.status, waiting.registration_id) == ("WAITING", made["id"])
    await kept(house, shop)
    path = f"/webhooks/v1/webhooks/{made['id']}"
    await partner.raw("DELETE", path, headers=await partner.headers(Merchant_Serial_Number=None))
    await put_back(house, shop)
    [dropped] = (await deliveries_of(house, shop)).values()
    assert (dropped.status, dropped.attempts) == ("DROPPED", waiting.attempts)
    assert await house.parts.deliveries.units_with_work(real_now()) == []


async def test_events_keep_their_places_where_nobody_has_taken_them(house: House) -> None:
    shop, other = await house.shop(), await house.shop()
    await registered(shop)
    for each in (shop, other, shop):
        await each.agreed()
    await told(house, shop)
    await kept(house, shop)
    events, deliveries = await events_of(house, shop), await deliveries_of(house, shop)
    await shop.agreed()
    await other.agreed()
    await put_back(house, shop)
    assert await events_of(house, shop) == events
    assert await deliveries_of(house, shop) == deliveries


async def test_events_whose_places_are_taken_come_in_order_and_deliveries_find_them(
    house: House, database_url: str
) -> None:
    shop, other = await house.shop(), await house.shop()
    await registered(shop)
    await shop.agreed()
    await other.agreed()
    for _ in range(3):
        await shop.agreed()
    await told(house, shop)
    await kept(house, shop)
    before = await events_of(house, shop)
    await Desk(house).ask("POST", f"/sales-units/{shop.msn}/reset")
    # SQLite gives the highest places again, once they are free.
    await other.agreed()
    await put_back(house, shop)
    after = await events_of(house, shop)
    assert [event for event, _ in after] == [event for event, _ in before]
    places = {event.event_id: place for event, place in after}
    deliveries = await deliveries_of(house, shop)
    assert len(deliveries) == 4
    assert {each.event_id: each.place for each in deliveries.values()} == {
        event.event_id: places[event.event_id] for event, _ in after
    }
    await shop.agreed()
    *_, (_, last) = await events_of(house, shop)
    assert last > max(places.values())
    report = await asyncio.to_thread(audit, database_url)
    assert report.violations == ()


async def test_whoever_was_sending_does_not_count_any_more(house: House) -> None:
    shop = await house.shop()
    made = await registered(shop)
    later = real_now() + timedelta(minutes=5)
    registration: Registration = await house.find(Registration, made["id"])
    taken = registration.claimed(later)
    await house.put(taken, made["id"])
    await kept(house, shop)
    now = taken.released().claimed(later)
    await house.put(now, made["id"])
    await put_back(house, shop)
    back: Registration = await house.find(Registration, made["id"])
    assert back.lease_until is None
    assert back.fence > now.fence > taken.fence


async def test_secrets_stay_sealed(house: House) -> None:
    shop = await house.shop()
    secret = (await registered(shop))["secret"]
    await kept(house, shop)
    parts = await parts_of(house, shop)
    text = b"".join(zlib.decompress(base64.b64decode(part.packed)) for part in parts)
    assert NOBODY.encode() in text
    assert secret.encode() not in text


async def parts_of(house: House, shop: Shop) -> list[SnapshotPart]:
    """What a snapshot is made of."""
    return await house.parts.storage.rows(
        SnapshotPart, "parts_of_snapshot", msn=shop.msn, name="before"
    )


async def test_too_many_charges_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_CHARGES", 1)
    shop = await house.shop()
    agreement_id = await shop.agreed()
    await shop.charge(agreement_id)
    await kept(house, shop)
    await shop.charge(agreement_id, due="2026-11-20")
    with pytest.raises(Refused, match="2 charges; a snapshot holds 1 at most"):
        await kept(house, shop, "one more")


async def test_one_that_cannot_be_put_back_leaves_everything_as_it_is(house: House) -> None:
    shop = await lived_in(house)
    await kept(house, shop)
    older = "columns = replace(columns, 'due_day', 'day') WHERE table_name = 'charges'"
    queries()["make_older"] = f"UPDATE snapshot_parts SET {older}"
    await house.parts.storage.execute([("make_older", {})])
    before = await everything(house)
    with pytest.raises(Conflict, match="another version of avtale, whose charges had day"):
        await put_back(house, shop)
    assert await everything(house) == before


async def test_a_payer_who_has_gone_since_stays_gone(house: House, database_url: str) -> None:
    desk, shop = Desk(house), await house.shop()
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    await kept(house, shop)
    await desk.ask("DELETE", f"/payers/{KARI}")
    await put_back(house, shop)
    await desk.advance(shop, days=10)
    assert await shop.status(charge_id) == "FAILED"
    assert (await desk.send("GET", f"/payers/{KARI}")).status == 404
    report = await asyncio.to_thread(audit, database_url)
    assert report.violations == ()


class GoesBack(Settlement):
    """Goes back once, just when the outcome is written down and nobody has been answered yet."""

    def __init__(self, house: House, shop: Shop) -> None:
        super().__init__(house.parts.engine, SimulatedGateway(house.parts.engine))
        self._house, self._shop = house, shop
        self.is_done = False

    async def settle(self, payments: Sequence[Payment]) -> list[Happened]:
        """Ask and record, and go back."""
        happened = await super().settle(payments)
        if not self.is_done:
            self.is_done = True
            await put_back(self._house, self._shop)
        return happened


async def test_a_capture_that_meets_a_restore_is_made_anew_at_once(
    house: House, database_url: str
) -> None:
    shop = await house.shop()
    agreement_id = await shop.agreed()
    held = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    await shop.clock.advance(days=3)
    await kept(house, shop)
    going = GoesBack(house, shop)
    there = Shop(
        House(replace(house.parts, settlement=going), house.happened),
        await unit_of(house, shop),
        shop.credentials,
    )
    async with asyncio.timeout(5):
        await there.capture(agreement_id, held, 200_00)
    assert going.is_done
    assert await shop.summary(held) == (200_00, 0, 0)
    report = await asyncio.to_thread(audit, database_url)
    assert report.violations == ()


async def test_merchants_who_write_meanwhile_break_nothing(house: House, database_url: str) -> None:
    desk, shop = Desk(house), await house.shop()
    agreement_id = await shop.agreed()
    held = [
        await shop.charge(agreement_id, due="2026-11-05", transactionType="RESERVE_CAPTURE")
        for _ in range(3)
    ]
    await desk.advance(shop, days=4)
    path = f"/sales-units/{shop.msn}/snapshots"
    await desk.ask("POST", path, {"name": "first"})
    answers: set[int] = set()

    async def write() -> None:
        for charge_id in held * 4:
            where = f"/agreements/{agreement_id}/charges/{charge_id}/capture"
            body = {"amount": 100_00, "description": "Some"}
            answers.add((await shop.send("POST", where, body)).status)
            answers.add((await shop.send("POST", "/agreements", shop.draft_body())).status)

    async def go_back() -> None:
        for i in range(6):
            for ending, body in (("", {"name": f"s{i}"}), ("/first/restore", None)):
                reply = await desk.send("POST", path + ending, body)
                assert reply.status in {200, 201, 409}, reply.body

    await asyncio.gather(write(), write(), go_back())
    assert answers <= {201, 204, 400, 404, 409}
    assert answers & {201, 204}
    await desk.ask("POST", f"{path}/first/restore")
    await desk.advance(shop, days=30)
    report = await asyncio.to_thread(audit, database_url)
    assert report.violations == ()
