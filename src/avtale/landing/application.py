"""The landing page on the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import falcon.asgi

from avtale.pages.later import Later

if TYPE_CHECKING:
    from avtale.landing.page import Landing

_RESPONDERS = (
    "on_get",
    "on_post_next",
    "on_get_next",
    "on_post_cancel",
    "on_get_cancel",
    "on_get_wait",
    "on_get_stream",
)


def mount(app: falcon.asgi.App[Any, Any], make: Callable[[], Landing]) -> None:
    """Add everything below `/landing`; where this is not called, those paths answer 404."""
    landing = Later(make, _RESPONDERS)
    app.add_route("/landing", landing)
    for page in ("next", "cancel", "wait", "stream"):
        app.add_route(f"/landing/{page}", landing, suffix=page)
