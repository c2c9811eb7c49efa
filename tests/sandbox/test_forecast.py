"""A forecast says what an advance would do, and does none of it."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avtale.engine.rows import TABLES
from avtale.processing import forecast as forecasting
from avtale.sales_units import SalesUnit
from avtale.storage.columns import SHAPES
from avtale.storage.statements import queries
from tests.sandbox.desk import Desk, facts
from tests.support import KARI, MONDAY, House, Shop, installation, refused


async def dumped(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as it is stored."""
    found = {}
    for table in TABLES:
        columns = ", ".join(SHAPES[table.row].names)
        name = f"dump_{table.name}"
        text = f"SELECT {columns} FROM {table.name} ORDER BY {', '.join(table.key)}"
        queries().setdefault(name, text)
        found[table.name] = await house.parts.storage.select(name)
    return found


async def same_ahead_and_after(desk: Desk, shop: Shop, days: int) -> list[str]:
    """Forecast, compare every row, advance, compare; answers with what happened."""
    before = await dumped(desk.house)
    foreseen = await desk.forecast(shop, days)
    assert await dumped(desk.house) == before
    done = await desk.advance(shop, days=days)
    assert foreseen == done
    return facts(done)


async def test_a_quiet_unit_has_nothing_ahead(desk: Desk, shop: Shop) -> None:
    assert await desk.forecast(shop, 10) == {
        "from": "2026-11-02T09:30:00Z",
        "to": "2026-11-12T09:30:00Z",
        "happened": [],
    }


async def test_a_forecast_looks_thirty_days_ahead_unless_told(desk: Desk, shop: Shop) -> None:
    path = f"/sales-units/{shop.msn}/clock/forecast"
    assert (await desk.ask("GET", path))["to"] == "2026-12-02T09:30:00Z"
    with refused("validation-error", 400):
        await desk.ask("GET", f"{path}?days=-1")
    with refused("validation-error", 400):
        await desk.ask("GET", f"{path}?days=3654")


async def test_everything_that_time_brings_is_foreseen(desk: Desk) -> None:
    shop = await desk.house.shop(unscheduled=True)
    agreement_id = await shop.agreed()
    await shop.draft(productName="Forgotten")
    await shop.draft(productName="Forgotten and unpaid", initialCharge=_initial())
    declined = await shop.charge(agreement_id, due="2026-11-05", retryDays=2)
    await shop.next_attempts(declined, "insufficient_funds", "card_expired", "ok")
    failing = await shop.charge(agreement_id, due="2026-11-07", retryDays=1, amount=151)
    unclear = await shop.charge(agreement_id, due="2026-11-09", amount=201)
    late = await shop.charge(agreement_id, due="2026-11-10")
    await shop.next_attempts(late, "timeout")
    await shop.charge(agreement_id, due="2026-11-12", transactionType="RESERVE_CAPTURE")
    told = await same_ahead_and_after(desk, shop, 250)
    assert told.count("agreement expired") == 2
    assert told.count("charge failed") == 2
    assert told.count("charge outcome unclear") == 2
    assert told.count("charge attempt declined") == 5
    assert told[-1] == "charge cancelled"
    for charge_id, status in ((declined, "CHARGED"), (failing, "FAILED"), (unclear, "CHARGED")):
        assert await shop.status(charge_id) == status


async def test_what_is_open_now_is_foreseen_too(desk: Desk, shop: Shop) -> None:
    """An outcome that is unknown, a reservation that is held, a bulk that waits."""
    agreement_id = await shop.agreed()
    unclear = await shop.charge(agreement_id, amount=201)
    held = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    await desk.advance(shop, days=1, hours=23)
    assert (await shop.status(unclear), await shop.status(held)) == ("PROCESSING", "RESERVED")
    await shop.bulk(
        *(
            {
                "agreementId": agreement_id,
                "orderId": order_id,
                "amount": 100_00,
                "description": "December",
                "transactionType": "DIRECT_CAPTURE",
                "due": "2026-12-01",
                "retryDays": 0,
            }
            for order_id in ("december-1", "december-2")
        )
    )
    told = await same_ahead_and_after(desk, shop, 200)
    assert told[:2] == ["charge created", "charge created"]
    assert told.count("charge captured") == 3
    assert told[-1] == "charge cancelled"


async def test_money_is_counted_in_a_forecast(desk: Desk, shop: Shop) -> None:
    await desk.put_payer(KARI, balance=1000_00)
    agreement_id = await shop.agreed()
    for day in ("2026-11-05", "2026-11-06", "2026-11-07"):
        await shop.charge(agreement_id, due=day)
    told = await same_ahead_and_after(desk, shop, 10)
    assert (told.count("charge captured"), told.count("charge failed")) == (2, 1)
    assert await shop.kari.balance() == 2_00


async def test_forecasting_twice_foresees_the_same(desk: Desk, shop: Shop) -> None:
    await shop.charge(await shop.agreed(), amount=151, retryDays=3)
    assert await desk.forecast(shop, 10) == await desk.forecast(shop, 10)


async def test_a_forecast_is_by_calendar_days_as_an_advance_is(desk: Desk, shop: Shop) -> None:
    unit = await desk.house.find(SalesUnit, shop.msn)
    await desk.house.put(unit.frozen_at(datetime(2027, 3, 27, 10, tzinfo=UTC)), shop.msn)
    assert (await desk.forecast(shop, 1))["to"] == "2027-03-28T09:00:00Z"


async def test_a_forecast_does_not_look_beyond_its_days(desk: Desk, shop: Shop) -> None:
    await shop.charge(await shop.agreed(), due="2026-11-12")
    assert facts(await desk.forecast(shop, 9)) == []
    assert facts(await desk.forecast(shop, 10)) == [
        "charge shown",
        "charge attempt begun",
        "charge captured",
    ]


async def test_a_running_clock_is_forecast_from_where_it_is(desk: Desk, house: House) -> None:
    before = await house.parts.clocks.show("123456")
    foreseen = await desk.forecast("123456", 1)
    begin = datetime.fromisoformat(foreseen["from"])
    assert abs(begin - house.parts.engine.real_now()) < timedelta(seconds=10)
    assert await house.parts.clocks.show("123456") == before


async def test_a_forecast_during_an_advance_begins_where_that_is(desk: Desk, shop: Shop) -> None:
    unit = await desk.house.find(SalesUnit, shop.msn)
    lease = desk.house.parts.engine.real_now() + timedelta(seconds=60)
    await desk.house.put(unit.advancing_at(MONDAY + timedelta(days=2), lease), shop.msn)
    assert (await desk.forecast(shop, 1))["from"] == "2026-11-04T09:30:00Z"


async def test_a_forecast_of_too_much_is_refused(
    desk: Desk, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecasting, "MOST_CHARGES", 2)
    agreement_id = await shop.agreed()
    for _ in range(2):
        await shop.charge(agreement_id)
    assert (await desk.forecast(shop, 10))["happened"]
    await shop.charge(agreement_id)
    with refused(None, 400, "look ahead less far"):
        await desk.forecast(shop, 10)


async def test_a_forecast_is_the_same_on_every_database(stored_house: House) -> None:
    desk = Desk(stored_house)
    shop = await stored_house.shop()
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, retryDays=1)
    await shop.next_attempts(charge_id, "insufficient_funds")
    unknown = await shop.charge(agreement_id, due="2026-11-05", amount=201)
    await shop.draft()
    told = await same_ahead_and_after(desk, shop, 2)
    assert told[0] == "agreement expired"
    told = await same_ahead_and_after(desk, shop, 2)
    assert told.count("charge captured") == 2
    assert await shop.status(unknown) == "CHARGED"


async def test_a_payment_that_is_on_its_way_is_settled_in_the_forecast(house: House) -> None:
    """The process that began it was killed; nobody has taken it up yet."""
    shop = await house.shop()
    desk = Desk(house)
    charge_id = await shop.charge(await shop.agreed())
    await shop.clock.jumps(days=2)

    class Killed(BaseException):
        pass

    class Dead:
        async def ask(self, _asks: Any) -> Any:
            raise Killed

    dead = house.with_gateway(Dead())
    with contextlib.suppress(Killed):
        await dead.parts.runs.catch_up(shop.msn, await shop.clock.now())
    assert await shop.status(charge_id) == "PROCESSING"
    before = await dumped(house)
    assert (await desk.forecast(shop, 1))["to"] == "2026-11-05T09:30:00Z"
    assert await dumped(house) == before


async def test_units_in_production_have_no_forecast() -> None:
    async with installation(environment="production") as house:
        reply = await Desk(house).send("GET", "/sales-units/123456/clock/forecast")
        assert (reply.status, reply.slug) == (404, "resource-not-found")


def _initial() -> dict[str, Any]:
    return {"amount": 99_00, "description": "Start", "transactionType": "DIRECT_CAPTURE"}
