"""What a request of the control API means: a sales unit that its path does not name, an agreement, a charge."""

from __future__ import annotations

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.identifiers import SERIAL_NUMBER, is_order_id
from avtale.operations.finding import require_agreement_id
from avtale.problems import ResourceNotFound, ValidationFailed
from avtale.storage.storage import Storage


def serial_number(req: falcon.asgi.Request) -> str:
    """The query's `merchantSerialNumber`, empty where any unit will do; raises ValidationFailed."""
    given: str | None = req.get_param("merchantSerialNumber")
    if given is None:
        return ""
    if SERIAL_NUMBER.fullmatch(given) is None:
        raise ValidationFailed.of("merchantSerialNumber", "must be 4 to 10 digits")
    return given


async def find_agreement(
    storage: Storage, req: falcon.asgi.Request, agreement_id: str
) -> Agreement:
    """The agreement, in the unit that the query names, or the newest with this id; raises ResourceNotFound."""
    require_agreement_id(agreement_id)
    msn = serial_number(req)
    found = await storage.rows(
        Agreement, "agreement_in_any_unit", agreement_id=agreement_id, msn=msn
    )
    if not found:
        raise ResourceNotFound("Agreement not found.")
    return found[0]


async def agreement_of(storage: Storage, msn: str, agreement_id: str) -> Agreement:
    """The agreement of a unit that is known; raises ResourceNotFound."""
    found = await storage.rows(Agreement, "agreement_by_id", msn=msn, agreement_id=agreement_id)
    if not found:
        raise ResourceNotFound("Agreement not found.")
    return found[0]


async def find_charge(storage: Storage, req: falcon.asgi.Request, charge_id: str) -> Charge:
    """The charge, in the unit that the query names, or the newest with this id; raises ResourceNotFound."""
    msn = serial_number(req)
    found = []
    if is_order_id(charge_id):
        found = await storage.rows(Charge, "charge_in_any_unit", charge_id=charge_id, msn=msn)
    if not found:
        raise ResourceNotFound("Charge not found.")
    return found[0]
