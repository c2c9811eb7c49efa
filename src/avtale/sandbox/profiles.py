"""A payer's profile, made, changed and deleted, with all that hangs on it: habits, agreements, money."""

from __future__ import annotations

from collections import defaultdict

from msgspec import UNSET
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.operations.diary import habits_of
from avtale.operations.payers import Put, delete_payer, put_payer
from avtale.payers import Payer
from avtale.personas import Appointment
from avtale.processing.lasting import see_through
from avtale.sales_units import SalesUnit
from avtale.sandbox.cast import persona_called
from avtale.sandbox.tools import Tools
from avtale.wire.payers import PutPayer

MOST_REQUESTS = 10_000
"""How many requests a payer who leaves is asked to reject; they expire within minutes anyway."""


async def put_profile(tools: Tools, phone_number: str, body: PutPayer) -> Put:
    """Make or change a payer; what is not given stays, or is made up.

    Raises ValidationFailed where the persona is a name that nobody has.
    """
    if isinstance(body.persona, str):
        body = replace(body, persona=persona_called(body.persona))
    needs = Needs().of(Payer, (phone_number,))
    active: list[Agreement] = []
    if body.persona is not UNSET:
        active = await tools.storage.rows(
            Agreement, "active_agreements_of_payer", phone_number=phone_number
        )
    keys = [_key(agreement) for agreement in active]
    for msn, agreement_id in keys:
        needs.of(SalesUnit, (msn,)).of(Agreement, (msn, agreement_id))
        needs.of(Appointment, *habits_of(msn, agreement_id))

    def decide(world: World, call: Call) -> Put:
        return put_payer(world, call, phone_number, body, keys)

    return (await tools.engine.submit(Command("put_payer", decide, needs))).unwrap()


async def delete_profile(tools: Tools, phone_number: str) -> None:
    """The payer deletes the profile; done to the end even where whoever asked has gone.

    Raises ResourceNotFound where there is none.
    """
    await see_through(_delete(tools, phone_number))


async def _delete(tools: Tools, phone_number: str) -> None:
    active = await tools.storage.rows(
        Agreement, "active_agreements_of_payer", phone_number=phone_number
    )
    waiting = await tools.storage.rows(
        Agreement, "latest_requests_for_phone", phone_number=phone_number, size=MOST_REQUESTS
    )
    needs = Needs().of(Payer, (phone_number,))
    for agreement in (*active, *waiting):
        msn, agreement_id = key = _key(agreement)
        needs.of(SalesUnit, (msn,)).of(Agreement, key).open_charges(msn, agreement_id)
        if agreement.initial_charge_id is not None:
            needs.of(Charge, (msn, agreement.initial_charge_id))
    # Lists, since a command may be decided more than once.
    agreements, requests = [_key(each) for each in active], [_key(each) for each in waiting]

    def decide(world: World, call: Call) -> None:
        delete_payer(world, call, phone_number, agreements, requests)

    decided = await tools.engine.submit(Command("delete_payer", decide, needs))
    decided.unwrap()
    by_unit: defaultdict[str, list[Payment]] = defaultdict(list)
    for payment in decided.begun:
        by_unit[payment.merchant_serial_number].append(payment)
    for payments in by_unit.values():
        await tools.settlement.settle(payments)


def _key(agreement: Agreement) -> tuple[str, str]:
    return agreement.merchant_serial_number, agreement.agreement_id
