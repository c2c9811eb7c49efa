"""`/sandbox/inbox/{name}`: a receiver of our own, which shows what came and checks each signature (sandbox §6)."""

from __future__ import annotations

import base64
import re
from typing import Any, Final
from urllib.parse import urlsplit

import falcon.asgi
import msgspec
from msgspec import UNSET

from avtale.api.answers import send_json
from avtale.api.gate import SMALL_BODY, read_body
from avtale.api.paging import whole_number
from avtale.problems import ValidationFailed
from avtale.record import InboxItem
from avtale.sandbox.tools import Tools
from avtale.webhooks.registration import Registration
from avtale.webhooks.verification import NotVerified, verify
from avtale.wire.deliveries import ArrivedAnswer
from avtale.wire.members import to_the_second

MOST_SHOWN: Final = 1_000
MOST_KEPT: Final = 20_000
"""In all inboxes together."""
TRIMMED_EVERY: Final = 500
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Inbox:
    """One inbox, by whatever name it is given."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._came = 0

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str) -> None:
        """With `list=1`, what came, oldest first; else a request like any other."""
        if req.get_param("list") is None:
            await self._take(req, resp, name)
            return
        _require_name(name)
        storage = self._tools.storage
        items = await storage.rows(InboxItem, "inbox_of", name=name, most=MOST_SHOWN)
        receivers = await storage.rows(Registration, "registrations_of_inbox", name=name)
        here = [each for each in receivers if _leads_to(each.url, name)]
        send_json(resp, [_shown(item, here) for item in items])

    async def on_post(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str
    ) -> None:
        """Take it in, and answer 200, or the status that the query names."""
        await self._take(req, resp, name)

    on_put = on_patch = on_post

    async def on_delete(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str
    ) -> None:
        """Empty it."""
        _require_name(name)
        await self._tools.storage.execute([("empty_inbox", {"name": name})])
        resp.status = 204

    async def _take(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str) -> None:
        _require_name(name)
        status = whole_number("status", req.get_param("status"), 200, 599, 200)
        body = await read_body(req, SMALL_BODY)
        target = f"{req.path}?{req.query_string}" if req.query_string else req.path
        item = InboxItem(
            name,
            self._tools.engine.real_now(),
            req.method,
            target,
            tuple(req.headers.items()),
            base64.b64encode(body).decode(),
        )
        await self._tools.storage.append(InboxItem, [item])
        self._came += 1
        if self._came % TRIMMED_EVERY == 0:
            await self._tools.storage.execute([("trim_inbox", {"most": MOST_KEPT})])
        resp.status = status


def _require_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise ValidationFailed.of("name", "must be 1 to 64 letters, digits, - and _")


def _leads_to(url: str, name: str) -> bool:
    return urlsplit(url).path.rstrip("/").endswith(f"/sandbox/inbox/{name}")


def _shown(item: InboxItem, receivers: list[Registration]) -> ArrivedAnswer:
    body = base64.b64decode(item.body)
    verified, reason = _checked(item, body, receivers)
    return ArrivedAnswer(
        received=to_the_second(item.received),
        method=item.method,
        target=item.target,
        headers=dict(item.headers),
        body=body.decode("utf-8", "replace"),
        event=_event(body),
        verified=verified,
        reason=reason or UNSET,
    )


def _checked(
    item: InboxItem, body: bytes, receivers: list[Registration]
) -> tuple[bool | None, str]:
    """Whether any of the registrations at this inbox signed it; and why not, if none did."""
    if not receivers:
        return None, "no webhook is registered at this inbox"
    reason = ""
    for receiver in receivers:
        try:
            verify(body, item.headers, receiver.secret, url=receiver.url)
        except NotVerified as error:
            reason = reason or f"{type(error).__name__}: {error}"
        else:
            return True, ""
    return False, reason


def _event(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
