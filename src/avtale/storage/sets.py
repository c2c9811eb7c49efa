"""Sets of rows between SQLite and a world: what a batch needs is loaded, what it changed is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from avtale.charges.charge import Charge
from avtale.engine.rows import TABLES, Key
from avtale.engine.world import Needs, World
from avtale.storage.columns import Shapes
from avtale.storage.statements import SQLITE

_OPEN_CHARGES = SQLITE[Charge].load.partition(" WHERE ")[0] + (
    " WHERE merchant_serial_number = ? AND agreement_id = ?"
    " AND status IN ('PENDING', 'DUE', 'PROCESSING', 'RESERVED', 'PARTIALLY_CAPTURED')"
)
_MANY = 8
_as_json = msgspec.json.Encoder().encode


def load(connection: sqlite3.Connection, needs: Needs, shapes: Shapes) -> World:
    """The world that `needs` names, from the database as it is."""
    world = World(needs)
    for table in TABLES:
        records: list[tuple[Any, ...]] = []
        keys = needs.keys.get(table.row)
        if keys:
            records.extend(_by_keys(connection, table.row, keys))
        if table.row is Charge and needs.open_charges_of:
            seen = {(record[0], record[1]) for record in records}
            for agreement in needs.open_charges_of:
                found = connection.execute(_OPEN_CHARGES, agreement)
                records.extend(record for record in found if record[:2] not in seen)
        if records:
            world.take_in(table.row, shapes[table.row].read(records))
    return world


def _by_keys(
    connection: sqlite3.Connection, row: type[Any], keys: Collection[Key]
) -> Iterable[tuple[Any, ...]]:
    statement = SQLITE[row].load
    many = SQLITE[row].load_many
    if len(keys) >= _MANY and many:
        by_prefix: dict[Key, list[str | int]] = {}
        for key in keys:
            by_prefix.setdefault(key[:-1], []).append(key[-1])
        for prefix, last in by_prefix.items():
            yield from connection.execute(many, (*prefix, _as_json(last).decode()))
        return
    for key in keys:
        record = connection.execute(statement, key).fetchone()
        if record is not None:
            yield record


def store(connection: sqlite3.Connection, world: World, shapes: Shapes) -> None:
    """Write what changed, a statement for each table."""
    for table, new, changed in world.changes():
        shape, statements = shapes[table.row], SQLITE[table.row]
        # Changes first: one may settle a charge's open payment before the next is begun.
        if changed and not table.append_only:
            connection.executemany(statements.update, map(shape.write_changes, changed))
        if new:
            connection.executemany(statements.insert, map(shape.write, new))
