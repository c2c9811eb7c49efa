"""Both event loops, and a look at the end whether anything was left open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from avtale.outbound.addresses import Policy
from avtale.outbound.sender import Sender


@pytest.fixture(scope="session", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The servers run on uvloop, and elsewhere it may not be there: both have to do."""
    return "asyncio", {"use_uvloop": request.param}


def _connections() -> set[str]:
    """The TCP sockets of this process, whether they listen, stand or are being closed."""
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
    ]
    tcp = {f"socket:[{line[9]}]" for line in lines}
    held = set()
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            held.add(str(each.readlink()))
    return held & tcp


def _tasks() -> set[asyncio.Task[Any]]:
    """All but those that run the test itself."""
    return {task for task in asyncio.all_tasks() if "TestRunner" not in repr(task.get_coro())}


@pytest.fixture
async def nothing_stays() -> AsyncIterator[None]:
    """Fails where a test leaves a connection or a task behind."""
    connections, tasks = _connections(), _tasks()
    yield
    patience = 100
    while left := (_connections() - connections) | (_tasks() - tasks):
        assert patience, f"left behind: {left}"
        patience -= 1
        await asyncio.sleep(0.01)


@pytest.fixture
async def sender(nothing_stays: None) -> AsyncIterator[Sender]:
    """Sends in the environment `test`, and gives up after five seconds."""
    sender = Sender(Policy("test"), seconds=5)
    yield sender
    await sender.close()


@pytest.fixture
async def hasty(nothing_stays: None) -> AsyncIterator[Sender]:
    """Gives up after half a second instead."""
    sender = Sender(Policy("test"), seconds=0.5)
    yield sender
    await sender.close()
