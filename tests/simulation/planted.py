"""Bugs that were planted, one at a time, to see that they are found (reliability 4.8).

Each is a mistake that somebody could make in good faith, or that somebody made while avtale was built.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine import engine, world
from avtale.engine.engine import Engine
from avtale.engine.rows import TABLE_OF, StoredAnswer
from avtale.gateways import simulated
from avtale.gateways.gateway import GatewayAnswer, ask_of
from avtale.ledger import LedgerEntry
from avtale.operations import agreements, charges, payments
from avtale.processing import clocks, runs, settlement
from avtale.storage import sqlite
from avtale.storage.statements import SQLITE
from avtale.webhooks import catalogue

Plant = Callable[[pytest.MonkeyPatch], None]


class Bug(NamedTuple):
    """A mistake, in a sentence, and how it is planted."""

    sentence: str
    plant: Plant


def _no_fence(patch: pytest.MonkeyPatch) -> None:
    record = payments.record_outcome

    def mistaken(world: Any, call: Any, key: str, fence: int, answer: Any) -> Any:
        return record(world, call, key, world.get(Payment, key).fence, answer)

    patch.setattr(settlement, "record_outcome", mistaken)


def _outcome_counts_twice(patch: pytest.MonkeyPatch) -> None:
    record = payments.record_outcome

    def mistaken(world: Any, call: Any, key: str, fence: int, answer: Any) -> Any:
        payment = world.get(Payment, key)
        charge = world.get(Charge, payment.merchant_serial_number, payment.charge_id)
        if payment.settled is not None:
            world.put(replace(payment, status="ASKED", settled=None, transaction_id=None))
            world.put(replace(charge, open_payment=key))
        return record(world, call, key, fence, answer)

    patch.setattr(settlement, "record_outcome", mistaken)


def _unclear_is_failed(patch: pytest.MonkeyPatch) -> None:
    record = payments.record_outcome

    def mistaken(world: Any, call: Any, key: str, fence: int, answer: GatewayAnswer) -> Any:
        if answer.result == "UNCLEAR":
            answer = GatewayAnswer(key, "DECLINED", reason="technical_error")
        return record(world, call, key, fence, answer)

    patch.setattr(settlement, "record_outcome", mistaken)


def _key_stored_apart(patch: pytest.MonkeyPatch) -> None:
    async def mistaken(self: Engine, batch: Any) -> None:
        needs, kept = world.Needs(), list[tuple[Any, StoredAnswer]]()
        for waiting in batch:
            waiting.reset()
            needs.join(waiting.command.needs)

        def decide(given: Any) -> None:
            self._decide_all(given, batch)
            answers = given._changed.pop(StoredAnswer, {})
            kept.extend((key, given._rows[StoredAnswer][key]) for key in answers)

        def store(given: Any) -> None:
            for _, answer in kept:
                given.put(answer)

        await self._storage.transact(needs, decide)
        if kept:
            keys = (key for key, _ in kept)
            await self._storage.transact(world.Needs().of(StoredAnswer, *keys), store)

    patch.setattr(Engine, "_attempt", mistaken)


def _conflict_is_not_seen(patch: pytest.MonkeyPatch) -> None:
    replay = engine._replay

    def mistaken(given: Any, call: Any, asked: Any, decided: Any) -> bool:
        stored = given.find(StoredAnswer, *asked.scope(call.merchant_serial_number))
        fingerprint = asked.fingerprint if stored is None else stored.fingerprint
        return replay(given, call, asked._replace(fingerprint=fingerprint), decided)

    patch.setattr(engine, "_replay", mistaken)


def _refund_without_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Charge, "refundable", property(lambda charge: charge.amount - charge.refunded))


def _capture_without_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Charge, "held", property(lambda charge: charge.reserved - charge.cancelled))


def _called_off_holds_less_than_nothing(patch: pytest.MonkeyPatch) -> None:
    mistaken = property(lambda charge: charge.reserved - charge.captured - charge.cancelled)
    patch.setattr(Charge, "held", mistaken)


def _new_key_when_asked_again(patch: pytest.MonkeyPatch) -> None:
    def mistaken(payment: Payment) -> Any:
        ask, again = ask_of(payment), payment.asked_again is not None
        return replace(ask, payment_key=f"{ask.payment_key}-{payment.fence}") if again else ask

    patch.setattr(settlement, "ask_of", mistaken)


def _fence_does_not_rise(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Charge, "taken_over", lambda charge: charge)


def _two_payments_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(charges, "_require_nothing_open", lambda charge: None)


def _stop_forgets_reservations(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agreements, "begin_release", lambda *_: None)


def _stop_forgets_what_is_under_way(patch: pytest.MonkeyPatch) -> None:
    follow_up = payments._follow_up

    def mistaken(world: Any, call: Any, agreement: Agreement, charge: Any, payment: Any) -> None:
        if agreement.status != "STOPPED":
            follow_up(world, call, agreement, charge, payment)

    patch.setattr(payments, "_follow_up", mistaken)


def _stop_waits_only_for_success(patch: pytest.MonkeyPatch) -> None:
    follow_up = payments._follow_up

    def mistaken(world: Any, call: Any, agreement: Any, charge: Any, payment: Payment) -> None:
        if agreement.status != "STOPPED" or payment.status == "OK":
            follow_up(world, call, agreement, charge, payment)

    patch.setattr(payments, "_follow_up", mistaken)


def _cancel_after_a_payers_stop_is_never_answered(patch: pytest.MonkeyPatch) -> None:
    begin = payments.begin_release

    def mistaken(world: Any, call: Any, charge: Charge, cause: str, **_: Any) -> Payment:
        agreement = world.get(Agreement, charge.merchant_serial_number, charge.agreement_id)
        answers = call.answers if agreement.status == "ACTIVE" else None
        return begin(world, call, charge, cause, answers=answers)

    patch.setattr(charges, "begin_release", mistaken)


def _windows_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(runs, "release_reservation", lambda *_: None)
    patch.setattr(clocks, "STUCK_SECONDS", 0.01)


def _maximum_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payments, "payer_limit", lambda _: None)


def _slept_through_runs_are_skipped(patch: pytest.MonkeyPatch) -> None:
    decline = payments._decline

    def mistaken(
        world: Any, call: Any, agreement: Any, charge: Any, reason: Any, run_at: datetime, key: Any
    ) -> Any:
        return decline(world, call, agreement, charge, reason, call.now, key)

    patch.setattr(payments, "_decline", mistaken)


def _expiry_overtakes_an_approval(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Agreement, "is_being_approved", property(lambda agreement: False))


def _order_ids_are_not_looked_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(charges, "_require_free", lambda *_: None)


def _gateway_forgets_its_keys(patch: pytest.MonkeyPatch) -> None:
    def mistaken(world: Any, ask: Any, *, magic: bool) -> GatewayAnswer:
        entry = simulated._act(world, ask, simulated._outcome(world, ask, magic=magic))
        world.put(entry)
        if entry.result == "OK":
            return GatewayAnswer(ask.payment_key, "OK", transaction_id=entry.transaction_id)
        return GatewayAnswer(ask.payment_key, "DECLINED", reason=entry.reason)

    assert TABLE_OF[LedgerEntry].key == ("payment_key",)
    patch.setattr(simulated, "answer", mistaken)


def _new_rows_before_changed_ones(patch: pytest.MonkeyPatch) -> None:
    def mistaken(connection: Any, world: Any, shapes: Any) -> None:
        for table, new, changed in world.changes():
            shape, statements = shapes[table.row], SQLITE[table.row]
            connection.executemany(statements.insert, map(shape.write, new))
            if not table.append_only:
                connection.executemany(statements.update, map(shape.write_changes, changed))

    patch.setattr(sqlite, "store", mistaken)


def _events_of_captures_are_lost(patch: pytest.MonkeyPatch) -> None:
    event_of = catalogue.event_of

    def mistaken(happened: Any) -> Any:
        return None if happened.what == "captured" else event_of(happened)

    patch.setattr(world, "event_of", mistaken)


BUGS: dict[str, Bug] = {
    bug.plant.__name__.strip("_"): bug
    for bug in (
        Bug("A worker that was overtaken records its outcome all the same.", _no_fence),
        Bug("An outcome that is recorded already is recorded again.", _outcome_counts_twice),
        Bug("No answer from the gateway is taken for a refusal.", _unclear_is_failed),
        Bug("The idempotency key is stored in a transaction of its own.", _key_stored_apart),
        Bug("Another body under a key gets the first one's answer.", _conflict_is_not_seen),
        Bug("A refund may be as large as the charge.", _refund_without_limit),
        Bug("What was captured may be captured once more.", _capture_without_limit),
        Bug("A called-off charge holds a negative amount.", _called_off_holds_less_than_nothing),
        Bug("A payment that is taken up is asked for anew.", _new_key_when_asked_again),
        Bug("Taking up a payment does not raise the fence.", _fence_does_not_rise),
        Bug("Two operations on one charge run at once.", _two_payments_at_once),
        Bug("A stop leaves reservations standing.", _stop_forgets_reservations),
        Bug("A stop forgets the attempt that is under way.", _stop_forgets_what_is_under_way),
        Bug("A refused refund makes a stop forget the rest.", _stop_waits_only_for_success),
        Bug("A cancel's key is left open.", _cancel_after_a_payers_stop_is_never_answered),
        Bug("Reservations are kept after the capture window.", _windows_never_end),
        Bug("The payer's maximum does not count.", _maximum_is_forgotten),
        Bug("Runs that nobody was there for are left out.", _slept_through_runs_are_skipped),
        Bug("An agreement expires while its money is taken.", _expiry_overtakes_an_approval),
        Bug("Order ids are found to be taken by the database alone.", _order_ids_are_not_looked_up),
        Bug("The gateway acts again when asked again.", _gateway_forgets_its_keys),
        Bug("A payment is begun before the last is over.", _new_rows_before_changed_ones),
        Bug("Nobody is told of captures.", _events_of_captures_are_lost),
    )
}
