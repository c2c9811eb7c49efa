"""A clock runs, stands, goes forward through all that is due, and never back."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avtale.processing.clocks import LATEST
from avtale.rulebook import MarketCode
from avtale.sales_units import SalesUnit
from tests.sandbox.desk import Desk
from tests.support import MONDAY, House, Shop, installation, refused


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ── Standing and running ─────────────────────────────────────────────────────────────────────────


async def test_a_fresh_clock_shows_the_present_and_runs(desk: Desk) -> None:
    clock = await desk.clock("123456")
    assert clock.keys() == {"now", "mode"}
    assert clock["mode"] == "running"
    assert abs(at(clock["now"]) - datetime.now(UTC)) < timedelta(seconds=10)


async def test_a_frozen_clock_stands_until_it_is_resumed(desk: Desk, house: House) -> None:
    frozen = await desk.ask("POST", "/sales-units/123456/clock/freeze")
    assert frozen["mode"] == "frozen"
    first = await house.parts.clocks.show("123456")
    await asyncio.sleep(0.02)
    assert await house.parts.clocks.show("123456") == first
    assert (await desk.ask("POST", "/sales-units/123456/clock/resume"))["mode"] == "running"
    running = await house.parts.clocks.show("123456")
    real_now = house.parts.engine.real_now()
    assert running.now(real_now) >= first.now(real_now)
    assert running.now(real_now + timedelta(hours=1)) == running.now(real_now) + timedelta(hours=1)


async def test_a_clock_that_was_advanced_runs_on_from_there(desk: Desk) -> None:
    before = at((await desk.clock("123456"))["now"])
    advanced = await desk.advance("123456", days=30)
    assert advanced.keys() == {"from", "to", "happened"}
    after = await desk.clock("123456")
    assert after["mode"] == "running"
    assert timedelta() <= at(after["now"]) - before - timedelta(days=30) < timedelta(hours=2)


async def test_a_frozen_clock_that_was_advanced_stands_there(desk: Desk, shop: Shop) -> None:
    await desk.advance(shop, hours=3)
    assert await desk.clock(shop) == {"now": "2026-11-02T12:30:00Z", "mode": "frozen"}


async def test_a_clock_is_frozen_at_a_later_instant_and_everything_before_it_is_done(
    desk: Desk, shop: Shop
) -> None:
    charge_id = await shop.charge(await shop.agreed())
    path = f"/sales-units/{shop.msn}/clock"
    frozen = await desk.ask("POST", f"{path}/freeze", {"at": "2026-11-05T00:00:00+01:00"})
    assert frozen == {"now": "2026-11-04T23:00:00Z", "mode": "frozen"}
    assert await shop.status(charge_id) == "CHARGED"


async def test_a_running_clock_is_frozen_exactly_where_it_was_told(
    desk: Desk, house: House
) -> None:
    to = (house.parts.engine.real_now() + timedelta(days=1)).replace(microsecond=0)
    await desk.ask("POST", "/sales-units/123456/clock/freeze", {"at": to.isoformat()})
    unit = await house.parts.clocks.show("123456")
    assert (unit.clock_mode, unit.clock_at) == ("frozen", to)


async def test_freezing_and_resuming_twice_changes_nothing(desk: Desk, shop: Shop) -> None:
    path = f"/sales-units/{shop.msn}/clock"
    assert await desk.ask("POST", f"{path}/freeze") == await desk.ask("POST", f"{path}/freeze")
    await desk.ask("POST", f"{path}/resume")
    assert (await desk.ask("POST", f"{path}/resume"))["mode"] == "running"


# ── Where to ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("market", "begin", "days", "end"),
    [
        # Summer time ends on 25 October 2026 and begins on 28 March 2027.
        ("NO", "2026-10-24T10:00:00Z", 1, "2026-10-25T11:00:00Z"),
        ("NO", "2027-03-27T11:00:00Z", 1, "2027-03-28T10:00:00Z"),
        ("DK", "2026-10-20T10:00:00Z", 14, "2026-11-03T11:00:00Z"),
        # 02:30 is skipped that night, and read with the offset from before.
        ("NO", "2027-03-27T01:30:00Z", 1, "2027-03-28T01:30:00Z"),
        # 03:30 is skipped in Helsinki.
        ("FI", "2027-03-27T01:30:00Z", 1, "2027-03-28T01:30:00Z"),
        # 02:30 comes twice that night; the first one is meant.
        ("NO", "2026-10-24T00:30:00Z", 1, "2026-10-25T00:30:00Z"),
        ("NO", "2028-02-28T12:00:00Z", 1, "2028-02-29T12:00:00Z"),
    ],
)
async def test_a_day_is_a_calendar_day_of_the_market(
    house: House, desk: Desk, market: MarketCode, begin: str, days: int, end: str
) -> None:
    shop = await house.shop(market)
    unit = await house.find(SalesUnit, shop.msn)
    await house.put(unit.frozen_at(at(begin)), shop.msn)
    advanced = await desk.advance(shop, days=days)
    assert (advanced["from"], advanced["to"]) == (begin, end)


async def test_no_days_in_the_hour_that_comes_twice_stay_in_it(house: House, desk: Desk) -> None:
    shop = await house.shop("NO")
    unit = await house.find(SalesUnit, shop.msn)
    await house.put(unit.frozen_at(at("2026-10-25T01:30:00Z")), shop.msn)
    assert (await desk.advance(shop, days=0, minutes=5))["to"] == "2026-10-25T01:35:00Z"


async def test_hours_minutes_and_seconds_are_exact(desk: Desk, shop: Shop) -> None:
    advanced = await desk.advance(shop, days=1, hours=24, minutes=1, seconds=2)
    assert advanced["to"] == "2026-11-04T09:31:02Z"


async def test_a_charge_on_the_day_summer_time_ends_is_attempted_at_nine(
    house: House, desk: Desk
) -> None:
    shop = await house.shop("NO")
    unit = await house.find(SalesUnit, shop.msn)
    await house.put(unit.frozen_at(at("2026-10-23T10:00:00Z")), shop.msn)
    await shop.charge(await shop.agreed(), due="2026-10-25")
    happened = (await desk.advance(shop, days=3))["happened"]
    assert [(fact["occurred"], fact["what"]) for fact in happened] == [
        ("2026-10-24T22:00:00Z", "charge shown"),
        ("2026-10-25T08:00:00Z", "charge attempt begun"),
        ("2026-10-25T08:00:00Z", "charge captured"),
    ]


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("2026-11-03T00:00:00Z", "2026-11-03T00:00:00Z"),
        ("2026-11-03T00:00:00.250Z", "2026-11-03T00:00:00Z"),
        ("2026-11-03T00:00:00.123456789Z", "2026-11-03T00:00:00Z"),
        ("2026-11-03T00:00:00+05:30", "2026-11-02T18:30:00Z"),
        ("2026-11-02T09:30:00Z", "2026-11-02T09:30:00Z"),
    ],
)
async def test_a_clock_goes_to_an_instant(desk: Desk, shop: Shop, to: str, shown: str) -> None:
    assert (await desk.advance(shop, to=to))["to"] == shown
    assert (await desk.clock(shop))["now"] == shown


async def test_fractions_of_a_second_are_kept_to_the_millisecond(desk: Desk, shop: Shop) -> None:
    await desk.advance(shop, to="2026-11-03T00:00:00.1239Z")
    unit = await shop.house.find(SalesUnit, shop.msn)
    assert unit.clock_at == at("2026-11-03T00:00:00.123Z")


async def test_the_second_that_a_clock_shows_is_not_behind_it(desk: Desk, shop: Shop) -> None:
    await desk.advance(shop, to="2026-11-03T00:00:00.700Z")
    shown = (await desk.clock(shop))["now"]
    assert (await desk.advance(shop, to=shown))["happened"] == []
    with refused(None, 400, "only moves forward"):
        await desk.advance(shop, to="2026-11-03T00:00:00.600Z")


@pytest.mark.parametrize(
    "to",
    ["2026-11-02T09:29:59Z", "2026-11-02T10:29:59+01:00", "1970-01-01T00:00:00Z"],
)
async def test_a_clock_never_goes_back(desk: Desk, shop: Shop, to: str) -> None:
    with refused(None, 400, "2026-11-02T09:30:00Z", "only moves forward", "reset"):
        await desk.advance(shop, to=to)
    with refused(None, 400, "only moves forward"):
        await desk.ask("POST", f"/sales-units/{shop.msn}/clock/freeze", {"at": to})
    assert await desk.clock(shop) == {"now": "2026-11-02T09:30:00Z", "mode": "frozen"}


@pytest.mark.parametrize(
    "by",
    [
        {"days": 3654},
        {"days": 2**31 - 1},
        {"hours": 2**31 - 1},
        {"to": "2036-11-05T00:00:00Z"},
        {"to": "9999-12-31T23:59:59Z"},
    ],
)
async def test_a_clock_goes_ten_years_at_a_time(
    desk: Desk, shop: Shop, by: dict[str, int | str]
) -> None:
    with refused(None, 400, "ten years"):
        await desk.advance(shop, **by)
    assert (await desk.clock(shop))["now"] == "2026-11-02T09:30:00Z"


async def test_no_clock_goes_beyond_the_year_2999(desk: Desk, shop: Shop) -> None:
    unit = await shop.house.find(SalesUnit, shop.msn)
    await shop.house.put(unit.frozen_at(LATEST - timedelta(days=1)), shop.msn)
    assert (await desk.advance(shop, hours=24))["to"] == "2999-12-31T23:59:59Z"
    with refused(None, 400, "2999"):
        await desk.advance(shop, seconds=1)


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"to"}),
        ({"days": None}, {"to"}),
        ({"day": 1}, {"day", "to"}),
        ({"days": -1, "hours": -2}, {"days", "hours"}),
        ({"days": "1"}, {"days", "to"}),
        ({"days": 1.5}, {"days", "to"}),
        ({"days": True}, {"days", "to"}),
        ({"days": 1, "to": "2026-12-01T00:00:00Z"}, {"to"}),
        ({"to": "tomorrow"}, {"to"}),
        ({"to": "2026-12-01T00:00:00"}, {"to"}),
        ({"to": "2026-12-01"}, {"to"}),
        ({"to": "0001-01-01T00:00:00+01:00"}, {"to"}),
    ],
)
async def test_an_advance_says_how_far_in_one_way(
    desk: Desk, shop: Shop, body: object, faults: set[str]
) -> None:
    reply = await desk.send("POST", f"/sales-units/{shop.msn}/clock/advance", body)
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert reply.faults.keys() == faults


@pytest.mark.parametrize("body", [None, b"", b"days=1", b"[]", b'{"days": 1, "days": 2}', b"1"])
async def test_an_advance_that_cannot_be_read_moves_nothing(
    desk: Desk, shop: Shop, body: bytes | None
) -> None:
    reply = await desk.send("POST", f"/sales-units/{shop.msn}/clock/advance", body)
    assert reply.status == 400
    assert reply.slug in {"invalid-json", "validation-error"}
    assert (await desk.clock(shop))["now"] == "2026-11-02T09:30:00Z"


async def test_a_body_is_read_whatever_it_is_declared_as(desk: Desk, shop: Shop) -> None:
    """As `curl -d` sends it."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"/sales-units/{shop.msn}/clock/advance"
    assert (await desk.send("POST", path, {"days": 1}, form)).status == 200


# ── A restart ────────────────────────────────────────────────────────────────────────────────────


async def test_clocks_survive_a_restart(tmp_path: Path) -> None:
    data = str(tmp_path / "avtale.db")
    async with installation(data) as house:
        desk = Desk(house)
        frozen = await house.shop()
        await desk.advance(frozen, days=2)
        running = await house.shop()
        await desk.ask("POST", f"/sales-units/{running.msn}/clock/resume")
        begun = house.parts.engine.real_now()
        await desk.advance(running, to="2030-01-01T00:00:00Z")
    async with installation(data) as house:
        desk = Desk(house)
        assert await desk.clock(frozen) == {"now": "2026-11-04T09:30:00Z", "mode": "frozen"}
        clock = await desk.clock(running)
        assert clock["mode"] == "running"
        passed = house.parts.engine.real_now() - begun
        assert timedelta(seconds=-1) <= at(clock["now"]) - at("2030-01-01T00:00:00Z") <= passed


async def test_a_server_that_starts_again_lets_go_of_a_cut_off_advance(tmp_path: Path) -> None:
    data = str(tmp_path / "avtale.db")
    async with installation(data) as house:
        shop = await house.shop()
        unit = await house.find(SalesUnit, shop.msn)
        lease = house.parts.engine.real_now() + timedelta(seconds=60)
        await house.put(unit.advancing_at(MONDAY + timedelta(days=1), lease), shop.msn)
    async with installation(data, work=True) as house:
        desk = Desk(house)
        await desk.advance(shop, days=1)
        assert await desk.clock(shop) == {"now": "2026-11-04T09:30:00Z", "mode": "frozen"}
