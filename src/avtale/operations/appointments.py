"""Appointments kept: what a persona does when its time has come, as its payer would (sandbox §5)."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.agreements.pricing import VariablePricing
from avtale.charges.charge import Charge
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.operations.agreements import stop_agreement
from avtale.operations.approvals import approve_agreement, reject_agreement, set_max_amount
from avtale.operations.diary import ANSWER, HABIT, NOTICE
from avtale.payers import Payer
from avtale.personas import Appointment, Habit, Persona, next_time
from avtale.problems import Problem


def keep_appointment(world: World, call: Call, agreement_id: str, cause: str) -> None:
    """Do what the payer's persona does now, and write down when it does so again.

    What is refused (a request that was answered meanwhile, say) is left at that: a persona does not insist.
    """
    msn = call.merchant_serial_number
    appointment = world.find(Appointment, msn, agreement_id, cause)
    if appointment is None or appointment.wake_at is None or appointment.wake_at > call.now:
        return
    world.put(appointment.done(None))
    payer = world.find(Payer, appointment.phone_number)
    if payer is None or payer.deleted is not None or payer.persona is None:
        return
    for habit in _habits(payer.persona, cause):
        mark = world.mark()
        try:
            _do(world, call, appointment, habit)
        except Problem:
            world.undo_to(mark)
        if world.get(Agreement, msn, agreement_id).status == "ACTIVE":
            world.put(appointment.done(next_time(habit, call.now, call.rules.market)))


def _habits(persona: Persona, cause: str) -> tuple[Habit, ...]:
    """The habits that an appointment stands for; none where the persona is another one meanwhile."""
    if cause.startswith(ANSWER):
        return (persona.answer,) if persona.answer is not None else ()
    if cause.startswith(NOTICE):
        return tuple(habit for habit in persona.habits if habit.when == "notice")
    place = int(cause.removeprefix(HABIT))
    return persona.habits[place : place + 1]


def _do(world: World, call: Call, appointment: Appointment, habit: Habit) -> None:
    msn, agreement_id = appointment.merchant_serial_number, appointment.agreement_id
    phone_number = appointment.phone_number
    agreement = world.get(Agreement, msn, agreement_id)
    if (agreement.status == "ACTIVE") == (habit.when == "request"):
        return
    payer = world.get(Payer, phone_number)
    match habit.do:
        case "approve":
            approve_agreement(world, call, agreement_id, phone_number)
        case "reject":
            reject_agreement(world, call, agreement_id)
        case "stop":
            stop_agreement(world, call, agreement_id, "USER")
        case "fill":
            world.put(replace(payer, balance=habit.amount))
        case "empty":
            world.put(replace(payer, balance=0))
        case "break source":
            world.put(replace(payer, source=replace(payer.source, status="BLOCKED")))
        case "mend source":
            world.put(replace(payer, source=replace(payer.source, status="OK", expires=None)))
        case "raise maximum":
            _raise_maximum(world, call, agreement, habit, appointment.cause)
        case _:
            assert_never(habit.do)


def _raise_maximum(
    world: World, call: Call, agreement: Agreement, habit: Habit, cause: str
) -> None:
    """To what the habit says, or else to what the charge takes that the payer was told of."""
    wanted = habit.amount
    if wanted is None:
        charge = world.find(Charge, call.merchant_serial_number, cause.removeprefix(NOTICE))
        wanted = charge.amount if charge is not None else 0
    pricing = agreement.pricing
    if isinstance(pricing, VariablePricing) and wanted > (pricing.max_amount or 0):
        set_max_amount(world, call, agreement.agreement_id, wanted)
