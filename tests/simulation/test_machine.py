"""Random merchants, payers, days, faults and deaths: the real thing does what the reference model does."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation.pair import Pair
from tests.simulation.records import Order, runs_of
from tests.simulation.side_by_side import CHILD, KARI, NORA, OLA
from tests.simulation.walking import walking

EXAMPLES = int(os.environ.get("AVTALE_SIMULATIONS", "220"))
"""So many runs, the same ones every time; AVTALE_SIMULATIONS=20000 makes others, and more.

That takes longer than a test may: add `-o faulthandler_timeout=0`.
"""
STEPS = 50

INDEX = st.integers(0, 11)
KINDS = st.sampled_from(["DIRECT_CAPTURE", "RESERVE"])
AMOUNTS = st.sampled_from([100, 151, 182, 186, 197, 201, 499, 700, 1_200, 2_500, 9_000])
PRICINGS = st.sampled_from(["LEGACY", "VARIABLE", "FLEXIBLE"])
PRICES = st.sampled_from([100, 300, 499, 2_000_001])
GROWN_UPS = st.sampled_from([KARI, KARI, OLA, NORA])
PARTS = st.sampled_from(["all", "all", "half", "one", "too much", "magic"])
MOVES = st.sampled_from(["capture", "capture", "refund", "refund", "cancel"])
ASKING: list[list[str]] = [
    *([] for _ in range(6)),
    *([kind] for kind in ("die before", "die after", "fail before", "fail after")),
    *(["", kind] for kind in ("die before", "die after", "fail after")),
    ["fail after", "die after"],
]
COMMITTING = [["die at commit"]]
RUN_FAULTS = st.sampled_from(ASKING)
FAULTS = st.sampled_from([*ASKING, *COMMITTING])
DEATHS = st.sampled_from([*([] for _ in range(7)), *COMMITTING])
OUTCOMES = st.lists(
    st.sampled_from(
        [
            "ok",
            "insufficient_funds",
            "card_expired",
            "refused",
            "technical_error",
            "timeout",
            "timeout",
        ]
    ),
    max_size=2,
)
SPANS = st.sampled_from(
    [timedelta(minutes=n) for n in (1, 5, 10, 59, 61)]
    + [timedelta(hours=n) for n in (3, 9, 16)]
    + [timedelta(days=n) for n in (1, 1, 2, 3, 7, 8, 30, 181, 366)]
)


class Machine(RuleBasedStateMachine):
    """One sales unit, and all that can happen to it in any order."""

    loop: asyncio.AbstractEventLoop
    scratch: Path
    seen: ClassVar[set[str]] = set()

    @initialize(seed=st.integers(0, 2**32), pricing=PRICINGS, first=st.none() | KINDS)
    def open(self, seed: int, pricing: Any, first: Any) -> None:
        self.pair = Pair(self.loop, seed)
        self.pair.draft(pricing, 499, first and (first, 700))
        self.pair.approve("a0", KARI)

    @rule(
        pricing=PRICINGS,
        price=PRICES,
        first=st.none() | st.tuples(KINDS, AMOUNTS),
        taken=INDEX,
        faults=DEATHS,
    )
    def draft(self, pricing: Any, price: int, first: Any, taken: int, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        order = self.charge(taken) if taken == 0 and self.pair.model.charges else None
        self.pair.draft(pricing, price, first, order)

    @rule(index=INDEX, phone=GROWN_UPS | st.just(CHILD), maximum=st.none() | AMOUNTS, faults=FAULTS)
    def approve(self, index: int, phone: str, maximum: int | None, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.approve(self.agreement(index), phone, maximum)

    @rule(index=INDEX, phone=GROWN_UPS, faults=FAULTS)
    def accept(self, index: int, phone: str, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.accept(self.agreement(index), phone)

    @rule(index=INDEX, faults=DEATHS)
    def reject(self, index: int, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.reject(self.agreement(index))

    @rule(
        index=INDEX,
        kind=KINDS,
        amount=AMOUNTS,
        mode=st.sampled_from(["", "", "UNSCHEDULED", "SINGLE_ATTEMPT"]),
        due=st.sampled_from([0, 1, 1, 2, 5]),
        retry_days=st.sampled_from([0, 0, 1, 2]),
        taken=INDEX,
        faults=DEATHS,
    )
    def create(
        self,
        index: int,
        kind: str,
        amount: int,
        mode: str,
        due: int,
        retry_days: int,
        taken: int,
        faults: list[str],
    ) -> None:
        self.pair.faults = list(faults)
        name = self.fresh(taken)
        is_single = mode != ""
        type_ = mode if mode == "UNSCHEDULED" else "RECURRING"
        days = 0 if is_single else retry_days
        self.pair.create(
            Order(
                name,
                self.agreement(index),
                type_,
                kind,
                amount,
                self.pair.day(due),
                days,
                is_single,
            )
        )

    @rule(
        items=st.lists(st.tuples(INDEX, AMOUNTS, st.integers(0, 2), INDEX), min_size=1, max_size=4),
        faults=DEATHS,
    )
    def create_many(self, items: list[tuple[int, int, int, int]], faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.create_many(
            [
                Order(
                    self.fresh(taken, number),
                    self.agreement(index),
                    "RECURRING",
                    "DIRECT_CAPTURE",
                    amount,
                    self.pair.day(due),
                )
                for number, (index, amount, due, taken) in enumerate(items)
            ]
        )

    @precondition(lambda self: self.pair.model.charges)
    @rule(index=INDEX, faults=FAULTS)
    def cancel(self, index: int, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.cancel(self.charge(index))

    @precondition(lambda self: self.pair.model.charges)
    @rule(index=INDEX, part=PARTS, faults=FAULTS)
    def capture(self, index: int, part: str, faults: list[str]) -> None:
        name = self.charge(index, "RESERVED", "PARTIALLY_CAPTURED")
        self.pair.faults = list(faults)
        self.pair.capture(name, _part(self.pair.model.charges[name].held, part))

    @precondition(lambda self: self.pair.model.charges)
    @rule(index=INDEX, part=PARTS, faults=FAULTS)
    def refund(self, index: int, part: str, faults: list[str]) -> None:
        name = self.charge(index, "CHARGED", "PARTIALLY_REFUNDED", "PARTIALLY_CAPTURED")
        charge = self.pair.model.charges[name]
        self.pair.faults = list(faults)
        self.pair.refund(name, _part(charge.sum("CAPTURE") - charge.sum("REFUND"), part))

    @precondition(lambda self: self.pair.model.charges)
    @rule(index=INDEX, moves=st.lists(st.tuples(MOVES, PARTS), min_size=2, max_size=5))
    def move_money(self, index: int, moves: list[tuple[str, str]]) -> None:
        name = self.charge(index, "RESERVED", "PARTIALLY_CAPTURED", "CHARGED", "PARTIALLY_REFUNDED")
        charge = self.pair.model.charges[name]
        for move, part in moves:
            if move == "capture":
                self.pair.capture(name, _part(charge.held, part))
            elif move == "refund":
                left = charge.sum("CAPTURE") - charge.sum("REFUND")
                self.pair.refund(name, _part(left, part))
            else:
                self.pair.cancel(name)

    @rule(
        index=INDEX, pricing=PRICINGS.filter(lambda p: p != "FLEXIBLE"), price=PRICES, faults=DEATHS
    )
    def update_price(self, index: int, pricing: Any, price: int, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.update_price(self.agreement(index), pricing, price)

    @rule(index=INDEX, maximum=AMOUNTS, faults=DEATHS)
    def set_maximum(self, index: int, maximum: int, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.set_maximum(self.agreement(index), maximum)

    @rule(index=INDEX, actor=st.sampled_from(["MERCHANT", "USER", "ADMIN"]), faults=FAULTS)
    def stop(self, index: int, actor: Any, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        if actor == "MERCHANT":
            self.pair.stop(self.agreement(index))
        else:
            self.pair.stop_by(self.agreement(index), actor)

    @rule(
        phone=GROWN_UPS,
        balance=st.sampled_from([None, 0, 800, 20_000]),
        works=st.booleans(),
        outcomes=OUTCOMES,
    )
    def change_payer(
        self, phone: str, balance: int | None, works: bool, outcomes: list[Any]
    ) -> None:
        self.pair.set_payer(phone, balance=balance, works=works, outcomes=outcomes)

    @rule(span=SPANS, faults=RUN_FAULTS)
    def advance(self, span: timedelta, faults: list[str]) -> None:
        if self.pair.model.left_behind():
            self.pair.recover()
        self.pair.faults = list(faults)
        self.pair.advance(span)

    @rule(faults=RUN_FAULTS)
    def advance_to_the_next_moment(self, faults: list[str]) -> None:
        if self.pair.model.left_behind():
            self.pair.recover()
        moment = self.pair.model.next_moment()
        if moment is not None:
            self.pair.faults = list(faults)
            self.pair.advance(max(moment - self.pair.model.now, timedelta()))

    @rule(span=SPANS)
    def sleep_through(self, span: timedelta) -> None:
        self.pair.sleep_through(min(span, timedelta(days=3)))

    @precondition(lambda self: self.pair.model.charges)
    @rule(index=INDEX, faults=FAULTS)
    def attempt_now(self, index: int, faults: list[str]) -> None:
        if self.pair.model.now in runs_of(self.pair.day(0)):
            # At the very instant of a run, an attempt by hand cannot be told from the run's own.
            self.pair.sleep_through(timedelta(minutes=1))
        self.pair.faults = list(faults)
        self.pair.attempt_now(self.charge(index, "PENDING", "DUE"))

    @precondition(lambda self: self.pair.model.left_behind())
    @rule(faults=FAULTS)
    def recover(self, faults: list[str]) -> None:
        self.pair.faults = list(faults)
        self.pair.recover()

    @precondition(lambda self: self.pair.has_late)
    @rule()
    def hear_late(self) -> None:
        self.pair.hear(self.pair.take_late())

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            if self.pair.is_sound:
                self.pair.quiesce()
                self.pair.audit(self.scratch)
            self.seen.update(self.pair.seen)
            self.pair.close()

    # ── which one ──

    def agreement(self, index: int) -> str:
        names = list(self.pair.model.agreements)
        return names[-1 - index % len(names)]

    def charge(self, index: int, *statuses: str) -> str:
        """One of the charges, of these statuses where there are such."""
        charges = self.pair.model.charges
        wanted = [name for name, charge in charges.items() if charge.status in statuses]
        names = wanted or list(charges)
        return names[-1 - index % len(names)]

    def fresh(self, taken: int, number: int = 0) -> str:
        """A new order id; now and then one that is taken."""
        if taken == 0 and self.pair.model.charges:
            return self.charge(taken)
        return f"c{len(self.pair.keys)}-{number}"


def _part(whole: int, part: str) -> int:
    parts = {"all": whole, "half": whole // 2, "one": 1, "too much": whole + 1, "magic": 123}
    return max(parts[part], 1)


def test_the_real_thing_does_what_the_model_does(
    loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = walking(monkeypatch)
    Machine.loop, Machine.scratch = loop, tmp_path
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize="AVTALE_SIMULATIONS" not in os.environ,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )
    assert Machine.seen == {
        "a process died",
        "a key was used again before its answer was known",
        "a late answer counted",
        "a late answer was fenced off",
        "an operation met another",
    }
    # The scenarios walk all thirty steps; random runs that are worth their time walk most of them: 24 as a rule,
    # one less now and then, since what a process has done when it dies hangs on the machine.
    assert len(walked) >= 22, walked
