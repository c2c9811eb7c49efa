"""What the simulations share: an event loop of their own, so that they decide what happens when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs only while something is being done."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()
