"""Snapshots as the control API shows them (sandbox §8)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from avtale.snapshots import NAME, SAID, Snapshot
from avtale.wire.members import Instant, to_the_second


class TakeSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The name under which a unit is kept."""

    name: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=60,
            pattern=f"^(?:{NAME.pattern})\\Z",
            extra={"reason": f"must be {SAID}"},
        ),
    ]


class SnapshotAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One snapshot: `taken` in real time, `clock` what the unit's clock showed then."""

    name: str
    taken: Instant
    clock: Instant
    agreements: int
    charges: int
    bytes: int


def snapshot_answer(snapshot: Snapshot) -> SnapshotAnswer:
    """A snapshot as the control API answers it."""
    return SnapshotAnswer(
        name=snapshot.name,
        taken=to_the_second(snapshot.taken),
        clock=to_the_second(snapshot.clock_shown),
        agreements=snapshot.agreements,
        charges=snapshot.charges,
        bytes=snapshot.size_bytes,
    )
