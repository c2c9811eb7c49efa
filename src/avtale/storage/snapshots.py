"""Snapshots taken and restored: each in one transaction, so that a unit is never half of one and half of another.

Rows are kept as their columns hold them, so that what is sealed stays sealed. What other units and payers have
is not touched: a payer's balance stays as it is, while the gateway's books of this unit come back.
"""

from __future__ import annotations

import asyncio
import base64
import bisect
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from avtale.instants import to_milliseconds
from avtale.problems import Conflict, Refused, ResourceNotFound
from avtale.sales_units import PARTNERS, SalesUnit
from avtale.snapshots import MOST_CHARGES, MOST_SNAPSHOTS, Snapshot, SnapshotPart
from avtale.storage.batches import Batch
from avtale.storage.columns import SHAPES, written_as_json
from avtale.storage.erasing import OWNED, insist
from avtale.storage.storage import Storage

PARENTS_FIRST: Final = OWNED[::-1]
ROWS_IN_A_PART: Final = 5_000
_COLUMNS: Final = {shape.table.name: shape.names for shape in SHAPES.values()}
POSITION: Final = "position"
"""What stands behind an event's columns in a snapshot: its place among all events."""

Rows = list[list[Any]]
Change = Callable[[Sequence[Any], Any], Any]
"""Of a row and the value of one of its columns, the value that it shall have."""
Tables = dict[str, tuple[tuple[str, ...], Rows]]


async def take(storage: Storage, unit: SalesUnit, name: str, real_now: datetime) -> Snapshot:
    """Keep the unit as it is under a name.

    Raises Conflict where the name is taken, Refused where there are too many snapshots or charges.
    """
    msn = unit.merchant_serial_number
    async with storage.batch() as batch:
        [counted] = await batch.select("counted_for_snapshot", msn=msn, name=name)
        agreements, charges, snapshots, same = counted
        if same:
            raise Conflict(f"There is a snapshot {name!r} already; delete it, or choose another.")
        if snapshots >= MOST_SNAPSHOTS:
            raise Refused(f"There are {MOST_SNAPSHOTS} snapshots already; delete one first.")
        if charges > MOST_CHARGES:
            raise Refused(f"There are {charges} charges; a snapshot holds {MOST_CHARGES} at most.")
        parts: list[SnapshotPart] = []
        for table in PARENTS_FIRST:
            rows = await batch.select(f"snap_{table}", msn=msn)
            columns = _COLUMNS[table] + ((POSITION,) if table == "events" else ())
            for start in range(0, len(rows), ROWS_IN_A_PART):
                packed = await asyncio.to_thread(_packed, rows[start : start + ROWS_IN_A_PART])
                parts.append(SnapshotPart(msn, name, len(parts), table, columns, packed))
        snapshot = Snapshot(
            merchant_serial_number=msn,
            name=name,
            taken=real_now,
            clock_shown=unit.now(real_now),
            unit=unit,
            agreements=agreements,
            charges=charges,
            size_bytes=sum(len(part.packed) for part in parts),
        )
        for row, found in ((Snapshot, [snapshot]), (SnapshotPart, parts)):
            shape = SHAPES[row]
            await batch.insert(shape.table.name, shape.names, [shape.write(each) for each in found])
    return snapshot


async def listed(storage: Storage, msn: str) -> list[Snapshot]:
    """The unit's snapshots, oldest first."""
    return await storage.rows(Snapshot, "snapshots_of_unit", msn=msn)


async def delete(storage: Storage, msn: str, name: str) -> None:
    """Forget one; raises ResourceNotFound."""
    await _find(storage, msn, name)
    named = {"msn": msn, "name": name}
    await storage.execute([("delete_snapshot_parts", named), ("delete_snapshot", named)])


async def restore(storage: Storage, unit: SalesUnit, name: str, real_now: datetime) -> Snapshot:
    """Have the unit as it was, its clock included; all that came since is gone.

    Raises ResourceNotFound where there is no such snapshot, Conflict where others do not stop writing for the unit.
    """
    msn = unit.merchant_serial_number
    snapshot = await _find(storage, msn, name)
    parts = await storage.rows(SnapshotPart, "parts_of_snapshot", msn=msn, name=name)
    tables = await asyncio.to_thread(_unpacked, parts)

    async def work() -> None:
        async with storage.batch() as batch:
            fences = dict(await batch.select("fences_of_registrations", msn=msn))
            await batch.execute("begin_erasing", msn=msn)
            for table in OWNED:
                await batch.execute(f"erase_{table}", msn=msn)
            await _put_back(batch, msn, tables, fences)
            await batch.execute("restore_sales_unit", **_unit(unit, snapshot, tables, real_now))
            await batch.execute("end_erasing", msn=msn)

    await insist(msn, work)
    return snapshot


async def _find(storage: Storage, msn: str, name: str) -> Snapshot:
    found = await storage.rows(Snapshot, "snapshot_by_name", msn=msn, name=name)
    if not found:
        raise ResourceNotFound(f"The sales unit {msn} has no snapshot {name!r}.")
    return found[0]


async def _put_back(batch: Batch, msn: str, tables: Tables, fences: dict[str, int]) -> None:
    """Insert what was taken, parents first."""
    places: dict[int, int] = {}
    for table in PARENTS_FIRST:
        columns, rows = tables.get(table, ((), []))
        if not rows:
            continue
        if table == "events":
            # Their old places may be other units' by now; deliveries follow them to the new ones.
            await batch.insert(table, columns[:-1], [row[:-1] for row in rows])
            found = await batch.select("event_positions", msn=msn)
            places = {row[-1]: new for row, (new,) in zip(rows, found, strict=True)}
            continue
        if table == "deliveries":
            rows = _replaced(columns, rows, "place", _moved(places))
        elif table in {"payments", "webhooks"}:
            rows = _replaced(columns, rows, "lease_until", lambda _row, _at: None)
        if table == "webhooks":
            rows = _replaced(columns, rows, "fence", _fenced(columns, fences))
        await batch.insert(table, columns, rows)


def _fenced(columns: Sequence[str], fences: dict[str, int]) -> Change:
    """Whoever was sending when the unit went back does not count any more."""
    at = columns.index("registration_id")
    return lambda row, fence: max(fence, fences.get(row[at], 0)) + 1


def _moved(places: dict[int, int]) -> Change:
    """Where the place of an event is now; of one that there never was, that of the event before it."""
    old = sorted(places)

    def moved(_row: Sequence[Any], place: int) -> int:
        before = bisect.bisect_right(old, place)
        return places[old[before - 1]] if before else 0

    return moved


def _replaced(columns: Sequence[str], rows: Rows, name: str, change: Change) -> Rows:
    """The rows with one column changed by `change(row, value)`."""
    at = columns.index(name)
    return [[*row[:at], change(row, row[at]), *row[at + 1 :]] for row in rows]


def _unit(
    now: SalesUnit, snapshot: Snapshot, tables: Tables, real_now: datetime
) -> dict[str, str | int | None]:
    """The unit's own row: as it was, but for what partners and registrations of now say."""
    was = snapshot.unit
    counts = _registered(tables)
    if PARTNERS in now.webhooks:
        counts[PARTNERS] = now.webhooks[PARTNERS]
    ahead = -((real_now - snapshot.clock_shown) // timedelta(milliseconds=1))
    runs = was.clock_mode == "running"
    return {
        "msn": was.merchant_serial_number,
        "unit_name": was.name,
        "features": written_as_json(was.features),
        "rules": written_as_json(was.rules),
        "webhooks": written_as_json(counts),
        "clock_mode": "running" if runs else "frozen",
        "clock_offset_ms": ahead if runs else 0,
        "clock_at": None if runs else to_milliseconds(snapshot.clock_shown),
    }


def _registered(tables: Tables) -> dict[str, int]:
    """How many registrations of the unit's own want to be told of each event."""
    columns, rows = tables.get("webhooks", ((), []))
    counts: Counter[str] = Counter()
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        if values["removed"] is None:
            counts.update(msgspec.json.decode(values["events"], type=list[str]))
    return dict(counts)


def _packed(rows: Sequence[Sequence[Any]]) -> str:
    return base64.b64encode(zlib.compress(msgspec.json.encode(rows), 1)).decode()


def _unpacked(parts: Sequence[SnapshotPart]) -> Tables:
    tables: dict[str, tuple[tuple[str, ...], Rows]] = {}
    rows: defaultdict[str, Rows] = defaultdict(list)
    for part in parts:
        text = zlib.decompress(base64.b64decode(part.packed))
        rows[part.table_name] += msgspec.json.decode(text, type=Rows)
        tables[part.table_name] = (part.columns, rows[part.table_name])
    return tables
