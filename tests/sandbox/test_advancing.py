"""An advance does everything that is due on the way, in order and alone, and tells it."""

import asyncio
from datetime import timedelta

import pytest

from avtale.instants import to_milliseconds
from avtale.processing.happenings import MOST_KEPT
from avtale.sales_units import SalesUnit
from tests.conftest import fresh_database
from tests.sandbox.desk import Desk, facts
from tests.support import MONDAY, House, Shop, installation, refused

# ── What happens on the way ──────────────────────────────────────────────────────────────────────


async def test_an_advance_goes_through_everything_that_is_due_in_order(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    forgotten = (await shop.draft())["agreementId"]
    charge_id = await shop.charge(agreement_id, retryDays=1)
    await shop.next_attempts(charge_id, "insufficient_funds", "ok")
    held = await shop.charge(agreement_id, due="2026-11-06", transactionType="RESERVE_CAPTURE")
    advanced = await desk.advance(shop, days=200)
    assert (advanced["from"], advanced["to"]) == ("2026-11-02T09:30:00Z", "2027-05-21T08:30:00Z")
    told = [
        (fact["occurred"], fact["what"], fact.get("chargeId", fact["agreementId"]))
        for fact in advanced["happened"]
    ]
    assert told == [
        ("2026-11-02T09:40:00Z", "agreement expired", forgotten),
        ("2026-11-03T23:00:00Z", "charge shown", charge_id),
        ("2026-11-04T08:00:00Z", "charge attempt begun", charge_id),
        ("2026-11-04T08:00:00Z", "charge attempt declined", charge_id),
        ("2026-11-04T16:00:00Z", "charge attempt begun", charge_id),
        ("2026-11-04T16:00:00Z", "charge captured", charge_id),
        ("2026-11-05T23:00:00Z", "charge shown", held),
        ("2026-11-06T08:00:00Z", "charge attempt begun", held),
        ("2026-11-06T08:00:00Z", "charge reserved", held),
        ("2027-05-05T22:00:00Z", "charge cancelled", held),
    ]


async def test_a_fact_names_its_event_and_tells_itself_in_a_sentence(
    desk: Desk, shop: Shop
) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, amount=499_50)
    shown, begun, captured = (await desk.advance(shop, days=3))["happened"]
    assert captured == {
        "occurred": "2026-11-04T08:00:00Z",
        "what": "charge captured",
        "agreementId": agreement_id,
        "chargeId": charge_id,
        "eventType": "recurring.charge-captured.v1",
        "detail": "499,50 kr for “November” was captured.",
    }
    assert "eventType" not in shown
    assert "2026-11-04T08:00:00Z" in shown["detail"]
    assert begun["detail"] == "Attempt 1 at 499,50 kr for “November” began."


async def test_ten_years_with_a_charge_every_month_take_moments(house: House, desk: Desk) -> None:
    shop = await house.shop()
    await desk.ask("PATCH", f"/sales-units/{shop.msn}", {"rules": {"horizonYears": 10}})
    agreement_id = await shop.agreed()
    months = [f"{2026 + m // 12}-{m % 12 + 1:02}-05" for m in range(11, 130)]
    for month in months:
        await shop.charge(agreement_id, due=month, description=month[:7])
    began = asyncio.get_running_loop().time()
    advanced = await desk.advance(shop, days=3653)
    took = asyncio.get_running_loop().time() - began
    assert advanced["to"] == "2036-11-02T09:30:00Z"
    captured = [fact for fact in advanced["happened"] if fact["what"] == "charge captured"]
    assert [fact["occurred"][:7] for fact in captured] == [month[:7] for month in months]
    assert took < 5.0


async def test_more_than_can_be_listed_is_cut_off_and_counted(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    each = 3  # shown, begun, captured
    items = [
        {
            "agreementId": agreement_id,
            "orderId": f"order-{number}",
            "amount": 100,
            "description": "November",
            "transactionType": "DIRECT_CAPTURE",
            "due": "2026-11-04",
            "retryDays": 0,
        }
        for number in range(MOST_KEPT // each + 1)
    ]
    for first in range(0, len(items), 2000):
        await shop.bulk(*items[first : first + 2000])
    await desk.ask("POST", f"/sales-units/{shop.msn}/runs")
    advanced = await desk.advance(shop, days=3)
    assert advanced["truncated"] is True
    assert advanced["count"] == each * len(items)
    assert len(advanced["happened"]) == MOST_KEPT
    assert await shop.status("order-3333") == "CHARGED"


async def test_runs_do_what_is_due_now_and_leave_the_clock_alone(desk: Desk, shop: Shop) -> None:
    charge_id = await shop.charge(await shop.agreed())
    path = f"/sales-units/{shop.msn}/runs"
    assert await desk.ask("POST", path) == {"happened": []}
    await shop.clock.jumps(days=2)
    clock = await desk.clock(shop)
    assert facts(await desk.ask("POST", path)) == [
        "charge shown",
        "charge attempt begun",
        "charge captured",
    ]
    assert await shop.status(charge_id) == "CHARGED"
    assert await desk.clock(shop) == clock
    assert await desk.ask("POST", path) == {"happened": []}


async def test_an_advance_waits_for_payments_that_are_on_their_way(house: House) -> None:
    """An UNSCHEDULED charge is attempted in the background, by the clock before the advance."""
    async with installation(work=True) as busy:
        shop = await busy.shop(unscheduled=True)
        desk = Desk(busy)
        agreement_id = await shop.agreed()
        for _ in range(20):
            charge_id = await shop.charge(
                agreement_id, type="UNSCHEDULED", due=None, retryDays=None
            )
            before = (await desk.clock(shop))["now"]
            await desk.advance(shop, days=1)
            history = (await shop.fetch(agreement_id, charge_id))["history"]
            assert [(line["event"], line["occurred"]) for line in history] == [
                ("CREATE", before),
                ("CAPTURE", before),
            ]


# ── Nobody else moves it meanwhile ───────────────────────────────────────────────────────────────


async def busy_shop(house: House) -> Shop:
    """A shop with something to do on every day of a month."""
    shop = await house.shop()
    agreement_id = await shop.agreed()
    for day in range(4, 30):
        await shop.charge(agreement_id, due=f"2026-11-{day:02}")
    return shop


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock/advance", {"days": 1}),
        ("clock/freeze", None),
        ("clock/resume", None),
        ("runs", None),
        ("reset", None),
    ],
)
async def test_a_clock_that_is_being_moved_is_left_alone(
    house: House, desk: Desk, path: str, body: object
) -> None:
    shop = await busy_shop(house)
    moving = asyncio.create_task(desk.advance(shop, days=30))
    await desk.until(shop, lambda now: now > "2026-11-02T09:30:00Z")
    with refused("conflict", 409, "moved"):
        await desk.ask("POST", f"/sales-units/{shop.msn}/{path}", body)
    assert (await desk.clock(shop))["mode"] == "frozen"
    assert (await moving)["to"] == "2026-12-02T09:30:00Z"


async def test_a_client_that_goes_away_does_not_stop_an_advance(house: House, desk: Desk) -> None:
    shop = await busy_shop(house)
    asking = asyncio.create_task(desk.advance(shop, days=30))
    await desk.until(shop, lambda now: now > "2026-11-02T09:30:00Z")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await desk.until(shop, lambda now: now == "2026-12-02T09:30:00Z")
    assert await desk.clock(shop) == {"now": "2026-12-02T09:30:00Z", "mode": "frozen"}
    assert shop.events().count("charge-captured") == 26


async def test_a_loop_in_another_process_leaves_an_advance_alone(postgresql_url: str) -> None:
    """Everything on the way is done by whoever advances, and told by it."""
    with fresh_database(postgresql_url) as url:
        async with installation(url) as house, installation(url, work=True, tick_seconds=0.01):
            shop = await busy_shop(house)
            happened = facts(await Desk(house).advance(shop, days=30))
            assert happened == ["charge shown", "charge attempt begun", "charge captured"] * 26


async def test_another_process_may_not_move_a_clock_that_is_being_moved(
    house: House, desk: Desk, shop: Shop
) -> None:
    unit = await house.find(SalesUnit, shop.msn)
    lease = house.parts.engine.real_now() + timedelta(seconds=60)
    await house.put(unit.advancing_at(MONDAY, lease), shop.msn)
    for path in ("clock/freeze", "clock/resume", "runs", "reset"):
        with refused("conflict", 409, "moved"):
            await desk.ask("POST", f"/sales-units/{shop.msn}/{path}")
    assert await desk.clock(shop) == {"now": "2026-11-02T09:30:00Z", "mode": "frozen"}
    assert await house.parts.clocks.ready(shop.msn) is None


async def test_the_loop_looks_away_from_a_unit_whose_clock_is_being_moved(
    house: House, shop: Shop
) -> None:
    await shop.draft()
    await shop.clock.jumps(minutes=10)
    real_now = house.parts.engine.real_now()
    assert await house.parts.runs.units_with_work(real_now) == [shop.msn]
    unit = await house.find(SalesUnit, shop.msn)
    lease = real_now + timedelta(seconds=60)
    await house.put(unit.advancing_at(unit.clock_at, lease), shop.msn)
    assert await house.parts.runs.units_with_work(real_now) == []
    assert await house.parts.runs.units_with_work(lease) == [shop.msn]


@pytest.mark.parametrize("mode", ["frozen", "running"])
async def test_an_advance_that_was_cut_off_leaves_the_clock_where_it_got(
    house: House, desk: Desk, shop: Shop, mode: str
) -> None:
    if mode == "running":
        await desk.ask("POST", f"/sales-units/{shop.msn}/clock/resume")
    real_now = house.parts.engine.real_now()
    unit = await house.find(SalesUnit, shop.msn)
    await house.put(unit.advancing_at(MONDAY + timedelta(days=5), real_now), shop.msn)
    assert (await desk.clock(shop))["mode"] == mode
    assert [shop.msn] == await house.parts.runs.units_with_work(real_now)
    now = await house.parts.clocks.ready(shop.msn)
    assert now is not None
    assert timedelta() <= now - MONDAY - timedelta(days=5) < timedelta(seconds=30)
    assert (await desk.clock(shop))["mode"] == mode
    after = await house.find(SalesUnit, shop.msn)
    assert after.clock_lease_until is None


# ── Every unit has its own ───────────────────────────────────────────────────────────────────────


async def test_the_clock_of_one_unit_moves_nothing_of_another(house: House, desk: Desk) -> None:
    one, other = await house.shop(), await house.shop()
    charges = [await shop.charge(await shop.agreed()) for shop in (one, other)]
    advanced = await desk.advance(one, days=30)
    assert {fact["chargeId"] for fact in advanced["happened"]} == {charges[0]}
    assert await one.status(charges[0]) == "CHARGED"
    assert await other.status(charges[1]) == "PENDING"
    assert (await desk.clock(other))["now"] == "2026-11-02T09:30:00Z"
    assert other.events() == ["agreement-activated"]
    unit = await house.find(SalesUnit, one.msn)
    assert to_milliseconds(unit.clock_at) - to_milliseconds(MONDAY) == 30 * 86_400_000
