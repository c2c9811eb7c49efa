"""A small world for tests: an installation in this process, shops that call it, payers who answer, clocks that obey."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from avtale import server
from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.configuration import Settings
from avtale.engine.command import Call, Command, Decided
from avtale.engine.world import Needs, World
from avtale.events import Happened
from avtale.gateways.gateway import Gateway
from avtale.ledger import LedgerEntry, Script
from avtale.operations import approvals
from avtale.operations.agreements import stop_agreement
from avtale.operations.sales_units import (
    PUBLIC_CREDENTIALS,
    PUBLIC_UNIT,
    Credentials,
    add_client,
    add_sales_unit,
    minted_credentials,
)
from avtale.payers import Outcome, Payer, Source, made_up_payer
from avtale.processing.clocks import Advanced, Clocks
from avtale.processing.runs import Runs
from avtale.processing.settlement import Settlement
from avtale.processing.worker import Worker
from avtale.rulebook import MARKETS, MarketCode
from avtale.sales_units import Features, SalesUnit
from avtale.webhooks.catalogue import event_of

MONDAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
"""Where every clock stands when a test begins: half past ten in Oslo, on 2 November 2026."""

KARI = "4791234567"
CURRENCIES = {code: market.currency for code, market in MARKETS.items()}

_keys = itertools.count(1)


def fresh_key() -> str:
    """An idempotency key that nobody has used."""
    return f"key-{next(_keys)}"


# ── What comes back ──────────────────────────────────────────────────────────────────────────────


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    body: bytes
    headers: httpx.Headers

    @property
    def json(self) -> Any:
        """The body as plain values."""
        return json.loads(self.body)

    @property
    def slug(self) -> str | None:
        """The identifier of a problem; None for `about:blank`."""
        return self.json["type"].partition("#")[2] or None

    @property
    def detail(self) -> str:
        """What a problem says."""
        return str(self.json["detail"])

    @property
    def faults(self) -> dict[str, str]:
        """The members that a problem names, each with its reason."""
        return {item["name"]: item["reason"] for item in self.json.get("extraDetails", [])}


class Refusal(AssertionError):
    """The API said no."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body.decode()}")
        self.reply = reply


@contextmanager
def refused(slug: str | None, status: int, *words: object) -> Iterator[None]:
    """Expect the API to say no, by this name, with all of these words in its sentence."""
    with pytest.raises(Refusal) as no:
        yield
    reply = no.value.reply
    assert (reply.slug, reply.status) == (slug, status), reply.body
    missing = [word for word in words if str(word) not in reply.detail]
    assert not missing, f"{missing} missing in: {reply.detail}"


# ── The installation ─────────────────────────────────────────────────────────────────────────────


@dataclass(eq=False)
class House:
    """An installation in this process, with everything that has happened in it."""

    parts: server.Parts
    happened: list[Happened]

    @cached_property
    def app(self) -> Any:
        """The application, as a server would run it."""
        return server.application(self.parts)

    async def public_shop(self) -> Shop:
        """Nordic News, with the keys that every fresh installation has."""
        return await self._shop(PUBLIC_UNIT, PUBLIC_CREDENTIALS)

    async def shop(
        self, market: MarketCode = "NO", *, rules: dict[str, int] | None = None, **features: bool
    ) -> Shop:
        """A shop of its own sales unit, whose clock stands still at MONDAY."""
        msn = str(200_000 + next(_keys))

        def decide(world: World, call: Call) -> Credentials:
            _, credentials = add_sales_unit(
                world,
                call,
                self.parts.keys,
                merchant_serial_number=msn,
                name="Nordic News",
                market=market,
                features=Features(**features),
                rules=rules or {},
            )
            return credentials

        return await self._shop(msn, await self.do(decide, Needs().of(SalesUnit, (msn,))))

    async def partner(self, *shops: Shop) -> Credentials:
        """Keys of a partner who may act for these shops."""

        def decide(world: World, call: Call) -> Credentials:
            credentials = minted_credentials(call)
            msns = [shop.msn for shop in shops]
            add_client(world, call, self.parts.keys, "PARTNER", "Abo Partners", msns, credentials)
            return credentials

        return await self.do(decide, Needs().of(SalesUnit, *((shop.msn,) for shop in shops)))

    async def _shop(self, msn: str, credentials: Credentials) -> Shop:
        def decide(world: World, _call: Call) -> SalesUnit:
            unit = world.unit(msn).frozen_at(MONDAY)
            world.put(unit)
            return unit

        unit = await self.do(decide, Needs().of(SalesUnit, (msn,)))
        return Shop(self, unit, credentials)

    async def do(
        self, decide: Callable[[World, Call], Any], needs: Needs, msn: str | None = None
    ) -> Any:
        """Have something decided, and settle what it begins."""
        decided = await self.submit(decide, needs, msn)
        return decided.unwrap()

    async def submit(
        self, decide: Callable[[World, Call], Any], needs: Needs, msn: str | None = None
    ) -> Decided[Any]:
        """The same, with how it ended; a refusal is not raised."""
        decided = await self.parts.engine.submit(Command("test", decide, needs, msn))
        if decided.begun:
            await self.parts.settlement.settle(decided.begun)
        return decided

    async def find(self, row: type[Any], *key: str | int) -> Any:
        """A row as it is stored, or None."""
        world = await self.parts.storage.look(Needs().of(row, key))
        return world.find(row, *key)

    async def put(self, row: Any, *key: str | int) -> None:
        """Store a row, new or changed."""
        await self.do(lambda world, _call: world.put(row), Needs().of(type(row), key))

    def with_settings(self, **changes: Any) -> House:
        """The same installation, as another process with other settings serves it."""
        settings = msgspec.structs.replace(self.parts.settings, **changes)
        return House(replace(self.parts, settings=settings), self.happened)

    def with_gateway(self, gateway: Gateway) -> House:
        """The same installation, but somebody else moves the money."""
        parts = self.parts
        settlement = Settlement(parts.engine, gateway)
        runs = Runs(parts.engine, parts.storage, settlement)
        clocks = Clocks(parts.engine, runs)
        worker = Worker(parts.engine, runs, clocks)
        return House(
            replace(parts, settlement=settlement, runs=runs, clocks=clocks, worker=worker),
            self.happened,
        )


@asynccontextmanager
async def installation(
    data: str = "memory:", *, work: bool = False, **settings: Any
) -> AsyncIterator[House]:
    """A running installation; with `work`, its processing loop runs too."""
    parts = await server.start(
        Settings(data=data, public_url="https://avtale.test", **settings), work=work
    )
    happened: list[Happened] = []

    def listen(decided: Sequence[Decided[Any]]) -> None:
        for each in decided:
            happened.extend(each.happened)

    parts.engine.listeners.append(listen)
    try:
        yield House(parts, happened)
    finally:
        await server.stop(parts)


# ── A merchant ───────────────────────────────────────────────────────────────────────────────────

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


# ── Payers ───────────────────────────────────────────────────────────────────────────────────────


class Person:
    """A payer, with a phone in the hand."""

    def __init__(self, shop: Shop, phone_number: str) -> None:
        self._shop = shop
        self._house = shop.house
        self.phone_number = phone_number

    async def approves(self, agreement_id: str, max_amount: int | None = None) -> None:
        """Say yes."""

        def decide(world: World, call: Call) -> None:
            approvals.approve_agreement(
                world, call, agreement_id, self.phone_number, max_amount=max_amount
            )

        await self._act(agreement_id, decide)

    async def rejects(self, agreement_id: str) -> None:
        """Say no."""
        await self._act(
            agreement_id,
            lambda world, call: approvals.reject_agreement(world, call, agreement_id),
        )

    async def stops(self, agreement_id: str) -> None:
        """Stop an agreement in the app."""
        await self._act(
            agreement_id,
            lambda world, call: stop_agreement(world, call, agreement_id, "USER"),
        )

    async def sets_maximum(self, agreement_id: str, max_amount: int) -> None:
        """Choose another maximum for a VARIABLE agreement."""
        await self._act(
            agreement_id,
            lambda world, call: approvals.set_max_amount(world, call, agreement_id, max_amount),
        )

    async def is_described(self, **members: Any) -> None:
        """Be somebody in particular: a balance, a source, a birth date."""
        found = await self._house.find(Payer, self.phone_number)
        payer = found or made_up_payer(self.phone_number, self._shop.market.code)
        await self._house.put(msgspec.structs.replace(payer, **members), self.phone_number)

    async def has(self, balance: int | None) -> None:
        """Have this much money; None for enough."""
        await self.is_described(balance=balance)

    async def pays_with(self, **source: Any) -> None:
        """Pay with another source."""
        await self.is_described(source=Source(**source))

    async def will_meet(self, *outcomes: Outcome) -> None:
        """Script what the next attempts on this payer will meet."""
        await self.is_described(outcomes=outcomes)

    async def leaves(self) -> None:
        """Delete the profile."""
        reply = await self._shop.raw("DELETE", f"/sandbox/payers/{self.phone_number}")
        assert reply.status == 204, reply.body

    async def balance(self) -> int | None:
        """How much money is left."""
        payer: Payer | None = await self._house.find(Payer, self.phone_number)
        assert payer is not None
        return payer.balance

    async def _act(self, agreement_id: str, decide: Callable[[World, Call], Any]) -> None:
        msn = self._shop.msn
        needs = Needs().of(Agreement, (msn, agreement_id)).of(Payer, (self.phone_number,))
        needs.open_charges(msn, agreement_id)
        agreement = await self._house.find(Agreement, msn, agreement_id)
        if agreement is not None and agreement.initial_charge_id is not None:
            needs.of(Charge, (msn, agreement.initial_charge_id))
        await self._house.do(decide, needs, msn)


# ── Time ─────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    """The clock of one sales unit; it stands still between advances."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def now(self) -> datetime:
        """What it shows."""
        unit = await self._shop.house.parts.clocks.show(self._shop.msn)
        return unit.now(self._shop.house.parts.engine.real_now())

    async def advance(self, days: int = 0, **by: float) -> Advanced:
        """Let time pass: `days` of the market, then `hours`, `minutes`, `seconds`, `milliseconds`."""
        return await self._shop.house.parts.clocks.advance(
            self._shop.msn, days=days, by=timedelta(**by)
        )

    async def reaches(self, local: str) -> Advanced:
        """Let time pass until it is `yyyy-MM-dd HH:mm` in the market."""
        to = datetime.fromisoformat(local).replace(tzinfo=self._shop.market.zone).astimezone(UTC)
        return await self._shop.house.parts.clocks.advance(self._shop.msn, to=to)

    async def lets_work_be_done(self) -> None:
        """Do what is due this very moment, as the processing loop would."""
        await self._shop.house.parts.runs.catch_up(self._shop.msn, await self.now())

    async def jumps(self, **by: float) -> None:
        """Move it without doing anything on the way, as after a night in which nobody worked."""
        at = await self.now() + timedelta(**by)

        def decide(world: World, _call: Call) -> None:
            world.put(world.unit(self._shop.msn).frozen_at(at))

        await self._shop.house.do(decide, Needs().of(SalesUnit, (self._shop.msn,)))
