"""Instants as the API writes them and as they are kept: UTC, whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970, as instants are kept."""
    return (instant - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=16_384)
def from_milliseconds(milliseconds: int) -> datetime:
    """The instant that was kept as milliseconds since 1970; remembered, since runs share their instants."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def iso(instant: datetime) -> str:
    """An instant as the API writes it: `yyyy-MM-ddTHH:mm:ssZ`."""
    return instant.isoformat(timespec="seconds")[:19] + "Z"
