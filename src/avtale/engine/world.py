"""The world as a batch sees it: what was loaded, what has changed since, what has happened.

Commands of one batch are decided one after another on the same world, so a later one sees what
an earlier one did. A refusal is undone by going back to the mark that was set before the command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from msgspec.structs import replace

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.lifecycle import OPEN
from avtale.charges.payments import Payment
from avtale.engine.rows import TABLE_OF, TABLES, Key, Table
from avtale.events import Happened
from avtale.sales_units import SalesUnit
from avtale.webhooks.catalogue import event_of

Row = TypeVar("Row")
Kept = TypeVar("Kept", Agreement, Charge)


class NotLoaded(LookupError):
    """A command asked for a row that it had not named among its needs: a mistake in our code."""


class Needs:
    """What a command must have in front of it: rows by key, and the open charges of agreements."""

    __slots__ = ("keys", "open_charges_of")

    def __init__(
        self,
        keys: dict[type[Any], set[Key]] | None = None,
        open_charges_of: set[Key] | None = None,
    ) -> None:
        self.keys: dict[type[Any], set[Key]] = keys if keys is not None else {}
        self.open_charges_of: set[Key] = open_charges_of if open_charges_of is not None else set()

    def of(self, row: type[Any], *keys: Key) -> Needs:
        """Add rows by key."""
        self.keys.setdefault(row, set()).update(keys)
        return self

    def open_charges(self, merchant_serial_number: str, agreement_id: str) -> Needs:
        """Add an agreement's charges that are not over."""
        self.open_charges_of.add((merchant_serial_number, agreement_id))
        return self

    def join(self, other: Needs) -> None:
        """Take in what another command of the batch needs."""
        for row, keys in other.keys.items():
            known = self.keys.get(row)
            if known is None:
                self.keys[row] = set(keys)
            else:
                known |= keys
        self.open_charges_of |= other.open_charges_of


class World:
    """What a batch may look at and what it changes; never touches a database itself."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._rows: dict[type[Any], dict[Key, Any]] = {table.row: {} for table in TABLES}
        self._stored: dict[type[Any], set[Key]] = {}
        self._changed: dict[type[Any], dict[Key, None]] = {}
        self._journal: list[tuple[type[Any], Key, Any]] = []
        self.happened: list[Happened] = []
        self.begun: list[Payment] = []

    # ── loading ──

    def take_in(self, row_type: type[Any], rows: Iterable[Any]) -> None:
        """Rows as the database has them."""
        key_of = TABLE_OF[row_type].key_of
        found = {key_of(row): row for row in rows}
        self._rows[row_type].update(found)
        self._stored.setdefault(row_type, set()).update(found)

    # ── looking ──

    def find(self, row_type: type[Row], *key: str | int) -> Row | None:
        """The row under `key`, or None where there is none."""
        row: Row | None = self._rows[row_type].get(key)
        if row is None and key not in self._needs.keys.get(row_type, ()):
            raise NotLoaded(f"{TABLE_OF[row_type].name} {key}")
        return row

    def get(self, row_type: type[Row], *key: str | int) -> Row:
        """The row under `key`, which must exist."""
        row = self.find(row_type, *key)
        if row is None:
            raise NotLoaded(f"{TABLE_OF[row_type].name} {key} does not exist")
        return row

    def knows(self, row_type: type[Any], *key: str | int) -> bool:
        """Whether the batch has a row under `key`, loaded or new."""
        return key in self._rows[row_type]

    def unit(self, merchant_serial_number: str) -> SalesUnit:
        """The sales unit of the command."""
        return self.get(SalesUnit, merchant_serial_number)

    def open_charges(self, merchant_serial_number: str, agreement_id: str) -> list[Charge]:
        """The agreement's charges that are not over, oldest first."""
        if (merchant_serial_number, agreement_id) not in self._needs.open_charges_of:
            raise NotLoaded(f"open charges of {agreement_id}")
        charges: Iterable[Charge] = self._rows[Charge].values()
        return sorted(
            (
                charge
                for charge in charges
                if charge.agreement_id == agreement_id
                and charge.merchant_serial_number == merchant_serial_number
                and charge.status in OPEN
            ),
            key=lambda charge: (charge.created, charge.charge_id),
        )

    # ── changing ──

    def put(self, row: Any) -> None:
        """Write a row, new or changed."""
        row_type = type(row)
        key = TABLE_OF[row_type].key_of(row)
        rows = self._rows[row_type]
        self._journal.append((row_type, key, rows.get(key)))
        rows[key] = row
        self._changed.setdefault(row_type, {})[key] = None

    def keep(self, told: tuple[Kept, AgreementEntry | ChargeEntry]) -> Kept:
        """Write an agreement or charge together with its new line of history; answers with it."""
        row, entry = told
        self.put(row)
        self.put(entry)
        return row

    def begin(self, payment: Payment) -> None:
        """Write down a payment that is asked of the gateway once this is committed."""
        self.put(payment)
        self.begun.append(payment)

    def tell(self, happened: Happened) -> None:
        """Say what has happened; where merchants are told of it, the event is written."""
        self.happened.append(happened)
        event = event_of(happened)
        if event is not None:
            unit = self._rows[SalesUnit].get((event.merchant_serial_number,))
            if unit is not None and unit.awaits(event.event_type):
                event = replace(event, awaited=True)
            self.put(event)

    # ── going back ──

    def mark(self) -> tuple[int, int, int]:
        """Where the world stands now, for `undo_to`."""
        return len(self._journal), len(self.happened), len(self.begun)

    def undo_to(self, mark: tuple[int, int, int]) -> None:
        """Forget everything since `mark`."""
        written, happened, begun = mark
        for row_type, key, before in reversed(self._journal[written:]):
            if before is None:
                del self._rows[row_type][key]
            else:
                self._rows[row_type][key] = before
        del self._journal[written:]
        del self.happened[happened:]
        del self.begun[begun:]

    # ── storing ──

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to store."""
        return bool(self._journal)

    def changes(self) -> Iterator[tuple[Table, list[Any], list[Any]]]:
        """Per table, in order: the new rows and the changed ones."""
        for table in TABLES:
            keys = self._changed.get(table.row)
            if not keys:
                continue
            rows, stored = self._rows[table.row], self._stored.get(table.row, ())
            new = [rows[key] for key in keys if key not in stored and key in rows]
            changed = [rows[key] for key in keys if key in stored]
            if new or changed:
                yield table, new, changed
