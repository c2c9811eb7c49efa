"""A merchant of a test, who calls the API over HTTP and never forgets a header."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.ledger import LedgerEntry, Script
from avtale.operations.sales_units import Credentials
from avtale.payers import Outcome
from avtale.sales_units import SalesUnit
from avtale.webhooks.catalogue import event_of
from tests.people import Clock, Person
from tests.replies import Refusal, Reply

if TYPE_CHECKING:
    from tests.support import House

KARI = "4791234567"

_keys = itertools.count(1)


def fresh_key() -> str:
    """An idempotency key that nobody has used."""
    return f"key-{next(_keys)}"


DRAFT: dict[str, Any] = {
    "interval": {"unit": "MONTH", "count": 1},
    "merchantRedirectUrl": "https://news.example/welcome",
    "merchantAgreementUrl": "https://news.example/me",
    "productName": "Premier League",
}
CHARGE: dict[str, Any] = {
    "amount": 499_00,
    "description": "November",
    "transactionType": "DIRECT_CAPTURE",
    "due": "2026-11-04",
    "retryDays": 0,
}
INITIAL: dict[str, Any] = {
    "amount": 499_00,
    "description": "The first month",
    "transactionType": "DIRECT_CAPTURE",
}


class Shop:
    """A merchant with a sales unit, who calls the API and never forgets a header."""

    def __init__(self, house: House, unit: SalesUnit, credentials: Credentials) -> None:
        self.house = house
        self.msn = unit.merchant_serial_number
        self.market = unit.rulebook(house.parts.settings.environment).market
        self.credentials = credentials
        self.clock = Clock(self)
        self.kari = Person(self, KARI)
        self._token: str | None = None
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(house.app), base_url="http://avtale.test"
        )

    # ── any call ──

    async def token(self) -> str:
        """An access token, fetched once."""
        if self._token is None:
            keys = self.credentials
            sent = {
                "client_id": keys.client_id,
                "client_secret": keys.client_secret,
                "Ocp-Apim-Subscription-Key": keys.subscription_key,
            }
            reply = await self.raw("POST", "/accesstoken/get", headers=sent)
            assert reply.status == 200, reply.body
            self._token = reply.json["access_token"]
        assert self._token is not None
        return self._token

    async def raw(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply:
        """A call with these headers and bytes, and nothing added."""
        # Bytes beyond ASCII are what a hostile client sends; the library would refuse them.
        sent = {name.encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
        response = await self._http.request(method, path, headers=sent, content=content)
        return Reply(response.status_code, response.content, response.headers)

    async def headers(self, **changes: str | None) -> dict[str, str]:
        """The headers of a good call; `changes` are by name with _ for -, None leaves one out."""
        sent: dict[str, str | None] = {
            "Authorization": f"Bearer {await self.token()}",
            "Ocp-Apim-Subscription-Key": self.credentials.subscription_key,
            "Merchant-Serial-Number": self.msn,
            "Vipps-System-Name": "acme",
            "Idempotency-Key": fresh_key(),
            "Content-Type": "application/json",
        }
        sent |= {name.replace("_", "-"): value for name, value in changes.items()}
        return {name: value for name, value in sent.items() if value is not None}

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        **headers: str | None,
    ) -> Reply:
        """A good call below `/recurring/v3`, whatever it is answered; bytes are sent as they are."""
        if key is not None:
            headers["Idempotency_Key"] = key
        elif method == "GET":
            headers.setdefault("Idempotency_Key", None)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return await self.raw(
            method,
            f"/recurring/v3{path}",
            headers=await self.headers(**headers),
            content=content,
        )

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """A good call that shall succeed; raises Refusal. Answers with the JSON, or None without a body."""
        reply = await self.send(method, path, body, key=key)
        if reply.status >= 300:
            raise Refusal(reply)
        return reply.json if reply.body else None

    async def in_days(self, days: int) -> str:
        """The market's day so many days from now, as requests write it."""
        return str(self.market.day_of(await self.clock.now()) + timedelta(days=days))

    # ── agreements ──

    def draft_body(self, **members: Any) -> dict[str, Any]:
        """The body of a good draft, with some members changed."""
        pricing = {"type": "LEGACY", "amount": 499_00, "currency": self.market.currency}
        return {"pricing": pricing, **DRAFT, **members}

    async def draft(self, *, key: str | None = None, **members: Any) -> Any:
        """Draft an agreement; answers with what the API answers."""
        return await self.ask("POST", "/agreements", self.draft_body(**members), key=key)

    async def agreed(self, **members: Any) -> str:
        """The id of an agreement that Kari has approved."""
        agreement_id: str = (await self.draft(**members))["agreementId"]
        await self.kari.approves(agreement_id)
        return agreement_id

    async def agreement(self, agreement_id: str) -> Any:
        """Fetch an agreement."""
        return await self.ask("GET", f"/agreements/{agreement_id}")

    async def agreements(self, query: str = "") -> Any:
        """List agreements."""
        return await self.ask("GET", f"/agreements{query}")

    async def update(self, agreement_id: str, *, key: str | None = None, **members: Any) -> None:
        """Change an agreement."""
        await self.ask("PATCH", f"/agreements/{agreement_id}", members, key=key)

    async def stop(self, agreement_id: str) -> None:
        """Stop an agreement."""
        await self.update(agreement_id, status="STOPPED")

    async def force_accept(self, agreement_id: str, phone_number: str = KARI) -> None:
        """Approve without a payer, as the test environment allows."""
        await self.ask("PATCH", f"/agreements/{agreement_id}/accept", {"phoneNumber": phone_number})

    # ── charges ──

    async def charge(self, agreement_id: str, *, key: str | None = None, **members: Any) -> str:
        """Create a charge; answers with its id. A member that is None is left out."""
        body = {name: value for name, value in {**CHARGE, **members}.items() if value is not None}
        answer = await self.ask("POST", f"/agreements/{agreement_id}/charges", body, key=key)
        charge_id: str = answer["chargeId"]
        return charge_id

    async def bulk(self, *items: Any, key: str | None = None) -> Any:
        """Create many charges in the background."""
        return await self.ask("POST", "/agreements/charges", list(items), key=key)

    async def fetch(self, agreement_id: str, charge_id: str) -> Any:
        """Fetch a charge."""
        return await self.ask("GET", f"/agreements/{agreement_id}/charges/{charge_id}")

    async def status(self, charge_id: str) -> str:
        """The status of a charge, found by its id alone."""
        found: str = (await self.ask("GET", f"/charges/{charge_id}"))["status"]
        return found

    async def summary(self, charge_id: str) -> tuple[int, int, int]:
        """Captured, refunded and cancelled, in minor units."""
        summary = (await self.ask("GET", f"/charges/{charge_id}"))["summary"]
        return summary["captured"], summary["refunded"], summary["cancelled"]

    async def charges(self, agreement_id: str, query: str = "") -> Any:
        """List an agreement's charges."""
        return await self.ask("GET", f"/agreements/{agreement_id}/charges{query}")

    async def cancel(self, agreement_id: str, charge_id: str, *, key: str | None = None) -> None:
        """Cancel a charge."""
        await self.ask("DELETE", f"/agreements/{agreement_id}/charges/{charge_id}", key=key)

    async def capture(
        self, agreement_id: str, charge_id: str, amount: int, *, key: str | None = None
    ) -> None:
        """Capture all or part of what is reserved."""
        path = f"/agreements/{agreement_id}/charges/{charge_id}/capture"
        await self.ask("POST", path, {"amount": amount}, key=key)

    async def refund(
        self, agreement_id: str, charge_id: str, amount: int, *, key: str | None = None
    ) -> None:
        """Give all or part of what was captured back."""
        path = f"/agreements/{agreement_id}/charges/{charge_id}/refund"
        await self.ask("POST", path, {"amount": amount, "description": "Sorry"}, key=key)

    # ── behind the counter ──

    def events(self, about: str | None = None) -> list[str]:
        """What merchants are told of, in order: `charge-captured`, `agreement-activated`, and so on.

        `about` is an agreement or charge that the events shall name.
        """
        told = (event_of(happened) for happened in self.house.happened)
        return [
            event.event_type.removeprefix("recurring.").removesuffix(".v1")
            for event in told
            if event is not None
            and event.merchant_serial_number == self.msn
            and about in {None, event.agreement_id, event.charge_id}
        ]

    def bodies(self, event_type: str) -> list[Any]:
        """The bodies of all events of one type, in order."""
        told = (event_of(happened) for happened in self.house.happened)
        return [
            json.loads(event.body)
            for event in told
            if event is not None and event.event_type == f"recurring.{event_type}.v1"
        ]

    async def next_attempts(self, charge_id: str, *outcomes: Outcome) -> None:
        """Script what the next attempts on one charge will meet."""
        await self.house.put(Script(self.msn, charge_id, outcomes), self.msn, charge_id)

    async def stored_charge(self, charge_id: str) -> Charge:
        """A charge as it is kept."""
        charge: Charge | None = await self.house.find(Charge, self.msn, charge_id)
        assert charge is not None
        return charge

    async def payment(self, charge_id: str, kind: str, sequence: int) -> Payment:
        """A payment as it is kept."""
        key = f"{self.msn}:{charge_id}:{kind}:{sequence}"
        payment: Payment | None = await self.house.find(Payment, key)
        assert payment is not None, key
        return payment

    async def booked(self, charge_id: str, kind: str, sequence: int) -> LedgerEntry | None:
        """What the gateway did under a key, from its own books."""
        key = f"{self.msn}:{charge_id}:{kind}:{sequence}"
        entry: LedgerEntry | None = await self.house.find(LedgerEntry, key)
        return entry
