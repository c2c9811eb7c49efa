"""Connecting: to the very address that was looked at, reading no more than an answer may be long (O-2, O-3)."""

# ruff: noqa: ARG002, ASYNC109 -- the methods that httpcore calls have its signatures

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Final, cast

import httpcore

from avtale.outbound.addresses import Address, Policy, literal
from avtale.outbound.names import Resolve

MOST_ANSWER_BYTES: Final = 64 * 1024
"""How long an answer may be, its head included; what comes after that goes with the connection (O-3)."""

READ_BYTES: Final = 4096
"""Read at a time, so that taking apart what a receiver pours out leaves the others their turns."""

MOST_ADDRESSES: Final = 4
"""Addresses of one host that are tried."""

SECONDS_PER_ADDRESS: Final = 2.0
"""How long one that does not answer is waited for while there is another."""


class AddressRefused(Exception):
    """A host has an address to which nothing may be sent."""


class Unresolved(Exception):
    """A host has no address."""


class TlsRefused(Exception):
    """A receiver does not show, over TLS, that it is the one that was named."""


class AnswerTooLong(Exception):
    """An answer goes on after all that is read of one."""


class Wire(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection. What is written goes out when an answer is awaited, head and body together."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._arrived = bytearray()
        self._taken_bytes = 0
        self._awaited: asyncio.Future[None] | None = None
        self._is_over = False
        self._error: Exception | None = None

    @property
    def is_sent(self) -> bool:
        """Whether the request has gone out."""
        return not self._unsent

    @property
    def is_answered(self) -> bool:
        """Whether any of the answer to the last request has come."""
        return self._taken_bytes > 0

    # ── what the event loop tells ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        # Not every event loop's transport says that it is one.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        self._arrived += data
        if len(self._arrived) > MOST_ANSWER_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """No more will come; the event loop closes it then."""
        self._is_over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._is_over = True
        self._error = exc
        self._wake()

    def _wake(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)

    # ── what httpcore asks for; it gives no time limits, since the sender has one for all ──

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come; nothing at its end. Raises AnswerTooLong, and ReadError where it broke."""
        if self._unsent:
            self._taken_bytes = 0
            if self._transport is not None and not self._is_over:
                self._transport.write(b"".join(self._unsent))
            self._unsent.clear()
        elif self._arrived:
            # Much has come at once: let the others have their turns.
            await asyncio.sleep(0)
        while not self._arrived and not self._is_over:
            self._awaited = asyncio.get_running_loop().create_future()
            try:
                await self._awaited
            finally:
                self._awaited = None
        taken = bytes(self._arrived[: min(max_bytes, READ_BYTES)])
        if not taken and self._error is not None:
            raise httpcore.ReadError(str(self._error)) from self._error
        del self._arrived[: len(taken)]
        self._taken_bytes += len(taken)
        if self._taken_bytes > MOST_ANSWER_BYTES:
            raise AnswerTooLong
        return taken

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep a part of a request until its answer is awaited."""
        if buffer:
            self._unsent.append(bytes(buffer))

    async def aclose(self) -> None:
        """End it."""
        self.drop()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Go on over TLS, with whoever proves to be `server_hostname`; raises TlsRefused."""
        plain = self._transport
        assert plain is not None
        try:
            if self._arrived or self._is_over:
                raise TlsRefused("the receiver speaks first, or has gone")
            secured = await asyncio.get_running_loop().start_tls(
                plain, self, ssl_context, server_hostname=server_hostname
            )
        except (OSError, ValueError) as error:
            # An OSError is what errors of TLS are, and what comes of a receiver that goes away.
            plain.abort()
            raise TlsRefused(str(error)) from error
        except BaseException:
            plain.abort()
            raise
        if secured is None:
            raise TlsRefused("the receiver has gone")
        self._transport = secured
        return self

    def get_extra_info(self, info: str) -> Any:
        """Whether something has come while nothing was asked: then it is of no use any more."""
        if info == "is_readable":
            return self._is_over or bool(self._arrived)
        return None

    def drop(self) -> None:
        """End it at once, whatever is still to come or to go."""
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()


class Door(httpcore.AsyncNetworkBackend):
    """The way out for one connection: looks its host up once, looks at every address, connects to one of those."""

    def __init__(self, policy: Policy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve
        self.wire: Wire | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises Unresolved, AddressRefused (one such address among many is enough) and ConnectError."""
        addresses = await self._addresses(host, port)
        self.wire = await _connected(addresses[:MOST_ADDRESSES], port)
        return self.wire

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Never: a receiver is on the network."""
        raise AddressRefused("is no address of a receiver")

    async def sleep(self, seconds: float) -> None:
        """Between attempts, of which there is one."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise Unresolved(host) from error
        if not found:
            raise Unresolved(host)
        addresses: list[Address] = []
        for each in found:
            # An address with a zone belongs to a link; what cannot be read cannot be looked at.
            address = literal(each) if "%" not in each else None
            reason = self._policy.refusal(address) if address is not None else "cannot be read"
            if address is None or reason is not None:
                raise AddressRefused(f"{each} {reason}")
            addresses.append(address)
        return addresses


async def _connected(addresses: list[Address], port: int) -> Wire:
    """A connection to the first address that answers."""
    loop = asyncio.get_running_loop()
    failures: list[Exception] = []
    for number, address in enumerate(addresses, 1):
        patience = SECONDS_PER_ADDRESS if number < len(addresses) else None
        try:
            async with asyncio.timeout(patience):
                _, wire = await loop.create_connection(Wire, str(address), port)
                return wire
        except OSError as error:
            # A TimeoutError is one.
            failures.append(error)
    raise httpcore.ConnectError(str(failures[-1])) from failures[-1]
