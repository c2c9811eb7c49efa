"""Snapshots: everything that a sales unit owns, with its clock, as it was at one moment (sandbox §8)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

from avtale.sales_units import SalesUnit

NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,58}[A-Za-z0-9._-])?", re.ASCII)
SAID: Final = (
    "letters, digits, spaces and . _ -, with a letter or digit first and no space at the end"
)
"""What a name is made of, in words."""
MOST_SNAPSHOTS: Final = 20
"""Of one sales unit."""
MOST_CHARGES: Final = 100_000
"""In one snapshot."""


class Snapshot(msgspec.Struct, frozen=True):
    """A moment of a sales unit, by its name."""

    merchant_serial_number: str
    name: str
    taken: datetime
    """In real time."""
    clock_shown: datetime
    """What the unit's clock showed."""
    unit: SalesUnit
    agreements: int
    charges: int
    size_bytes: int
    """What it takes up in the database."""


class SnapshotPart(msgspec.Struct, frozen=True):
    """Some rows of one table, packed."""

    merchant_serial_number: str
    name: str
    part: int
    table_name: str
    columns: tuple[str, ...]
    packed: str
