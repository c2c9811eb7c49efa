"""A way to a server on which things go wrong, in an order that is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import httpx

Trouble = Literal[
    "fine", "unreachable", "lost before", "lost after", "429", "503", "500 after", "slow"
]
TROUBLES: tuple[Trouble, ...] = (
    "unreachable",
    "lost before",
    "lost after",
    "429",
    "503",
    "500 after",
    "slow",
)


class TroubledWay(httpx.BaseTransport):
    """Requests meet one trouble after another, and afterwards none; the token's way is always clear."""

    def __init__(self, troubles: Iterable[Trouble]) -> None:
        self._troubles: Iterator[Trouble] = iter(troubles)
        self._way = httpx.HTTPTransport()
        self.sent: list[httpx.Request] = []
        """The requests that set out, tokens left out."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Do to it what is next."""
        if request.url.path == "/accesstoken/get":
            return self._way.handle_request(request)
        self.sent.append(request)
        trouble: Trouble = next(self._troubles, "fine")
        if trouble == "fine":
            return self._way.handle_request(request)
        return self._met(trouble, request)

    def _met(self, trouble: Trouble, request: httpx.Request) -> httpx.Response:
        match trouble:
            case "unreachable":
                raise httpx.ConnectError("connection refused", request=request)
            case "lost before":
                raise httpx.WriteError("broken pipe", request=request)
            case "lost after":
                self._done(request)
                raise httpx.RemoteProtocolError("the server hung up", request=request)
            case "slow":
                self._done(request)
                raise httpx.ReadTimeout("timed out", request=request)
            case "429":
                return httpx.Response(429, headers={"Retry-After": "7"}, content=b"{}")
            case "503":
                return httpx.Response(503, content=b"<html>")
            case _:
                self._done(request)
                return httpx.Response(500, content=b"")

    def close(self) -> None:
        """Let go of the real way."""
        self._way.close()

    def _done(self, request: httpx.Request) -> None:
        self._way.handle_request(request).read()
