"""What merchants do to agreements: draft, update, stop (api-facts 3.2–3.9, rulings §7)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from avtale.agreements.agreement import Actor, Agreement
from avtale.agreements.pricing import LegacyPricing, VariablePricing
from avtale.charges.charge import Charge
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.events import AgreementHappened, ChargeHappened
from avtale.identifiers import mint_agreement_id, mint_charge_id, mint_uuid
from avtale.operations.diary import await_answer
from avtale.operations.finding import find_agreement, require_product, require_transaction_type
from avtale.operations.notices import notify_of_stop
from avtale.operations.payments import begin_release
from avtale.problems import (
    Conflict,
    Fault,
    IllegalAgreementUpdate,
    InvalidSuggestedMaxAmount,
    UnsupportedFeature,
    ValidationFailed,
)
from avtale.wire.agreements import DraftAgreement, InitialCharge, UpdateAgreement

LONGER_ID = 11
"""Characters of an id that is minted after a collision (rulings §7)."""


def draft_agreement(world: World, call: Call, body: DraftAgreement) -> Agreement:
    """A PENDING agreement that waits for its payer, and its initial charge where there is one."""
    unit, rules = call.unit, call.rules
    require_product(unit)
    if faults := body.faults(rules):
        raise ValidationFailed(*faults)
    pricing = body.pricing.to_pricing()
    _require_suggested_maximum(call, pricing)
    if body.skip_landing_page and not unit.features.skip_landing_page:
        raise UnsupportedFeature(
            "skipLandingPage needs the approval of the sales unit.", forbidden=True
        )
    agreement_id = _fresh_agreement_id(world, call)
    charge = None
    if body.initial_charge is not None:
        charge = _initial_charge(world, call, agreement_id, body.initial_charge, pricing)
    agreement = Agreement(
        merchant_serial_number=unit.merchant_serial_number,
        agreement_id=agreement_id,
        uuid=mint_uuid(call.randomness),
        created=call.now,
        merchant_redirect_url=body.merchant_redirect_url,
        is_app=body.is_app,
        phone_number=body.phone,
        scope=_permitted_scope(call, body.scope),
        skip_landing_page=body.skip_landing_page,
        blocked_sources=body.blocked_sources,
        campaign=body.campaign.to_campaign() if body.campaign is not None else None,
        initial_charge_id=charge.charge_id if charge is not None else None,
        product_name=body.product_name,
        product_description=body.product_description,
        merchant_agreement_url=body.merchant_agreement_url,
        external_id=body.external_id,
        pricing=pricing,
        interval=body.interval.to_interval() if body.interval is not None else None,
    )
    if body.skip_landing_page and body.phone is not None:
        agreement = agreement.sent(body.phone, call.now)
    agreement = world.keep(agreement.drafted(rules.expires_at(call.now), call.idempotency_key))
    world.tell(AgreementHappened("drafted", call.now, agreement, "MERCHANT"))
    if body.phone is not None:
        await_answer(world, call, agreement, body.phone)
    if charge is not None:
        charge = world.keep(charge.created_with(call.idempotency_key))
        world.tell(
            ChargeHappened("created", call.now, charge, agreement.external_id, charge.amount)
        )
    return agreement


def update_agreement(
    world: World, call: Call, agreement_id: str, body: UpdateAgreement
) -> Agreement:
    """The agreement with the named members changed, or stopped (then nothing else may be named)."""
    if faults := body.faults(call.rules):
        raise ValidationFailed(*faults)
    agreement = find_agreement(world, call, agreement_id)
    if body.status == "STOPPED":
        if body.changes_besides_status:
            raise IllegalAgreementUpdate(
                "An agreement is stopped alone; send the other changes in a request of their own.",
                Fault("status", "must be the only member when it is STOPPED"),
            )
        if agreement.status == "STOPPED":
            return agreement
        agreement.require_changeable()
        return stop_agreement(world, call, agreement_id, "MERCHANT")
    agreement.require_changeable()
    changes = _changes(call, agreement, body)
    agreement = world.keep(agreement.updated(changes, call.now, call.idempotency_key))
    world.tell(AgreementHappened("updated", call.now, agreement, "MERCHANT"))
    return agreement


def stop_agreement(world: World, call: Call, agreement_id: str, actor: Actor) -> Agreement:
    """The agreement STOPPED, and what was still to come called off (rulings §7).

    A merchant's stop, and that of a deleted profile, also releases what is reserved;
    a payer's stop leaves reservations to the merchant.
    A charge that is being attempted is settled first, by `record_outcome`.
    """
    agreement = find_agreement(world, call, agreement_id)
    agreement.require_changeable()
    key = call.idempotency_key if actor == "MERCHANT" else None
    agreement = world.keep(agreement.stopped(call.now, actor, key))
    for charge in world.open_charges(call.merchant_serial_number, agreement_id):
        if charge.status in {"PENDING", "DUE"}:
            cancel_before_reservation(world, call, agreement, charge, key or charge.system_key)
        elif charge.held and charge.open_payment is None and actor != "USER":
            begin_release(world, call, charge, key or charge.system_key)
    if actor == "MERCHANT":
        notify_of_stop(world, call, agreement)
    world.tell(AgreementHappened("stopped", call.now, agreement, actor))
    return agreement


def cancel_before_reservation(
    world: World, call: Call, agreement: Agreement, charge: Charge, key: str
) -> Charge:
    """Call off a charge that holds no money yet."""
    cancelled: Charge = world.keep(charge.cancel(call.now, key))
    world.tell(
        ChargeHappened("cancelled", call.now, cancelled, agreement.external_id, charge.amount)
    )
    return cancelled


def _initial_charge(
    world: World, call: Call, agreement_id: str, body: InitialCharge, pricing: Any
) -> Charge:
    msn = call.merchant_serial_number
    require_transaction_type(call.unit, body.transaction_type)
    if body.order_id is not None and world.find(Charge, msn, body.order_id) is not None:
        raise Conflict(f"The orderId is taken by another charge of sales unit {msn}.")
    today = call.rules.market.day_of(call.now)
    return Charge(
        merchant_serial_number=msn,
        charge_id=body.order_id or _fresh_charge_id(world, call),
        agreement_id=agreement_id,
        external_id=body.external_id,
        type="INITIAL",
        transaction_type=body.transaction_type,
        processing_mode="SINGLE_ATTEMPT",
        amount=body.amount,
        currency=pricing.currency,
        description=body.description,
        ceiling=None,
        due_day=today,
        retry_days=0,
        created=call.now,
        due=call.now,
    )


def _fresh_agreement_id(world: World, call: Call) -> str:
    """An id that no agreement of the batch has; one that the database has is minted anew, with the batch."""
    agreement_id = mint_agreement_id(call.randomness)
    while world.knows(Agreement, call.merchant_serial_number, agreement_id):
        agreement_id = mint_agreement_id(call.randomness, LONGER_ID)
    return agreement_id


def _fresh_charge_id(world: World, call: Call) -> str:
    charge_id = mint_charge_id(call.randomness)
    while world.knows(Charge, call.merchant_serial_number, charge_id):
        charge_id = mint_charge_id(call.randomness, LONGER_ID)
    return charge_id


def _permitted_scope(call: Call, scope: str | None) -> str | None:
    """The scope without `nin`, where the unit may not ask for it (rulings §10)."""
    if scope is None or call.unit.features.nin:
        return scope
    return " ".join(word for word in scope.split() if word != "nin") or None


def _require_suggested_maximum(call: Call, pricing: Any) -> None:
    ceiling = call.rules.suggested_max_ceiling
    if isinstance(pricing, VariablePricing) and pricing.suggested_max_amount > ceiling:
        raise InvalidSuggestedMaxAmount(
            f"suggestedMaxAmount may be at most {ceiling} in {pricing.currency}.",
            Fault("pricing.suggestedMaxAmount", f"must be at most {ceiling}"),
        )


def _changes(call: Call, agreement: Agreement, body: UpdateAgreement) -> dict[str, Any]:
    changes: dict[str, Any] = {
        name: value
        for name in (
            "product_name",
            "product_description",
            "merchant_agreement_url",
            "external_id",
        )
        if (value := getattr(body, name)) is not None
    }
    if body.interval is not None:
        changes["interval"] = body.interval.to_interval()
    if body.pricing is not None:
        changes["pricing"] = _changed_pricing(call, agreement, body)
    return changes


def _changed_pricing(call: Call, agreement: Agreement, body: UpdateAgreement) -> Any:
    asked, pricing = body.pricing, agreement.pricing
    assert asked is not None
    if asked.amount is not None:
        if not isinstance(pricing, LegacyPricing):
            raise ValidationFailed.of("pricing.amount", "belongs to LEGACY pricing only")
        pricing = replace(pricing, amount=asked.amount)
    if asked.suggested_max_amount is not None:
        if not isinstance(pricing, VariablePricing):
            raise ValidationFailed.of(
                "pricing.suggestedMaxAmount", "belongs to VARIABLE pricing only"
            )
        pricing = replace(pricing, suggested_max_amount=asked.suggested_max_amount)
        _require_suggested_maximum(call, pricing)
    return pricing
