"""The lives of agreements and charges, walked edge by edge: every status × happening, allowed and refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import get_args

import pytest

from avtale.agreements import lifecycle as agreement_life
from avtale.agreements.agreement import Agreement
from avtale.agreements.lifecycle import AGREEMENT_STATUSES, AgreementHappening, AgreementStatus
from avtale.charges import lifecycle as charge_life
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import CHARGE_STATUSES, OPEN, ChargeStatus, Happening
from tests.operations.workbench import KARI, NOW, PRICE, Bench, aged, created, drafted

LATER = NOW + timedelta(days=1)

# ── Agreements ───────────────────────────────────────────────────────────────────────────────────

AGREEMENT_LIFE: dict[AgreementStatus, dict[AgreementHappening, AgreementStatus]] = {
    "PENDING": {"approved": "ACTIVE", "rejected": "STOPPED", "expired": "EXPIRED"},
    "ACTIVE": {"stopped": "STOPPED"},
    "STOPPED": {},
    "EXPIRED": {},
}
AGREEMENT_STEPS: dict[AgreementHappening, Callable[[Agreement], Agreement]] = {
    "approved": lambda agreement: agreement.activated(LATER)[0],
    "rejected": lambda agreement: agreement.rejected(LATER)[0],
    "expired": lambda agreement: agreement.expired(LATER)[0],
    "stopped": lambda agreement: agreement.stopped(LATER, "USER", None)[0],
}


def agreement_in(status: AgreementStatus) -> Agreement:
    pending = drafted(Bench())
    match status:
        case "PENDING":
            return pending
        case "ACTIVE":
            return pending.approved_by(KARI, None, None).activated(NOW)[0]
        case "STOPPED":
            return pending.rejected(NOW)[0]
        case "EXPIRED":
            return pending.expired(NOW)[0]


@pytest.mark.parametrize(
    ("status", "happening"), [*product(AGREEMENT_STATUSES, get_args(AgreementHappening))]
)
def test_an_agreement_goes_where_the_table_says_and_nowhere_else(
    status: AgreementStatus, happening: AgreementHappening
) -> None:
    step, after = AGREEMENT_STEPS[happening], AGREEMENT_LIFE[status].get(happening)
    agreement = agreement_in(status)
    assert agreement.status == status
    if after is not None:
        assert step(agreement).status == after
        return
    with pytest.raises(agreement_life.ImpossibleTransition, match=status):
        step(agreement)


def test_the_table_of_agreements_is_the_published_one() -> None:
    assert AGREEMENT_LIFE == agreement_life.LIFECYCLE


# ── Charges ──────────────────────────────────────────────────────────────────────────────────────

CHARGE_LIFE: dict[ChargeStatus, dict[Happening, ChargeStatus]] = {
    "PENDING": {
        "shown": "DUE",
        "attempted": "PROCESSING",
        "cancelled": "CANCELLED",
        "failed": "FAILED",
    },
    "DUE": {
        "attempted": "PROCESSING",
        "declined": "DUE",
        "cancelled": "CANCELLED",
        "failed": "FAILED",
    },
    "PROCESSING": {
        "reserved": "RESERVED",
        "paid": "CHARGED",
        "declined": "DUE",
        "failed": "FAILED",
        "cancelled": "CANCELLED",
    },
    "RESERVED": {
        "captured in part": "PARTIALLY_CAPTURED",
        "settled": "CHARGED",
        "released": "CANCELLED",
    },
    "PARTIALLY_CAPTURED": {
        "captured in part": "PARTIALLY_CAPTURED",
        "refunded in part": "PARTIALLY_CAPTURED",
        "refunded in full": "PARTIALLY_CAPTURED",
        "settled": "CHARGED",
        "settled after refund": "PARTIALLY_REFUNDED",
        "settled after full refund": "REFUNDED",
    },
    "CHARGED": {"refunded in part": "PARTIALLY_REFUNDED", "refunded in full": "REFUNDED"},
    "PARTIALLY_REFUNDED": {
        "refunded in part": "PARTIALLY_REFUNDED",
        "refunded in full": "REFUNDED",
    },
    "REFUNDED": {},
    "FAILED": {},
    "CANCELLED": {},
}


@pytest.mark.parametrize(("status", "happening"), [*product(CHARGE_STATUSES, get_args(Happening))])
def test_a_charge_goes_where_the_table_says_and_nowhere_else(
    status: ChargeStatus, happening: Happening
) -> None:
    after = CHARGE_LIFE[status].get(happening)
    if after is not None:
        assert charge_life.next_status(status, happening) == after
        return
    with pytest.raises(charge_life.ImpossibleTransition, match=f"{status} cannot be {happening}"):
        charge_life.next_status(status, happening)


def charge_in(status: ChargeStatus) -> Charge:
    return aged(Bench(), created(Bench()), status, 100_00)


def steps(charge: Charge) -> Iterator[tuple[str, Callable[[], Charge]]]:
    """Everything that can be done to a charge, by the name of the happening it stands for."""
    yield "shown", lambda: charge.shown(LATER)
    yield "attempted", lambda: charge.attempted("key")
    yield "declined", lambda: charge.declined("technical_error", LATER)
    yield "failed", lambda: charge.failed("technical_error", LATER)[0]
    yield "cancelled", lambda: charge.cancel(LATER, "key")[0]
    yield "reserved", lambda: charge.reserved_by(LATER, "1", "key", LATER)[0]
    yield "paid", lambda: charge.paid(LATER, "1", "key")[0]
    half, whole = max(charge.held // 2, 1), max(charge.held, 1)
    yield "captured in part", lambda: charge.capture(half, LATER, "k", "1", "key", LATER)[0]
    yield "settled", lambda: charge.capture(whole, LATER, "k", "1", "key", LATER)[0]
    released = "settled" if charge.captured else "released"
    yield released, lambda: charge.release(LATER, "k", "1", "key")[0]
    little, all_of_it = max(charge.refundable // 2, 1), max(charge.refundable, 1)
    yield "refunded in part", lambda: charge.refund(little, LATER, "k", "1", "key")[0]
    yield "refunded in full", lambda: charge.refund(all_of_it, LATER, "k", "1", "key")[0]


@pytest.mark.parametrize("status", CHARGE_STATUSES)
def test_a_charge_does_only_what_the_table_has(status: ChargeStatus) -> None:
    charge = charge_in(status)
    for happening, step in steps(charge):
        after = CHARGE_LIFE[status].get(happening)  # type: ignore[call-overload]  # one of them
        if after is not None:
            assert step().status == after, happening
        else:
            with pytest.raises(charge_life.ImpossibleTransition):
                step()


def test_the_table_of_charges_is_the_published_one() -> None:
    assert CHARGE_LIFE == charge_life.LIFECYCLE


def test_a_stop_has_work_to_do_where_money_may_still_move() -> None:
    work: set[ChargeStatus] = {"PENDING", "DUE", "PROCESSING", "RESERVED", "PARTIALLY_CAPTURED"}
    assert work == OPEN


@pytest.mark.parametrize("status", CHARGE_STATUSES)
def test_the_sums_of_a_charge_never_contradict_its_status(status: ChargeStatus) -> None:
    charge = charge_in(status)
    captured, refunded, cancelled = charge.captured, charge.refunded, charge.cancelled
    assert 0 <= refunded <= captured
    assert captured + cancelled <= PRICE
    expected: dict[ChargeStatus, tuple[int, int, int]] = {
        "PARTIALLY_CAPTURED": (100_00, 0, 0),
        "CHARGED": (PRICE, 0, 0),
        "PARTIALLY_REFUNDED": (PRICE, 100_00, 0),
        "REFUNDED": (PRICE, PRICE, 0),
        "CANCELLED": (0, 0, PRICE),
    }
    assert (captured, refunded, cancelled) == expected.get(status, (0, 0, 0))


# ── History ──────────────────────────────────────────────────────────────────────────────────────


def test_history_never_goes_back_in_time() -> None:
    charge, entry = created(Bench()).failed("technical_error", NOW - timedelta(days=3))
    assert entry.occurred == NOW
    assert charge.changed == NOW
    stopped, line = agreement_in("ACTIVE").stopped(NOW - timedelta(days=3), "USER", None)
    assert line.occurred == NOW
    assert stopped.changed == NOW


def test_every_line_of_history_is_chained_to_the_one_before() -> None:
    charge = charge_in("RESERVED")
    one, first = charge.capture(1, NOW, "k", "1", "key", LATER)
    other, second = charge.capture(2, NOW, "k", "1", "key", LATER)
    assert (first.sequence, second.sequence) == (3, 3)
    assert one.chain == first.chain != second.chain == other.chain
    _, next_line = one.capture(1, NOW, "k", "1", "key", LATER)
    assert next_line.sequence == 4
    assert next_line.chain != first.chain
