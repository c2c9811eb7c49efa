"""`/sandbox/sales-units/{msn}/snapshots`: moments of a unit that one can go back to (sandbox §8)."""

from __future__ import annotations

import falcon.asgi

from avtale.api.answers import send_json
from avtale.processing.lasting import see_through
from avtale.sales_units import SalesUnit
from avtale.sandbox.bodies import body_of
from avtale.sandbox.quiet import quiet
from avtale.sandbox.tools import Tools
from avtale.snapshots import Snapshot
from avtale.storage import snapshots
from avtale.wire.control import clock_answer
from avtale.wire.snapshots import TakeSnapshot, snapshot_answer


async def take(tools: Tools, msn: str, name: str) -> Snapshot:
    """Keep the unit as it is now; raises as `storage.snapshots.take` and `quiet` do."""

    async def taking() -> Snapshot:
        async with quiet(tools, msn):
            return await snapshots.take(tools.storage, msn, name, tools.engine.real_now())

    return await see_through(taking())


async def restore(tools: Tools, msn: str, name: str) -> SalesUnit:
    """Have the unit as it was, and answer with it; raises as `storage.snapshots.restore` and `quiet` do."""

    async def restoring() -> SalesUnit:
        async with quiet(tools, msn):
            await snapshots.restore(tools.storage, msn, name, tools.engine.real_now())
        tools.directory.forget()
        tools.faults.forget()
        tools.nudge()
        # Whoever listens to the unit sees from this where its clock stands.
        return await tools.clocks.show(msn)

    return await see_through(restoring())


async def listed(tools: Tools, msn: str) -> list[Snapshot]:
    """The unit's snapshots, oldest first; raises ResourceNotFound where there is no such unit."""
    await tools.directory.sales_unit(msn)
    return await snapshots.listed(tools.storage, msn)


async def delete(tools: Tools, msn: str, name: str) -> None:
    """Forget one; raises ResourceNotFound."""
    await tools.directory.sales_unit(msn)
    await snapshots.delete(tools.storage, msn, name)


class Snapshots:
    """The snapshots of one sales unit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """List them, oldest first."""
        found = await listed(self._tools, msn)
        send_json(resp, [snapshot_answer(each) for each in found])

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Take one."""
        body = await body_of(req, TakeSnapshot)
        send_json(resp, snapshot_answer(await take(self._tools, msn, body.name)))
        resp.status = 201

    async def on_post_restore(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, name: str
    ) -> None:
        """Go back to one; answers with the clock as it is then."""
        unit = await restore(self._tools, msn, name)
        send_json(resp, clock_answer(unit, self._tools.engine.real_now()))

    async def on_delete_one(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, name: str
    ) -> None:
        """Forget one."""
        await delete(self._tools, msn, name)
        resp.status = 204
