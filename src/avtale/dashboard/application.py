"""The dashboard on the application: its paths, and pages that are loaded when somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import falcon.asgi

from avtale.pages.later import Later, responder

if TYPE_CHECKING:
    from avtale.dashboard.desk import Desk

SIGN_IN: Final = "/sign-in"
_UNIT: Final = "/units/{msn}"


class Place(NamedTuple):
    """A path, and the class that answers there."""

    template: str
    module: str
    name: str
    methods: tuple[str, ...] = ("get",)
    suffix: str = ""


PLACES: Final[tuple[Place, ...]] = (
    Place("/", "overview", "Units"),
    Place(SIGN_IN, "signing_in", "SignIn", ("get", "post")),
    Place("/sign-out", "signing_in", "SignIn", ("post",), "out"),
    Place(_UNIT, "overview", "Overview"),
    Place(_UNIT + "/agreements", "agreements", "AgreementList"),
    Place(_UNIT + "/agreements/{agreement_id}", "agreements", "AgreementPage"),
    Place(_UNIT + "/agreements/{agreement_id}/stop", "acts", "StopAct", ("get", "post")),
    Place(_UNIT + "/charges", "charges", "ChargeList"),
    Place(_UNIT + "/charges/{charge_id}", "charges", "ChargePage"),
    Place(_UNIT + "/charges/{charge_id}/{act}", "acts", "ChargeAct", ("get", "post")),
    Place(_UNIT + "/requests", "requests", "Requests"),
    Place(_UNIT + "/webhooks", "webhooks", "Webhooks"),
    Place(_UNIT + "/webhooks/{delivery_id}", "webhooks", "DeliveryPage", ("get", "post")),
    Place(_UNIT + "/payers", "people", "Payers", ("get", "post")),
    Place(_UNIT + "/clock", "clock", "ClockPage", ("get", "post")),
    Place(_UNIT + "/checklist", "coach", "Coach", ("get", "post")),
    Place(_UNIT + "/snapshots", "moments", "Moments", ("get", "post")),
    Place(_UNIT + "/settings", "settings", "Settings", ("get", "post")),
    Place(_UNIT + "/acts", "journal", "Journal"),
)


def mount(app: falcon.asgi.App[Any, Any], make_desk: Callable[[], Desk]) -> None:
    """Add every page; the desk is made with the first that is asked for, so that starting costs nothing."""
    desk = cache(make_desk)
    for place in PLACES:
        names = [responder(method, place.suffix) for method in place.methods]
        page = Later(partial(_page, place, desk), names)
        app.add_route(place.template, page, suffix=place.suffix or None)


def _page(place: Place, desk: Callable[[], Desk]) -> object:
    module = import_module(f"avtale.dashboard.{place.module}")
    made: object = getattr(module, place.name)(desk())
    return made
