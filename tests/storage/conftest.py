"""A storage of each kind in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from avtale.storage.postgresql import PostgreSQLStorage
from avtale.storage.storage import Storage
from tests.conftest import fresh_database
from tests.storage.handling import opened


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Storage]:
    """An open storage on a new database."""
    async with opened(database_url) as storage:
        yield storage


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The URL of a new PostgreSQL database."""
    with fresh_database(postgresql_url) as url:
        yield url


@pytest.fixture
async def postgresql(postgresql_database: str) -> AsyncIterator[PostgreSQLStorage]:
    """An open storage on a new PostgreSQL database."""
    storage = PostgreSQLStorage(postgresql_database)
    await storage.open()
    yield storage
    await storage.close()
