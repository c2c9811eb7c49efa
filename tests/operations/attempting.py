"""What tests of attempts share: the runs of one Wednesday, and the steps of an attempt by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.gateways.gateway import GatewayAnswer
from avtale.operations.charges import process_charge
from avtale.operations.payments import (
    begin_attempt,
    record_outcome,
)
from tests.operations.workbench import (
    ID,
    MSN,
    Bench,
)

DUE_DAY_BEGINS = datetime(2026, 11, 3, 23, tzinfo=UTC)
FIRST_RUN = datetime(2026, 11, 4, 8, tzinfo=UTC)
SECOND_RUN = datetime(2026, 11, 4, 16, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 5, 8, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def at(bench: Bench, now: datetime) -> Bench:
    bench.now = now
    return bench


def attempt(bench: Bench, *, now: bool = False) -> Payment | None:
    return begin_attempt(bench.world, bench.call(""), ID, "november-1", now=now)


def process(bench: Bench) -> None:
    process_charge(bench.world, bench.call(""), ID, "november-1")


def record(bench: Bench, answer: GatewayAnswer, fence: int | None = None) -> Payment | None:
    payment = bench.find(Payment, answer.payment_key)
    assert isinstance(payment, Payment)
    return record_outcome(
        bench.world,
        bench.call(""),
        answer.payment_key,
        payment.fence if fence is None else fence,
        answer,
    )


def charge(bench: Bench) -> Charge:
    found = bench.find(Charge, MSN, "november-1")
    assert isinstance(found, Charge)
    return found


def agreement(bench: Bench) -> Agreement:
    found = bench.find(Agreement, MSN, ID)
    assert isinstance(found, Agreement)
    return found


def attempted(bench: Bench, **members: Any) -> str:
    """A charge in PROCESSING whose first run has come; answers with the key of its payment."""
    bench.agreement()
    bench.charge("PROCESSING", **members)
    at(bench, FIRST_RUN)
    return str(charge(bench).open_payment)
