"""Gateways with faults of their own, in front of the simulated one that really moves the money."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from avtale.gateways.gateway import Ask, Gateway, GatewayAnswer
from avtale.gateways.simulated import SimulatedGateway
from tests.support import House


class Slow:
    """Asks at once, and brings no answer before it is told to."""

    def __init__(self, house: House) -> None:
        self._real: Gateway = SimulatedGateway(house.parts.engine)
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def ask(self, asks: Sequence[Ask]) -> list[GatewayAnswer]:
        """The real answers, in due course."""
        answers = await self._real.ask(asks)
        self.asked.set()
        await self.may_answer.wait()
        return answers

    async def is_asked(self) -> None:
        """Wait until somebody has asked; not for ever, or a failure would look like patience."""
        async with asyncio.timeout(10):
            await self.asked.wait()


class Broken:
    """Raises, before or after the money has moved, until it is mended."""

    def __init__(self, house: House, *, after: bool) -> None:
        self._real: Gateway = SimulatedGateway(house.parts.engine)
        self._after = after
        self.is_mended = False

    async def ask(self, asks: Sequence[Ask]) -> list[GatewayAnswer]:
        """The real answers once it is mended."""
        if not (self.is_mended or self._after):
            raise ConnectionResetError("no bytes were sent")
        answers = await self._real.ask(asks)
        if not self.is_mended:
            raise TimeoutError("no answer came")
        return answers


class Muddled:
    """Answers in another order, or leaves one out."""

    def __init__(self, house: House, *, leaves_out: bool) -> None:
        self._real: Gateway = SimulatedGateway(house.parts.engine)
        self._leaves_out = leaves_out
        self.is_mended = False

    async def ask(self, asks: Sequence[Ask]) -> list[GatewayAnswer]:
        """The real answers, muddled."""
        answers = await self._real.ask(asks)
        if self.is_mended:
            return answers
        return answers[1:] if self._leaves_out else answers[::-1]
