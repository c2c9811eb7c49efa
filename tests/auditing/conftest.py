"""Two good databases: one in the middle of things, one in which everything has come to rest."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.auditing.story import tell
from tests.conftest import fresh_database


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the story; one payment is being asked for, one outcome is unclear."""
    path = tmp_path_factory.mktemp("auditing") / "good.db"
    tell(str(path))
    return path


@pytest.fixture(scope="session")
def rested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the story told to its end."""
    path = tmp_path_factory.mktemp("auditing") / "rested.db"
    tell(str(path), to_the_end=True)
    return path


@pytest.fixture(scope="session")
def told_on_postgresql(postgresql_url: str) -> Iterator[str]:
    """The name of a PostgreSQL database with the story, to make others from."""
    with fresh_database(postgresql_url) as url:
        tell(url)
        yield urlsplit(url).path.removeprefix("/")
