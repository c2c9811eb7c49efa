"""The guard of what asks for no keys: the control API, the landing page, phones, the dashboard.

Who may reach them is whoever runs the installation. A page of another site must not drive them from a browser
on the same machine (reliability W-4), neither directly nor by giving its own name the address of this machine,
so both the page's origin and the name are looked at.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import falcon.asgi

from avtale.problems import CrossSite

PAYERS = ("/landing", "/phone")
SANDBOX = ("/sandbox", *PAYERS)
DASHBOARD = ("/units", "/sign-")
"""And `/` itself."""

_PORTS = {"http": 80, "https": 443}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})


class Guard:
    """Lets through what names this machine or the public URL, and comes from no other site's page."""

    def __init__(self, public_url: str, *, is_sandbox: bool = True) -> None:
        self._public = urlsplit(public_url)
        self._guarded = SANDBOX + DASHBOARD if is_sandbox else DASHBOARD

    async def process_request(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """Before the responder; raises CrossSite."""
        if req.path == "/" or req.path.startswith(self._guarded):
            self.require_own(req)

    def require_own(self, req: falcon.asgi.Request) -> None:
        """Raise CrossSite where the request names another host, or another site's page has sent it."""
        host = (req.get_header("Host") or "").strip()
        name = _host(f"//{host}")
        if name is None or not (is_loopback(name) or name == self._public.hostname):
            raise CrossSite(
                "The control API, the payers' pages and the dashboard answer to localhost and to the host of the "
                "public URL alone; set public_url to the URL under which you reach them."
            )
        origin, site = req.get_header("Origin"), req.get_header("Sec-Fetch-Site")
        # A page that tells nobody where it is (`no-referrer`, as ours) has no origin to tell either;
        # that it is our own is what the browser says in the other header, which no page can write.
        is_silent = origin == "null" and site == "same-origin"
        if origin is not None and not is_silent and not self._is_own(origin, host):
            raise CrossSite("A page of another site may not do this.")
        if site is not None and site not in _OWN_SITES and req.method not in _SAFE:
            raise CrossSite("A page of another site may not do this.")

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` was served under the very name that is asked now, or the public one."""
        place = _place(origin)
        if place is None:
            return False
        scheme = urlsplit(origin).scheme
        return place in {_place(f"{scheme}://{host}"), _place(self._public.geturl())}


def is_loopback(name: str) -> bool:
    """Whether only this machine can be meant by a host's name or address."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _host(url: str) -> str | None:
    """The host in lower case, without its port; None where there is none, or anything beside it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.hostname


def _place(url: str) -> tuple[str, int] | None:
    """Host and port of a page's origin; None where it has none that we know."""
    host = _host(url.rstrip("/"))
    if host is None:
        return None
    parts = urlsplit(url)
    return (host, parts.port or _PORTS[parts.scheme]) if parts.scheme in _PORTS else None
