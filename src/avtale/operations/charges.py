"""What merchants do to charges: create one or many, cancel, capture, refund (api-facts 3.11–3.14, rulings §8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time

import msgspec

from avtale.agreements.agreement import Agreement
from avtale.agreements.pricing import charge_ceiling
from avtale.charges.charge import Charge
from avtale.engine.command import Call, InProgress
from avtale.engine.rows import BulkItem
from avtale.engine.world import World
from avtale.events import ChargeHappened
from avtale.identifiers import mint_charge_id
from avtale.operations.agreements import cancel_before_reservation
from avtale.operations.diary import await_notice
from avtale.operations.finding import (
    find_agreement,
    find_charge,
    require_product,
    require_transaction_type,
)
from avtale.operations.payments import begin_attempt, begin_payment, begin_release
from avtale.problems import (
    CancelChargeFailed,
    ChargeAmountTooHigh,
    ChargeCaptureFailed,
    ChargeDueInTooLong,
    ChargeDueTooSoon,
    Conflict,
    OperationFailed,
    Problem,
    Refused,
    UnsupportedFeature,
    ValidationFailed,
)
from avtale.wire.charges import BulkCharge, CaptureCharge, CreateCharge, RefundCharge


def create_charge(world: World, call: Call, agreement_id: str, body: CreateCharge) -> Charge:
    """A PENDING charge; UNSCHEDULED ones are attempted as soon as this is committed."""
    unit, rules = call.unit, call.rules
    require_product(unit)
    if faults := body.faults(rules):
        raise ValidationFailed(*faults)
    agreement = find_agreement(world, call, agreement_id)
    agreement.require_active()
    if body.type == "UNSCHEDULED" and not unit.features.unscheduled:
        raise UnsupportedFeature(
            "Cannot create a charge with type 'UNSCHEDULED': the sales unit is not approved for it.",
            forbidden=False,
        )
    require_transaction_type(unit, body.transaction_type)
    today = rules.market.day_of(call.now)
    due_day = body.due or today
    if body.type == "RECURRING":
        if due_day < (earliest := rules.earliest_due(today)):
            raise ChargeDueTooSoon(
                f"due must be at least {rules.lead_days} day(s) ahead: {earliest} at the earliest."
            )
        if due_day > (latest := rules.latest_due(today)):
            raise ChargeDueInTooLong(
                f"due must be within {rules.horizon_years} years: {latest} at the latest."
            )
    ceiling = charge_ceiling(agreement.pricing, rules)
    if ceiling is not None and body.amount > ceiling:
        raise ChargeAmountTooHigh(f"The agreement's pricing lets through {ceiling} at most.")
    if body.order_id is not None:
        _require_free(world, call, body.order_id)
    return _create(world, call, agreement, body, ceiling)


def create_charges(
    world: World, call: Call, items: Sequence[BulkCharge | list[str]], batch: str
) -> list[list[str]]:
    """What is wrong with each item, in order; the others wait to be created in the background.

    An item that could not even be read comes as the list of its errors, and goes out as that.
    """
    require_product(call.unit)
    seen: set[str] = set()
    verdicts: list[list[str]] = []
    for position, item in enumerate(items):
        errors = item if isinstance(item, list) else _bulk_errors(world, call, item, seen)
        verdicts.append(errors)
        if errors or isinstance(item, list):
            continue
        seen.add(item.order_id)
        world.put(
            BulkItem(
                call.merchant_serial_number,
                batch,
                position,
                item.agreement_id,
                item.order_id,
                call.idempotency_key,
                msgspec.json.encode(item).decode(),
                call.now,
            )
        )
    return verdicts


def create_bulk_item(world: World, call: Call, batch: str, position: int) -> None:
    """Create one waiting item of a bulk; where that fails, the merchant is told by an event."""
    waiting = world.find(BulkItem, call.merchant_serial_number, batch, position)
    if waiting is None or waiting.state != "WAITING":
        return
    item = msgspec.json.decode(waiting.body, type=BulkCharge)
    body = item.as_create_charge()
    mark = world.mark()
    as_asked = msgspec.structs.replace(call, idempotency_key=waiting.idempotency_key)
    try:
        create_charge(world, as_asked, waiting.agreement_id, body)
    except Problem as problem:
        world.undo_to(mark)
        world.put(msgspec.structs.replace(waiting, state="FAILED", reason=problem.detail))
        agreement = find_agreement(world, call, waiting.agreement_id)
        charge = _charge(call, agreement, body, ceiling=None)
        world.tell(
            ChargeHappened(
                "creation failed",
                call.now,
                charge,
                agreement.external_id,
                charge.amount,
                reason=problem.detail,
                origin=f"{batch}:{position}",
            )
        )
    else:
        world.put(msgspec.structs.replace(waiting, state="CREATED"))


def cancel_charge(
    world: World, call: Call, agreement_id: str, charge_id: str
) -> Charge | InProgress:
    """The charge CANCELLED, or its reservation being released by the gateway."""
    agreement = find_agreement(world, call, agreement_id)
    charge = find_charge(world, call, agreement_id, charge_id)
    _require_nothing_open(charge)
    if charge.status in {"PENDING", "DUE"}:
        if charge.type == "INITIAL" and agreement.status == "PENDING":
            raise CancelChargeFailed(
                "The charge is PENDING and belongs to an agreement that waits for its payer; "
                "it goes with the agreement."
            )
        return cancel_before_reservation(world, call, agreement, charge, call.idempotency_key)
    if charge.status not in {"RESERVED", "PARTIALLY_CAPTURED"}:
        raise CancelChargeFailed(f"The charge is {charge.status} and cannot be cancelled.")
    assert charge.reserved_at is not None
    deadline = call.rules.capture_deadline(charge.reserved_at)
    if call.now >= deadline:
        raise CancelChargeFailed(
            f"The charge is {charge.status} and its reservation could be cancelled "
            f"for {call.rules.capture_days} days."
        )
    key = call.idempotency_key
    return InProgress(begin_release(world, call, charge, key, answers=call.answers))


def capture_charge(
    world: World, call: Call, agreement_id: str, charge_id: str, body: CaptureCharge
) -> InProgress:
    """A capture of all or part of what is reserved, being asked of the gateway."""
    if faults := body.faults(call.rules):
        raise ValidationFailed(*faults)
    find_agreement(world, call, agreement_id)
    charge = find_charge(world, call, agreement_id, charge_id)
    _require_nothing_open(charge)
    if charge.status not in {"RESERVED", "PARTIALLY_CAPTURED"}:
        raise ChargeCaptureFailed(f"The charge is {charge.status} and cannot be captured.")
    assert charge.reserved_at is not None
    if call.now >= call.rules.capture_deadline(charge.reserved_at):
        raise ChargeCaptureFailed(
            f"The charge is {charge.status} and could be captured "
            f"for {call.rules.capture_days} days after its reservation."
        )
    if body.amount > charge.held:
        raise ChargeCaptureFailed(
            f"The amount is higher than the remaining capturable amount {charge.held}."
        )
    return InProgress(
        begin_payment(world, call, charge, "CAPTURE", body.amount, call.idempotency_key)
    )


def refund_charge(
    world: World, call: Call, agreement_id: str, charge_id: str, body: RefundCharge
) -> InProgress:
    """A refund of all or part of what was captured, being asked of the gateway."""
    if faults := body.faults(call.rules):
        raise ValidationFailed(*faults)
    find_agreement(world, call, agreement_id)
    charge = find_charge(world, call, agreement_id, charge_id)
    _require_nothing_open(charge)
    if charge.status not in {"CHARGED", "PARTIALLY_CAPTURED", "PARTIALLY_REFUNDED"}:
        raise OperationFailed(f"The charge is {charge.status} and cannot be refunded.")
    assert charge.captured_at is not None
    if call.now >= call.rules.refund_deadline(charge.captured_at):
        raise OperationFailed(
            f"The charge is {charge.status} and could be refunded "
            f"for {call.rules.refund_days} days after its capture."
        )
    if body.amount > charge.refundable:
        raise OperationFailed(
            f"The amount is higher than the remaining refundable amount {charge.refundable}."
        )
    return InProgress(
        begin_payment(world, call, charge, "REFUND", body.amount, call.idempotency_key)
    )


def process_charge(world: World, call: Call, agreement_id: str, charge_id: str) -> Charge:
    """The charge attempted at once, although its run has not come (sandbox §5).

    A RECURRING charge whose due day has not begun is shown first, as its payer must see it to pay.
    """
    agreement = find_agreement(world, call, agreement_id)
    charge = find_charge(world, call, agreement_id, charge_id)
    _require_nothing_open(charge)
    if charge.status not in {"PENDING", "DUE"}:
        raise Refused(
            f"The charge is {charge.status}; only one that is PENDING or DUE is attempted."
        )
    if charge.type == "INITIAL":
        raise Refused("An initial charge is attempted when its payer approves the agreement.")
    if charge.status == "PENDING" and charge.type == "RECURRING":
        charge = charge.shown(call.rules.first_attempt_at(charge.due_day))
        world.put(charge)
        world.tell(ChargeHappened("shown", call.now, charge, agreement.external_id, charge.amount))
    begin_attempt(world, call, agreement_id, charge_id, now=True)
    return charge


def _create(
    world: World, call: Call, agreement: Agreement, body: CreateCharge, ceiling: int | None
) -> Charge:
    charge = _charge(call, agreement, body, ceiling)
    while world.knows(Charge, charge.merchant_serial_number, charge.charge_id):
        longer = mint_charge_id(call.randomness, 11)
        charge = msgspec.structs.replace(charge, charge_id=longer)
    charge = world.keep(charge.created_with(call.idempotency_key))
    world.tell(ChargeHappened("created", call.now, charge, agreement.external_id, charge.amount))
    if agreement.listens:
        await_notice(world, call, agreement, charge)
    return charge


def _charge(call: Call, agreement: Agreement, body: CreateCharge, ceiling: int | None) -> Charge:
    rules = call.rules
    due_day = body.due or rules.market.day_of(call.now)
    shown = rules.becomes_due_at(due_day)
    unscheduled = body.type == "UNSCHEDULED"
    is_due = not unscheduled and shown <= call.now
    return Charge(
        merchant_serial_number=call.merchant_serial_number,
        charge_id=body.order_id or mint_charge_id(call.randomness),
        agreement_id=agreement.agreement_id,
        external_id=body.external_id,
        type=body.type,
        transaction_type=body.transaction_type,
        processing_mode=(
            "SINGLE_ATTEMPT" if unscheduled else body.processing_mode or "MULTIPLE_ATTEMPTS"
        ),
        amount=body.amount,
        currency=agreement.pricing.currency,
        description=body.description,
        ceiling=ceiling,
        due_day=due_day,
        retry_days=body.retry_days or 0,
        created=call.now,
        due=call.now if unscheduled else datetime.combine(due_day, time.min, UTC),
        status="DUE" if is_due else "PENDING",
        wake_at=call.now if unscheduled else rules.first_attempt_at(due_day) if is_due else shown,
    )


def _bulk_errors(world: World, call: Call, item: BulkCharge, seen: set[str]) -> list[str]:
    """Everything that is wrong with an item now; the same rules decide again when it is created."""
    if faults := item.faults(call.rules):
        return [f"{fault.name}: {fault.reason}" for fault in faults]
    if item.order_id in seen:
        return ["orderId: is used by an earlier item of this bulk"]
    mark = world.mark()
    try:
        create_charge(world, call, item.agreement_id, item.as_create_charge())
    except Problem as problem:
        return [problem.detail, *(f"{fault.name}: {fault.reason}" for fault in problem.faults)]
    finally:
        world.undo_to(mark)
    return []


def _require_free(world: World, call: Call, order_id: str) -> None:
    msn = call.merchant_serial_number
    if world.find(Charge, msn, order_id) is not None:
        raise Conflict(f"The orderId is taken by another charge of sales unit {msn}.")


def _require_nothing_open(charge: Charge) -> None:
    if charge.open_payment is not None:
        raise Conflict(
            f"The charge is {charge.status} and another operation on it is under way; "
            "look at it and try again."
        )
