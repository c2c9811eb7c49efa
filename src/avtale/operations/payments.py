"""The three steps of a payment: write down what will be asked, ask (elsewhere), record the answer.

`begin_…` functions write the payment row and raise the charge's fence; `record_outcome` takes the gateway's answer
in, where the fence still stands; `take_up` claims a payment that somebody left behind or whose outcome was unclear.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.agreements.pricing import payer_limit
from avtale.charges.charge import Charge, FailureReason, HistoryEvent
from avtale.charges.payments import ATTEMPTS, Payment, PaymentKind
from avtale.engine.command import Call
from avtale.engine.rows import StoredAnswer
from avtale.engine.world import World
from avtale.events import AgreementHappened, ChargeFact, ChargeHappened
from avtale.gateways.gateway import GatewayAnswer
from avtale.identifiers import payment_key
from avtale.operations.notices import notify_of_failure, notify_of_payment
from avtale.problems import CancelChargeFailed, ChargeCaptureFailed, OperationFailed, Problem

LEASE = timedelta(seconds=30)
"""Real time within which whoever began a payment brings its answer; then another may take it up."""

ASK_AGAIN = timedelta(minutes=1)
"""The unit's time after which an unclear outcome is asked for again, unless the gateway says when."""

REASONS: dict[str, FailureReason] = {
    "insufficient_funds": "user_action_required",
    "card_expired": "user_action_required",
    "card_blocked": "user_action_required",
    "refused": "user_action_required",
    "technical_error": "technical_error",
    "payer_gone": "non_technical_error",
}
"""The gateway's words for a refusal and what a charge says of it (rulings §8, api-facts 5.6)."""


def begin_payment(
    world: World, call: Call, charge: Charge, kind: PaymentKind, amount: int, cause: str
) -> Payment:
    """Write down what will be asked of the gateway; nothing else about the charge changes yet."""
    payment = _payment(call, world, charge, kind, amount, cause, call.now, call.answers)
    world.put(charge.claimed(payment.payment_key))
    world.begin(payment)
    return payment


def begin_release(
    world: World, call: Call, charge: Charge, cause: str, *, answers: str | None = None
) -> Payment:
    """Ask for what is held to go back to the payer; `answers` is given where a request waits for that."""
    payment = _payment(call, world, charge, "CANCEL", charge.held, cause, call.now, answers)
    world.put(charge.claimed(payment.payment_key))
    world.begin(payment)
    return payment


def begin_attempt(
    world: World, call: Call, agreement_id: str, charge_id: str, *, now: bool = False
) -> Payment | None:
    """Claim a charge whose run has come and write its attempt down; None where there is nothing to do.

    With `now`, the attempt is made although its run has not come.
    """
    msn = call.merchant_serial_number
    charge = world.find(Charge, msn, charge_id)
    if charge is None or charge.open_payment is not None:
        return None
    run_at = charge.wake_at
    is_waiting = charge.status == "DUE" or (
        charge.status == "PENDING" and charge.type == "UNSCHEDULED"
    )
    if not is_waiting or run_at is None or (run_at > call.now and not now):
        return None
    agreement = world.get(Agreement, msn, agreement_id)
    if agreement.status != "ACTIVE":
        return None
    if now:
        run_at = call.now
    limit = payer_limit(agreement.pricing)
    if limit is not None and charge.amount > limit:
        _decline(world, call, agreement, charge, "charge_amount_too_high", run_at, None)
        return None
    return _attempt(world, call, agreement, charge, run_at)


def begin_initial_attempt(
    world: World, call: Call, agreement: Agreement, charge: Charge
) -> Payment:
    """The payer said yes: attempt the initial charge at once, before the agreement is ACTIVE."""
    due_now = replace(charge, due=call.now)
    return _attempt(world, call, agreement, due_now, call.now, answers=call.answers)


def show_due(world: World, call: Call, charge_id: str) -> None:
    """The due day has begun: the charge reads DUE and waits for its first run."""
    charge = world.find(Charge, call.merchant_serial_number, charge_id)
    if charge is None or charge.status != "PENDING" or charge.type != "RECURRING":
        return
    if charge.wake_at is None or charge.wake_at > call.now:
        return
    agreement = world.get(Agreement, call.merchant_serial_number, charge.agreement_id)
    charge = charge.shown(call.rules.first_attempt_at(charge.due_day))
    world.put(charge)
    world.tell(ChargeHappened("shown", call.now, charge, agreement.external_id, charge.amount))


def release_reservation(world: World, call: Call, charge_id: str) -> Payment | None:
    """The window is over, or the rest has waited long enough: ask for what is held to go back."""
    charge = world.find(Charge, call.merchant_serial_number, charge_id)
    if charge is None or charge.open_payment is not None or charge.held == 0:
        return None
    if charge.wake_at is None or charge.wake_at > call.now:
        return None
    return begin_release(world, call, charge, charge.system_key)


def take_up(world: World, call: Call, key: str) -> Payment | None:
    """Claim an open payment whose lease is over or whose outcome may be known by now; None if neither."""
    payment = world.find(Payment, key)
    if payment is None or not payment.is_open:
        return None
    lapsed = payment.lease_until is not None and payment.lease_until <= call.real_now
    ripe = payment.wake_at is not None and payment.wake_at <= call.now
    if not (lapsed or ripe):
        return None
    charge = world.get(Charge, payment.merchant_serial_number, payment.charge_id).taken_over()
    world.put(charge)
    payment = payment.taken_up(charge.fence, call.now, call.real_now + LEASE)
    world.begin(payment)
    return payment


def record_outcome(
    world: World, call: Call, key: str, fence: int, answer: GatewayAnswer
) -> Payment | None:
    """Take the gateway's answer in; None where somebody with a higher fence has taken over.

    None, too, where the sales unit was erased meanwhile.
    """
    payment = world.find(Payment, key)
    if payment is None:
        return None
    charge = world.get(Charge, payment.merchant_serial_number, payment.charge_id)
    if not payment.is_open or payment.fence != fence or charge.open_payment != key:
        return None
    agreement = world.get(Agreement, payment.merchant_serial_number, payment.agreement_id)
    if answer.result == "UNCLEAR":
        payment = payment.unclear(max(answer.known_at or call.now, call.now + ASK_AGAIN))
        world.put(payment)
        world.tell(
            ChargeHappened(
                "outcome unclear", call.now, charge, agreement.external_id, payment.amount
            )
        )
        return payment
    if answer.result == "OK":
        assert answer.transaction_id is not None
        payment = payment.ok(call.now, answer.transaction_id)
        world.put(payment)
        charge = _paid(world, call, agreement, charge, payment, answer.transaction_id)
        _answer(world, call, payment, None)
    else:
        reason = answer.reason or "technical_error"
        payment = payment.declined(call.now, reason)
        world.put(payment)
        charge = _refused(world, call, agreement, charge, payment, reason)
    _follow_up(world, call, agreement, charge, payment)
    return payment


def _payment(
    call: Call,
    world: World,
    charge: Charge,
    kind: PaymentKind,
    amount: int,
    cause: str,
    run_at: datetime,
    answers: str | None,
) -> Payment:
    agreement = world.get(Agreement, charge.merchant_serial_number, charge.agreement_id)
    assert agreement.payer is not None
    sequence = charge.payments + 1
    return Payment(
        merchant_serial_number=charge.merchant_serial_number,
        payment_key=payment_key(charge.merchant_serial_number, charge.charge_id, kind, sequence),
        charge_id=charge.charge_id,
        agreement_id=charge.agreement_id,
        kind=kind,
        sequence=sequence,
        amount=amount,
        currency=charge.currency,
        payer=agreement.payer,
        run_at=run_at,
        cause=cause,
        answers=answers,
        context_id=call.context_id if answers is not None else None,
        asked=call.now,
        fence=charge.fence + 1,
        lease_until=call.real_now + LEASE,
    )


def _attempt(
    world: World,
    call: Call,
    agreement: Agreement,
    charge: Charge,
    run_at: datetime,
    answers: str | None = None,
) -> Payment:
    kind: PaymentKind = (
        "DIRECT_CAPTURE" if charge.transaction_type == "DIRECT_CAPTURE" else "RESERVE"
    )
    payment = _payment(call, world, charge, kind, charge.amount, charge.system_key, run_at, answers)
    charge = charge.attempted(payment.payment_key)
    world.put(charge)
    world.begin(payment)
    world.tell(
        ChargeHappened("attempt begun", call.now, charge, agreement.external_id, charge.amount)
    )
    return payment


def _paid(
    world: World,
    call: Call,
    agreement: Agreement,
    charge: Charge,
    payment: Payment,
    transaction_id: str,
) -> Charge:
    rules, now, key = call.rules, call.now, payment.payment_key
    what: ChargeFact = "captured"
    match payment.kind:
        case "DIRECT_CAPTURE":
            told = charge.paid(now, transaction_id, key)
        case "RESERVE":
            what = "reserved"
            told = charge.reserved_by(now, transaction_id, key, rules.capture_deadline(now))
        case "CAPTURE":
            assert charge.reserved_at is not None
            release_at = min(
                rules.partial_release_at(now), rules.capture_deadline(charge.reserved_at)
            )
            told = charge.capture(
                payment.amount, now, payment.cause, transaction_id, key, release_at
            )
        case "CANCEL":
            what = "cancelled"
            told = charge.release(now, payment.cause, transaction_id, key)
        case "REFUND":
            what = "refunded"
            told = charge.refund(payment.amount, now, payment.cause, transaction_id, key)
        case _:
            assert_never(payment.kind)
    charge = world.keep(told)
    if payment.kind in ATTEMPTS:
        notify_of_payment(world, call, agreement, charge)
    world.tell(
        ChargeHappened(
            what,
            charge.changed or now,
            charge,
            agreement.external_id,
            payment.amount,
            transaction_id,
        )
    )
    return charge


def _refused(
    world: World, call: Call, agreement: Agreement, charge: Charge, payment: Payment, reason: str
) -> Charge:
    if payment.kind in ATTEMPTS:
        # A force accept is answered alike whatever becomes of the money: the agreement tells.
        _answer(world, call, payment, None)
        return _decline(
            world,
            call,
            agreement,
            charge,
            REASONS.get(reason, "technical_error"),
            payment.run_at,
            payment.payment_key,
        )
    event, what, problem = _REFUSALS[payment.kind]
    charge = world.keep(
        charge.refused(event, payment.amount, call.now, payment.cause, payment.payment_key)
    )
    if charge.held and charge.wake_at is not None and charge.wake_at <= call.now:
        # A release that was refused is tried again a day later; giving up would hold the money for ever.
        charge = charge.woken_at(call.now + timedelta(days=1))
        world.put(charge)
    world.tell(
        ChargeHappened(what, call.now, charge, agreement.external_id, payment.amount, reason=reason)
    )
    sentence = f"The charge is {charge.status}; it was refused: {reason.replace('_', ' ')}."
    _answer(world, call, payment, problem(sentence))
    return charge


_REFUSALS: dict[PaymentKind, tuple[HistoryEvent, ChargeFact, type[Problem]]] = {
    "CAPTURE": ("CAPTURE", "capture refused", ChargeCaptureFailed),
    "CANCEL": ("CANCEL", "release refused", CancelChargeFailed),
    "REFUND": ("REFUND", "refund refused", OperationFailed),
}


def _decline(
    world: World,
    call: Call,
    agreement: Agreement,
    charge: Charge,
    reason: FailureReason,
    run_at: datetime,
    key: str | None,
) -> Charge:
    """An attempt came to nothing: DUE until the next run, FAILED after the last, CANCELLED if stopped."""
    external_id = agreement.external_id
    if agreement.status == "STOPPED":
        charge = world.keep(charge.cancel(call.now, charge.system_key))
        world.tell(ChargeHappened("cancelled", call.now, charge, external_id, charge.amount))
        return charge
    next_run = None
    if charge.type == "RECURRING" and charge.processing_mode == "MULTIPLE_ATTEMPTS":
        next_run = call.rules.next_attempt_at(run_at, charge.due_day, charge.retry_days)
    notify_of_failure(world, call, agreement, charge, reason, next_run)
    if next_run is not None:
        charge = charge.declined(reason, next_run)
        world.put(charge)
        world.tell(
            ChargeHappened(
                "attempt declined", call.now, charge, external_id, charge.amount, reason=reason
            )
        )
        return charge
    charge = world.keep(charge.failed(reason, call.now, key))
    world.tell(
        ChargeHappened("failed", call.now, charge, external_id, charge.amount, reason=reason)
    )
    return charge


def _answer(world: World, call: Call, payment: Payment, problem: Problem | None) -> None:
    """Finish the stored answer that waited for this outcome."""
    if payment.answers is None:
        return
    scope = tuple(payment.answers.split("\n"))
    stored = world.get(StoredAnswer, *scope)
    if problem is None:
        world.put(replace(stored, state="DONE", status=204, body=""))
        return
    assert call.render is not None
    answer = call.render(problem, stored.path, payment.context_id or "")
    world.put(replace(stored, state="DONE", status=answer.status, body=answer.body))


def _follow_up(
    world: World, call: Call, agreement: Agreement, charge: Charge, payment: Payment
) -> None:
    """What an outcome brings with it: an agreement that becomes ACTIVE or EXPIRED, a stop that catches up."""
    if agreement.is_being_approved and charge.charge_id == agreement.initial_charge_id:
        if charge.status == "FAILED":
            expired = world.keep(agreement.expired(call.now))
            world.tell(AgreementHappened("expired", call.now, expired))
        elif charge.captured or charge.held:
            active = world.keep(agreement.activated(call.now))
            world.tell(AgreementHappened("activated", call.now, active, "USER"))
        return
    stopped_for_good = agreement.status == "STOPPED" and agreement.stopped_by != "USER"
    # A release that was refused waits for its day, or it would be asked for again without end.
    if stopped_for_good and charge.held and payment.kind != "CANCEL":
        begin_release(world, call, charge, charge.system_key)
