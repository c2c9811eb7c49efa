"""Stories that random runs tell too seldom: every step of both lives, and every death between two steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tests.simulation.books import Books
from tests.simulation.pair import Pair
from tests.simulation.records import DAY, HOUR, MINUTE, Order
from tests.simulation.side_by_side import CHILD, KARI, NORA, OLA

Scenario = Callable[[Pair], None]

KINDS: tuple[Literal["DIRECT_CAPTURE", "RESERVE"], ...] = ("DIRECT_CAPTURE", "RESERVE")


def captured_refunded_and_released_in_parts(pair: Pair) -> None:
    name = pair.reserved(pair.active())
    assert pair.capture(name, 701) == "charge-capture-failed"
    assert pair.capture(name, 200) == ""
    assert pair.capture(name, 100) == ""
    assert pair.refund(name, 301) == "operation-failed"
    assert pair.refund(name, 50) == ""
    assert pair.status(name) == "PARTIALLY_CAPTURED"
    assert pair.cancel(name) == ""
    assert pair.status(name) == "PARTIALLY_REFUNDED"
    assert pair.refund(name, 251) == "operation-failed"
    assert pair.refund(name, 50) == ""
    assert pair.refund(name, 200) == ""
    assert pair.status(name) == "REFUNDED"
    assert pair.refund(name, 1) == "operation-failed"


def all_that_was_captured_is_refunded_before_the_rest_is_let_go(pair: Pair) -> None:
    name = pair.reserved(pair.active())
    pair.capture(name, 300)
    pair.refund(name, 300)
    assert pair.status(name) == "PARTIALLY_CAPTURED"
    pair.cancel(name)
    assert pair.status(name) == "REFUNDED"


def reservations_are_captured_whole_or_let_go(pair: Pair) -> None:
    agreement = pair.active()
    whole, parts, gone = (pair.reserved(agreement) for _ in range(3))
    pair.capture(whole, 700)
    pair.refund(whole, 700)
    pair.capture(parts, 1)
    pair.capture(parts, 699)
    pair.refund(parts, 1)
    pair.refund(parts, 699)
    assert pair.status(parts) == "REFUNDED"
    pair.cancel(gone)
    assert pair.cancel(gone) == "cancel-charge-failed"
    assert pair.status(gone) == "CANCELLED"


def a_direct_capture_is_tried_until_there_is_money(pair: Pair) -> None:
    name = pair.due(pair.active(phone=NORA), "DIRECT_CAPTURE", retry_days=2)
    for _ in range(5):
        pair.run()
        assert pair.status(name) == "DUE"
    pair.set_payer(NORA, balance=700)
    pair.run()
    assert pair.status(name) == "CHARGED"


def a_charge_fails_after_the_last_run_of_the_last_day(pair: Pair) -> None:
    for kind in KINDS:
        name = pair.due(pair.active(phone=NORA), kind, retry_days=1)
        pair.advance(2 * DAY)
        assert pair.status(name) == "FAILED"


def a_payer_with_money_for_one_of_two_pays_one(pair: Pair) -> None:
    agreement = pair.active(phone=OLA)
    orders = [
        Order(name, agreement, "RECURRING", "DIRECT_CAPTURE", 2_000, pair.day(1))
        for name in ("one", "other")
    ]
    pair.create_many([*orders, orders[0]])
    pair.advance(2 * DAY)
    assert sorted(pair.status(order.name) for order in orders) == ["CHARGED", "FAILED"]


def a_maximum_holds_until_the_payer_raises_it(pair: Pair) -> None:
    agreement = pair.draft("VARIABLE", 700)
    pair.approve(agreement, KARI, 499)
    raised = pair.due(agreement, "DIRECT_CAPTURE", 700)
    pair.run()
    assert pair.status(raised) == "DUE"
    pair.set_maximum(agreement, 700)
    pair.run()
    assert pair.status(raised) == "CHARGED"
    pair.set_maximum(agreement, 499)
    too_high = pair.due(agreement, "DIRECT_CAPTURE", 700)
    pair.advance(DAY)
    at_once = Order(
        "at-once", agreement, "UNSCHEDULED", "RESERVE", 700, pair.day(0), is_single=True
    )
    pair.create(at_once)
    pair.work()
    assert pair.status(too_high) == pair.status("at-once") == "FAILED"
    assert not [name for name, _ in pair.model.bank.books if name != raised]


def an_unscheduled_charge_is_tried_once(pair: Pair) -> None:
    agreement = pair.active("FLEXIBLE")
    for name, amount in (("paid", 700), ("declined", 182)):
        pair.create(Order(name, agreement, "UNSCHEDULED", "RESERVE", amount, pair.day(0), 0, True))
    pair.work()
    assert (pair.status("paid"), pair.status("declined")) == ("RESERVED", "FAILED")


def the_first_charge_decides_about_the_agreement(pair: Pair) -> None:
    for kind in KINDS:
        paid, unpaid, left, young, refused = (
            pair.draft("LEGACY", 499, (kind, amount)) for amount in (700, 151, 700, 700, 700)
        )
        assert pair.cancel(f"first-{left}") == "cancel-charge-failed"
        pair.accept(paid, KARI)
        pair.approve(unpaid, KARI)
        assert pair.approve(paid, KARI) == "refused"
        pair.accept(young, CHILD)
        pair.reject(refused)
        pair.advance(11 * MINUTE)
        agreements = pair.model.agreements
        assert [agreements[name].status for name in (paid, unpaid, left, young, refused)] == [
            *("ACTIVE", "EXPIRED", "EXPIRED", "EXPIRED", "STOPPED")
        ]


def an_order_id_is_used_once(pair: Pair) -> None:
    agreement = pair.active()
    order = Order("order-1", agreement, "RECURRING", "RESERVE", 700, pair.day(1))
    assert pair.create(order) == ""
    assert pair.create(order._replace(amount=499)) == "conflict"
    pair.draft("LEGACY", 499, ("RESERVE", 700), "order-1")
    pair.create_many([order, order._replace(name="order-2")])
    assert pair.create(order._replace(name="order-2")) == ""
    pair.work()


def charges_are_called_off_before_they_are_due_and_after(pair: Pair) -> None:
    agreement = pair.active()
    due = pair.due(agreement, "RESERVE")
    pair.create(Order("later", agreement, "RECURRING", "RESERVE", 700, pair.day(3)))
    pair.cancel("later")
    pair.cancel(due)
    assert pair.status("later") == pair.status(due) == "CANCELLED"


def a_merchants_stop_lets_go_of_everything(pair: Pair) -> None:
    agreement = pair.active("FLEXIBLE")
    held, parted = pair.reserved(agreement), pair.reserved(agreement)
    pair.capture(parted, 300)
    due = pair.due(agreement, "RESERVE")
    pair.create(Order("later", agreement, "RECURRING", "RESERVE", 700, pair.day(3)))
    pair.stop(agreement)
    statuses = [pair.status(name) for name in (held, parted, due, "later")]
    assert statuses == ["CANCELLED", "CHARGED", "CANCELLED", "CANCELLED"]
    assert pair.stop(agreement) == ""
    assert pair.update_price(agreement, "LEGACY", 300) == "illegal-agreement-update"


def a_payers_stop_leaves_reservations_to_the_merchant(pair: Pair) -> None:
    agreement = pair.active()
    kept, freed, lapsed = (pair.reserved(agreement) for _ in range(3))
    pair.stop_by(agreement, "USER")
    assert pair.capture(kept, 700) == ""
    assert pair.cancel(freed) == ""
    pair.advance(182 * DAY)
    statuses = [pair.status(name) for name in (kept, freed, lapsed)]
    assert statuses == ["CHARGED", "CANCELLED", "CANCELLED"]


def a_stop_in_the_middle_of_an_attempt_waits_for_its_outcome(pair: Pair) -> None:
    for actor in ("MERCHANT", "USER", "ADMIN"):
        for kind, amount, expected in (
            ("RESERVE", 700, "RESERVED" if actor == "USER" else "CANCELLED"),
            ("RESERVE", 182, "CANCELLED"),
            ("DIRECT_CAPTURE", 700, "CHARGED"),
        ):
            agreement = pair.active("FLEXIBLE")
            name = pair.due(agreement, kind, amount, retry_days=1)
            pair.faults = ["die after"]
            assert pair.run() == "died"
            assert pair.status(name) == "PROCESSING"
            if actor == "MERCHANT":
                pair.stop(agreement)
            else:
                pair.stop_by(agreement, "USER" if actor == "USER" else "ADMIN")
            pair.recover()
            assert pair.status(name) == expected


def a_stop_in_the_middle_of_a_refused_refund_lets_go_of_the_rest(pair: Pair) -> None:
    agreement = pair.active()
    name = pair.reserved(agreement)
    pair.capture(name, 300)
    pair.faults = ["fail before"]
    assert pair.refund(name, 123) == "waiting"
    pair.stop(agreement)
    assert pair.status(name) == "PARTIALLY_CAPTURED"
    pair.advance(MINUTE)
    assert pair.status(name) == "CHARGED"


def windows_end(pair: Pair) -> None:
    agreement = pair.active()
    held, parted = pair.reserved(agreement), pair.reserved(agreement)
    pair.capture(parted, 300)
    pair.advance(9 * DAY)
    assert (pair.status(held), pair.status(parted)) == ("RESERVED", "CHARGED")
    pair.refund(parted, 100)
    pair.sleep_through(173 * DAY)
    assert pair.capture(held, 1) == "charge-capture-failed"
    assert pair.cancel(held) == "cancel-charge-failed"
    pair.work()
    assert pair.status(held) == "CANCELLED"
    pair.advance(200 * DAY)
    assert pair.refund(parted, 100) == "operation-failed"


def runs_that_were_slept_through_are_made_up_for(pair: Pair) -> None:
    rich, poor = pair.active(), pair.active(phone=NORA)
    paid = pair.due(rich, "DIRECT_CAPTURE", retry_days=1)
    failed = pair.due(poor, "DIRECT_CAPTURE", retry_days=1)
    pair.sleep_through(5 * DAY)
    pair.work()
    assert (pair.status(paid), pair.status(failed)) == ("CHARGED", "FAILED")
    assert len([name for name, _ in pair.model.bank.books if name == failed]) == 4


def whatever_dies_at_whatever_moment_is_done_once(pair: Pair) -> None:
    for fault in ("die before", "die after", "fail before", "fail after"):
        agreement = pair.active("FLEXIBLE")
        name = pair.due(agreement, "RESERVE", 900)
        for act in (
            pair.run,
            lambda name=name: pair.capture(name, 500),
            lambda name=name: pair.refund(name, 100),
            lambda name=name: pair.cancel(name),
        ):
            pair.faults = [fault]
            assert act() in {"died", "waiting", ""}
            assert pair.model.charges[name].payment is not None
            for other in (pair.cancel, lambda n: pair.capture(n, 1), lambda n: pair.refund(n, 1)):
                assert other(name) == "conflict"
            pair.recover()
            pair.advance(MINUTE)
        assert pair.status(name) == "PARTIALLY_REFUNDED"


def whatever_is_committed_is_not_done_again_by_whoever_repeats_it(pair: Pair) -> None:
    agreement = pair.active("FLEXIBLE")
    order = Order("order-1", agreement, "RECURRING", "RESERVE", 900, pair.day(1))
    acts: tuple[Callable[[], object], ...] = (
        lambda: pair.draft("LEGACY", 499, ("RESERVE", 700)),
        lambda: pair.create(order),
        lambda: pair.create_many([order._replace(name="order-2")]),
        lambda: pair.attempt_now("order-1"),
        lambda: pair.capture("order-1", 500),
        lambda: pair.capture("order-1", 500),
        lambda: pair.refund("order-1", 200),
        lambda: pair.cancel("order-1"),
        lambda: pair.stop(agreement),
        lambda: pair.stop(agreement),
    )
    for act in acts:
        pair.faults = ["die at commit"]
        act()
        pair.recover()
        for key in pair.keys:
            pair.replay(key)
    pair.work()
    assert pair.status("order-1") == "PARTIALLY_REFUNDED"
    assert "order-2" not in pair.model.charges


def an_approval_dies_with_the_money_taken(pair: Pair) -> None:
    for fault in ("die before", "die after"):
        for amount, expected in ((700, "ACTIVE"), (151, "EXPIRED")):
            agreement = pair.draft("LEGACY", 499, ("DIRECT_CAPTURE", amount))
            pair.faults = [fault]
            assert pair.accept(agreement, KARI) == "died"
            pair.sleep_through(HOUR)
            assert pair.reject(agreement) == "refused"
            pair.recover()
            pair.work()
            assert pair.model.agreements[agreement].status == expected


def a_sleeper_wakes_after_another_has_taken_over(pair: Pair) -> None:
    for kind in KINDS:
        for amount in (700, 182):
            pair.due(pair.active("FLEXIBLE"), kind, amount, retry_days=1)
            pair.faults = ["die after"]
            pair.run()
            late = pair.take_late()
            pair.faults = ["die before"]
            pair.recover()
            assert pair.hear(late) == 0
            pair.recover()
            assert pair.hear(late) == 0


def a_sleeper_wakes_before_anybody_has_taken_over(pair: Pair) -> None:
    for amount, expected in ((700, "CHARGED"), (182, "FAILED")):
        agreement = pair.active("FLEXIBLE")
        name = f"at-once-{amount}"
        today = pair.day(0)
        pair.create(Order(name, agreement, "UNSCHEDULED", "DIRECT_CAPTURE", amount, today, 0, True))
        pair.faults = ["die after"]
        pair.work()
        assert pair.hear(pair.take_late()) == 1
        assert pair.status(name) == expected


def what_is_unclear_is_asked_again_and_never_guessed(pair: Pair) -> None:
    name = pair.due(pair.active("FLEXIBLE"), "RESERVE")
    pair.set_payer(KARI, outcomes=["timeout"])
    pair.run()
    assert pair.status(name) == "PROCESSING"
    pair.advance(MINUTE)
    assert pair.status(name) == "RESERVED"
    name = pair.due(pair.active("FLEXIBLE", phone=NORA), "RESERVE")
    pair.set_payer(NORA, outcomes=["timeout"])
    pair.run()
    pair.advance(2 * MINUTE)
    assert pair.status(name) == "DUE"
    hour = pair.due(pair.active("FLEXIBLE"), "DIRECT_CAPTURE", 201)
    pair.run()
    pair.advance(59 * MINUTE)
    assert pair.status(hour) == "PROCESSING"
    pair.advance(2 * MINUTE)
    assert pair.status(hour) == "CHARGED"


def a_window_ends_in_the_middle_of_an_attempt(pair: Pair) -> None:
    for amount, expected in ((700, "CHARGED"), (182, "FAILED")):
        name = pair.due(pair.active("FLEXIBLE"), "DIRECT_CAPTURE", amount)
        pair.faults = ["fail after", "fail before"]
        pair.advance(9 * HOUR)
        pair.sleep_through(3 * DAY)
        pair.work()
        pair.advance(DAY)
        assert pair.status(name) == expected


def played(
    scenario: Scenario,
    loop: asyncio.AbstractEventLoop,
    folder: Path,
    books: Books | None = None,
) -> None:
    """A scenario, told to its end and audited."""
    pair = Pair(loop, books=books)
    try:
        scenario(pair)
        pair.quiesce()
        pair.audit(folder)
    finally:
        pair.close()


def all_played(loop: asyncio.AbstractEventLoop, folder: Path) -> None:
    """Every scenario, one after another."""
    for scenario in SCENARIOS:
        played(scenario, loop, folder)


SCENARIOS: tuple[Scenario, ...] = (
    captured_refunded_and_released_in_parts,
    all_that_was_captured_is_refunded_before_the_rest_is_let_go,
    reservations_are_captured_whole_or_let_go,
    a_direct_capture_is_tried_until_there_is_money,
    a_charge_fails_after_the_last_run_of_the_last_day,
    a_payer_with_money_for_one_of_two_pays_one,
    a_maximum_holds_until_the_payer_raises_it,
    an_unscheduled_charge_is_tried_once,
    the_first_charge_decides_about_the_agreement,
    an_order_id_is_used_once,
    charges_are_called_off_before_they_are_due_and_after,
    a_merchants_stop_lets_go_of_everything,
    a_payers_stop_leaves_reservations_to_the_merchant,
    a_stop_in_the_middle_of_an_attempt_waits_for_its_outcome,
    a_stop_in_the_middle_of_a_refused_refund_lets_go_of_the_rest,
    windows_end,
    runs_that_were_slept_through_are_made_up_for,
    whatever_dies_at_whatever_moment_is_done_once,
    whatever_is_committed_is_not_done_again_by_whoever_repeats_it,
    an_approval_dies_with_the_money_taken,
    a_sleeper_wakes_after_another_has_taken_over,
    a_sleeper_wakes_before_anybody_has_taken_over,
    what_is_unclear_is_asked_again_and_never_guessed,
    a_window_ends_in_the_middle_of_an_attempt,
)
