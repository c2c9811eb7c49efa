"""Listening: an address taken first, and an application served on it until told to stop."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

BACKLOG: Final = 1024
"""How many connections may be open at a time, and as many may wait for one to end."""
HEAD_BYTES: Final = 16 * 1024
"""How long the head of a request may be (reliability I-1); of a hundred headers at most, says granian."""
HEAD_SECONDS: Final = 15.0
"""How long the head of a request may take to arrive, and how long a connection may wait for the next one."""
GRACE_SECONDS: Final = 3.0
"""How long requests that are under way may take when the server stops; a stream has no end of its own."""


class AddressRefused(OSError):
    """An address that cannot be listened on; the sentence says why and what would do."""


def take(host: str, port: int) -> socket.socket:
    """The address, taken but not listened on yet; port 0 takes any that is free.

    Taken by ourselves and alone: granian would share a port with whoever else listens there.
    Raises AddressRefused.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressRefused(f"{host} is no address of this machine ({error.strerror}).") from error
    # A name for both kinds of address means the older one, which every client tries.
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        taken.close()
        raise AddressRefused(_why(error, host, port)) from error
    taken.setblocking(False)
    return taken


def url_of(taken: socket.socket) -> str:
    """The URL under which this machine reaches the address."""
    host, port, *_ = taken.getsockname()
    ip = ipaddress.ip_address(host)
    if ip.is_unspecified:
        ip = ipaddress.ip_address("127.0.0.1" if ip.version == 4 else "::1")
    return f"http://{ip}:{port}" if ip.version == 4 else f"http://[{ip}]:{port}"


class Listener:
    """One application on one address; `serve` returns when `stop` was called and requests were answered."""

    def __init__(
        self, app: Asgi, taken: socket.socket, *, head_seconds: float = HEAD_SECONDS
    ) -> None:
        self._taken = taken
        self._server = _Server(app, taken, head_seconds)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; whoever connects from now on is answered."""
        self._taken.listen(BACKLOG)
        self._serving = asyncio.create_task(self._server.serve())

    async def ended(self) -> None:
        """Wait for an end that nobody asked for."""
        assert self._serving is not None
        await asyncio.shield(self._serving)

    async def stop(self) -> None:
        """Take no more connections, and give what is under way a few seconds to end."""
        assert self._serving is not None
        self._server.stop()  # type: ignore[no-untyped-call]  # granian's own annotations end here
        await asyncio.wait([self._serving], timeout=GRACE_SECONDS)


class _Server(Server):
    """granian on an address that is taken already."""

    def __init__(self, app: Asgi, taken: socket.socket, head_seconds: float) -> None:
        super().__init__(
            _until_the_client_goes(app),
            interface=Interfaces.ASGINL,
            # HTTP/2 is for whoever stands in front; it has ways of its own to be abused.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=int(head_seconds * 1000), max_buffer_size=HEAD_BYTES
            ),
            websockets=False,
            backlog=BACKLOG,
            # What granian has to say, other than greetings, goes where everything else is logged.
            log_level=LogLevels.error,
            log_dictconfig={"handlers": {}, "loggers": {"_granian": {"propagate": True}}},
        )
        self._taken = taken

    def _init_shared_socket(self) -> None:
        holder = SocketHolder(self._taken.detach(), False, BACKLOG)  # type: ignore[call-arg]
        self._shd = holder  # type: ignore[assignment]  # granian's own annotations end here


def _until_the_client_goes(app: Asgi) -> Asgi:
    """The application, which granian cancels where its client has gone; that is no error of anybody's."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise

    return served


def _why(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} of {host} is taken; stop what listens there, or choose another "
                "with --port (0 for any that is free)."
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"Port {port} of {host} may not be taken by this user; choose another with --port."
            )
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; choose another with --host."
        case _:
            return f"{host}:{port} cannot be listened on ({error.strerror})."
