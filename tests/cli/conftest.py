"""A server to command, shared by the tests that only look or keep to a sales unit of their own."""

from collections.abc import Iterator

import pytest

from tests.cli.terminal import Merchant, Running, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests of a module; it keeps nothing."""
    folder = tmp_path_factory.mktemp("server")
    with serving("up", "--port", "0", "--data", "memory:", folder=folder) as running:
        yield running


@pytest.fixture
def unit(server: Running) -> str:
    """A sales unit of this test's own."""
    made: str = server.ask("POST", "/sandbox/sales-units", {})["merchantSerialNumber"]
    return made


@pytest.fixture
def merchant(server: Running) -> Merchant:
    """A shop with a sales unit and keys of this test's own."""
    return new_merchant(server)


def new_merchant(server: Running) -> Merchant:
    """A shop with a new sales unit and its keys."""
    made = server.ask("POST", "/sandbox/sales-units", {})
    keys = {
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
        "Ocp-Apim-Subscription-Key": made["subscriptionKey"],
        "Merchant-Serial-Number": made["merchantSerialNumber"],
    }
    return Merchant(server.url, keys)
