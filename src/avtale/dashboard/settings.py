"""Keys and features: who may act for the unit, what it is approved for, and the rules of its own."""

from __future__ import annotations

from typing import Any, Final

import falcon.asgi
import msgspec

from avtale.clients import Client
from avtale.dashboard.desk import UNITS
from avtale.dashboard.page import Page
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT, change_sales_unit
from avtale.sales_units import Features, SalesUnit

LABELS: Final = {
    "recurring": ("Recurring payments", "Without it every request for agreements is refused."),
    "direct_capture": ("Direct capture", "Charges that are captured as soon as they are reserved."),
    "unscheduled": ("Unscheduled charges", "Charges that are attempted at once, of any amount."),
    "skip_landing_page": ("Skip the landing page", "Requests that go straight to the phone."),
    "nin": ("National identity number", "The scope nin, in Norway and for good reasons only."),
    "late_capture": ("Late capture", "Reservations that hold longer."),
}
LONGEST_NAME: Final = 100


class Settings(Page):
    """`/units/{msn}/settings`; a POST changes name and features."""

    template = "settings"
    here = "settings"

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """Clients and features."""
        msn = unit.merchant_serial_number
        clients = await self.desk.tools.storage.rows(Client, "clients_of_unit", msn=msn)
        rules = unit.rulebook(self.desk.tools.engine.environment)
        public = PUBLIC_CREDENTIALS if msn == PUBLIC_UNIT and self.desk.is_test else None
        return {
            "clients": [(each.client_id, each.kind, each.name, each.created) for each in clients],
            "keys": public,
            "features": [
                (name, *LABELS[name], getattr(unit.features, name))
                for name in Features.__struct_fields__
            ],
            "own_rules": sorted(unit.rules.items()),
            "lead_days": rules.lead_days,
            "capture_days": rules.capture_days,
            "url": self.desk.public_url,
        }

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Write what was chosen; only where this is a sandbox, since elsewhere the vendor approves."""
        who, unit, fields = await self.sent(req, msn, "developer", in_sandbox=True)
        name = " ".join(fields.get("name", "").split())[:LONGEST_NAME] or unit.name
        chosen = {each: each in fields for each in Features.__struct_fields__}

        def decide(world: World, _call: Call) -> SalesUnit:
            features = msgspec.structs.replace(world.unit(msn).features, **chosen)
            return change_sales_unit(world, msn, name=name, features=features, rules=None)

        command = Command("change_sales_unit", decide, Needs(), msn)
        (await self.desk.tools.engine.submit(command)).unwrap()
        self.desk.tools.directory.forget()
        on = ", ".join(each for each, is_on in chosen.items() if is_on)
        await self.desk.note(unit, who, "change_sales_unit", f"{name}: {on}")
        self.desk.go(req, resp, f"{UNITS}/{msn}/settings", "Saved.")
