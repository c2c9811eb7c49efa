"""The server is what its OpenAPI document says: thousands of requests, good and bad, that nobody wrote by hand."""

from __future__ import annotations

import itertools
import json
import re
from contextlib import AsyncExitStack
from datetime import date
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from avtale.api import openapi
from avtale.api.parameters import PARAMETERS
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from tests.support import House, Shop, installation
from tests.webhooks.registering import register

TODAY = date(2026, 11, 2)
EXAMPLES = 120
RECEIVER = "https://news.example/hook"


class Installation:
    """An installation with a shop in full swing, as an ASGI application; each test gets it fresh."""

    def __init__(self) -> None:
        self._open = AsyncExitStack()
        self._app: Any = None
        self.agreements: list[str] = []
        self.charges: list[tuple[str, str]] = []
        self.token = ""
        self.sub = ""
        self.webhook_id = ""
        self.calls = itertools.count(1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        await self._begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._open.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _begin(self) -> None:
        self.agreements, self.charges = [], []
        house: House = await self._open.enter_async_context(installation())
        self._app = house.app
        shop = await house.public_shop()
        self.token = await shop.token()
        for status in ("ACTIVE", "ACTIVE", "PENDING", "STOPPED"):
            await self._agreement(shop, status)
        self.webhook_id = (await register(shop, RECEIVER))["id"]

    async def _agreement(self, shop: Shop, status: str) -> None:
        agreement_id: str = (await shop.draft(scope="name email address"))["agreementId"]
        self.agreements.append(agreement_id)
        if status == "PENDING":
            return
        await shop.kari.approves(agreement_id)
        self.sub = (await shop.agreement(agreement_id))["sub"]
        for due, kind in (
            ("03", "RESERVE_CAPTURE"),
            ("03", "DIRECT_CAPTURE"),
            ("20", "RESERVE_CAPTURE"),
        ):
            charge_id = await shop.charge(agreement_id, due=f"2026-11-{due}", transactionType=kind)
            self.charges.append((agreement_id, charge_id))
        if status == "STOPPED":
            await shop.stop(agreement_id)
        await shop.clock.advance(hours=6)


INSTALLATION = Installation()
SCHEMA = schemathesis.openapi.from_dict(
    json.loads(json.dumps(openapi.document("http://testserver", "test", TODAY)))
)
SCHEMA.app = INSTALLATION
# Credentials are ours; that nothing works without them has a check of its own.
SCHEMA.config.generation.with_security_parameters = False


def come_true(case: schemathesis.Case) -> None:
    """Make good values come true: of what could be a sales unit, an id or a key, nine in ten are.

    What is wrong on purpose stays wrong.
    """
    number = next(INSTALLATION.calls)
    if number % 10 == 0:
        return
    agreement_id, charge_id = INSTALLATION.charges[number % len(INSTALLATION.charges)]
    real = {"agreementId": agreement_id, "chargeId": charge_id, "sub": INSTALLATION.sub}
    real["webhookId"] = INSTALLATION.webhook_id
    if case.operation.path.endswith(("{agreementId}", "/accept")):
        real["agreementId"] = INSTALLATION.agreements[number % len(INSTALLATION.agreements)]
    for name, value in (case.path_parameters or {}).items():
        if could_be(name, value):
            case.path_parameters[name] = real[name]
    for name, value in {
        "Merchant-Serial-Number": PUBLIC_UNIT,
        "Idempotency-Key": f"key-{number}",
    }.items():
        if name in case.headers and could_be(name, case.headers[name]):
            case.headers[name] = value
    if case.meta is not None and case.meta.generation.mode.is_positive:
        if isinstance(case.body, dict):
            case.body = sensible(case.body)
        elif isinstance(case.body, list):
            case.body = [
                sensible({**each, "agreementId": agreement_id})
                for each in case.body
                if isinstance(each, dict)
            ]


def sensible(body: dict[str, Any]) -> dict[str, Any]:
    """A good body with a day that is not over, an amount that is there, and Norwegian terms."""
    found = dict(body)
    if isinstance(found.get("due"), str):
        found["due"] = "2026-11-20"
    if isinstance(found.get("amount"), int):
        found["amount"] = 100 + found["amount"] % 499_00
    if isinstance(found.get("pricing"), dict):
        found["pricing"] = sensible({**found["pricing"], "currency": "NOK"})
    if "events" in found:
        found["url"] = RECEIVER
    for name in ("merchantAgreementUrl", "merchantRedirectUrl"):
        if name in found or "pricing" in found:
            found[name] = "https://news.example/me"
    return found


def could_be(parameter: str, value: object) -> bool:
    """Whether a value has the form that the document asks for."""
    form = PARAMETERS[parameter]["schema"]["pattern"]
    return isinstance(value, str) and re.search(form, value) is not None


@pytest.fixture(autouse=True)
def served() -> None:
    """A fresh installation runs, and serves the document that the requests are made from."""
    served = schemathesis.openapi.from_asgi("/openapi.json", INSTALLATION)
    assert served.raw_schema["components"] == SCHEMA.raw_schema["components"]
    assert served.raw_schema["paths"].keys() == SCHEMA.raw_schema["paths"].keys()


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_it_answers_as_the_document_says(case: schemathesis.Case) -> None:
    come_true(case)
    excluded: list[Any] = [positive_data_acceptance]
    if case.operation.path.endswith("/agreements/charges"):
        # Items are judged one by one: what is wrong with them is told in an answer of 202.
        excluded.append(negative_data_rejection)
    case.call_and_validate(
        headers={
            "Authorization": f"Bearer {INSTALLATION.token}",
            "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
        },
        excluded_checks=excluded,
    )
