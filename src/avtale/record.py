"""The record: every request of a merchant, as it is kept to be looked at later (sandbox §8).

Neither token nor key, body nor query is in it; the path holds ids and nothing personal.
Of a body only the names of members are noticed that the API does not know.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec


class RecordedRequest(msgspec.Struct, frozen=True, array_like=True):
    """One request and how it was answered."""

    context_id: str
    """What the answer carried as `X-Request-Id`, and a problem as `contextId`."""
    received: datetime
    """In real time."""
    method: str
    path: str
    operation: str
    """The operation's name everywhere: `create_charge`."""
    status: int
    problem: str | None
    """The problem's identifier, where the request was refused."""
    microseconds: int
    """From the request's arrival to its answer."""
    agreement_id: str | None
    charge_id: str | None
    """Which is the order id, too, where one was given."""
    replayed: bool
    """Whether the answer was one that its idempotency key had got before."""
    idempotency_key: str | None
    sent_serial_number: str | None
    """The header `Merchant-Serial-Number` as it was sent; so with the other four."""
    system_name: str | None
    system_version: str | None
    plugin_name: str | None
    plugin_version: str | None
    remarks: tuple[str, ...] = ()
    """What was noticed of it, in short words such as `unknown:recurrence`; what was recorded before has none."""


class Seen(NamedTuple):
    """A request, and when it came on the clock of its unit."""

    occurred: datetime
    request: RecordedRequest


class RecordedBatch(msgspec.Struct, frozen=True):
    """Requests of one sales unit that were written down together, oldest first, and the clock that they went by.

    A row for each would cost a request more than a tenth of what the request itself costs.
    """

    batch_id: str
    merchant_serial_number: str
    received: datetime
    """When the batch was written, in real time."""
    clock_at: datetime | None
    """Where the unit's clock stood; None where it ran."""
    clock_offset_ms: int
    """How far a running clock was from real time."""
    requests: str
    """As JSON, each of them an array of its members."""

    def opened(self) -> list[Seen]:
        """The requests themselves."""
        ahead = timedelta(milliseconds=self.clock_offset_ms)
        return [
            Seen(self.clock_at or request.received + ahead, request)
            for request in _requests.decode(self.requests)
        ]


class Note(msgspec.Struct, frozen=True):
    """What a person said of a line of the checklist: whether it is so, and a comment."""

    merchant_serial_number: str
    item: str
    confirmed: bool
    comment: str
    noted: datetime
    """In real time."""


class InboxItem(msgspec.Struct, frozen=True):
    """What came to an inbox: a receiver of our own, for whoever has none yet (sandbox §6)."""

    name: str
    """Of the inbox."""
    received: datetime
    """In real time."""
    method: str
    target: str
    """Path and query as they came."""
    headers: tuple[tuple[str, str], ...]
    body: str
    """As base64, so that a signature can be checked over the very bytes."""


_requests = msgspec.json.Decoder(list[RecordedRequest])
