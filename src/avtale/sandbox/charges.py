"""`/sandbox/charges/{chargeId}`: what the next attempts meet, and an attempt right now (sandbox §5)."""

from __future__ import annotations

import falcon.asgi

from avtale.api.answers import send_json
from avtale.charges.charge import Charge
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.ledger import Script
from avtale.operations.payers import script_charge
from avtale.problems import ResourceNotFound
from avtale.processing.lasting import see_through
from avtale.sandbox.bodies import body_of
from avtale.sandbox.finding import find_charge
from avtale.sandbox.tools import Tools
from avtale.wire.control import ChargeActAnswer, ScriptAnswer, ScriptOutcomes
from avtale.wire.telling import told


class PayersCharges:
    """One charge, in the hands of whoever moves the money."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_post_outcomes(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, charge_id: str
    ) -> None:
        """Script its next attempts, in place of what was scripted before."""
        body = await body_of(req, ScriptOutcomes)
        msn = (await find_charge(self._tools.storage, req, charge_id)).merchant_serial_number

        def decide(world: World, call: Call) -> tuple[Charge, Script]:
            return script_charge(world, call, charge_id, body.outcomes)

        needs = Needs().of(Charge, (msn, charge_id)).of(Script, (msn, charge_id))
        decided = await self._tools.engine.submit(Command("script_charge", decide, needs, msn))
        charge, script = decided.unwrap()
        send_json(
            resp,
            ScriptAnswer(
                charge_id=charge_id,
                merchant_serial_number=msn,
                status=charge.status,
                outcomes=script.outcomes,
            ),
        )

    async def on_post_process(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, charge_id: str
    ) -> None:
        """Attempt it now; answers when the outcome is known, or known to be unclear."""
        charge = await find_charge(self._tools.storage, req, charge_id)
        msn, agreement_id = charge.merchant_serial_number, charge.agreement_id
        happened = await see_through(self._tools.runs.attempt_now(msn, agreement_id, charge_id))
        key = Needs().of(Charge, (msn, charge_id))
        after = (await self._tools.storage.look(key)).find(Charge, msn, charge_id)
        if after is None:
            raise ResourceNotFound("The charge was erased meanwhile.")
        send_json(
            resp,
            ChargeActAnswer(
                charge_id=charge_id,
                agreement_id=agreement_id,
                merchant_serial_number=msn,
                status=after.status,
                happened=told(happened),
            ),
        )
