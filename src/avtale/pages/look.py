"""How pages are made: templates around words, assets with long lives, and headers that keep strangers out."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Any, Final

import falcon.asgi

from avtale.pages.words import LANGUAGES, NAMES, Words, language_of, words_of
from avtale.problems import ResourceNotFound

ASSETS: Final = "/assets"
_LONG: Final = "public, max-age=31536000, immutable"

SECURITY: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}
"""What every page is sent with (reliability W-1, W-2)."""


class Look:
    """Makes pages; one per application."""

    def __init__(self, public_url: str) -> None:
        self._headers = dict(SECURITY)
        if public_url.startswith("https://"):
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    @cached_property
    def _jinja(self) -> Any:
        # Loaded with the first page, since a server that shows none starts faster without.
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

        made = Environment(
            loader=PackageLoader("avtale.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.globals.update(asset=asset_url, languages=LANGUAGES, name_of=NAMES.get)
        return made

    def words(self, req: falcon.asgi.Request) -> Words:
        """The words of the language in which a page is asked for."""
        return words_of(language_of(req.get_param("lang"), req.get_header("Accept-Language")))

    def send(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        template: str,
        *,
        status: int = 200,
        **values: Any,
    ) -> None:
        """Answer with a page."""
        words = self.words(req)
        values = {
            "t": words,
            "path": req.path,
            "address": req.relative_uri,
            "link": _links(req),
            **values,
        }
        page = self._jinja.get_template(template).render(values)
        resp.status = status
        resp.data = page.encode()
        resp.content_type = "text/html; charset=utf-8"
        self.protect(resp)

    def go(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, path: str) -> None:
        """Answer a form: the page at `path` shows what has come of it, in the same language."""
        resp.status = 303
        resp.location = _links(req)(path)
        self.protect(resp)

    def protect(self, resp: falcon.asgi.Response) -> None:
        """The headers of every page."""
        for name, value in self._headers.items():
            resp.set_header(name, value)


def _links(req: falcon.asgi.Request) -> Callable[[str], str]:
    """Makes links that stay in the language that was chosen."""
    chosen = req.get_param("lang")

    def link(path: str) -> str:
        if chosen not in LANGUAGES or "lang=" in path:
            return path
        return f"{path}{'&' if '?' in path else '?'}lang={chosen}"

    return link


# ── Assets ───────────────────────────────────────────────────────────────────────────────────────


@cache
def _assets() -> Mapping[str, tuple[bytes, str]]:
    """Every file that pages need, by name, with what its contents hash to."""
    found = {}
    for file in resources.files("avtale.pages").joinpath("static").iterdir():
        data = file.read_bytes()
        found[file.name] = (data, hashlib.sha256(data).hexdigest()[:12])
    return found


def asset_url(name: str) -> str:
    """Where an asset is; another content, another address."""
    return f"{ASSETS}/{name}?{_assets()[name][1]}"


class Assets:
    """`/assets/{name}`: style, scripts, the mark."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str) -> None:
        """One asset; it may be kept for as long as its address names its contents."""
        found = _assets().get(name)
        if found is None:
            raise ResourceNotFound("There is no such asset.")
        data, digest = found
        resp.etag = digest
        resp.set_header("X-Content-Type-Options", "nosniff")
        resp.set_header("Cache-Control", _LONG if req.query_string == digest else "no-cache")
        if digest in (req.get_header("If-None-Match") or ""):
            resp.status = 304
            return
        resp.data = data
        resp.content_type = _media_type(name)


def _media_type(name: str) -> str:
    found = mimetypes.guess_type(name)[0] or "text/plain"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found
