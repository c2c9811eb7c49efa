"""A tiny shop that sells a subscription, renews it every month, hears of what happens, and gives money back.

It shows what an integration needs and nothing else: a dictionary is its database. Run it against a sandbox:

    avtale up
    flask --app shop run --port 3000
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from flask import Flask, abort, redirect, request
from werkzeug.wrappers import Response

from avtale import Client
from avtale.client import Interval, LegacyPricing
from avtale.webhooks import parse, verify
from avtale.webhooks.parsing import AgreementEvent, ChargeEvent, MalformedEvent
from avtale.webhooks.verification import NotVerified

PRICE = 499_00
EVENTS = (
    *(f"recurring.agreement-{what}.v1" for what in ("activated", "rejected", "stopped", "expired")),
    *(f"recurring.charge-{what}.v1" for what in ("captured", "failed", "refunded", "canceled")),
)


@dataclass
class Subscription:
    """What the shop knows of one customer."""

    customer: str
    agreement_id: str
    status: str = "PENDING"
    next_payment: date | None = None
    payments: dict[str, str] = field(default_factory=dict)
    """Charges by their order id, and what became of each."""


@dataclass
class Shop:
    """The business, without the web."""

    client: Client
    url: str
    """Where the shop is reached."""
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    """By customer."""
    secret: str = ""
    """Of the webhook."""
    seen: set[str] = field(default_factory=set)
    """Deliveries that were taken in, since each may come more than once."""

    def open(self) -> None:
        """Have events sent here from now on."""
        made = self.client.register_webhook(url=f"{self.url}/hook", events=EVENTS)
        self.secret = made.secret

    def subscribe(self, customer: str) -> str:
        """Draft an agreement; answers with where the customer says yes."""
        drafted = self.client.draft_agreement(
            product_name="Premier League",
            product_description="Every match, live",
            pricing=LegacyPricing(PRICE, "NOK"),
            interval=Interval("MONTH", 1),
            merchant_redirect_url=f"{self.url.replace('http:', 'https:')}/thanks/{customer}",
            merchant_agreement_url=f"{self.url.replace('http:', 'https:')}/me/{customer}",
            external_id=customer,
        )
        self.subscriptions[customer] = Subscription(customer, drafted.agreement_id)
        return str(drafted.vipps_confirmation_url)

    def look(self, customer: str, today: date) -> Subscription:
        """What is so, asked of the API: the redirect alone says nothing, and an event may be late."""
        subscription = self.subscriptions[customer]
        if subscription.status == "PENDING":
            found = self.client.fetch_agreement(subscription.agreement_id)
            self._decided(subscription, found.status, today)
        return subscription

    def renew(self, today: date) -> list[str]:
        """Ask for the payments that come in the next days; run it daily, and a second time does nothing."""
        asked = []
        for subscription in self.subscriptions.values():
            due = subscription.next_payment
            if subscription.status != "ACTIVE" or due is None or due - today > timedelta(days=5):
                continue
            # Customer and month are the order id, so that nobody pays a month twice.
            order_id = f"{subscription.customer}-{due:%Y-%m}"
            if order_id in subscription.payments:
                continue
            self.client.create_charge(
                subscription.agreement_id,
                amount=PRICE,
                description=f"Premier League, {due:%B}",
                due=due,
                retry_days=5,
                order_id=order_id,
                idempotency_key=order_id,
            )
            subscription.payments[order_id] = "asked for"
            asked.append(order_id)
        return asked

    def refund(self, customer: str, order_id: str, amount: int) -> None:
        """Give money back, in full or in part."""
        self.client.refund_charge(
            self.subscriptions[customer].agreement_id,
            order_id,
            amount=amount,
            description="Sorry about that",
        )

    def stop(self, customer: str) -> None:
        """The customer has had enough."""
        self.client.stop_agreement(self.subscriptions[customer].agreement_id)

    def hear(self, body: bytes, headers: Any, today: date) -> None:
        """Take in an event; raises NotVerified and MalformedEvent."""
        verify(body, headers, self.secret, url=f"{self.url}/hook")
        if headers["webhook-id"] in self.seen:
            return
        match parse(body):
            case AgreementEvent() as event:
                subscription = self._of(event.agreement_id)
                if subscription is not None:
                    self._decided(subscription, _STATUS[event.event_type], today)
            case ChargeEvent() as event:
                subscription = self._of(event.agreement_id)
                if subscription is not None:
                    what = event.event_type.split("-")[1].removesuffix(".v1")
                    subscription.payments[event.charge_id] = what
                    if what == "captured" and subscription.next_payment is not None:
                        subscription.next_payment = Interval("MONTH", 1).after(
                            subscription.next_payment
                        )
        self.seen.add(headers["webhook-id"])

    def _of(self, agreement_id: str) -> Subscription | None:
        found = (s for s in self.subscriptions.values() if s.agreement_id == agreement_id)
        return next(found, None)

    def _decided(self, subscription: Subscription, status: str, today: date) -> None:
        subscription.status = status
        if status == "ACTIVE" and subscription.next_payment is None:
            subscription.next_payment = today + timedelta(days=3)


_STATUS = {
    "recurring.agreement-activated.v1": "ACTIVE",
    "recurring.agreement-rejected.v1": "STOPPED",
    "recurring.agreement-stopped.v1": "STOPPED",
    "recurring.agreement-expired.v1": "EXPIRED",
}


def web(shop: Shop, today: Any = date.today) -> Flask:
    """The shop on the web; `today` says what day it is, so that tests can."""
    app = Flask(__name__)

    @app.post("/subscribe")
    def subscribe() -> Response:
        customer = request.form.get("customer") or uuid4().hex[:8]
        return redirect(shop.subscribe(customer), 303)

    @app.get("/thanks/<customer>")
    def thanks(customer: str) -> str:
        if customer not in shop.subscriptions:
            abort(404)
        return f"Thank you! Your subscription is {shop.look(customer, today()).status}."

    @app.get("/me/<customer>")
    def me(customer: str) -> dict[str, Any]:
        if customer not in shop.subscriptions:
            abort(404)
        subscription = shop.look(customer, today())
        return {"status": subscription.status, "payments": subscription.payments}

    @app.post("/me/<customer>/stop")
    def stop(customer: str) -> tuple[str, int]:
        shop.stop(customer)
        return "", 204

    @app.post("/hook")
    def hook() -> tuple[str, int]:
        try:
            shop.hear(request.get_data(), request.headers, today())
        except (NotVerified, MalformedEvent):
            return "", 401
        return "", 204

    return app


def create_app() -> Flask:
    """What `flask --app shop run` starts, with the ready-made keys of a sandbox."""
    client = Client(
        base_url=os.environ.get("AVTALE_URL", "http://127.0.0.1:8080"),
        client_id="fb492b5e-7907-4d83-bc20-c7fb60ca35de",
        client_secret="Y8Kteew6GE3ZmeycEt6egg==",
        subscription_key="0f14ebcab0ec4b29ae0cb90d91b4a84a",
        merchant_serial_number="123456",
        system_name="example-shop",
    )
    shop = Shop(client, os.environ.get("SHOP_URL", "http://127.0.0.1:3000"))
    shop.open()
    return web(shop)
