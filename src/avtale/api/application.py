"""The application on HTTP: routes joined to responders, refusals to responses, and a watch at the door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import falcon
import falcon.asgi

from avtale.api.arrival import Arrival, is_with_body
from avtale.api.metrics import METHODS, Counters
from avtale.api.problem_responses import respond, unforeseen
from avtale.api.recorder import Recorder
from avtale.api.routes import ROUTES
from avtale.api.watch import Watch
from avtale.engine.engine import StorageDown
from avtale.logs import get_logger
from avtale.problems import InvalidMethod, Problem, ResourceNotFound, Unavailable, ValidationFailed

log = get_logger("avtale.api")

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
TOKEN_PATH = "/accesstoken/get"  # noqa: S105 -- a path
SLOWEST_BODY_SECONDS = 15.0


def build(
    resources: Mapping[str, object],
    counters: Counters | None = None,
    recorder: Recorder | None = None,
) -> falcon.asgi.App[Any, Any]:
    """The API's application over the given responders, by the names that the table uses."""
    app = falcon.asgi.App(middleware=[Watch(counters or Counters(), recorder)])
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.auto_parse_qs_csv = False
    for template, resource, suffix in dict.fromkeys(
        (route.template, route.resource, route.suffix) for route in ROUTES
    ):
        app.add_route(template, resources[resource], suffix=suffix or None)
    app.add_error_handler(Exception, _unforeseen)
    app.add_error_handler(falcon.HTTPError, _framework)
    app.add_error_handler(StorageDown, _storage_down)
    app.add_error_handler(Problem, _refuse)
    return app


def normalized(app: Asgi, body_seconds: float = SLOWEST_BODY_SECONDS) -> Asgi:
    """Requests as clients really send them, in the one form that the framework knows (rulings §3).

    Doubled leading slashes, the token endpoint in any case, HTTP/1.0; and a body that never ends.
    """

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["method"] not in METHODS:
                # A method that nobody knows is answered as one that nobody has: 405, with Allow.
                scope["method"] = "TRACE"
            if scope["http_version"] == "1":
                scope["http_version"] = "1.0"
            path: str = scope["path"]
            if path.startswith("//"):
                path = "/" + path.lstrip("/")
                scope["path"] = path
            if path[1:2] in "aA" and path.rstrip("/").lower() == TOKEN_PATH:
                scope["path"] = TOKEN_PATH
            if is_with_body(scope):
                arrival = Arrival(scope, receive, send, body_seconds)
                try:
                    await app(scope, arrival.receive, arrival.send)
                finally:
                    arrival.let_go()
                return
        await app(scope, receive, send)

    return wrapped


async def _refuse(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, problem: Problem, _params: Any
) -> None:
    response = respond(problem, req.path, req.context.context_id)
    for name, value in response.headers.items():
        resp.set_header(name, value)
    if _shown_as_page(req, resp, response.status):
        return
    resp.status = response.status
    resp.data = response.body.encode()
    resp.content_type = response.media_type


def _shown_as_page(req: falcon.asgi.Request, resp: falcon.asgi.Response, status: int) -> bool:
    """Where a page is asked for, a page is answered."""
    show = getattr(req.context, "show_problem", None)
    if show is None:
        return False
    show(req, resp, status)
    return True


async def _framework(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, error: falcon.HTTPError, params: Any
) -> None:
    """What the framework refuses on its own: unknown paths, wrong methods, unreadable headers."""
    await _refuse(req, resp, _problem_of(error), params)


def _problem_of(error: falcon.HTTPError) -> Problem:
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        allowed = (error.headers or {}).get("Allow", "") if isinstance(error.headers, dict) else ""
        return InvalidMethod(tuple(method.strip() for method in allowed.split(",") if method))
    if isinstance(error, falcon.HTTPNotFound):
        return ResourceNotFound("There is no such resource.")
    return ValidationFailed(detail=str(error.title or "The request cannot be read."))


async def _storage_down(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, error: StorageDown, params: Any
) -> None:
    log.error("storage down", contextId=req.context.context_id, reason=str(error))
    gone = Unavailable("The database cannot be reached now; try again in a moment.", 2)
    await _refuse(req, resp, gone, params)


async def _unforeseen(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, error: Exception, _params: Any
) -> None:
    log.error("unforeseen", contextId=req.context.context_id, exc_info=error)
    if _shown_as_page(req, resp, 500):
        return
    answer = unforeseen(req.context.context_id, req.path)
    resp.status = answer.status
    resp.data = answer.body.encode()
    resp.content_type = "application/problem+json"
