"""A merchant with a sales unit and payers of its own, over HTTP, so that tests can stand side by side."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any, Self

import httpx

from tests.browser.merchant_site import MerchantSite

PATIENCE_SECONDS = 15
NOON = "2031-03-03T11:00:00Z"
"""Where the clocks of these tests stand: a Monday in March, 12:00 in Oslo."""


class Shop:
    """A sales unit of this test's own on a server that others use too."""

    def __init__(self, url: str, site: MerchantSite, unit: dict[str, Any]) -> None:
        self.url = url
        self.site = site
        self.msn: str = unit["merchantSerialNumber"]
        self.name: str = unit["name"]
        self.currency = {"NO": "NOK", "DK": "DKK", "FI": "EUR"}[unit["market"]]
        self._country_code = {"NO": "47", "DK": "45", "FI": "358"}[unit["market"]]
        self._keys = itertools.count(1)
        self._sent = {
            "client_id": unit["clientId"],
            "client_secret": unit["clientSecret"],
            "Ocp-Apim-Subscription-Key": unit["subscriptionKey"],
            "Merchant-Serial-Number": self.msn,
        }
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS)

    @classmethod
    async def opened(cls, url: str, site: MerchantSite, **members: Any) -> Self:
        """Make a sales unit, whose clock stands still at noon, and fetch its token."""
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            made = await http.post("/sandbox/sales-units", json={"name": "Nordic News", **members})
            assert made.status_code == 201, made.text
        shop = cls(url, site, made.json())
        await shop.ask("POST", f"/sandbox/sales-units/{shop.msn}/clock/freeze", {"at": NOON})
        token = await shop.ask("POST", "/accesstoken/get")
        shop._sent["Authorization"] = f"Bearer {token['access_token']}"
        return shop

    async def close(self) -> None:
        """Go home."""
        await self._http.aclose()

    def phone(self, number: int = 0) -> str:
        """A phone number that no other test has; `number` tells this test's payers apart."""
        digits = 9 if self._country_code == "358" else 8
        return f"{self._country_code}4{number}{self.msn.zfill(digits - 2)[: digits - 2]}"

    # ── calls ──

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A call that must succeed; answers with the JSON, or None without a body."""
        headers = self._sent | {"Idempotency-Key": f"{self.msn}-{next(self._keys)}"}
        answer = await self._http.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def draft(self, **members: Any) -> Any:
        """Draft an agreement; answers with what the API answers."""
        body = {
            "productName": "Premier League",
            "pricing": {"type": "LEGACY", "amount": 499_00, "currency": self.currency},
            "interval": {"unit": "MONTH", "count": 1},
            "merchantRedirectUrl": f"{self.site.url}/thanks",
            "merchantAgreementUrl": f"{self.site.url}/me",
            "phoneNumber": self.phone(),
            **members,
        }
        sent = {name: value for name, value in body.items() if value is not None}
        return await self.ask("POST", "/recurring/v3/agreements", sent)

    async def agreement(self, agreement_id: str) -> Any:
        """Fetch an agreement."""
        return await self.ask("GET", f"/recurring/v3/agreements/{agreement_id}")

    async def approve(self, agreement_id: str, **members: Any) -> None:
        """Have the first phone's payer say yes without looking at it."""
        body = {"phoneNumber": self.phone(), **members}
        await self.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", body)

    async def agreed(self, *, max_amount: int | None = None, **members: Any) -> str:
        """The id of an agreement that was approved in this way, up to `max_amount` where that is given."""
        limit = {"maxAmount": max_amount} if max_amount is not None else {}
        agreement_id: str = (await self.draft(**members))["agreementId"]
        await self.approve(agreement_id, **limit)
        return agreement_id

    async def charge(self, agreement_id: str, **members: Any) -> str:
        """Create a charge; answers with its id."""
        body = {
            "amount": 499_00,
            "description": "March",
            "transactionType": "DIRECT_CAPTURE",
            "due": "2031-03-05",
            "retryDays": 0,
            **members,
        }
        path = f"/recurring/v3/agreements/{agreement_id}/charges"
        charge_id: str = (await self.ask("POST", path, body))["chargeId"]
        return charge_id

    async def charge_status(self, charge_id: str) -> str:
        """The status of a charge."""
        found: str = (await self.ask("GET", f"/recurring/v3/charges/{charge_id}"))["status"]
        return found

    async def charges(self, agreement_id: str) -> Any:
        """An agreement's charges."""
        return await self.ask("GET", f"/recurring/v3/agreements/{agreement_id}/charges")

    # ── the world ──

    async def advance(self, **by: int) -> Any:
        """Let time pass for this sales unit."""
        return await self.ask("POST", f"/sandbox/sales-units/{self.msn}/clock/advance", by)

    async def resume(self) -> None:
        """Let the clock run on from where it stands."""
        await self.ask("POST", f"/sandbox/sales-units/{self.msn}/clock/resume")

    async def payer(self, number: int = 0, **members: Any) -> Any:
        """Say what is so of a payer."""
        return await self.ask("PUT", f"/sandbox/payers/{self.phone(number)}", members)

    async def phone_shows(self, number: int = 0) -> Any:
        """A payer with what the phone shows, as the control API tells it."""
        return await self.ask("GET", f"/sandbox/payers/{self.phone(number)}")

    async def becomes(self, agreement_id: str, status: str) -> Any:
        """Wait until an agreement has a status, as a merchant who polls does; answers with the agreement."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while (found := await self.agreement(agreement_id))["status"] != status:
            assert time.monotonic() < give_up, f"it stays {found['status']}"
            await asyncio.sleep(0.05)
        return found
