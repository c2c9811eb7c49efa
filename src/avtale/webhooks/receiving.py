"""Receiving: from an ASGI or WSGI request to a verified event, in one call; for receivers.

    event = await verified_event_from_asgi(request.scope, request.receive, SECRET, url=REGISTERED_URL)
    event = verified_event_from_wsgi(environ, SECRET, url=REGISTERED_URL)

Call it before anything else reads the body. Where a framework has read it already,
hand its bytes and headers to `verify` and `parse`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from avtale.webhooks.parsing import WebhookEvent, parse
from avtale.webhooks.verification import verify

LIMIT_BYTES: Final = 64 * 1024
"""Deliveries have less than two thousand bytes; what is longer is not one, and is not read to its end."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SAFE: Final = "/:@!$&'()*+,;=~"
"""What may stand in a path as it is (RFC 3986); a server that tells only the decoded path needs it encoded again."""


class BodyNotRead(Exception):
    """The body is longer than is taken in, or the sender went away before its end."""


async def verified_event_from_asgi(
    scope: Mapping[str, Any],
    receive: Receive,
    secret: str | Sequence[str],
    *,
    url: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> WebhookEvent:
    """The event of an ASGI request; raises NotVerified, MalformedEvent or BodyNotRead.

    `url` is the address that was registered: give it wherever a proxy stands before the receiver, since the host
    and the path that were signed are those that were registered. Without it, what the request says of both counts.
    """
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise BodyNotRead("The sender went away before the end of the body.")
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise BodyNotRead(f"The body has more than {limit_bytes} bytes.")
        more = message.get("more_body", False)
    verify(bytes(body), scope["headers"], secret, url=url or _asgi_path(scope))
    return parse(bytes(body))


def verified_event_from_wsgi(
    environ: Mapping[str, Any],
    secret: str | Sequence[str],
    *,
    url: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> WebhookEvent:
    """The event of a WSGI request; raises NotVerified, MalformedEvent or BodyNotRead.

    `url` as with ASGI. WSGI tells the path decoded; most servers tell it as it came as well, which is used then.
    """
    body = _wsgi_body(environ, limit_bytes)
    headers = [
        (name[5:].replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    verify(body, headers, secret, url=url or _wsgi_path(environ))
    return parse(body)


def _asgi_path(scope: Mapping[str, Any]) -> str:
    raw = scope.get("raw_path")
    path = quote(scope["path"], safe=_SAFE) if raw is None else raw.decode("latin-1")
    return _rooted(path, scope.get("query_string", b"").decode("latin-1"))


def _wsgi_path(environ: Mapping[str, Any]) -> str:
    for name in ("RAW_URI", "REQUEST_URI"):
        raw = str(environ.get(name, ""))
        if raw.startswith("/"):
            return raw
    decoded = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    path = quote(decoded.encode("latin-1", "replace"), safe=_SAFE)
    return _rooted(path, str(environ.get("QUERY_STRING", "")))


def _rooted(path: str, query: str) -> str:
    rooted = path if path.startswith("/") else f"/{path}"
    return f"{rooted}?{query}" if query else rooted


def _wsgi_body(environ: Mapping[str, Any], limit_bytes: int) -> bytes:
    stream = environ["wsgi.input"]
    told = str(environ.get("CONTENT_LENGTH") or "")
    if told and not (told.isascii() and told.isdigit() and len(told) <= len(str(limit_bytes))):
        raise BodyNotRead("The request does not say sensibly how long its body is.")
    if told:
        length = int(told)
    elif environ.get("wsgi.input_terminated"):
        length = limit_bytes + 1
    else:
        # Without either, a read may never come back.
        return b""
    if told and length > limit_bytes:
        raise BodyNotRead(f"The body has more than {limit_bytes} bytes.")
    body = bytearray()
    while len(body) < length and (part := stream.read(length - len(body))):
        body += part
    if told and len(body) < length:
        raise BodyNotRead("The sender went away before the end of the body.")
    if len(body) > limit_bytes:
        raise BodyNotRead(f"The body has more than {limit_bytes} bytes.")
    return bytes(body)
