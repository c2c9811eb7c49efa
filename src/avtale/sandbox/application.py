"""The control API on the application: its routes and responders; never mounted in production."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import falcon.asgi

from avtale.pages.later import Later, responder
from avtale.sandbox.agreements import PayersAgreements
from avtale.sandbox.charges import PayersCharges
from avtale.sandbox.clock import Clock
from avtale.sandbox.payers import Payers
from avtale.sandbox.routes import CONTROL_ROUTES, Resource
from avtale.sandbox.sales_units import SalesUnits
from avtale.sandbox.tools import Tools


def mount(app: falcon.asgi.App[Any, Any], tools: Tools) -> None:
    """Add everything below `/sandbox`; where this is not called, those paths answer 404."""
    resources: dict[Resource, object] = {
        "sales_units": SalesUnits(tools),
        "clock": Clock(tools),
        "payers": Payers(tools),
        "agreements": PayersAgreements(tools),
        "charges": PayersCharges(tools),
    }
    resources |= {
        name: Later(partial(make, tools), _responders(name)) for name, make in _LATER.items()
    }
    for template, resource, suffix in dict.fromkeys(
        (route.template, route.resource, route.suffix) for route in CONTROL_ROUTES
    ):
        app.add_route(template, resources[resource], suffix=suffix or None)


def _responders(name: Resource) -> list[str]:
    return [responder(each.method, each.suffix) for each in CONTROL_ROUTES if each.resource == name]


def _partners(tools: Tools) -> object:
    from avtale.sandbox.partners import Partners  # noqa: PLC0415

    return Partners(tools)


def _record(tools: Tools) -> object:
    from avtale.sandbox.record import Record  # noqa: PLC0415

    return Record(tools)


def _checklist(tools: Tools) -> object:
    from avtale.sandbox.checklist import Checklist  # noqa: PLC0415

    return Checklist(tools)


def _deliveries(tools: Tools) -> object:
    from avtale.sandbox.deliveries import Deliveries  # noqa: PLC0415

    return Deliveries(tools)


def _inbox(tools: Tools) -> object:
    from avtale.sandbox.inbox import Inbox  # noqa: PLC0415

    return Inbox(tools)


def _faults(tools: Tools) -> object:
    from avtale.sandbox.faults import UnitFaults  # noqa: PLC0415

    return UnitFaults(tools)


def _snapshots(tools: Tools) -> object:
    from avtale.sandbox.snapshots import Snapshots  # noqa: PLC0415

    return Snapshots(tools)


_LATER: Final[dict[Resource, Callable[[Tools], object]]] = {
    "partners": _partners,
    "record": _record,
    "checklist": _checklist,
    "deliveries": _deliveries,
    "inbox": _inbox,
    "faults": _faults,
    "snapshots": _snapshots,
}
