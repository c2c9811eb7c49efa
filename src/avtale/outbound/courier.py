"""The courier: signs an event as of now, sends it, and tells what came of it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from avtale.operations.deliveries import Outcome
from avtale.outbound.addresses import Policy
from avtale.webhooks.delivery import Delivery
from avtale.webhooks.registration import Registration
from avtale.webhooks.signing import signed_headers

if TYPE_CHECKING:
    from avtale.outbound.sender import Sender


class SigningCourier:
    """Brings events to receivers over HTTP."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @cached_property
    def _sender(self) -> Sender:
        # Loaded with the first event, since a server that sends nothing starts faster without.
        from avtale.outbound.sender import Sender  # noqa: PLC0415

        return Sender(self._policy)

    async def bring(self, registration: Registration, delivery: Delivery, at: datetime) -> Outcome:
        """One attempt; raises nothing that a receiver could cause."""
        from avtale.outbound.sender import Outgoing  # noqa: PLC0415

        body = delivery.body.encode()
        headers = signed_headers(
            registration.url, body, registration.secret, at, webhook_id=delivery.delivery_id
        )
        result = await self._sender.send(Outgoing(registration.url, headers, body))
        return Outcome(
            delivery.delivery_id,
            at,
            result.status,
            result.error,
            result.excerpt,
            result.milliseconds,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        if "_sender" in self.__dict__:
            await self._sender.close()
