"""A sales unit on a server in the background, and a client with its keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from avtale.client import Client
from avtale.testing import Avtale, Unit


@pytest.fixture
def unit(avtale: Avtale) -> Unit:
    """A sales unit of this test's own."""
    return avtale.sales_unit()


@pytest.fixture
def client(unit: Unit) -> Iterator[Client]:
    """A client with its keys."""
    with Client(**unit.credentials) as client:
        yield client
