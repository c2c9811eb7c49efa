"""What payers do with agreements, seen through to the end: decided, settled with the gateway, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.payers import Payer
from avtale.processing.happenings import Happenings
from avtale.processing.lasting import see_through
from avtale.sandbox.tools import Tools

Act = Callable[[World, Call], Any]


async def act_on_agreement(
    tools: Tools, name: str, agreement: Agreement, act: Act, *phone_numbers: str
) -> Happenings:
    """Have an act decided and its money settled; done to the end even where whoever asked has gone.

    Raises what the act raises. `phone_numbers` are those of payers that it looks at.
    """
    msn, agreement_id = agreement.merchant_serial_number, agreement.agreement_id
    needs = Needs().of(Agreement, (msn, agreement_id)).open_charges(msn, agreement_id)
    needs.of(Payer, *((phone_number,) for phone_number in phone_numbers))
    if agreement.initial_charge_id is not None:
        needs.of(Charge, (msn, agreement.initial_charge_id))
    return await see_through(_done(tools, Command(name, act, needs, msn)))


async def _done(tools: Tools, command: Command[Any]) -> Happenings:
    decided = await tools.engine.submit(command)
    decided.unwrap()
    happened = Happenings()
    happened += decided.happened
    if decided.begun:
        happened += await tools.settlement.settle(decided.begun)
    return happened
