"""Whoever runs the installation, at the control API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.support import House, Refusal, Reply, Shop

LOCAL = "http://127.0.0.1:8080"


class Desk:
    """Calls below `/sandbox`, as curl on the same machine would make them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.app = house.app
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=LOCAL, headers={"User-Agent": "curl"}
        )

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """A call, whatever it is answered; bytes are sent as they are."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        response = await self._http.request(
            method, f"/sandbox{path}", content=content, headers=headers or {}
        )
        return Reply(response.status_code, response.content, response.headers)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A call that shall succeed; raises Refusal. Answers with the JSON, or None without a body."""
        reply = await self.send(method, path, body)
        if reply.status >= 300:
            raise Refusal(reply)
        return reply.json if reply.body else None

    async def unit(self, **members: Any) -> str:
        """A new sales unit's number; its clock stands still."""
        made = await self.ask("POST", "/sales-units", members)
        msn: str = made["merchantSerialNumber"]
        await self.ask("POST", f"/sales-units/{msn}/clock/freeze")
        return msn

    async def clock(self, shop: Shop | str) -> Any:
        """What a unit's clock shows."""
        return await self.ask("GET", f"/sales-units/{_msn(shop)}/clock")

    async def until(self, shop: Shop, reached: Callable[[str], bool]) -> None:
        """Look at a unit's clock until it shows what is waited for."""
        for _ in range(5000):
            if reached((await self.clock(shop))["now"]):
                return
            await asyncio.sleep(0)
        raise AssertionError("the clock does not get there")

    async def advance(self, shop: Shop | str, **by: Any) -> Any:
        """Let time pass for a unit."""
        return await self.ask("POST", f"/sales-units/{_msn(shop)}/clock/advance", by)

    async def forecast(self, shop: Shop | str, days: int) -> Any:
        """What that would do."""
        return await self.ask("GET", f"/sales-units/{_msn(shop)}/clock/forecast?days={days}")

    async def approve(self, agreement_id: str, **members: Any) -> Any:
        """Have a payer say yes."""
        return await self.ask("POST", f"/agreements/{agreement_id}/approve", members)

    async def put_payer(self, phone_number: str, **members: Any) -> Any:
        """Describe a payer."""
        return await self.ask("PUT", f"/payers/{phone_number}", members)


def _msn(shop: Shop | str) -> str:
    return shop if isinstance(shop, str) else shop.msn


def facts(answer: Any) -> list[str]:
    """What happened, in a word or two each."""
    return [fact["what"] for fact in answer["happened"]]
