"""The pytest plugin: the fixture `avtale`, and what became of its sales units in the report of a failure.

    def test_renewal(avtale):
        unit = avtale.sales_unit()

It is there wherever avtale is installed, and starts nothing before a test asks for it.
The server runs in the background of the test process, one per worker of pytest-xdist;
`AVTALE_URL`, or `--avtale-url`, names one that runs already.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from avtale.testing import Avtale

_IN_USE: Final = pytest.StashKey["Avtale"]()
_HAS_FAILED: Final = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the sandbox is."""
    parser.getgroup("avtale", "avtale, the sandbox for recurring payments").addoption(
        "--avtale-url",
        metavar="URL",
        default=None,
        help="Test against the avtale that answers there, instead of one in the background (AVTALE_URL).",
    )


@pytest.fixture
def avtale(request: pytest.FixtureRequest) -> Iterator[Avtale]:
    """A sandbox: `avtale.sales_unit()` is a tenant of this test's own, with clock, payer, inbox and client."""
    # Loaded here, so that test runs without avtale pay nothing for it.
    from avtale.testing import Avtale  # noqa: PLC0415

    sandbox = Avtale(request.config.getoption("--avtale-url"))
    request.node.stash[_IN_USE] = sandbox
    yield sandbox
    sandbox.close(keep_units=request.node.stash.get(_HAS_FAILED, False))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a test fails, tell what became of its sales units."""
    report = yield
    sandbox = item.stash.get(_IN_USE, None)
    if sandbox is not None and call.when == "call" and report.failed:
        item.stash[_HAS_FAILED] = True
        try:
            text = sandbox.report()
        except Exception as error:  # noqa: BLE001 -- a report that fails must not hide why the test did
            text = f"avtale could not tell what became of its sales units: {error}"
        if text:
            report.sections.append(("avtale", text))
    return report
