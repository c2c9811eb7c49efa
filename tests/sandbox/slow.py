"""A gateway that takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from avtale.gateways.gateway import Ask, GatewayAnswer
from avtale.gateways.simulated import SimulatedGateway
from tests.support import House


class Slow:
    """A gateway that answers when it is let."""

    def __init__(self, house: House) -> None:
        self._gateway = SimulatedGateway(house.parts.engine)
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def ask(self, asks: Sequence[Ask]) -> list[GatewayAnswer]:
        """Wait, and then answer as the other one does."""
        self.is_asked.set()
        await self.may_answer.wait()
        return await self._gateway.ask(asks)
