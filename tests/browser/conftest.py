"""A real browser, a real server, a merchant with a site, and payers with phones."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.merchant_site import MerchantSite, merchant_site
from tests.browser.shop import Shop
from tests.browser.windows import PATIENCE_MILLISECONDS, PHONE, Windows
from tests.cli.terminal import Running, serving

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
WITHOUT = (
    "no Chromium on this machine, and what a payer does in a browser stays untested; "
    "`make test` as root on Debian installs it, elsewhere any of these in PATH will do: "
    + ", ".join(NAMES)
)
FLAGS = [
    "--no-sandbox",  # root has none, and the only pages are our own
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


class OpenPhone(Protocol):
    """Opens the phone of a number, on a device of its own; `page` is one of the phone's pages."""

    async def __call__(self, number: str, *, page: str = "", **options: Any) -> Page: ...


class OpenShop(Protocol):
    """Opens a shop with a sales unit of this test's own, with the members given."""

    async def __call__(self, **members: Any) -> Shop: ...


def pytest_configure(config: pytest.Config) -> None:
    """So that `-m "not browser"` means something."""
    config.addinivalue_line("markers", "browser: needs the Chromium of the machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; without a browser, they are left out by name and with the reason."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker("browser")
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason=WITHOUT))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for every test of a worker; it keeps nothing, and must not have complained."""
    folder = tmp_path_factory.mktemp("server")
    with serving("up", "--port", "0", "--data", "memory:", folder=folder) as running:
        yield running
        ended = running.stop()
    assert ended.code == 0
    assert ended.err == ""


# A browser lives as long as the tests of a file: what runs between files has the event loop for itself.
@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The Chromium of the machine, without a window."""
    async with async_playwright() as playwright:
        # Two busy cores make an honest page slow now and then.
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        await launched.close()


@pytest.fixture
async def windows(browser: Browser, server: Running) -> AsyncIterator[Windows]:
    """Windows of this test; whatever a page complains of is a failure."""
    opened = Windows(browser, server.url)
    yield opened
    await opened.close()


@pytest.fixture
def site() -> Iterator[MerchantSite]:
    """The merchant's own site."""
    with merchant_site() as opened:
        yield opened


@pytest.fixture
async def open_shop(server: Running, site: MerchantSite) -> AsyncIterator[OpenShop]:
    """Open shops, and close them afterwards."""
    shops: list[Shop] = []

    async def opening(**members: Any) -> Shop:
        shops.append(await Shop.opened(server.url, site, **members))
        return shops[-1]

    yield opening
    for each in shops:
        await each.close()


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    """Nordic News, in Norway; its clock stands still at noon."""
    return await open_shop()


@pytest.fixture
def phone_of(windows: Windows, server: Running) -> OpenPhone:
    """Open phones."""

    async def opening(number: str, *, page: str = "", **options: Any) -> Page:
        # Whoever is not known yet is made up; whoever is stays as they are.
        server.ask("PUT", f"/sandbox/payers/{number}", {})
        device = {"viewport": PHONE, "is_mobile": True, "has_touch": True, **options}
        return await windows.open(f"/phone/{number}{page}?lang=en", **device)

    return opening
