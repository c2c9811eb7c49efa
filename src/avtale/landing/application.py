"""The landing page on the application."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from avtale.landing.page import Landing


def mount(app: falcon.asgi.App[Any, Any], landing: Landing) -> None:
    """Add everything below `/landing`; where this is not called, those paths answer 404."""
    app.add_route("/landing", landing)
    for page in ("next", "cancel", "wait", "stream"):
        app.add_route(f"/landing/{page}", landing, suffix=page)
