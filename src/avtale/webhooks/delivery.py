"""A delivery: one event on its way to one receiver, with every attempt at it (api-facts 7.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from avtale.webhooks.catalogue import EventType

DeliveryStatus = Literal["WAITING", "DELIVERED", "LOST", "DROPPED"]

DROPPED: Final = "dropped by a fault"
FORGED: Final = "signed with another secret by a fault"
"""What an attempt says of itself where it went wrong on command (sandbox §7)."""


class Delivery(msgspec.Struct, frozen=True):
    """One event for one registration; instants on the unit's clock."""

    delivery_id: str
    """What every attempt carries as `webhook-id`."""
    merchant_serial_number: str
    registration_id: str
    place: int
    """The event's place among all events, in which order they are sent."""
    event_id: str
    event_type: EventType
    agreement_id: str
    charge_id: str | None
    body: str
    """The very bytes that are sent, at every attempt."""
    created: datetime

    status: DeliveryStatus = "WAITING"
    attempts: int = 0
    tries: int = 0
    """Those since it was sent for the first time, or again by hand: the back-off counts them."""
    first_try: datetime | None = None
    last_attempt: datetime | None = None
    wake_at: datetime | None = None
    """When it is attempted next."""

    def delivered(self, at: datetime) -> Delivery:
        """The receiver took it in."""
        return replace(self._attempted(at), status="DELIVERED", wake_at=None)

    def refused(self, at: datetime, again_at: datetime | None) -> Delivery:
        """The receiver did not take it in: there is another attempt, or it is lost."""
        if again_at is None:
            return replace(self._attempted(at), status="LOST", wake_at=None)
        return replace(self._attempted(at), wake_at=again_at)

    def dropped(self) -> Delivery:
        """Nobody wants it any more."""
        return replace(self, status="DROPPED", wake_at=None)

    def sent_again(self, at: datetime) -> Delivery:
        """Somebody wants it sent once more, as if it had never been."""
        return replace(self, status="WAITING", tries=0, first_try=None, wake_at=at)

    def _attempted(self, at: datetime) -> Delivery:
        return replace(
            self,
            attempts=self.attempts + 1,
            tries=self.tries + 1,
            first_try=self.first_try or at,
            last_attempt=at,
        )


class DeliveryAttempt(msgspec.Struct, frozen=True):
    """One attempt, and what came of it; written once."""

    delivery_id: str
    attempt: int
    merchant_serial_number: str
    occurred: datetime
    """On the unit's clock; the date that was signed."""
    status: int | None
    """The receiver's HTTP status, where there was an answer."""
    error: str | None
    """What went wrong where there was none, in a word or two."""
    excerpt: str
    """The beginning of the answer."""
    milliseconds: int
    """How long it took, in real time."""
