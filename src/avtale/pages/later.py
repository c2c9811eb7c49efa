"""Resources whose modules are loaded with the first request for them, so that starting is quicker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import falcon.asgi


class Later:
    """Stands for a resource, which `make` makes when one of its `responders` is asked for the first time."""

    def __init__(self, make: Callable[[], object], responders: Iterable[str]) -> None:
        self._make = make
        for name in responders:
            setattr(self, name, self._responder(name))

    @cached_property
    def _resource(self) -> object:
        return self._make()

    def _responder(self, name: str) -> Callable[..., Any]:
        async def respond(
            req: falcon.asgi.Request, resp: falcon.asgi.Response, **parts: str
        ) -> None:
            await getattr(self._resource, name)(req, resp, **parts)

        return respond


def responder(method: str, suffix: str) -> str:
    """What the framework calls the responder to a method, of a route with a suffix or an empty one."""
    return f"on_{method.lower()}{'_' * bool(suffix)}{suffix}"
