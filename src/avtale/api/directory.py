"""The directory: which client a key belongs to and what it may act for, remembered for two seconds.

Two seconds is how long a withdrawn key may still work in another process (reliability A-9 allows five).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from avtale.clients import Client
from avtale.keys import Keys
from avtale.problems import ResourceNotFound
from avtale.sales_units import SalesUnit
from avtale.storage.storage import Storage

FRESH_SECONDS = 2.0
MOST_REMEMBERED = 10_000

Monotonic = Callable[[], float]
"""Seconds that never go back."""


class Known(NamedTuple):
    """A client and the sales units it may act for."""

    client: Client
    sales_units: frozenset[str]


class Directory:
    """Looks clients up by subscription key or client id; asks a monotonic clock it is given."""

    def __init__(self, storage: Storage, keys: Keys, monotonic: Monotonic) -> None:
        self._storage = storage
        self._keys = keys
        self._monotonic = monotonic
        self._remembered: OrderedDict[str, tuple[float, Known]] = OrderedDict()

    async def by_subscription_key(self, key: str) -> Known | None:
        """The client that the key belongs to, or None where nobody has it."""
        remembered = self._remembered.get(key)
        if remembered is not None and remembered[0] > self._monotonic():
            return remembered[1]
        hashed = self._keys.hashed("subscription key", key)
        known = await self._known("client_by_subscription_key", key_hash=hashed)
        if known is None:
            self._remembered.pop(key, None)
            return None
        self._remembered[key] = (self._monotonic() + FRESH_SECONDS, known)
        self._remembered.move_to_end(key)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return known

    async def by_client_id(self, client_id: str) -> Known | None:
        """The client with this id, or None."""
        return await self._known("client_by_id", client_id=client_id)

    async def sales_unit(self, msn: str) -> SalesUnit:
        """The sales unit as it is now; raises ResourceNotFound where it is gone."""
        found = await self._storage.rows(SalesUnit, "sales_unit", msn=msn)
        if not found:
            raise ResourceNotFound(f"There is no sales unit {msn}.")
        return found[0]

    def forget(self) -> None:
        """Forget all that was remembered: keys or grants were changed here."""
        self._remembered.clear()

    async def _known(self, query: str, **parameters: str) -> Known | None:
        found = await self._storage.rows(Client, query, **parameters)
        if not found or found[0].disabled is not None:
            return None
        granted = await self._storage.select("grants_of_client", client_id=found[0].client_id)
        return Known(found[0], frozenset(msn for (msn,) in granted))
