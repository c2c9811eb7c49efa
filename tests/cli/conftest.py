"""A server to command, shared by the tests that only look or keep to a sales unit of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

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
    made = server.ask("POST", "/sandbox/sales-units", {})
    keys = {
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
        "Ocp-Apim-Subscription-Key": made["subscriptionKey"],
        "Merchant-Serial-Number": made["merchantSerialNumber"],
    }
    return Merchant(server.url, keys)


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file says anything, nor any variable."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AVTALE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def speaking_to_the_server(
    in_an_empty_folder: None, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where commands find this module's server."""
    monkeypatch.setenv("AVTALE_URL", server.url)
