"""A receiver of webhooks that is faster than whoever sends: `python -m benchmarks.receiver PORT`.

Whatever is posted is answered with 200 at once, over a connection that stays; below `/hang` nothing ever is.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Final

ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


class Receiver(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._got = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is there as a whole."""
        self._got += data
        while (head := self._got.find(END)) >= 0:
            lines = bytes(self._got[:head]).lower().split(b"\r\n")
            length = next((int(each[15:]) for each in lines if each.startswith(LENGTH)), 0)
            end = head + len(END) + length
            if len(self._got) < end:
                return
            del self._got[:end]
            if b" /hang" not in lines[0] and self._transport is not None:
                self._transport.write(ANSWER)


async def main() -> None:
    """Listen until killed."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
