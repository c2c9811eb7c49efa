"""Suspects: what usually goes wrong with a signature, part by part, each with its reason (api-facts 7.5).

A suspect is another value of one part, in place of the right one. `diagnosis` tries them and names the one that fits.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from avtale.webhooks.signing import Target

Part = Literal["headers", "body", "method", "path", "host", "date", "secret", "lines", "signature"]


class Suspect(NamedTuple):
    """One thing that may have gone wrong."""

    part: Part
    value: bytes
    what: str
    """What was taken instead, as the end of a sentence."""
    why: str
    """How that usually comes about."""


PROXY = "A proxy rewrote it on the way; what is signed is the URL exactly as it was registered."


def bodies(body: bytes) -> Iterator[Suspect]:
    """What the body may have been before somebody touched it."""
    retyped = "An editor, a shell or a log adds or changes line ends; keep the bytes that came, in binary."
    yield Suspect("body", body.rstrip(b"\r\n"), "the body without the line end behind it", retyped)
    yield Suspect("body", body + b"\n", "the body with a line end behind it", retyped)
    yield Suspect("body", body.replace(b"\r\n", b"\n"), "the body with LF for CRLF", retyped)
    yield Suspect("body", body.replace(b"\n", b"\r\n"), "the body with CRLF for LF", retyped)
    yield Suspect("body", body.strip(), "the body without the space around it", retyped)
    if body.startswith(b"\xef\xbb\xbf"):
        why = "An editor put a byte order mark before the text."
        yield Suspect("body", body[3:], "the body without its byte order mark", why)
    yield from _recoded(body)
    yield from _rewritten(body)


def _recoded(body: bytes) -> Iterator[Suspect]:
    why = "The body was decoded with another character set than UTF-8; hash the bytes, not a text."
    recodings = (
        ("latin-1", "utf-8"),
        ("utf-8", "latin-1"),
        ("utf-8", "cp1252"),
        ("cp1252", "utf-8"),
    )
    for read, wrote in recodings:
        try:
            recoded = body.decode(wrote).encode(read)
        except UnicodeError:
            continue
        yield Suspect("body", recoded, f"the body before {read} was read and {wrote} written", why)


def _rewritten(body: bytes) -> Iterator[Suspect]:
    why = (
        "The body was parsed and written anew, by a framework or a logger; "
        "the hash is over the bytes that came, so take them before anything parses them."
    )
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return
    for what, how in _STYLES:
        for name, ascii_only in (("", False), (", other characters than ASCII escaped", True)):
            try:
                written = json.dumps(data, ensure_ascii=ascii_only, **how).encode()
            except (ValueError, RecursionError):
                continue
            yield Suspect("body", written, f"the same JSON, {what}{name}", why)


_STYLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("compact", {"separators": (",", ":")}),
    ("with a space behind commas and colons", {}),
    ("compact, its members sorted", {"separators": (",", ":"), "sort_keys": True}),
    ("spaced, its members sorted", {"sort_keys": True}),
    ("indented by two", {"indent": 2}),
    ("indented by four", {"indent": 4}),
    ("indented by a tab", {"indent": "\t"}),
)


def secrets(secret: str) -> Iterator[Suspect]:
    """What may have been taken for the key."""
    exact = "The key is the secret's text, exactly as it was handed out."
    decoded = f"{exact} It looks like base64, and is not to be decoded."
    for decode in (base64.b64decode, base64.urlsafe_b64decode):
        raw = _decoded(decode, secret)
        if raw:
            yield Suspect("secret", raw, "the secret decoded from base64", decoded)
    if raw := _decoded(bytes.fromhex, secret.replace("-", "")):
        yield Suspect("secret", raw, "the secret decoded from hex", exact)
    text = secret.encode("utf-8", "replace")
    yield Suspect("secret", base64.b64encode(text), "the secret encoded as base64", exact)
    around = f"{exact} A file or a paste brought a line end or space along."
    yield Suspect("secret", text.strip(), "the secret without the space around it", around)
    yield Suspect("secret", text + b"\n", "the secret with a line end behind it", around)
    quoted = f"{exact} Quotes from a settings file do not belong to it."
    yield Suspect("secret", text.strip(b"\"'"), "the secret without its quotes", quoted)
    yield Suspect("secret", b'"' + text + b'"', "the secret with quotes around it", quoted)
    form = f"{exact} A form or a URL turned some of its characters into others."
    yield Suspect("secret", unquote(secret).encode("utf-8", "replace"), "it percent-decoded", form)
    yield Suspect("secret", text.replace(b"+", b" "), "the secret with spaces for +", form)
    yield Suspect("secret", text.replace(b" ", b"+"), "the secret with + for spaces", form)
    yield Suspect("secret", text.lower(), "the secret in lower case", exact)


def _decoded(decode: Callable[[str], bytes], secret: str) -> bytes:
    try:
        return decode(secret)
    except (ValueError, binascii.Error):
        return b""


def hosts(url: str, target: Target, sent: dict[str, list[str]]) -> Iterator[Suspect]:
    """What may have been taken for the host."""
    parts = urlsplit(url)
    bare = parts.hostname or ""
    port = (
        "The port belongs to the host where it is not the scheme's own (80, 443), and only there."
    )
    yield Suspect("host", bare.encode(), "the host without its port", port)
    default = {"http": 80, "https": 443}.get(parts.scheme, 443)
    named = f"{bare}:{parts.port or default}".encode()
    yield Suspect("host", named, "the host with its port", port)
    for name in ("host", "x-forwarded-host", "x-original-host"):
        for value in sent.get(name, ()):
            what = f"the host that the header {name} names, {value}"
            yield Suspect("host", value.encode(), what, PROXY)
    case = "The host is signed as it was registered, capitals included."
    yield Suspect("host", target.host.lower().encode(), "the host in lower case", case)
    whole = "Only host and port belong there."
    origin = f"{parts.scheme}://{target.host}".encode()
    yield Suspect("host", origin, "the host with its scheme", whole)
    yield Suspect("host", url.encode(), "the whole URL", whole)
    yield Suspect("host", b"", "no host", whole)


def paths(url: str, target: Target) -> Iterator[Suspect]:
    """What may have been taken for the path."""
    right = target.path_and_query
    path, mark, query = right.partition("?")
    tail = f"{mark}{query}"
    asked = "The query belongs to what is signed, question mark included."
    yield Suspect("path", path.encode(), "the path without its query", asked)
    slash = f"With a slash at its end it is another path. {PROXY}"
    ended = path[:-1] if path.endswith("/") else f"{path}/"
    how = "without" if path.endswith("/") else "with"
    yield Suspect("path", f"{ended}{tail}".encode(), f"the path {how} a slash at its end", slash)
    coded = "The path is signed as it was registered: neither decoded nor encoded again."
    yield Suspect("path", unquote(right).encode("utf-8", "replace"), "the path decoded", coded)
    encoded = f"{quote(path, safe='/%')}{tail}"
    yield Suspect("path", encoded.encode(), "the path percent-encoded", coded)
    yield Suspect("path", quote(right, safe="/").encode(), "path and query encoded as one", coded)
    whole = "Only path and query belong there."
    yield Suspect("path", url.encode(), "the whole URL for the path", whole)
    yield Suspect("path", right.lower().encode(), "the path in lower case", coded)
    mounted = "A framework that is mounted below a path, or a proxy, took the beginning of it away."
    pieces = path.strip("/").split("/")
    for i in range(1, min(len(pieces), 5)):
        left = "/" + "/".join(pieces[i:])
        yield Suspect("path", f"{left}{tail}".encode(), f"the path {left} alone", mounted)
    yield Suspect("path", f"/{tail}".encode(), "the path / alone", mounted)
    yield Suspect("path", tail.encode(), "no path at all", "The path of a URL without one is /.")
