"""Erasing: everything that a sales unit owns goes in one transaction, its history with it (reliability H-4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from avtale.engine.engine import Taken
from avtale.problems import Conflict
from avtale.storage.storage import Storage

OWNED: Final = (
    "payments",
    "charge_history",
    "charges",
    "appointments",
    "notifications",
    "delivery_attempts",
    "deliveries",
    "webhooks",
    "bulk_items",
    "agreement_history",
    "agreements",
    "events",
    "gateway_scripts",
    "gateway_ledger",
    "idempotency_keys",
    "requests",
    "faults",
    "checklist_notes",
)
"""The tables that hold what a unit owns; `queries/sandbox.sql` has a statement for each.

Children come before parents, and what refers to nothing by a foreign key comes last: once a unit's charges and
agreements are gone, no other process can add to it.
"""

ITSELF: Final = (
    "acts",
    "snapshot_parts",
    "snapshots",
    "subscription_keys",
    "grants",
    "clients",
    "sales_units",
)
"""The tables that hold the unit itself, what people did with it and kept of it, and keys that are good for it alone."""

Result = TypeVar("Result")

_PAUSES_SECONDS: Final = (0.0, 0.01, 0.05, 0.2, 0.5)


async def erase(storage: Storage, msn: str) -> None:
    """Erase the unit and all it owns; nothing happens where there is no such unit.

    Raises Conflict where other processes do not stop writing for it, StorageDown as ever.
    """
    await _execute(storage, msn, [f"erase_{table}" for table in (*OWNED, *ITSELF)])


async def reset(storage: Storage, msn: str) -> None:
    """Erase all that the unit owns; it keeps its name, rules and keys, and its clock shows the present.

    Raises as `erase` does.
    """
    erasing = [f"erase_{table}" for table in OWNED]
    await _execute(storage, msn, [*erasing, "return_to_the_present"])


async def _execute(storage: Storage, msn: str, statements: Sequence[str]) -> None:
    """All or nothing."""
    named = [(name, {"msn": msn}) for name in ("begin_erasing", *statements, "end_erasing")]
    await insist(msn, lambda: storage.execute(named))


async def insist(msn: str, work: Callable[[], Awaitable[Result]]) -> Result:
    """Do it; once more where something is written for the unit, or asked of the gateway, meanwhile."""
    for pause_seconds in _PAUSES_SECONDS:
        await asyncio.sleep(pause_seconds)
        try:
            return await work()
        except Taken:
            continue
    raise Conflict(f"Others go on writing for the sales unit {msn}; try again when they are done.")
