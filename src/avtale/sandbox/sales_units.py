"""`/sandbox/sales-units`: tenants, made with their keys, changed, reset and erased (sandbox §3)."""

from __future__ import annotations

import falcon.asgi

from avtale.api.answers import send_json
from avtale.engine import clock
from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.identifiers import Randomness
from avtale.operations.sales_units import Credentials, add_sales_unit, change_sales_unit
from avtale.problems import Fault, ValidationFailed
from avtale.rulebook import MarketCode, UnsoundRule, rulebook_for
from avtale.sales_units import Features, SalesUnit
from avtale.sandbox.bodies import body_of
from avtale.sandbox.paging import page_of
from avtale.sandbox.quiet import quiet
from avtale.sandbox.tools import Tools
from avtale.storage.erasing import erase, reset
from avtale.wire.control import (
    RULE_FIELDS,
    ChangeSalesUnit,
    CredentialsAnswer,
    FeatureChanges,
    NewSalesUnit,
    sales_unit_answer,
)

_RULE_NAMES = {field: name for name, field in RULE_FIELDS.items()}


class SalesUnits:
    """All sales units, and one."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """List them, oldest first."""
        page = page_of(req)
        units = await self._tools.storage.rows(SalesUnit, "page_of_sales_units", **page)
        real_now = self._tools.engine.real_now()
        send_json(resp, [sales_unit_answer(unit, real_now) for unit in units])

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Make one; its keys are shown this once."""
        body = await body_of(req, NewSalesUnit, may_be_empty=True)
        market: MarketCode = body.market or "NO"
        features = (body.features or FeatureChanges()).applied_to(Features())
        rules = _sound(body.rules_applied_to({}), market, features)
        given = body.merchant_serial_number
        wanted = (given,) if given is not None else _serial_numbers(Randomness(clock.seed()))

        def decide(world: World, call: Call) -> tuple[SalesUnit, Credentials]:
            free = (msn for msn in wanted if world.find(SalesUnit, msn) is None)
            # Where none is free, the first is refused by name.
            msn = next(free, wanted[0])
            return add_sales_unit(
                world,
                call,
                self._tools.keys,
                merchant_serial_number=msn,
                name=body.name or f"Sales unit {msn}",
                market=market,
                features=features,
                rules=rules,
            )

        needs = Needs().of(SalesUnit, *((msn,) for msn in wanted))
        decided = await self._tools.engine.submit(Command("add_sales_unit", decide, needs))
        unit, credentials = decided.unwrap()
        self._tools.directory.forget()
        keys = CredentialsAnswer(**credentials._asdict())
        send_json(resp, sales_unit_answer(unit, self._tools.engine.real_now(), keys))
        resp.status = 201
        resp.set_header("Cache-Control", "no-store")

    async def on_get_one(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Fetch one."""
        unit = await self._tools.directory.sales_unit(msn)
        send_json(resp, sales_unit_answer(unit, self._tools.engine.real_now()))

    async def on_patch_one(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Change its name, features or rules; features and rules by member."""
        body = await body_of(req, ChangeSalesUnit)
        await self._tools.directory.sales_unit(msn)

        def decide(world: World, _call: Call) -> SalesUnit:
            unit = world.unit(msn)
            features = (body.features or FeatureChanges()).applied_to(unit.features)
            rules = _sound(body.rules_applied_to(unit.rules), unit.market, features)
            return change_sales_unit(world, msn, name=body.name, features=features, rules=rules)

        decided = await self._tools.engine.submit(
            Command("change_sales_unit", decide, Needs(), msn)
        )
        self._tools.directory.forget()
        send_json(resp, sales_unit_answer(decided.unwrap(), self._tools.engine.real_now()))

    async def on_delete_one(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Erase the unit and all it owns."""
        await self._tools.directory.sales_unit(msn)
        await self._without(msn, itself=True)
        self._tools.directory.forget()
        resp.status = 204

    async def on_post_reset(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Erase all that the unit owns; its clock returns to the present."""
        await self._tools.directory.sales_unit(msn)
        await self._without(msn, itself=False)
        self._tools.faults.forget()
        # Whoever listens to the unit sees from this where its clock stands.
        await self._tools.clocks.show(msn)
        resp.status = 204

    async def _without(self, msn: str, *, itself: bool) -> None:
        """Erase while nothing of the unit is on its way; raises Conflict while its clock is moved."""
        async with quiet(self._tools, msn):
            await (erase if itself else reset)(self._tools.storage, msn)


def _sound(rules: dict[str, int], market: MarketCode, features: Features) -> dict[str, int]:
    """The rules, if they make sense together; raises ValidationFailed with every one that does not."""
    faults = []
    rest = dict(rules)
    while True:
        try:
            rulebook_for("test", market, rest, late_capture=features.late_capture)
        except UnsoundRule as unsound:
            name = _RULE_NAMES[unsound.field]
            faults.append(Fault(f"rules.{name}", _in_json(unsound.reason)))
            if rest.pop(unsound.field, None) is None:
                # The published value does not go with what was set for another rule.
                break
        else:
            break
    if faults:
        raise ValidationFailed(*faults)
    return rules


def _in_json(reason: str) -> str:
    """A reason of the rulebook, with rules called as JSON calls them."""
    return " ".join(
        _RULE_NAMES.get(word.rstrip(","), word.rstrip(",")) + "," * word.endswith(",")
        for word in reason.split(" ")
    )


def _serial_numbers(randomness: Randomness) -> tuple[str, ...]:
    """Some numbers of six digits and some of seven, for the unlikely case that those are taken."""
    drawn = [int.from_bytes(randomness.take(8), "big") for _ in range(8)]
    return tuple(
        str(smallest + number % (9 * smallest))
        for number, smallest in zip(drawn, [10**5] * 4 + [10**6] * 4, strict=True)
    )
