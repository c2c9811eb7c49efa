"""How requests arrive: one host, and a body within its time, or they are refused before anybody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from avtale.problems import BodyTooSlow, InvalidJson, Problem, ValidationFailed

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

REFUSED: Final = "avtale.refused"
"""Where a request's scope says that it is refused, and why."""

_NOTHING_MORE: Final = {"type": "http.request", "body": b"", "more_body": False}


def in_time(scope: Scope, receive: Receive, seconds: float) -> Receive:
    """How the body of this request is received: whole within `seconds`, or not at all.

    The framework waits for the first piece before it calls anybody, so the time is kept here.
    """
    names = [name for name, _ in scope["headers"]]
    if names.count(b"host") > 1:
        # Two readers in a row could each believe another one (reliability I-10).
        scope[REFUSED] = ValidationFailed(detail="The header Host must be given once.")
    if b"transfer-encoding" in names:
        codings = [value for name, value in scope["headers"] if name == b"transfer-encoding"]
        if [coding.strip().lower() for coding in codings] != [b"chunked"]:
            # Where the body ends must be plain to whoever stands in front of us, too.
            scope[REFUSED] = ValidationFailed(detail="Transfer-Encoding must be chunked, once.")
    elif b"content-length" not in names:
        return receive
    return _InTime(scope, receive, seconds)


class _InTime:
    """Receives a body against the clock of the event loop."""

    __slots__ = ("_deadline", "_is_over", "_receive", "_scope", "_seconds")

    def __init__(self, scope: Scope, receive: Receive, seconds: float) -> None:
        self._scope = scope
        self._receive = receive
        self._seconds = seconds
        self._deadline: float | None = None
        self._is_over = False

    async def __call__(self) -> dict[str, Any]:
        if self._is_over:
            return await self._receive()
        is_first = self._deadline is None
        try:
            event = await self._next()
        except Problem as refused:
            if not is_first:
                raise
            # Nobody could answer an error now; the watch at the door raises it at once.
            self._scope[REFUSED] = refused
            return dict(_NOTHING_MORE)
        self._is_over = not event.get("more_body")
        return event

    async def _next(self) -> dict[str, Any]:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                event = await self._receive()
        except TimeoutError:
            raise BodyTooSlow(
                f"The body did not arrive within {self._seconds:g} seconds."
            ) from None
        if event["type"] == "http.disconnect":
            # What came so far could be read as a whole, and is not.
            raise InvalidJson("The body broke off before its end.")
        return event
