"""`POST /accesstoken/get`: an access token for a client id and secret (api-facts 1.1–1.2, rulings §3).

The body, its media type and any Authorization are ignored; clients send all sorts.
"""

from __future__ import annotations

import falcon.asgi
import msgspec

from avtale.api.access import Access
from avtale.api.directory import Directory
from avtale.api.gate import unit_of
from avtale.api.trouble import Trouble
from avtale.problems import SubscriptionKeyRefused, UnknownClient, WrongClientSecret

_NO_KEY = "Access denied due to missing subscription key."
_WRONG_KEY = "Access denied due to invalid subscription key."


class Tokens:
    """`/accesstoken/get`."""

    def __init__(
        self, access: Access, directory: Directory, trouble: Trouble | None = None
    ) -> None:
        self._access = access
        self._trouble = trouble
        self._directory = directory

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Issue a token; refusals have the shape of OAuth."""
        key = req.get_header("Ocp-Apim-Subscription-Key")
        if not key:
            raise SubscriptionKeyRefused(_NO_KEY)
        known = await self._directory.by_subscription_key(key)
        if known is None:
            raise SubscriptionKeyRefused(_WRONG_KEY)
        req.context.msn = unit_of(req, known)
        if self._trouble is not None and req.context.msn is not None:
            await self._trouble.meet(req, "fetch_token", req.context.msn)
        try:
            answer = await self._access.issue(
                req.get_header("client_id"), req.get_header("client_secret")
            )
        except (UnknownClient, WrongClientSecret) as refusal:
            unknown = isinstance(refusal, UnknownClient)
            resp.status = 400 if unknown else 401
            resp.data = msgspec.json.encode(
                {
                    "error": "unauthorized_client" if unknown else "invalid_client",
                    "error_description": refusal.detail,
                    "correlation_id": req.context.context_id,
                }
            )
            resp.content_type = "application/json"
            return
        if known.client.client_id != req.get_header("client_id"):
            raise SubscriptionKeyRefused(_WRONG_KEY)
        resp.data = msgspec.json.encode(answer)
        resp.content_type = "application/json;charset=UTF-8"
        resp.set_header("Cache-Control", "no-store")
