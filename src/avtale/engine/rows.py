"""The rows that the engine itself keeps: stored answers, items of a bulk, and the table of all tables.

`TABLES` says of every kind of row which table holds it, what its key is and what never changes after
it was written. The storages build their statements from it; the migrations are compared with it by a test.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from avtale.accounts import Account, Act, Session
from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.payments import Payment
from avtale.clients import Client, Grant, SubscriptionKey
from avtale.faults import FaultsOfUnit
from avtale.ledger import LedgerEntry, Script
from avtale.notifications import Notification
from avtale.payers import Payer
from avtale.personas import Appointment
from avtale.record import InboxItem, Note, RecordedBatch
from avtale.sales_units import SalesUnit
from avtale.snapshots import Snapshot, SnapshotPart
from avtale.webhooks.catalogue import Event
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.webhooks.registration import Registration

Key = tuple[str | int, ...]


class StoredAnswer(msgspec.Struct, frozen=True):
    """What a request with an idempotency key was answered, or that it is still being worked on.

    The scope of a key is (MSN, method, path, key); `variant` is empty but for PATCH of an agreement,
    where another body is another request (rulings §4).
    """

    merchant_serial_number: str
    method: str
    path: str
    idempotency_key: str
    variant: str
    fingerprint: str
    context_id: str
    created: datetime
    state: Literal["CLAIMED", "DONE"] = "CLAIMED"
    status: int | None = None
    body: str | None = None

    @property
    def scope(self) -> Key:
        """The key of the row."""
        return (
            self.merchant_serial_number,
            self.method,
            self.path,
            self.idempotency_key,
            self.variant,
        )


class BulkItem(msgspec.Struct, frozen=True):
    """One valid item of a bulk, waiting to become a charge, in order, in the background."""

    merchant_serial_number: str
    batch: str
    position: int
    agreement_id: str
    order_id: str
    idempotency_key: str
    body: str
    """The item as it was sent, as JSON."""
    created: datetime
    state: Literal["WAITING", "CREATED", "FAILED"] = "WAITING"
    reason: str | None = None


class Table(NamedTuple):
    """Where a kind of row lives."""

    name: str
    row: type[Any]
    key: tuple[str, ...]
    fixed: frozenset[str]
    """Columns that no update touches; the key among them."""
    append_only: bool
    in_order: bool
    """Whether new rows are written in the order in which they were put, as those that are only appended are."""
    key_of: Callable[[Any], Key]
    """The key of a row."""


def _table(
    name: str,
    row: type[Any],
    key: str,
    first_mutable: str | None = None,
    *,
    append: bool = False,
    in_order: bool = False,
) -> Table:
    """A table whose columns before `first_mutable` are written once; None when all may change."""
    columns = row.__struct_fields__
    keys = tuple(key.split())
    fixed = columns[: columns.index(first_mutable)] if first_mutable else keys
    unchanging = frozenset(fixed) | frozenset(keys)
    return Table(name, row, keys, unchanging, append, append or in_order, _key_of(keys))


def _key_of(keys: tuple[str, ...]) -> Callable[[Any], Key]:
    if len(keys) == 1:
        read_one = attrgetter(keys[0])
        return lambda row: (read_one(row),)
    read: Callable[[Any], Key] = attrgetter(*keys)
    return read


TABLES: tuple[Table, ...] = (
    _table("sales_units", SalesUnit, "merchant_serial_number"),
    _table("clients", Client, "client_id"),
    _table("subscription_keys", SubscriptionKey, "key_hash"),
    _table("grants", Grant, "client_id merchant_serial_number"),
    _table("payers", Payer, "phone_number"),
    _table(
        "idempotency_keys",
        StoredAnswer,
        "merchant_serial_number method path idempotency_key variant",
        "state",
    ),
    _table("agreements", Agreement, "merchant_serial_number agreement_id", "product_name"),
    _table(
        "agreement_history",
        AgreementEntry,
        "merchant_serial_number agreement_id sequence",
        append=True,
    ),
    _table("bulk_items", BulkItem, "merchant_serial_number batch position", "state"),
    _table("appointments", Appointment, "merchant_serial_number agreement_id cause"),
    _table("charges", Charge, "merchant_serial_number charge_id", "due"),
    _table("charge_history", ChargeEntry, "merchant_serial_number charge_id sequence", append=True),
    _table("payments", Payment, "payment_key", "status"),
    _table(
        "events",
        Event,
        "merchant_serial_number agreement_id subject sequence",
        "awaited",
        in_order=True,
    ),
    _table("webhooks", Registration, "registration_id", "succeeded"),
    _table("deliveries", Delivery, "delivery_id", "status"),
    _table("delivery_attempts", DeliveryAttempt, "delivery_id attempt", append=True),
    _table("notifications", Notification, "notification_id", append=True),
    _table("gateway_ledger", LedgerEntry, "payment_key", "result"),
    _table("gateway_scripts", Script, "merchant_serial_number charge_id", "outcomes"),
    _table("faults", FaultsOfUnit, "merchant_serial_number"),
)
"""In the order in which rows are locked and written; parents before children."""

TABLE_OF: dict[type[Any], Table] = {table.row: table for table in TABLES}

BESIDE: tuple[Table, ...] = (
    _table("requests", RecordedBatch, "batch_id", append=True),
    _table("checklist_notes", Note, "merchant_serial_number item"),
    _table("inbox", InboxItem, "name", append=True),
    _table("accounts", Account, "name"),
    _table("sessions", Session, "session_hash"),
    _table("acts", Act, "act_id", append=True),
    _table("snapshots", Snapshot, "merchant_serial_number name"),
    _table("snapshot_parts", SnapshotPart, "merchant_serial_number name part", append=True),
)
"""Tables that nobody decides upon: their rows are written beside the engine, and looked at."""
