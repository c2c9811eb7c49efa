"""The merchant's own web site, which sends people to pay and writes down exactly how they come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PAGE = b"""<!doctype html><html lang="en"><title>Nordic News</title><link rel="icon" href="data:,">
<main><h1>Nordic News</h1><a href="/pay">Pay with avtale</a></main></html>"""


BASKET = "/basket"
ELSEWHERE = "/elsewhere"
TO_PAY = "/pay"
NOTHING_THERE = "/nothing"
"""Where the site answers that there is nothing to show (204), so that a browser stays where it is."""


class MerchantSite:
    """A site on this machine: `/basket` links to `/pay`, which leads to wherever it was told to lead."""

    def __init__(self, server: _Listening) -> None:
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_port}"

    @property
    def came_back(self) -> list[str]:
        """Path and query of every other request, untouched and in order."""
        return self._server.came_back

    @property
    def told(self) -> list[str | None]:
        """What browsers have said about where they came from, with each of those requests."""
        return self._server.told

    def shows(self, html: str) -> str:
        """Have `/elsewhere` show a page; answers with where that is."""
        # Without an icon a browser asks for one, and may still be at it when the site is closed.
        self._server.elsewhere = f'<link rel="icon" href="data:,">{html}'.encode()
        return self.url + ELSEWHERE

    def leads_to(self, url: str) -> str:
        """Have `/pay` redirect to the confirmation URL; answers with where a payer begins."""
        self._server.confirmation_url = url
        return self.url + BASKET


class _Listening(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.came_back: list[str] = []
        self.told: list[str | None] = []
        self.confirmation_url = ""
        self.elsewhere = b""


class _Visit(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Send to the landing page, or write down where the visitor came and say hello."""
        assert isinstance(self.server, _Listening)
        if self.path == TO_PAY:
            self.send_response(302)
            self.send_header("Location", self.server.confirmation_url)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path not in {BASKET, ELSEWHERE}:
            self.server.came_back.append(self.path)
            self.server.told.append(self.headers["Referer"])
        if self.path == NOTHING_THERE:
            self.send_response(204)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        page = self.server.elsewhere if self.path == ELSEWHERE else PAGE
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Keep quiet."""


@contextmanager
def merchant_site() -> Iterator[MerchantSite]:
    """Open the site, and close it afterwards."""
    with _Listening() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield MerchantSite(server)
        finally:
            server.shutdown()
            thread.join()
