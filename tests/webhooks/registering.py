"""Calls of the Webhooks API, as merchants make them."""

from __future__ import annotations

import json
from typing import Any, get_args

from avtale.webhooks.catalogue import EventType
from tests.support import Refusal, Reply, Shop

ALL: tuple[str, ...] = get_args(EventType)
WEBHOOKS = "/webhooks/v1/webhooks"


async def send(
    shop: Shop, method: str, path: str = "", body: Any = None, **headers: str | None
) -> Reply:
    """A call, whatever it is answered; nothing asks for an idempotency key."""
    changes: dict[str, str | None] = {"Idempotency_Key": None, "Content_Type": None, **headers}
    sent = await shop.headers(**changes)
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    return await shop.raw(method, WEBHOOKS + path, headers=sent, content=content)


async def register(shop: Shop, url: str, *events: str) -> Any:
    """Register a receiver, of everything where nothing is named; answers with its id and secret."""
    reply = await send(shop, "POST", body={"url": url, "events": list(events or ALL)})
    if reply.status != 201:
        raise Refusal(reply)
    return reply.json


async def listed(shop: Shop) -> list[Any]:
    """The registrations."""
    reply = await send(shop, "GET")
    assert reply.status == 200, reply.body
    found: list[Any] = reply.json["webhooks"]
    return found


async def pass_on(shop: Shop) -> int:
    """Send what is to be sent now; answers with how many attempts were made."""
    return await shop.house.parts.deliveries.deliver(shop.msn, await shop.clock.now())
