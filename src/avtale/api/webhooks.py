"""Registrations of webhooks over HTTP (api-facts 7.1, rulings §9)."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

import falcon.asgi

from avtale.api.answers import send_json
from avtale.api.gate import SMALL_BODY, Gate, read_body
from avtale.api.noticing import notice_http, notice_strangers
from avtale.clients import Client
from avtale.engine import clock
from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.identifiers import Randomness
from avtale.operations.webhooks import delete_webhook, register_webhook
from avtale.problems import ResourceNotFound, ValidationFailed
from avtale.rulebook import Environment, rulebook_for
from avtale.sales_units import SalesUnit
from avtale.storage.storage import Storage
from avtale.webhooks.registration import Registration
from avtale.wire.reading import read_json, shaped
from avtale.wire.webhooks import (
    RegisterWebhook,
    WebhookRegisteredAnswer,
    WebhooksAnswer,
    webhook_answer,
)

SECRET_BYTES = 64

NOT_ALLOWED = "The URL and/or hostname you provided is not allowed"
"""What a receiver is refused with that nobody may have sent to; the reason follows."""


class Webhooks:
    """`/webhooks/v1/webhooks`."""

    def __init__(
        self,
        gate: Gate,
        engine: Engine,
        storage: Storage,
        environment: Environment,
        *,
        refuse_url: Callable[[str], str | None],
        drop: Callable[[str], Awaitable[None]],
    ) -> None:
        """`refuse_url` says why nothing may be sent to a URL; `drop` forgets what was still to be sent."""
        self._gate = gate
        self._engine = engine
        self._storage = storage
        self._rules = rulebook_for(environment, "NO")
        self._refuse_url = refuse_url
        self._drop = drop

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Register a receiver; the secret is shown this once."""
        caller = await self._gate.admit_for_all(req, "register_webhook")
        body = await self._read(req)
        client_id, msn = caller.client_id, caller.msn
        secret = base64.b64encode(Randomness(clock.seed()).take(SECRET_BYTES)).decode()

        def decide(world: World, call: Call) -> Registration:
            return register_webhook(
                world, call, client_id, body.url, body.events, secret, caller.units
            )

        needs = Needs()
        if msn is None:
            needs.of(Client, (client_id,)).of(SalesUnit, *((unit,) for unit in caller.units))
        decided = await self._engine.submit(Command("register_webhook", decide, needs, msn))
        registration = decided.unwrap()
        send_json(resp, WebhookRegisteredAnswer(id=registration.registration_id, secret=secret))
        resp.status = 201
        resp.set_header("Cache-Control", "no-store")

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """List registrations, oldest first."""
        caller = await self._gate.admit_for_all(req, "list_webhooks")
        found = await self._storage.rows(
            Registration, "webhooks_of_client", client_id=caller.client_id, msn=caller.msn or ""
        )
        send_json(resp, WebhooksAnswer(webhooks=tuple(map(webhook_answer, found))))

    async def on_delete_one(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: str
    ) -> None:
        """Delete a registration; nothing is sent there any more."""
        caller = await self._gate.admit_for_all(req, "delete_webhook")
        found = await self._storage.rows(
            Registration, "webhooks_of_client", client_id=caller.client_id, msn=caller.msn or ""
        )
        mine = next((each for each in found if each.registration_id == webhook_id), None)
        if mine is None:
            raise ResourceNotFound("There is no webhook with this id.")

        def decide(world: World, call: Call) -> Registration:
            return delete_webhook(world, call, mine)

        needs = Needs().of(Registration, (webhook_id,)).of(Client, (mine.client_id,))
        command = Command("delete_webhook", decide, needs, mine.merchant_serial_number)
        (await self._engine.submit(command)).unwrap()
        await self._drop(webhook_id)
        resp.status = 204

    async def _read(self, req: falcon.asgi.Request) -> RegisterWebhook:
        """The body, whatever it is declared as (api-facts 7.1: the quick start declares nothing)."""
        value = read_json(await read_body(req, SMALL_BODY))
        notice_strangers(req, value, RegisterWebhook)
        body = shaped(value, RegisterWebhook, self._rules)
        notice_http(req, "url", body.url)
        reason = self._refuse_url(body.url)
        if reason is not None:
            raise ValidationFailed.of("url", f"{NOT_ALLOWED}: it {reason}")
        return RegisterWebhook(url=body.url, events=tuple(dict.fromkeys(body.events)))
