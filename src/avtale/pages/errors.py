"""Refusals as pages, for whoever looks at pages."""

from __future__ import annotations

from typing import Any, Final

import falcon.asgi

from avtale.pages.guard import DASHBOARD, PAYERS
from avtale.pages.look import ASSETS, Look

_TOLD: Final = frozenset({400, 403, 404, 410, 500, 503})


class PagesNotProblems:
    """Sees to it that a browser that asks for a page is answered with one, whatever is wrong."""

    def __init__(self, look: Look, *, is_sandbox: bool = True) -> None:
        self._look = look
        self._pages = (ASSETS, *DASHBOARD, *(PAYERS if is_sandbox else ()))

    async def process_request(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """Before the responder."""
        if (req.path == "/" or req.path.startswith(self._pages)) and req.client_accepts(
            "text/html"
        ):
            req.context.show_problem = self._show

    def _show(self, req: Any, resp: Any, status: int) -> None:
        self._look.send(
            req, resp, "error.html.jinja", status=status, shown=status if status in _TOLD else 400
        )
