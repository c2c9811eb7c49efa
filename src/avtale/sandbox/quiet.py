"""Quiet: nothing of a sales unit is on its way while all of it is erased, kept or put back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from avtale.problems import Conflict
from avtale.sales_units import SalesUnit
from avtale.sandbox.tools import Tools


@asynccontextmanager
async def quiet(tools: Tools, msn: str) -> AsyncIterator[SalesUnit]:
    """The unit, while its clock is not moved and no run of it is under way, and all requests are written down.

    Raises Conflict while somebody moves the clock, ResourceNotFound where there is no such unit.
    """
    async with tools.clocks.alone(msn):
        unit = await tools.directory.sales_unit(msn)
        if unit.is_held(tools.engine.real_now()):
            raise Conflict("The clock is being moved; wait for that to end.")
        await tools.runs.quiet(msn)
        await tools.recorder.flush()
        yield unit
