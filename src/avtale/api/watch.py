"""The watch at the door: every request gets an id and a time, is counted, and writes its line in the log.

The line names the operation, never what was sent: no token, key, phone number, body or query.
"""

from __future__ import annotations

from time import perf_counter

import falcon.asgi

from avtale.api.arrival import REFUSED
from avtale.api.metrics import Counters
from avtale.api.recorder import Recorder
from avtale.api.trouble import LOST, lose
from avtale.engine import clock
from avtale.logs import get_logger
from avtale.problems import ResourceNotFound, UriTooLong

LONGEST_PATH = 2048

log = get_logger("avtale.api")


class Watch:
    """Sees every request come in and every answer go out."""

    def __init__(self, counters: Counters, recorder: Recorder | None = None) -> None:
        self._counters = counters
        self._recorder = recorder

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Before the responder: a version-4 UUID, also told in the header `X-Request-Id`.

        Raises what was wrong with the request before anybody looked at it.
        """
        context_id = clock.context_id()
        req.context.context_id = context_id
        req.context.began = perf_counter()
        resp.set_header("X-Request-Id", context_id)
        refused = req.scope.get(REFUSED)
        if refused is not None:
            # Where this request ends is not certain, so no other one is read after it.
            resp.set_header("Connection", "close")
            raise refused()
        if len(req.path) + len(req.query_string) > LONGEST_PATH:
            raise UriTooLong(f"Path and query may be at most {LONGEST_PATH} characters together.")
        if not req.path.isprintable():
            # No id holds such a character, and not every database can even look for one.
            raise ResourceNotFound("There is no such resource.")

    async def process_response(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 -- the framework calls it so
    ) -> None:
        """After the responder: the figures, and the line where lines of its level are written."""
        if req.scope.get(LOST):
            lose(req, resp)
        status = resp.status_code
        if status == 200 and req.method == "OPTIONS":
            # The framework says 200 to what has no body.
            resp.status = status = 204
        seconds = perf_counter() - req.context.began
        tally = self._counters.tally(req.method, req.uri_template)
        tally.add(status, seconds)
        problem = self._counters.refused(status, resp.data) if status >= 400 else None
        if self._recorder is not None:
            self._recorder.note(req, resp, tally.operation, status, problem, seconds)
        if log.writes("info"):
            log.info(
                "request",
                method=req.method,
                path=req.uri_template,
                operation=tally.operation,
                status=status,
                ms=round(seconds * 1000, 3),
                contextId=req.context.context_id,
                msn=getattr(req.context, "msn", None),
                problem=problem,
            )
