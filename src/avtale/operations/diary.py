"""What personas are going to do: written down when an agreement or a charge gives them reason to (sandbox §5)."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.notifications import coming_at
from avtale.payers import Payer
from avtale.personas import MOST_HABITS, Appointment, first_time

ANSWER = "answer:"
HABIT = "habit:"
NOTICE = "notice:"


def await_answer(world: World, call: Call, agreement: Agreement, phone_number: str) -> None:
    """A request has come to a phone: a persona that answers requests will answer this one.

    Where the payer was not loaded, there is nobody yet who could.
    """
    if not world.knows(Payer, phone_number):
        return
    payer = world.get(Payer, phone_number)
    answer = payer.persona.answer if payer.persona is not None else None
    if answer is None or payer.deleted is not None:
        return
    cause = f"{ANSWER}{phone_number}"
    at = call.now + timedelta(minutes=answer.minutes)
    world.put(
        Appointment(call.merchant_serial_number, agreement.agreement_id, cause, phone_number, at)
    )


def take_up_habits(
    world: World, call: Call, agreement: Agreement, payer: Payer, *, anew: bool = False
) -> Agreement:
    """The agreement is the payer's: what the persona will do about it is in the diary from now on.

    With `anew`, the persona is another one than before, and what that one would have done is struck out;
    then every possible appointment of the agreement must be loaded (`habits_of`).
    Answers with the agreement, which knows whether somebody listens for notices.
    """
    habits = payer.persona.habits if payer.persona is not None else ()
    start = agreement.start or call.now
    for place in range(MOST_HABITS):
        at = None
        if place < len(habits):
            at = first_time(habits[place], start, call.now, call.rules.market)
        key = (call.merchant_serial_number, agreement.agreement_id, f"{HABIT}{place}")
        if at is not None or (anew and world.knows(Appointment, *key)):
            world.put(Appointment(*key, payer.phone_number, at))
    listens = payer.persona is not None and payer.persona.listens
    if agreement.listens != listens:
        agreement = replace(agreement, listens=listens)
        world.put(agreement)
    return agreement


def habits_of(merchant_serial_number: str, agreement_id: str) -> list[tuple[str, str, str]]:
    """The keys of all appointments that a persona's habits could have about an agreement."""
    return [
        (merchant_serial_number, agreement_id, f"{HABIT}{place}") for place in range(MOST_HABITS)
    ]


def await_notice(world: World, call: Call, agreement: Agreement, charge: Charge) -> None:
    """A charge was created for a payer who listens: something is done when the payer is told of it."""
    if agreement.payer is None or charge.type != "RECURRING":
        return
    msn, agreement_id = agreement.merchant_serial_number, agreement.agreement_id
    at = coming_at(charge.due_day, call.now, call.rules.market)
    cause = f"{NOTICE}{charge.charge_id}"
    world.put(Appointment(msn, agreement_id, cause, agreement.payer, at))
