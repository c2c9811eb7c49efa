"""Snapshots taken and restored: each in one transaction, so that a unit is never half of one and half of another.

Rows are kept as their columns hold them, so that what is sealed stays sealed. What other units and payers have
is not touched: a payer's balance stays as it is, while the gateway's books of this unit come back.
Rows go through memory some thousand at a time, however many there are.
"""

from __future__ import annotations

import asyncio
import base64
import bisect
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from avtale.engine.engine import Taken
from avtale.instants import to_milliseconds
from avtale.problems import Conflict, Refused, ResourceNotFound
from avtale.sales_units import PARTNERS, SalesUnit
from avtale.snapshots import MOST_CHARGES, MOST_SNAPSHOTS, Snapshot, SnapshotPart
from avtale.storage.batches import Batch
from avtale.storage.columns import SHAPES, written_as_json
from avtale.storage.erasing import OWNED, insist
from avtale.storage.storage import Storage
from avtale.webhooks.catalogue import Event

PARENTS_FIRST: Final = OWNED[::-1]
ROWS_AT_ONCE: Final = 1_000
PART_BYTES: Final = 2 * 2**20
"""How much text a part holds at least before it is packed, unless a table has no more."""

POSITION: Final = "position"
"""What stands behind an event's columns in a snapshot: its place among all events."""

_COLUMNS: Final = {shape.table.name: shape.names for shape in SHAPES.values()} | {
    "events": (*SHAPES[Event].names, POSITION)
}

_as_lines = msgspec.json.Encoder().encode_lines
_from_lines = msgspec.json.Decoder(list[Any]).decode_lines

Row = Sequence[Any]
Rows = Sequence[Row]
Change = Callable[[Row, Any], Any]
"""Of a row and the value of one of its columns, the value that it shall have."""


async def _at_rest(batch: Batch, msn: str, real_now: datetime) -> SalesUnit:
    """The unit as this transaction sees it; another process may have begun to move its clock just now."""
    found = SHAPES[SalesUnit].read(await batch.select("sales_unit", msn=msn))
    if not found:
        raise ResourceNotFound(f"There is no sales unit {msn}.")
    unit: SalesUnit = found[0]
    if unit.is_held(real_now):
        raise Conflict("The clock is being moved; wait for that to end.")
    return unit


# ── taking ──


async def take(storage: Storage, msn: str, name: str, real_now: datetime) -> Snapshot:
    """Keep the unit as it is under a name.

    Raises Conflict where the name is taken, the clock is moved or payments go on being asked, Refused where
    there are too many snapshots or charges, ResourceNotFound where there is no such unit.
    """

    async def work() -> Snapshot:
        async with storage.batch() as batch:
            unit = await _at_rest(batch, msn, real_now)
            agreements, charges = await _require_room(batch, msn, name)
            snapshot = Snapshot(
                merchant_serial_number=msn,
                name=name,
                taken=real_now,
                clock_shown=unit.now(real_now),
                unit=unit,
                agreements=agreements,
                charges=charges,
                size_bytes=0,
            )
            await _insert(batch, snapshot)
            size_bytes = await _pack_all(batch, msn, name)
            await batch.execute("size_snapshot", msn=msn, name=name, size_bytes=size_bytes)
            return replace(snapshot, size_bytes=size_bytes)

    return await insist(msn, work)


async def _require_room(batch: Batch, msn: str, name: str) -> tuple[int, int]:
    """How many agreements and charges there are, where one more snapshot may be taken of them now."""
    [counted] = await batch.select("counted_for_snapshot", msn=msn, name=name)
    agreements, charges, held, same, asked = counted
    if same:
        raise Conflict(f"There is a snapshot {name!r} already; delete it, or choose another name.")
    if held >= MOST_SNAPSHOTS:
        raise Refused(f"There are {MOST_SNAPSHOTS} snapshots already; delete one first.")
    if charges > MOST_CHARGES:
        raise Refused(f"There are {charges} charges; a snapshot holds {MOST_CHARGES} at most.")
    if asked:
        # Its answer would come to nobody, and what it moved would be in the books of no one.
        raise Taken(f"{asked} payments of the sales unit {msn} are being asked of the gateway")
    return agreements, charges


async def _pack_all(batch: Batch, msn: str, name: str) -> int:
    """Write all that the unit owns as parts; answers with what they take up."""
    number = size_bytes = 0
    for table in PARENTS_FIRST:
        async for packed in _packed(batch, table, msn):
            await _insert(batch, SnapshotPart(msn, name, number, table, _COLUMNS[table], packed))
            number, size_bytes = number + 1, size_bytes + len(packed)
    return size_bytes


async def _packed(batch: Batch, table: str, msn: str) -> AsyncIterator[str]:
    """The rows of one table, a part at a time: a line of JSON each, compressed, as base64."""
    text = bytearray()
    async for rows in batch.pages(f"snap_{table}", ROWS_AT_ONCE, msn=msn):
        text += _as_lines(rows)
        if len(text) >= PART_BYTES:
            yield await asyncio.to_thread(_pack, text)
            text = bytearray()
    if text:
        yield await asyncio.to_thread(_pack, text)


async def _insert(batch: Batch, row: Snapshot | SnapshotPart) -> None:
    shape = SHAPES[type(row)]
    await batch.insert(shape.table.name, shape.names, [shape.write(row)])


# ── looking and forgetting ──


async def listed(storage: Storage, msn: str) -> list[Snapshot]:
    """The unit's snapshots, oldest first."""
    return await storage.rows(Snapshot, "snapshots_of_unit", msn=msn)


async def delete(storage: Storage, msn: str, name: str) -> None:
    """Forget one; raises ResourceNotFound."""
    await _find(storage, msn, name)
    named = {"msn": msn, "name": name}
    await storage.execute([("delete_snapshot_parts", named), ("delete_snapshot", named)])


async def _find(storage: Storage, msn: str, name: str) -> Snapshot:
    found = await storage.rows(Snapshot, "snapshot_by_name", msn=msn, name=name)
    if not found:
        raise ResourceNotFound(f"The sales unit {msn} has no snapshot {name!r}.")
    return found[0]


# ── restoring ──


async def restore(storage: Storage, msn: str, name: str, real_now: datetime) -> Snapshot:
    """Have the unit as it was, its clock included; all that came since is gone.

    Raises ResourceNotFound where there is no such snapshot, Conflict where the clock is moved, others do not stop
    writing for the unit, or the snapshot is of another version of avtale.
    """

    async def work() -> Snapshot:
        # Looked for each time: it may have gone meanwhile, and then nothing is erased.
        snapshot = await _find(storage, msn, name)
        async with storage.batch() as batch:
            unit = await _at_rest(batch, msn, real_now)
            fences = dict(await batch.select("fences_of_registrations", msn=msn))
            await batch.execute("begin_erasing", msn=msn)
            for table in OWNED:
                await batch.execute(f"erase_{table}", msn=msn)
            back = _PuttingBack(batch, msn, fences)
            async for page in batch.pages("parts_of_snapshot", 1, msn=msn, name=name):
                [part] = SHAPES[SnapshotPart].read(page)
                await back.put(part)
            await batch.execute("drop_deliveries_to_nobody", msn=msn)
            was = _unit(unit, snapshot, back.registered, real_now)
            await batch.execute("restore_sales_unit", **was)
            await batch.execute("end_erasing", msn=msn)
        return snapshot

    return await insist(msn, work)


class _PuttingBack:
    """Inserts what was taken, part after part, parents first."""

    def __init__(self, batch: Batch, msn: str, fences: dict[str, int]) -> None:
        """`fences` are those of the registrations that were there until now."""
        self._batch = batch
        self._msn = msn
        self._fences = fences
        self._left: list[int] = []
        self._reached: list[int] = []
        self.registered: Counter[str] = Counter()
        """How many registrations of the unit's own want to be told of each event."""

    async def put(self, part: SnapshotPart) -> None:
        """Insert the rows of one part; raises Conflict where the tables have changed since."""
        table, columns = part.table_name, part.columns
        gone = set(columns) - set(_COLUMNS.get(table, ()))
        if gone:
            raise Conflict(
                f"The snapshot {part.name!r} was taken by another version of avtale, whose {table} had "
                f"{', '.join(sorted(gone))}; delete it, and take it anew."
            )
        rows: Rows = await asyncio.to_thread(_unpack, part.packed)
        if table == "events":
            await self._put_events(columns, rows)
            return
        if table == "deliveries" and self._left:
            rows = _changed(columns, rows, "place", lambda _row, place: self._moved(place))
        if table == "webhooks":
            self._count(columns, rows)
            at = columns.index("registration_id")
            # Whoever was sending when the unit went back does not count any more.
            rows = _changed(
                columns, rows, "fence", lambda row, old: max(old, self._fences.get(row[at], 0)) + 1
            )
            rows = _changed(columns, rows, "lease_until", lambda _row, _until: None)
        await self._batch.insert(table, columns, rows)

    async def _put_events(self, columns: Sequence[str], rows: Rows) -> None:
        """Put events where they were; from the first on whose place is another unit's by now, behind all others.

        PostgreSQL gives no place twice; SQLite gives those at the end again once they are free.
        """
        if not self._left:
            first, last = rows[0][-1], rows[-1][-1]
            others = await self._batch.select("event_places", first=first, last=last)
            lost = {place for (place,) in others}
            stay = next((i for i, row in enumerate(rows) if row[-1] in lost), len(rows))
            await self._batch.insert("events", columns, rows[:stay])
            rows = rows[stay:]
        if rows:
            [(end,)] = await self._batch.select("last_event_place")
            await self._batch.insert("events", columns[:-1], [row[:-1] for row in rows])
            found = await self._batch.select("event_places_after", msn=self._msn, place=end)
            self._left += [row[-1] for row in rows]
            self._reached += [place for (place,) in found]

    def _moved(self, place: int) -> int:
        """Where the event of a place is now; one that was sent by hand stands with the one before it."""
        before = bisect.bisect_right(self._left, place)
        return self._reached[before - 1] if before else place

    def _count(self, columns: Sequence[str], rows: Rows) -> None:
        removed, events = columns.index("removed"), columns.index("events")
        for row in rows:
            if row[removed] is None:
                self.registered.update(msgspec.json.decode(row[events], type=list[str]))


def _changed(columns: Sequence[str], rows: Rows, name: str, change: Change) -> Rows:
    """The rows with one column changed by `change(row, value)`."""
    at = columns.index(name)
    return [[*row[:at], change(row, row[at]), *row[at + 1 :]] for row in rows]


def _unit(
    now: SalesUnit, snapshot: Snapshot, registered: Counter[str], real_now: datetime
) -> dict[str, str | int | None]:
    """The unit's own row: as it was, but for what partners and registrations of now say."""
    was = snapshot.unit
    counts = dict(registered)
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


def _pack(text: bytearray) -> str:
    return base64.b64encode(zlib.compress(text, 1)).decode()


def _unpack(packed: str) -> list[list[Any]]:
    return _from_lines(zlib.decompress(base64.b64decode(packed)))
