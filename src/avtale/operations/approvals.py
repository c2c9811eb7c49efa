"""What payers do: approve, reject, stop, choose a maximum; and what happens when they do nothing."""

from __future__ import annotations

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.agreements.pricing import VariablePricing
from avtale.charges.charge import Charge
from avtale.engine.command import Call, InProgress
from avtale.engine.world import World
from avtale.events import AgreementHappened, ChargeHappened
from avtale.operations.agreements import cancel_before_reservation
from avtale.operations.diary import take_up_habits
from avtale.operations.finding import find_agreement
from avtale.operations.payments import begin_initial_attempt
from avtale.payers import Payer, made_up_payer
from avtale.problems import Refused, ValidationFailed

ADULT_YEARS = 18


def accept_agreement(
    world: World, call: Call, agreement_id: str, phone_number: str
) -> Agreement | InProgress:
    """The published force accept: the payer with this number approves (test environment only)."""
    return approve_agreement(world, call, agreement_id, phone_number)


def approve_agreement(
    world: World,
    call: Call,
    agreement_id: str,
    phone_number: str,
    max_amount: int | None = None,
) -> Agreement | InProgress:
    """The agreement ACTIVE, or its initial charge being attempted first.

    A payer under 18 is refused without a reason: the agreement expires (rulings §7).
    """
    agreement = find_agreement(world, call, agreement_id)
    require_waiting(agreement, call)
    _require_maximum(agreement, call, max_amount)
    payer = payer_in_use(world, call, phone_number)
    if payer.age_on(call.rules.market.day_of(call.now)) < ADULT_YEARS:
        return _expire(world, call, agreement)
    sub = payer.sub(call.merchant_serial_number) if agreement.scope else None
    agreement = agreement.approved_by(phone_number, max_amount, sub)
    agreement = take_up_habits(world, call, agreement, payer)
    if agreement.initial_charge_id is not None:
        world.put(agreement)
        charge = world.get(Charge, call.merchant_serial_number, agreement.initial_charge_id)
        return InProgress(begin_initial_attempt(world, call, agreement, charge))
    agreement = world.keep(agreement.activated(call.now))
    world.tell(AgreementHappened("activated", call.now, agreement, "USER"))
    return agreement


def reject_agreement(world: World, call: Call, agreement_id: str) -> Agreement:
    """The payer said no: STOPPED, and the initial charge is called off."""
    agreement = find_agreement(world, call, agreement_id)
    require_waiting(agreement, call)
    charge = _initial_charge(world, agreement)
    if charge is not None:
        cancel_before_reservation(world, call, agreement, charge, charge.system_key)
    agreement = world.keep(agreement.rejected(call.now))
    world.tell(AgreementHappened("rejected", call.now, agreement, "USER"))
    return agreement


def expire_agreement(world: World, call: Call, agreement_id: str) -> None:
    """Nobody answered in time: EXPIRED, unless an answer is being worked on."""
    agreement = world.find(Agreement, call.merchant_serial_number, agreement_id)
    if agreement is None or agreement.status != "PENDING" or agreement.is_being_approved:
        return
    if agreement.wake_at is None or agreement.wake_at > call.now:
        return
    _expire(world, call, agreement)


def set_max_amount(world: World, call: Call, agreement_id: str, max_amount: int) -> Agreement:
    """The payer raises or lowers the maximum of a VARIABLE agreement."""
    agreement = find_agreement(world, call, agreement_id)
    if agreement.status != "ACTIVE":
        raise Refused(
            f"The agreement is {agreement.status}; only an ACTIVE one has a maximum to set."
        )
    _require_maximum(agreement, call, max_amount)
    agreement = agreement.with_max_amount(max_amount)
    world.put(agreement)
    return agreement


def require_waiting(agreement: Agreement, call: Call) -> None:
    """Refuse to answer a request that was answered, is being answered, or came too late."""
    if agreement.status != "PENDING":
        raise Refused(f"The agreement is {agreement.status}; it has been answered already.")
    if agreement.is_being_approved:
        raise Refused("The payer has said yes already; the initial charge is being attempted.")
    if agreement.wake_at is not None and agreement.wake_at <= call.now:
        raise Refused(
            f"Time is up: an agreement waits {call.rules.approval_minutes} minutes for its payer."
        )


def set_notifies(world: World, call: Call, agreement_id: str, *, notifies: bool) -> Agreement:
    """The payer wants to be told of payments that succeed, or does not any more."""
    agreement = find_agreement(world, call, agreement_id)
    if agreement.status != "ACTIVE":
        raise Refused(
            f"The agreement is {agreement.status}; only an ACTIVE one has payments to be told of."
        )
    agreement = replace(agreement, notifies=notifies)
    world.put(agreement)
    return agreement


def _expire(world: World, call: Call, agreement: Agreement) -> Agreement:
    charge = _initial_charge(world, agreement)
    if charge is not None:
        charge = world.keep(charge.failed("user_action_required", call.now))
        world.tell(
            ChargeHappened(
                "failed",
                call.now,
                charge,
                agreement.external_id,
                charge.amount,
                reason=charge.failure_reason,
            )
        )
    agreement = world.keep(agreement.expired(call.now))
    world.tell(AgreementHappened("expired", call.now, agreement))
    return agreement


def _initial_charge(world: World, agreement: Agreement) -> Charge | None:
    """The initial charge, where there is one that is still to be paid."""
    if agreement.initial_charge_id is None:
        return None
    return world.get(Charge, agreement.merchant_serial_number, agreement.initial_charge_id)


def payer_in_use(world: World, call: Call, phone_number: str) -> Payer:
    """Whose phone it is; made up on first use, and anew where the profile is gone (sandbox §5)."""
    payer = world.find(Payer, phone_number)
    if payer is None:
        payer = made_up_payer(phone_number, call.unit.market)
        world.put(payer)
    elif payer.deleted is not None:
        payer = payer.made_again()
        world.put(payer)
    return payer


def _require_maximum(agreement: Agreement, call: Call, max_amount: int | None) -> None:
    if max_amount is None:
        return
    if not isinstance(agreement.pricing, VariablePricing):
        raise ValidationFailed.of("maxAmount", "belongs to VARIABLE pricing only")
    ceiling = call.rules.suggested_max_ceiling
    if not call.rules.smallest_payment <= max_amount <= ceiling:
        raise ValidationFailed.of(
            "maxAmount", f"must be between {call.rules.smallest_payment} and {ceiling}"
        )
