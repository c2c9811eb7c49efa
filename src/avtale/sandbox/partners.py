"""`/sandbox/partners`: keys that act for several sales units (sandbox §3)."""

from __future__ import annotations

import falcon.asgi

from avtale.api.answers import send_json
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.operations.sales_units import Credentials, add_client, minted_credentials
from avtale.problems import Fault, ValidationFailed
from avtale.sales_units import SalesUnit
from avtale.sandbox.bodies import body_of
from avtale.sandbox.tools import Tools
from avtale.wire.control import NewPartner, PartnerAnswer


class Partners:
    """All partners."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Make one; its keys are shown this once."""
        body = await body_of(req, NewPartner)
        serial_numbers = tuple(dict.fromkeys(body.sales_units))

        def decide(world: World, call: Call) -> Credentials:
            missing = [
                Fault(f"salesUnits.{index}", "is no sales unit here")
                for index, msn in enumerate(body.sales_units)
                if world.find(SalesUnit, msn) is None
            ]
            if missing:
                raise ValidationFailed(*missing)
            credentials = minted_credentials(call)
            keys, name = self._tools.keys, body.name
            add_client(world, call, keys, "PARTNER", name, serial_numbers, credentials)
            return credentials

        needs = Needs().of(SalesUnit, *((msn,) for msn in serial_numbers))
        decided = await self._tools.engine.submit(Command("add_partner", decide, needs))
        credentials = decided.unwrap()
        self._tools.directory.forget()
        answer = PartnerAnswer(name=body.name, sales_units=serial_numbers, **credentials._asdict())
        send_json(resp, answer)
        resp.status = 201
        resp.set_header("Cache-Control", "no-store")
