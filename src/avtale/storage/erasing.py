"""Erasing: everything that a sales unit owns goes in one transaction, its history with it (reliability H-4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from avtale.engine.engine import Taken
from avtale.storage.storage import Storage

OWNED: Final = (
    "gateway_scripts",
    "gateway_ledger",
    "events",
    "payments",
    "charge_history",
    "charges",
    "bulk_items",
    "agreement_history",
    "agreements",
    "idempotency_keys",
)
"""The tables that hold what a unit owns, children before parents; `queries/sandbox.sql` has a statement for each."""

ITSELF: Final = ("subscription_keys", "grants", "clients", "sales_units")
"""The tables that hold the unit itself, and the keys that are good for nothing else."""

_PAUSES_SECONDS: Final = (0.0, 0.01, 0.05, 0.2, 0.5)


async def erase(storage: Storage, msn: str) -> None:
    """Erase the unit and all it owns; nothing happens where there is no such unit."""
    await _execute(storage, msn, [f"erase_{table}" for table in (*OWNED, *ITSELF)])


async def reset(storage: Storage, msn: str) -> None:
    """Erase all that the unit owns; it keeps its name, rules and keys, and its clock shows the present."""
    erasing = [f"erase_{table}" for table in OWNED]
    await _execute(storage, msn, [*erasing, "return_to_the_present"])


async def _execute(storage: Storage, msn: str, statements: Sequence[str]) -> None:
    """All or nothing; once more where another process writes for the unit at that moment."""
    named = [(name, {"msn": msn}) for name in ("begin_erasing", *statements, "end_erasing")]
    for pause_seconds in _PAUSES_SECONDS:
        await asyncio.sleep(pause_seconds)
        try:
            await storage.execute(named)
        except Taken:
            continue
        return
    raise Taken(f"others go on writing for {msn}")
