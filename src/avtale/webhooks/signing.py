"""Signing: the headers that tell a receiver who has sent an event, and that nobody has changed it (api-facts 7.5).

The key is the secret's UTF-8 bytes exactly as it was handed out; host with port and path with query are signed
as they were registered, and the date is that of the attempt.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

USER_AGENT: Final = "avtale-webhooks/1"
CONTENT_TYPE: Final = "application/json; charset=utf-8"
SIGNED_HEADERS: Final = "x-ms-date;host;x-ms-content-sha256"

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Target(NamedTuple):
    """What of a URL is signed."""

    host: str
    """With its port, where that is not the scheme's own."""
    path_and_query: str


def target_of(url: str) -> Target:
    """Host and path of a receiver's URL; the root's path is `/`. Raises ValueError where it has no host."""
    parts = urlsplit(url)
    if parts.hostname is None:
        raise ValueError("the URL has no host")
    host = parts.netloc.rpartition("@")[2]
    if parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme.lower()):
        host = host.rpartition(":")[0]
    path = parts.path or "/"
    # A question mark with nothing behind it is part of what was registered.
    has_query = "?" in url.partition("#")[0]
    return Target(host, f"{path}?{parts.query}" if has_query else path)


def http_date(instant: datetime) -> str:
    """An instant as HTTP writes it, in English whatever the locale: `Thu, 30 Mar 2023 08:38:32 GMT`."""
    at = instant.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )


def content_sha256(body: bytes) -> str:
    """The hash of a body, as base64."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def string_to_sign(path_and_query: str, date: str, host: str, content_hash: str) -> str:
    """What is signed: three lines, without a line end behind the last."""
    return f"POST\n{path_and_query}\n{date};{host};{content_hash}"


def signature(secret: str, to_sign: str) -> str:
    """The signature of a string under a secret, as base64."""
    return base64.b64encode(hmac.digest(secret.encode(), to_sign.encode(), hashlib.sha256)).decode()


def authorization(signed: str) -> str:
    """A signature as the header carries it."""
    return f"HMAC-SHA256 SignedHeaders={SIGNED_HEADERS}&Signature={signed}"


def signed_headers(
    url: str, body: bytes, secret: str, at: datetime, *, webhook_id: str
) -> dict[str, str]:
    """The headers of one attempt at `at`; `webhook_id` is the same at every attempt (rulings §9)."""
    target, date, content_hash = target_of(url), http_date(at), content_sha256(body)
    to_sign = string_to_sign(target.path_and_query, date, target.host, content_hash)
    proof = authorization(signature(secret, to_sign))
    return {
        "Host": target.host,
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(body)),
        "User-Agent": USER_AGENT,
        "webhook-id": webhook_id,
        "x-ms-date": date,
        "x-ms-content-sha256": content_hash,
        "Authorization": proof,
        "X-Vipps-Authorization": proof,
    }
