"""Trouble on command: what a request meets where faults are set for its sales unit (sandbox §7)."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import falcon.asgi
import msgspec

from avtale.api.routes import ROUTES
from avtale.faults import EVERY_OPERATION, Misfortune
from avtale.logs import get_logger
from avtale.problems import (
    Conflict,
    InvalidSaleUnit,
    NotAuthorized,
    Problem,
    ResourceNotFound,
    ServerTrouble,
    TooManyRequests,
    Unavailable,
    ValidationFailed,
)
from avtale.processing.faults import Faults

LOST: Final = "avtale.answer_is_lost"
"""Where a request's scope says that its answer shall not arrive."""

RETRY_AFTER_SECONDS: Final = 1
USUAL_STATUS: Final = 500

ERRORS: Final[dict[int, Callable[[str], Problem]]] = {
    400: lambda detail: ValidationFailed(detail=detail),
    401: NotAuthorized,
    403: InvalidSaleUnit,
    404: ResourceNotFound,
    409: Conflict,
    429: lambda detail: TooManyRequests(detail, RETRY_AFTER_SECONDS),
    500: ServerTrouble,
    502: lambda detail: ServerTrouble(detail, 502),
    503: lambda detail: Unavailable(detail, RETRY_AFTER_SECONDS),
    504: lambda detail: ServerTrouble(detail, 504),
}
"""What an `error` answers with, by its status: the problem that the API publishes for it."""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


PUBLISHED: Final = {route.operation: _camel(route.operation) for route in ROUTES}
"""Operations by their name here, as faults call them."""

OPERATIONS: Final = {
    EVERY_OPERATION: EVERY_OPERATION,
    **{called: operation for operation, called in PUBLISHED.items()},
    **{route.operation: route.operation for route in ROUTES},
    **{route.published: route.operation for route in ROUTES},
}
"""Every name by which an operation can be called: `createCharge`, `create_charge`, `CreateChargeV3`."""

log = get_logger("avtale.api")


class Trouble:
    """Stands behind the gate; never there in production."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def meet(self, req: falcon.asgi.Request, operation: str, msn: str) -> None:
        """Let a request pass, now or later, or raise what it is answered with; nothing was done then."""
        if not self._faults.may_strike(msn):
            return
        milliseconds, by = await self._faults.draw_for_request(msn, operation)
        if milliseconds:
            await asyncio.sleep(milliseconds / 1000)
        if by is None:
            return
        if by.fault == "lost-answer":
            req.scope[LOST] = True
            return
        raise _problem(by, msn)


def _problem(by: Misfortune, msn: str) -> Problem:
    why = f"This is the fault `{by.fault}` that was set below /sandbox/sales-units/{msn}/faults."
    match by.fault:
        case "rate-limited":
            return TooManyRequests(f"Too many requests. {why}", RETRY_AFTER_SECONDS)
        case "outage":
            return Unavailable(f"The service is not available. {why}", RETRY_AFTER_SECONDS)
        case _:
            return ERRORS[by.status or USUAL_STATUS](why)


def lose(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
    """Hang up instead of answering; whoever asked sees a connection that ends."""
    if hang_up(req.scope):
        return
    # Where there is no connection of its own to be found, it is as if something in between had lost the answer.
    log.warning("answer lost by a status", contextId=req.context.context_id)
    resp.status = 502
    resp.content_type = "application/problem+json"
    resp.data = msgspec.json.encode({"type": "about:blank", "title": "Bad Gateway", "status": 502})


def hang_up(scope: Any) -> bool:
    """End the connection that a request came over; False where it is not to be found among our own.

    The server keeps it to itself, so it is looked for among the open files of the process.
    """
    client = scope.get("client")
    folder = next(
        (each for each in (Path("/proc/self/fd"), Path("/dev/fd")) if each.is_dir()), None
    )
    if client is None or folder is None:
        return False
    wanted = (str(client[0]), int(client[1] or 0))
    return any(_ended(int(each.name), wanted) for each in folder.iterdir())


def _ended(number: int, wanted: tuple[str, int]) -> bool:
    """Whether an open file was the connection to that address, which has ended now."""
    copy = -1
    try:
        copy = os.dup(number)
        if not stat.S_ISSOCK(os.fstat(copy).st_mode):
            return False
        with socket.socket(fileno=copy) as connection:
            copy = -1
            if connection.getpeername()[:2] != wanted:
                return False
            connection.shutdown(socket.SHUT_RDWR)
            return True
    except OSError:
        # Gone meanwhile, or a socket that nobody is connected to.
        return False
    finally:
        if copy >= 0:
            os.close(copy)
