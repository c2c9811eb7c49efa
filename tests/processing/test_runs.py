"""Runs are at the market's times; a charge is attempted at each of them until one succeeds (rulings §2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from avtale.rulebook import MarketCode
from tests.processing.watching import attempts, life, local, when
from tests.support import House, Shop, installation

NORWEGIAN = ["09:00", "17:00"]
MOBILEPAY = ["03:00", "13:00", "18:00", "20:00", "22:00", "23:00"]


async def due(shop: Shop, day: str, **members: Any) -> str:
    """A charge on an agreement of its own."""
    agreement = await shop.agreed()
    return await shop.charge(agreement, due=day, **members)


# ── The times of the markets ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("market", "runs"), [("NO", NORWEGIAN), ("DK", MOBILEPAY), ("FI", MOBILEPAY)]
)
async def test_a_charge_is_attempted_at_each_run_of_its_market(
    house: House, market: MarketCode, runs: list[str]
) -> None:
    shop = await house.shop(market)
    await shop.kari.has(0)
    charge = await due(shop, "2026-11-04", retryDays=1)
    await shop.clock.advance(days=7)
    days = ("11-04", "11-05")
    assert attempts(shop, charge) == [f"{day} {run}" for day in days for run in runs]
    assert await shop.status(charge) == "FAILED"


@pytest.mark.parametrize("days", [0, 1, 2, 3])
async def test_the_attempts_end_with_the_last_run_of_the_last_retry_day(
    shop: Shop, days: int
) -> None:
    await shop.kari.has(0)
    charge = await due(shop, "2026-11-04", retryDays=days)
    last_day = f"2026-11-{4 + days:02}"
    await shop.clock.reaches(f"{last_day} 16:59")
    assert await shop.status(charge) == "DUE"
    await shop.clock.reaches(f"{last_day} 17:00")
    assert await shop.status(charge) == "FAILED"
    await shop.clock.advance(days=30)
    assert len(attempts(shop, charge)) == 2 * (days + 1)
    assert life(shop, charge).count("failed") == 1


async def test_an_attempt_that_succeeds_is_the_last(shop: Shop) -> None:
    await shop.kari.has(0)
    charge = await due(shop, "2026-11-04", retryDays=3)
    await shop.clock.reaches("2026-11-05 12:00")
    await shop.kari.has(1000_00)
    await shop.clock.advance(days=30)
    assert attempts(shop, charge) == ["11-04 09:00", "11-04 17:00", "11-05 09:00", "11-05 17:00"]
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 501_00


async def test_stays_due_until_the_fifth_day_when_there_is_money(shop: Shop) -> None:
    await shop.kari.has(0)
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, due="2026-11-04", retryDays=5)
    for day in (4, 5, 6, 7, 8):
        await shop.clock.reaches(f"2026-11-{day:02} 20:00")
        answer = await shop.fetch(agreement, charge)
        assert answer["status"] == "DUE"
        assert answer["failureReason"] == "user_action_required"
        assert answer["failureDescription"] == "User action required"
    await shop.kari.has(499_00)
    await shop.clock.reaches("2026-11-09 09:00")
    answer = await shop.fetch(agreement, charge)
    assert (answer["status"], answer["failureReason"]) == ("CHARGED", None)


async def test_a_single_attempt_is_one(shop: Shop) -> None:
    await shop.kari.has(0)
    charge = await due(shop, "2026-11-04", processingMode="SINGLE_ATTEMPT")
    await shop.clock.advance(days=7)
    assert attempts(shop, charge) == ["11-04 09:00"]
    assert await shop.status(charge) == "FAILED"


async def test_a_charge_reads_due_from_the_first_moment_of_its_day(shop: Shop) -> None:
    charge = await due(shop, "2026-11-04")
    await shop.clock.reaches("2026-11-03 23:59")
    assert await shop.status(charge) == "PENDING"
    await shop.clock.reaches("2026-11-04 00:00")
    assert await shop.status(charge) == "DUE"
    await shop.clock.reaches("2026-11-04 08:59")
    assert await shop.status(charge) == "DUE"
    await shop.clock.reaches("2026-11-04 09:00")
    assert await shop.status(charge) == "CHARGED"


async def test_with_visible_days_a_charge_reads_due_long_before_its_first_run(
    house: House,
) -> None:
    shop = await house.shop(rules={"visible_days": 30})
    charge = await due(shop, "2027-01-04")
    assert await shop.status(charge) == "PENDING"
    await shop.clock.reaches("2026-12-06 00:00")
    assert await shop.status(charge) == "DUE"
    await shop.clock.advance(days=60)
    assert attempts(shop, charge) == ["01-04 09:00"]


# ── The days on which clocks change ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("market", "day", "utc"),
    [
        ("NO", "2027-03-27", ["08:00", "16:00"]),
        ("NO", "2027-03-28", ["07:00", "15:00"]),
        ("NO", "2027-10-30", ["07:00", "15:00"]),
        ("NO", "2027-10-31", ["08:00", "16:00"]),
        ("DK", "2027-03-28", ["01:00", "11:00", "16:00", "18:00", "20:00", "21:00"]),
        ("DK", "2027-10-31", ["02:00", "12:00", "17:00", "19:00", "21:00", "22:00"]),
        ("FI", "2027-03-28", ["01:00", "10:00", "15:00", "17:00", "19:00", "20:00"]),
        ("FI", "2027-10-31", ["00:00", "11:00", "16:00", "18:00", "20:00", "21:00"]),
    ],
)
async def test_runs_keep_to_the_wall_clock_when_clocks_change(
    house: House, market: MarketCode, day: str, utc: list[str]
) -> None:
    shop = await house.shop(market)
    await shop.kari.has(0)
    charge = await due(shop, day)
    await shop.clock.reaches(f"{day} 23:59")
    begun = when(shop, charge, "attempt begun")
    assert [f"{instant:%Y-%m-%d %H:%M}" for instant in begun] == [f"{day} {each}" for each in utc]


@pytest.mark.parametrize("day", ["2027-03-28", "2027-10-31"])
async def test_a_day_of_23_or_25_hours_begins_at_its_own_midnight(shop: Shop, day: str) -> None:
    charge = await due(shop, day)
    await shop.clock.advance(days=400)
    [shown] = local(shop, when(shop, charge, "shown"))
    assert shown == f"{day[5:]} 00:00"


async def test_retry_days_are_calendar_days_across_a_change_of_clocks(shop: Shop) -> None:
    await shop.kari.has(0)
    charge = await due(shop, "2027-03-27", retryDays=2)
    await shop.clock.advance(days=200)
    assert attempts(shop, charge)[-1] == "03-29 17:00"
    assert len(attempts(shop, charge)) == 6


# ── Charges without a due day ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("balance", "status"), [(499_00, "CHARGED"), (498_99, "FAILED")])
async def test_an_unscheduled_charge_is_attempted_at_once_and_once(
    house: House, balance: int, status: str
) -> None:
    shop = await house.shop(unscheduled=True)
    agreement = await shop.agreed()
    await shop.kari.has(balance)
    charge = await shop.charge(agreement, type="UNSCHEDULED", due=None, retryDays=None)
    assert await shop.status(charge) == "PENDING", "it is asynchronous"
    await shop.clock.lets_work_be_done()
    assert await shop.status(charge) == status
    await shop.kari.has(None)
    await shop.clock.advance(days=30)
    assert attempts(shop, charge) == ["11-02 10:30"]
    assert (await shop.fetch(agreement, charge))["due"] == "2026-11-02T09:30:00Z"


@pytest.mark.parametrize(
    ("transaction_type", "status"),
    [("DIRECT_CAPTURE", "CHARGED"), ("RESERVE_CAPTURE", "RESERVED")],
)
async def test_an_initial_charge_is_attempted_at_approval(
    shop: Shop, transaction_type: str, status: str
) -> None:
    initial = {"amount": 99_00, "description": "First", "transactionType": transaction_type}
    drafted = await shop.draft(initialCharge=initial)
    await shop.clock.advance(minutes=3)
    await shop.kari.approves(drafted["agreementId"])
    answer = await shop.fetch(drafted["agreementId"], drafted["chargeId"])
    assert (answer["status"], answer["type"]) == (status, "INITIAL")
    assert answer["due"] == "2026-11-02T09:33:00Z"
    assert attempts(shop, drafted["chargeId"]) == ["11-02 10:33"]


async def test_an_initial_charge_has_one_attempt(shop: Shop) -> None:
    await shop.kari.has(0)
    initial = {"amount": 99_00, "description": "First", "transactionType": "DIRECT_CAPTURE"}
    drafted = await shop.draft(initialCharge=initial)
    await shop.kari.approves(drafted["agreementId"])
    assert await shop.status(drafted["chargeId"]) == "FAILED"
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "EXPIRED"
    await shop.kari.has(None)
    await shop.clock.advance(days=30)
    assert len(attempts(shop, drafted["chargeId"])) == 1


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────


async def test_a_payer_pays_what_is_due_first_come_first_served(shop: Shop) -> None:
    await shop.kari.has(1000_00)
    agreement = await shop.agreed()
    charges = [
        await shop.charge(agreement, due=f"2026-11-0{day}", orderId=f"day-{day}")
        for day in (5, 4, 3)
    ]
    await shop.clock.advance(days=7)
    assert [await shop.status(charge) for charge in charges] == ["FAILED", "CHARGED", "CHARGED"]
    assert await shop.kari.balance() == 2_00


async def test_a_run_larger_than_a_batch_attempts_each_charge_once() -> None:

    async with installation(run_batch_size=7) as house:
        shop = await house.shop()
        agreement = await shop.agreed()
        charges = [await shop.charge(agreement, orderId=f"order-{n}") for n in range(30)]
        await shop.clock.advance(days=3)
        for charge in charges:
            assert await shop.status(charge) == "CHARGED"
            assert life(shop, charge) == ["created", "shown", "attempt begun", "captured"]


async def test_units_do_not_share_their_time(house: House) -> None:
    early, late = await house.shop(), await house.shop()
    one, other = await due(early, "2026-11-04"), await due(late, "2026-11-04")
    await early.clock.advance(days=7)
    assert await early.status(one) == "CHARGED"
    assert await late.status(other) == "PENDING"
    assert await late.clock.now() == datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
