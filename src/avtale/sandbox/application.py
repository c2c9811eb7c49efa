"""The control API on the application: its routes and responders; never mounted in production."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from avtale.sandbox.agreements import PayersAgreements
from avtale.sandbox.charges import PayersCharges
from avtale.sandbox.checklist import Checklist
from avtale.sandbox.clock import Clock
from avtale.sandbox.deliveries import Deliveries
from avtale.sandbox.faults import UnitFaults
from avtale.sandbox.inbox import Inbox
from avtale.sandbox.partners import Partners
from avtale.sandbox.payers import Payers
from avtale.sandbox.record import Record
from avtale.sandbox.routes import CONTROL_ROUTES, Resource
from avtale.sandbox.sales_units import SalesUnits
from avtale.sandbox.tools import Tools


def mount(app: falcon.asgi.App[Any, Any], tools: Tools) -> None:
    """Add everything below `/sandbox`; where this is not called, those paths answer 404."""
    resources: dict[Resource, object] = {
        "sales_units": SalesUnits(tools),
        "partners": Partners(tools),
        "clock": Clock(tools),
        "payers": Payers(tools),
        "agreements": PayersAgreements(tools),
        "charges": PayersCharges(tools),
        "record": Record(tools),
        "faults": UnitFaults(tools),
        "checklist": Checklist(tools),
        "deliveries": Deliveries(tools),
        "inbox": Inbox(tools),
    }
    for template, resource, suffix in dict.fromkeys(
        (route.template, route.resource, route.suffix) for route in CONTROL_ROUTES
    ):
        app.add_route(template, resources[resource], suffix=suffix or None)
