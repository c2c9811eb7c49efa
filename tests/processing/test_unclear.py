"""An outcome that nobody knows stays unknown until somebody does; it is asked for again under the same key."""

from __future__ import annotations

from typing import Any

import pytest

from avtale.ledger import LedgerEntry
from tests.processing.gateways import Broken, Muddled
from tests.processing.watching import attempts, life
from tests.support import House, Shop


async def due(shop: Shop, **members: Any) -> str:
    """A charge whose first run is on Wednesday at nine."""
    return await shop.charge(await shop.agreed(), due="2026-11-04", **members)


# ── Too late an answer ───────────────────────────────────────────────────────────────────────────


async def test_a_late_yes_is_found_a_minute_later_under_the_same_key(shop: Shop) -> None:
    charge = await due(shop)
    await shop.kari.has(1000_00)
    await shop.next_attempts(charge, "timeout")
    await shop.clock.reaches("2026-11-04 09:00")
    assert await shop.status(charge) == "PROCESSING"
    assert await shop.kari.balance() == 501_00, "it was a yes all along"
    await shop.clock.advance(seconds=59)
    assert await shop.status(charge) == "PROCESSING"
    await shop.clock.advance(seconds=1)
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 501_00
    stored = await shop.stored_charge(charge)
    assert (stored.payments, stored.attempts) == (1, 1)
    assert life(shop, charge)[2:] == ["attempt begun", "outcome unclear", "captured"]


async def test_a_late_no_waits_for_the_next_run_like_any_other(shop: Shop) -> None:
    charge = await due(shop)
    await shop.kari.has(0)
    await shop.next_attempts(charge, "timeout", "ok")
    await shop.clock.reaches("2026-11-04 09:01")
    assert await shop.status(charge) == "DUE"
    await shop.kari.has(499_00)
    await shop.clock.reaches("2026-11-04 17:00")
    assert await shop.status(charge) == "CHARGED"


async def test_there_is_no_other_attempt_while_one_is_unclear(shop: Shop) -> None:
    charge = await due(shop, amount=201, retryDays=3)
    await shop.clock.reaches("2026-11-04 09:59")
    assert attempts(shop, charge) == ["11-04 09:00"]
    assert await shop.status(charge) == "PROCESSING"


async def test_a_window_that_ended_meanwhile_is_no_reason_to_forget_a_yes(shop: Shop) -> None:
    charge = await due(shop, processingMode="SINGLE_ATTEMPT")
    await shop.next_attempts(charge, "timeout")
    await shop.clock.reaches("2026-11-04 09:00")
    await shop.clock.jumps(days=30)
    await shop.clock.lets_work_be_done()
    assert await shop.status(charge) == "CHARGED"


# ── 201 ──────────────────────────────────────────────────────────────────────────────────────────


async def test_201_is_known_after_exactly_an_hour(shop: Shop) -> None:
    charge = await due(shop, amount=201)
    await shop.kari.has(1000)
    await shop.clock.reaches("2026-11-04 10:00")
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 799
    entry = await shop.booked(charge, "DIRECT_CAPTURE", 1)
    assert entry is not None
    assert (entry.result, entry.transaction_id) == (
        "OK",
        (await shop.stored_charge(charge)).transaction_id,
    )


async def test_a_millisecond_before_the_hour_201_is_unknown(shop: Shop) -> None:
    charge = await due(shop, amount=201)
    await shop.clock.reaches("2026-11-04 09:00")
    await shop.clock.advance(minutes=60, milliseconds=-1)
    assert await shop.status(charge) == "PROCESSING"
    await shop.clock.advance(milliseconds=1)
    assert await shop.status(charge) == "CHARGED"


async def test_an_agreement_waits_with_its_initial_charge_of_201(shop: Shop) -> None:
    initial = {"amount": 201, "description": "First", "transactionType": "DIRECT_CAPTURE"}
    drafted = await shop.draft(initialCharge=initial)
    await shop.kari.approves(drafted["agreementId"])
    await shop.clock.advance(minutes=59)
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "PENDING"
    await shop.clock.advance(minutes=1)
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "ACTIVE"
    assert shop.events() == ["charge-captured", "agreement-activated"]


# ── A gateway with faults ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", [False, True])
async def test_a_gateway_that_raises_leaves_the_outcome_unclear_until_it_is_mended(
    house: House, after: bool
) -> None:
    """Whether it raised before or after the money moved, one attempt is one movement."""
    gateway = Broken(house, after=after)
    shop = await house.with_gateway(gateway).shop()
    charge = await due(shop)
    await shop.kari.has(1000_00)
    await shop.clock.reaches("2026-11-04 09:05")
    assert await shop.status(charge) == "PROCESSING"
    assert life(shop, charge).count("outcome unclear") == 6, "asked again each minute"
    gateway.is_mended = True
    await shop.clock.advance(minutes=1)
    assert await shop.status(charge) == "CHARGED"
    assert await shop.kari.balance() == 501_00
    assert (await shop.stored_charge(charge)).payments == 1


@pytest.mark.parametrize("leaves_out", [False, True])
async def test_an_answer_to_another_ask_is_no_answer(house: House, leaves_out: bool) -> None:
    gateway = Muddled(house, leaves_out=leaves_out)
    shop = await house.with_gateway(gateway).shop()
    agreement = await shop.agreed()
    cheap = await shop.charge(agreement, amount=100_00, orderId="cheap")
    dear = await shop.charge(agreement, amount=900_00, orderId="dear")
    await shop.kari.has(100_00)
    await shop.next_attempts(dear, "insufficient_funds", "insufficient_funds")
    await shop.clock.reaches("2026-11-04 09:00")
    assert [await shop.status(charge) for charge in (cheap, dear)] == ["PROCESSING"] * 2
    gateway.is_mended = True
    await shop.clock.advance(minutes=1)
    assert [await shop.status(charge) for charge in (cheap, dear)] == ["CHARGED", "DUE"]


@pytest.mark.parametrize("after", [False, True])
async def test_a_capture_whose_outcome_was_unclear_is_captured_once(
    house: House, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Broken(house, after=after)
    gateway.is_mended = True
    shop = await house.with_gateway(gateway).shop()
    agreement = await shop.agreed()
    charge = await shop.charge(agreement, transactionType="RESERVE_CAPTURE")
    await shop.clock.reaches("2026-11-04 09:00")
    gateway.is_mended = False
    monkeypatch.setattr("avtale.api.writes.PATIENCE_SECONDS", 0.01)
    path = f"/agreements/{agreement}/charges/{charge}/capture"
    impatient = await shop.send("POST", path, {"amount": 100_00}, key="capture-1")
    assert impatient.status == 503
    assert impatient.headers["Retry-After"] == "5"
    gateway.is_mended = True
    await shop.clock.advance(minutes=1)
    patient = await shop.send("POST", path, {"amount": 100_00}, key="capture-1")
    assert (patient.status, patient.headers["Idempotency-Replayed"]) == (204, "true")
    assert await shop.summary(charge) == (100_00, 0, 0)
    assert await shop.booked(charge, "CAPTURE", 3) is None
    found: LedgerEntry | None = await shop.booked(charge, "CAPTURE", 2)
    assert found is not None
    assert found.amount == 100_00
