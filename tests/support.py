"""A small world for tests: an installation in this process, shops that call it, payers who answer, clocks that obey."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec
import pytest

from avtale import server
from avtale.configuration import Settings
from avtale.engine.command import Call, Command, Decided
from avtale.engine.world import Needs, World
from avtale.events import Happened
from avtale.gateways.gateway import Gateway
from avtale.operations.sales_units import (
    PUBLIC_CREDENTIALS,
    PUBLIC_UNIT,
    Credentials,
    add_client,
    add_sales_unit,
    minted_credentials,
)
from avtale.processing.clocks import Clocks
from avtale.processing.runs import Runs
from avtale.processing.settlement import Settlement
from avtale.processing.worker import Worker
from avtale.rulebook import MarketCode
from avtale.sales_units import Features, SalesUnit
from tests.people import Clock, Person
from tests.replies import Refusal, Reply, refused
from tests.shops import CHARGE, DRAFT, INITIAL, KARI, Shop, fresh_key

__all__ = [
    "CHARGE",
    "DRAFT",
    "INITIAL",
    "KARI",
    "MONDAY",
    "Clock",
    "House",
    "Person",
    "Refusal",
    "Reply",
    "Shop",
    "fresh_key",
    "installation",
    "refused",
    "soon",
]

MONDAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
"""Where every clock stands when a test begins: half past ten in Oslo, on 2 November 2026."""

_numbers = itertools.count(200_000)


@dataclass(eq=False)
class House:
    """An installation in this process, with everything that has happened in it."""

    parts: server.Parts
    happened: list[Happened]

    @cached_property
    def app(self) -> Any:
        """The application, as a server would run it."""
        return server.application(self.parts)

    async def public_shop(self) -> Shop:
        """Nordic News, with the keys that every fresh installation has."""
        return await self._shop(PUBLIC_UNIT, PUBLIC_CREDENTIALS)

    async def shop(
        self, market: MarketCode = "NO", *, rules: dict[str, int] | None = None, **features: bool
    ) -> Shop:
        """A shop of its own sales unit, whose clock stands still at MONDAY."""
        msn = str(next(_numbers))

        def decide(world: World, call: Call) -> Credentials:
            _, credentials = add_sales_unit(
                world,
                call,
                self.parts.keys,
                merchant_serial_number=msn,
                name="Nordic News",
                market=market,
                features=Features(**features),
                rules=rules or {},
            )
            return credentials

        return await self._shop(msn, await self.do(decide, Needs().of(SalesUnit, (msn,))))

    async def partner(self, *shops: Shop) -> Credentials:
        """Keys of a partner who may act for these shops."""

        def decide(world: World, call: Call) -> Credentials:
            credentials = minted_credentials(call)
            msns = [shop.msn for shop in shops]
            add_client(world, call, self.parts.keys, "PARTNER", "Abo Partners", msns, credentials)
            return credentials

        return await self.do(decide, Needs().of(SalesUnit, *((shop.msn,) for shop in shops)))

    async def _shop(self, msn: str, credentials: Credentials) -> Shop:
        def decide(world: World, _call: Call) -> SalesUnit:
            unit = world.unit(msn).frozen_at(MONDAY)
            world.put(unit)
            return unit

        unit = await self.do(decide, Needs().of(SalesUnit, (msn,)))
        return Shop(self, unit, credentials)

    async def do(
        self, decide: Callable[[World, Call], Any], needs: Needs, msn: str | None = None
    ) -> Any:
        """Have something decided, and settle what it begins."""
        decided = await self.submit(decide, needs, msn)
        return decided.unwrap()

    async def submit(
        self, decide: Callable[[World, Call], Any], needs: Needs, msn: str | None = None
    ) -> Decided[Any]:
        """The same, with how it ended; a refusal is not raised."""
        decided = await self.parts.engine.submit(Command("test", decide, needs, msn))
        if decided.begun:
            await self.parts.settlement.settle(decided.begun)
        return decided

    async def find(self, row: type[Any], *key: str | int) -> Any:
        """A row as it is stored, or None."""
        world = await self.parts.storage.look(Needs().of(row, key))
        return world.find(row, *key)

    async def put(self, row: Any, *key: str | int) -> None:
        """Store a row, new or changed."""
        await self.do(lambda world, _call: world.put(row), Needs().of(type(row), key))

    def with_settings(self, **changes: Any) -> House:
        """The same installation, as another process with other settings serves it."""
        settings = msgspec.structs.replace(self.parts.settings, **changes)
        return House(replace(self.parts, settings=settings), self.happened)

    def with_gateway(self, gateway: Gateway) -> House:
        """The same installation, but somebody else moves the money."""
        parts = self.parts
        settlement = Settlement(parts.engine, gateway)
        runs = Runs(parts.engine, parts.storage, settlement)
        clocks = Clocks(parts.engine, runs)
        worker = Worker(parts.engine, runs, clocks)
        return House(
            replace(parts, settlement=settlement, runs=runs, clocks=clocks, worker=worker),
            self.happened,
        )


async def soon(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so."""
    for _ in range(1000):
        if await what():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come to be within ten seconds")


@asynccontextmanager
async def installation(
    data: str = "memory:", *, work: bool = False, **settings: Any
) -> AsyncIterator[House]:
    """A running installation; with `work`, its processing loop runs too."""
    parts = await server.start(
        Settings(data=data, public_url="https://avtale.test", **settings), work=work
    )
    happened: list[Happened] = []

    def listen(decided: Sequence[Decided[Any]]) -> None:
        for each in decided:
            happened.extend(each.happened)

    parts.engine.listeners.append(listen)
    try:
        yield House(parts, happened)
    finally:
        await server.stop(parts)
