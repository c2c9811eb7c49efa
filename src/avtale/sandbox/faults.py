"""`/sandbox/sales-units/{msn}/faults`: what shall go wrong for a sales unit, on command (sandbox §7)."""

from __future__ import annotations

from typing import Any, TypeVar

import falcon.asgi

from avtale.api.answers import send_json
from avtale.api.gate import SMALL_BODY, read_body
from avtale.api.trouble import ERRORS, OPERATIONS, PUBLISHED
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.faults import EVERY_OPERATION, FaultsOfUnit, Misfortune
from avtale.operations.faults import set_faults
from avtale.problems import Fault, ValidationFailed
from avtale.rulebook import rulebook_for
from avtale.sandbox.tools import Tools
from avtale.wire.members import listed
from avtale.wire.misfortunes import (
    MOST_FAULTS,
    RequestFaultBody,
    WebhookFaultBody,
    fault_answer,
)
from avtale.wire.reading import read_json, shaped, unknown_members

Body = TypeVar("Body", RequestFaultBody, WebhookFaultBody)

_RULES = rulebook_for("test", "NO")
_MOST_NAMED = 100


class UnitFaults:
    """The faults of one sales unit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Those that are set, in their order, and how far each has come."""
        await self._tools.directory.sales_unit(msn)
        found = await self._tools.storage.rows(FaultsOfUnit, "faults_of_unit", msn=msn)
        send_json(resp, _told(found[0].faults if found else ()))

    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Set these and no others; all begin anew."""
        faults = _faults_in(read_json(await read_body(req, SMALL_BODY)))
        await self._tools.directory.sales_unit(msn)
        row = await self._set(msn, faults)
        send_json(resp, _told(row.faults))

    async def on_delete(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Set none."""
        await self._tools.directory.sales_unit(msn)
        await self._set(msn, [])
        resp.status = 204

    async def _set(self, msn: str, faults: list[Misfortune]) -> FaultsOfUnit:
        def decide(world: World, call: Call) -> FaultsOfUnit:
            return set_faults(world, call, faults)

        needs = Needs().of(FaultsOfUnit, (msn,))
        decided = await self._tools.engine.submit(Command("set_faults", decide, needs, msn))
        self._tools.faults.forget()
        return decided.unwrap()


def _told(faults: tuple[Misfortune, ...]) -> list[Any]:
    return [fault_answer(each, PUBLISHED.get(each.operation, each.operation)) for each in faults]


def _faults_in(value: object) -> list[Misfortune]:
    """The faults of a body; raises ValidationFailed with everything that is wrong with any of them."""
    if not isinstance(value, list):
        raise ValidationFailed.of("body", "must be an array of faults, in [ ] even for one alone")
    if len(value) > MOST_FAULTS:
        raise ValidationFailed.of("body", f"must hold at most {MOST_FAULTS} faults")
    found: list[Misfortune] = []
    wrong: list[Fault] = []
    for index, item in enumerate(value):
        try:
            found.append(_fault_in(item))
        except ValidationFailed as failed:
            wrong += [
                Fault(f"{index}" if name == "body" else f"{index}.{name}", reason)
                for name, reason in failed.faults
            ]
    if wrong:
        raise ValidationFailed(*wrong[:_MOST_NAMED])
    return found


def _fault_in(value: object) -> Misfortune:
    if not isinstance(value, dict):
        raise ValidationFailed.of("body", "must be an object")
    if ("webhook" in value) == ("fault" in value):
        raise ValidationFailed.of(
            "body", "must have either `operation` and `fault`, or `webhook`, and not both"
        )
    if "webhook" in value:
        return _shaped(value, WebhookFaultBody).misfortune()
    body = _shaped(value, RequestFaultBody)
    operation = OPERATIONS.get(body.operation)
    wrong = []
    if operation is None:
        called = listed([EVERY_OPERATION, *sorted(PUBLISHED.values())])
        wrong.append(Fault("operation", f"must be {called}"))
    if body.status is not None and body.status not in ERRORS:
        wrong.append(Fault("status", f"must be {listed([str(each) for each in ERRORS])}"))
    if wrong or operation is None:
        raise ValidationFailed(*wrong)
    return body.misfortune(operation)


def _shaped(value: object, shape: type[Body]) -> Body:
    strangers: list[Fault] = [
        Fault(name, "is not known here") for name in unknown_members(value, shape)
    ]
    try:
        body: Any = shaped(value, shape, _RULES)
    except ValidationFailed as failed:
        raise ValidationFailed(*failed.faults, *strangers) from None
    faults = [*body.faults(_RULES), *strangers]
    if faults:
        raise ValidationFailed(*faults)
    checked: Body = body
    return checked
