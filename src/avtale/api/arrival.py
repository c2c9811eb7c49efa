"""How requests arrive: one host, and a body within its time, or they are refused before anybody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from avtale.problems import BodyTooSlow, InvalidJson, Problem, ValidationFailed

Scope = dict[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

REFUSED: Final = "avtale.refused"
"""Where a request's scope says that it is refused: with what makes the problem."""

_NOTHING_MORE: Final = {"type": "http.request", "body": b"", "more_body": False}


def is_with_body(scope: Scope) -> bool:
    """Whether a body follows; says in the scope where it is not plain what follows."""
    names = [name for name, _ in scope["headers"]]
    if names.count(b"host") > 1:
        # Two readers in a row could each believe another one (reliability I-10).
        scope[REFUSED] = _two_hosts
    if b"transfer-encoding" in names:
        codings = [value for name, value in scope["headers"] if name == b"transfer-encoding"]
        if [coding.strip().lower() for coding in codings] != [b"chunked"]:
            # Where the body ends must be plain to whoever stands in front of us, too.
            scope[REFUSED] = _strange_coding
        return True
    return b"content-length" in names


class Arrival:
    """A request with a body, received against the clock of the event loop: whole within its time, or not at all.

    The framework waits for the first piece before it calls anybody, so the time is kept here.
    Who is done lets go: the connection of half a body is closed as soon as nobody holds on to it,
    and whatever still remembers the request must not keep it open.
    """

    __slots__ = ("_deadline", "_is_late", "_is_whole", "_receive", "_scope", "_seconds", "_send")

    def __init__(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        self._scope = scope
        self._receive: Receive = receive
        self._send: Send = send
        self._seconds = seconds
        self._deadline: float | None = None
        self._is_late = False
        self._is_whole = False

    async def receive(self) -> Event:
        """The next piece. A body that breaks off or dawdles is a problem, never a shorter body."""
        if self._is_whole:
            return await self._receive()
        is_first = self._deadline is None
        try:
            event = await self._next()
        except Problem as refused:
            if not is_first:
                raise
            # Nobody could answer an error now; the watch at the door raises it at once.
            kind, sentence = type(refused), refused.detail
            self._scope[REFUSED] = lambda: kind(sentence)
            return dict(_NOTHING_MORE)
        self._is_whole = not event.get("more_body")
        return event

    def send(self, event: Event) -> Awaitable[None]:
        """Answer."""
        return self._send(event)

    def let_go(self) -> None:
        """The request is answered."""
        self._is_whole = True
        self._receive = _gone
        self._send = _unheard

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        self._is_late = True
        task.cancel()

    async def _next(self) -> Event:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        if self._deadline is None:
            self._deadline = loop.time() + self._seconds
        # `asyncio.timeout_at` by hand: every request with a body comes by here, and it costs four times as much.
        limit = loop.call_at(self._deadline, self._give_up, task)
        try:
            event = await self._receive()
        except asyncio.CancelledError:
            if not self._is_late:
                raise
            task.uncancel()
            raise BodyTooSlow(
                f"The body did not arrive within {self._seconds:g} seconds."
            ) from None
        finally:
            limit.cancel()
        if event["type"] == "http.disconnect":
            # What came so far could be read as a whole, and is not.
            raise InvalidJson("The body broke off before its end.")
        return event


async def _gone() -> Event:
    return {"type": "http.disconnect"}


async def _unheard(_event: Event) -> None:
    return


def _two_hosts() -> Problem:
    return ValidationFailed(detail="The header Host must be given once.")


def _strange_coding() -> Problem:
    return ValidationFailed(detail="Transfer-Encoding must be chunked, once.")
