"""What a run or an advance did: the first ten thousand facts, and how many there were in all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from avtale.events import Happened

MOST_KEPT = 10_000


class Happenings:
    """Facts in order; memory stays flat however long the run."""

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._kept: list[Happened] = []
        self.count = 0
        """How many there were, kept or not."""

    def __iadd__(self, told: Iterable[Happened] | Happenings) -> Self:
        room = self._most_kept - len(self._kept)
        facts = list(told)
        self.count += told.count if isinstance(told, Happenings) else len(facts)
        self._kept.extend(facts[:room])
        return self

    def __iter__(self) -> Iterator[Happened]:
        return iter(self._kept)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def is_truncated(self) -> bool:
        """Whether more happened than is kept."""
        return self.count > len(self._kept)
