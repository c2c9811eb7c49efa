"""Registrations of webhooks as JSON (api-facts 7.1, rulings §9)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from avtale.problems import Fault
from avtale.rulebook import Rulebook
from avtale.webhooks.catalogue import EventType
from avtale.webhooks.registration import Registration
from avtale.wire.problems import ExtraDetail

LONGEST_URL = 2048


class RegisterWebhook(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A receiver to be: where, and what it wants to be told of."""

    url: Annotated[str, Meta(min_length=1, max_length=LONGEST_URL)]
    events: Annotated[tuple[EventType, ...], Meta(min_length=1, max_length=100)]

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """Nothing of its own; whether the URL may be sent to is for whoever sends to say."""
        return []


class WebhookRegisteredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The registration's id, and the secret that signs what is sent there; it is shown this once."""

    id: str
    secret: str


class WebhookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One registration, without its secret."""

    id: str
    url: str
    events: tuple[EventType, ...]


class WebhooksAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All registrations."""

    webhooks: tuple[WebhookAnswer, ...]


class WebhookRefusal(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A problem document as the Webhooks API writes it: the request's id is its `traceId`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str
    extra_details: tuple[ExtraDetail, ...] | UnsetType = UNSET


def webhook_answer(registration: Registration) -> WebhookAnswer:
    """A registration as it is listed."""
    return WebhookAnswer(
        id=registration.registration_id, url=registration.url, events=registration.events
    )
