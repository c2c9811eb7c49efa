"""A storage of each kind in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from avtale.storage.storage import Storage
from tests.storage.handling import opened


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Storage]:
    """An open storage on a new database."""
    async with opened(database_url) as storage:
        yield storage
