"""Signing in and out."""

from __future__ import annotations

import re
from typing import Final

import falcon.asgi

from avtale.dashboard.desk import SIGN_IN, Desk

SUBJECT: Final = "dashboard.sign-in"
_OWN_PATH: Final = re.compile(r"/(?:units/[!-~]*|\?all=1)?", re.ASCII)
"""Where one may be led after signing in: pages of the dashboard, and nowhere else (reliability W-6)."""


class SignIn:
    """`/sign-in` and `/sign-out`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The form; whoever is signed in goes on."""
        if await self._desk.doorkeeper.who(req) is not None:
            self._desk.look.go(req, resp, _back(req.get_param("to")))
            return
        await self._show(req, resp, to=_back(req.get_param("to")))

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Begin a session; what was wrong is not said."""
        desk = self._desk
        fields = await desk.forms.read(req, SUBJECT, desk.tools.engine.real_now())
        name, to = fields.get("name", "").strip()[:64], _back(fields.get("to"))
        if await desk.doorkeeper.sign_in(resp, name, fields.get("password", "")):
            desk.look.go(req, resp, to)
            return
        await self._show(req, resp, to=to, name=name, is_wrong=True)

    async def on_post_out(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """End the session."""
        who = await self._desk.admit(req)
        await self._desk.fields(req, who, "")
        await self._desk.doorkeeper.sign_out(resp, who)
        self._desk.look.go(req, resp, SIGN_IN)

    async def _show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        *,
        to: str,
        name: str = "",
        is_wrong: bool = False,
    ) -> None:
        desk = self._desk
        desk.look.send(
            req,
            resp,
            "dashboard/sign_in.html.jinja",
            status=401 if is_wrong else 200,
            t=desk.words,
            form=desk.forms.token(SUBJECT, desk.tools.engine.real_now()),
            to=to,
            name=name,
            is_wrong=is_wrong,
            has_accounts=bool(await desk.doorkeeper.accounts()),
        )


def _back(path: str | None) -> str:
    """The page to go to, if it is one of ours."""
    return path if path and len(path) < 1000 and _OWN_PATH.fullmatch(path) else "/"
