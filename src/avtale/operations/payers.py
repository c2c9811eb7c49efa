"""What is so of payers: made, changed, gone; and what is scripted for the attempts on a charge (sandbox §5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.engine.command import Call
from avtale.engine.rows import Key
from avtale.engine.world import World
from avtale.ledger import Script
from avtale.operations.agreements import stop_agreement
from avtale.operations.approvals import reject_agreement
from avtale.operations.diary import take_up_habits
from avtale.payers import Outcome, Payer, made_up_payer
from avtale.problems import Refused, ResourceNotFound
from avtale.rulebook import MarketCode
from avtale.sales_units import SalesUnit
from avtale.wire.payers import PutPayer

_PREFIXES: tuple[tuple[str, MarketCode], ...] = (("47", "NO"), ("45", "DK"), ("358", "FI"))


class Put(NamedTuple):
    """A payer as it is now, and whether it is new."""

    payer: Payer
    is_new: bool


def market_of(phone_number: str) -> MarketCode:
    """Where a phone number is from, by its country code; Norway where that says nothing."""
    return next((market for code, market in _PREFIXES if phone_number.startswith(code)), "NO")


def put_payer(
    world: World,
    call: Call,
    phone_number: str,
    body: PutPayer,
    agreements: Iterable[Key] = (),
) -> Put:
    """The payer with these changes; made up first where unknown, made again where the profile is gone.

    Another persona takes up its habits in the `agreements` that are the payer's, each on its own unit's clock.
    """
    known = world.find(Payer, phone_number)
    is_new = known is None or known.deleted is not None
    payer = known or made_up_payer(phone_number, market_of(phone_number))
    if payer.deleted is not None:
        payer = payer.made_again()
    before, payer = payer, body.applied_to(payer)
    world.put(payer)
    if payer.persona != before.persona:
        for msn, agreement_id in agreements:
            agreement, at_unit = _found(world, call, str(msn), str(agreement_id))
            if agreement is not None and agreement.status == "ACTIVE":
                take_up_habits(world, at_unit, agreement, payer, anew=True)
    return Put(payer, is_new)


def delete_payer(
    world: World,
    call: Call,
    phone_number: str,
    agreements: Iterable[Key],
    requests: Iterable[Key],
) -> None:
    """The payer deletes the profile: agreements in every unit are stopped, requests rejected (rulings §7).

    Each unit's own clock says when. `agreements` and `requests` are keys of rows that may have changed since.
    """
    payer = world.find(Payer, phone_number)
    if payer is None or payer.deleted is not None:
        raise ResourceNotFound("There is no payer with this phone number.")
    world.put(payer.forgotten(call.real_now))
    for msn, agreement_id in agreements:
        agreement, at_unit = _found(world, call, str(msn), str(agreement_id))
        if agreement is not None and agreement.status == "ACTIVE":
            stop_agreement(world, at_unit, agreement.agreement_id, "ADMIN")
    for msn, agreement_id in requests:
        agreement, at_unit = _found(world, call, str(msn), str(agreement_id))
        if agreement is not None and _waits(agreement, at_unit):
            reject_agreement(world, at_unit, agreement.agreement_id)


def script_charge(
    world: World, call: Call, charge_id: str, outcomes: tuple[Outcome, ...]
) -> tuple[Charge, Script]:
    """What the next attempts on the charge will meet, in place of what was scripted before."""
    charge = world.find(Charge, call.merchant_serial_number, charge_id)
    if charge is None:
        raise ResourceNotFound("Charge not found.")
    if charge.status not in {"PENDING", "DUE", "PROCESSING"}:
        raise Refused(f"The charge is {charge.status}; there will be no more attempts.")
    script = Script(call.merchant_serial_number, charge_id, outcomes)
    world.put(script)
    return charge, script


def _found(world: World, call: Call, msn: str, agreement_id: str) -> tuple[Agreement | None, Call]:
    """The agreement, where it still is, and the call as its own unit sees it."""
    unit = world.find(SalesUnit, msn)
    if unit is None:
        return None, call
    at_unit = replace(call, sales_unit=unit, now=unit.now(call.real_now))
    return world.find(Agreement, msn, agreement_id), at_unit


def _waits(agreement: Agreement, call: Call) -> bool:
    """Whether the request can still be answered; one whose time is up expires by itself."""
    if agreement.status != "PENDING" or agreement.is_being_approved:
        return False
    return agreement.wake_at is not None and agreement.wake_at > call.now
