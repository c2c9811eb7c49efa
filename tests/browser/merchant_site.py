"""The merchant's own web site, which writes down exactly how it was reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PAGE = b"""<!doctype html><html lang="en"><title>Nordic News</title><link rel="icon" href="data:,">
<main><h1>Welcome back to Nordic News</h1></main></html>"""


class MerchantSite:
    """A site on this machine; `came` has path and query of every request, untouched and in order."""

    def __init__(self, url: str, came: list[str]) -> None:
        self.url = url
        self.came = came


class _Visit(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Write down where the visitor came, and say hello."""
        assert isinstance(self.server, _Listening)
        self.server.came.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Keep quiet."""


class _Listening(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.came: list[str] = []


@contextmanager
def merchant_site() -> Iterator[MerchantSite]:
    """Open the site, and close it afterwards."""
    with _Listening() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield MerchantSite(f"http://127.0.0.1:{server.server_port}", server.came)
        finally:
            server.shutdown()
            thread.join()
