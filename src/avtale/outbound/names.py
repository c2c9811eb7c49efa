"""Names: looking up what addresses a host has, on threads of its own, so that a slow name server holds nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from avtale.outbound.addresses import is_name_of_this_machine, literal

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a host up, for a port: the addresses that it has, the best first. Raises OSError where it has none."""

Ask = Callable[[str, int], list[str] | OSError]
"""The same, on a thread that it may keep waiting."""

MOST_LOOKUPS: Final = 64
"""Lookups side by side; each is a thread, which nobody can stop before the name server answers or is given up."""


class Names:
    """Asks the system. Nothing is kept: who connects anew looks anew.

    The threads are not those of the event loop, which commits need, and do not keep a process from ending.
    """

    def __init__(self, ask: Ask | None = None) -> None:
        self._ask = ask or _ask
        self._places = asyncio.Semaphore(MOST_LOOKUPS)
        self._under_way: dict[tuple[str, int], asyncio.Task[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host; who asks for what is being asked already shares the answer."""
        if literal(host) is not None:
            return [host]
        if is_name_of_this_machine(host):
            return ["127.0.0.1", "::1"]
        key = host, port
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(host, port))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    def close(self) -> None:
        """Wait for no answer any more."""
        for task in list(self._under_way.values()):
            task.cancel()

    def _ended(self, key: tuple[str, int], task: asyncio.Task[list[str]]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            # Whoever asked may have gone; then nobody else would hear of a failure.
            task.exception()

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def tell(found: list[str] | OSError) -> None:
            if answer.done():
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def ask() -> None:
            found = self._ask(host, port)
            # The loop may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, found)

        async with self._places:
            threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
            return await answer


def _ask(host: str, port: int) -> list[str] | OSError:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError as error:
        return OSError(f"{host} is no name: {error}")
    return [str(address[0]) for *_, address in found]
