"""Verification: whether a delivery is from whoever knows the secret, and unchanged (api-facts 7.5); for receivers.

    from avtale.webhooks import parse, verify

    verify(body, headers, secret, url="https://shop.example/hook")
    event = parse(body)

`body` is what came, byte for byte; a body that was decoded and written anew has another hash.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from avtale.webhooks.signing import (
    MONTHS,
    SIGNED_HEADERS,
    Target,
    content_sha256,
    signature,
    string_to_sign,
    target_of,
)

AUTHORIZATIONS: Final = ("x-vipps-authorization", "authorization")
"""Both carry the signature; a proxy of the receiver's may need the second one for itself."""

_FORM = re.compile(r"HMAC-SHA256 SignedHeaders=([^&\s]*)&Signature=([A-Za-z0-9+/]{43}=)", re.ASCII)
_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{{2}}) ({'|'.join(MONTHS)}) ([0-9]{{4}})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT",
    re.ASCII,
)


class NotVerified(Exception):
    """The delivery cannot be trusted; answer 401 and do nothing else."""


class MissingHeader(NotVerified):
    """A header that every delivery carries is not there; often a proxy has taken it away."""


class MalformedHeader(NotVerified):
    """A header is there and does not look as it does in any delivery, or is there twice and differs."""


class WrongContentHash(NotVerified):
    """The body is not the one that was signed: it was changed on its way, or decoded and written anew."""


class WrongSignature(NotVerified):
    """Another secret, or another host, path or date than the one that was signed; `avtale webhooks explain` tells."""


class DateTooOld(NotVerified):
    """The delivery was signed longer ago than is tolerated."""


class DateInFuture(NotVerified):
    """The delivery was signed later than now, by more than is tolerated."""


class HasItems(Protocol):
    """Headers as frameworks have them: a mapping, or something that can be read like one."""

    def items(self) -> Iterable[tuple[Any, Any]]:
        """Names and values."""


Headers = HasItems | Iterable[tuple[Any, Any]]
"""A mapping or a list of pairs; names in any case, text or bytes."""


class Signed(NamedTuple):
    """What the headers of a delivery claim."""

    date: str
    content_hash: str
    signatures: tuple[str, ...]
    """As base64; of the authorization headers that have the form of one."""


def verify(
    body: bytes,
    headers: Headers,
    secret: str | Sequence[str],
    *,
    url: str,
    now: datetime | None = None,
    tolerance: timedelta | None = None,
) -> None:
    """Return where the delivery is genuine; raise NotVerified, one subclass per reason, where it is not.

    `secret` is the text that the registration was answered with, exactly; it is not decoded.
    Several may be given, for example while one registration takes the place of another.

    `url` is the address that was registered. Behind a proxy the receiver often sees another host, port or path,
    but what was signed is what was registered. It may be a path with its query alone (`/hook?shop=1`);
    then the `Host` header counts, which is right where nothing stands in between.

    No delivery is too old unless `tolerance` says so, since a delivery may be repeated for seven days.
    Each attempt is signed anew, so a tolerance of minutes will do against avtale;
    whether the vendor renews the date is not documented, and against it seven days are the least that is safe.
    `now` goes with it: avtale signs by the sales unit's clock, which may be months ahead of the receiver's.

    Everything that comes from outside may be anything at all. Raises TypeError or ValueError only for what is
    the receiver's own: a body or secret that is no bytes or text, an empty secret, a URL without a host.
    """
    secrets = _secrets(secret)
    sent = read_headers(headers)
    _check(body, sent, secrets, _target(url, sent), now=now, tolerance=tolerance)


def _check(
    body: bytes,
    sent: dict[str, list[str]],
    secrets: Sequence[str],
    target: Target,
    *,
    now: datetime | None = None,
    tolerance: timedelta | None = None,
) -> None:
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError("The body must be the bytes that came, neither text nor what was decoded.")
    if (now is None) != (tolerance is None):
        raise ValueError(
            "A tolerance needs to know what time it is: `now` and `tolerance` go together."
        )
    if now is not None and now.tzinfo is None:
        raise ValueError("`now` must say in which time zone it is, for example datetime.now(UTC).")
    signed = _signed(sent)
    content_hash = content_sha256(bytes(body))
    if not _same(content_hash, signed.content_hash):
        raise WrongContentHash("The body's SHA-256 is not what x-ms-content-sha256 says.")
    to_sign = string_to_sign(target.path_and_query, signed.date, target.host, content_hash)
    expected = [signature(each, to_sign) for each in secrets]
    # All are compared, whichever is right: how long it takes tells nothing.
    matches = [_same(mine, theirs) for mine in expected for theirs in signed.signatures]
    if not any(matches):
        raise WrongSignature(
            f"No secret gives this signature for host {target.host} and path {target.path_and_query}."
        )
    if now is not None and tolerance is not None:
        _require_fresh(signed.date, now, tolerance)


def read_headers(headers: Headers) -> dict[str, list[str]]:
    """Header values by names in lower case; what cannot be text becomes text that fits nowhere."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(_text(name).strip().lower(), []).append(_text(value).strip(" \t"))
    return found


def one(sent: dict[str, list[str]], name: str) -> str:
    """The one value of a header; raises MissingHeader, or MalformedHeader where values differ or are no ASCII."""
    values = set(sent.get(name, ()))
    if not values or values == {""}:
        raise MissingHeader(f"There is no header {name}.")
    if len(values) > 1:
        raise MalformedHeader(f"The header {name} is there more than once, with different values.")
    value = values.pop()
    if not (value.isascii() and value.isprintable()):
        raise MalformedHeader(f"The header {name} holds characters that no delivery has in it.")
    return value


def read_authorization(value: str) -> str:
    """The signature in an authorization header, as base64; raises MalformedHeader."""
    form = _FORM.fullmatch(value)
    if form is None:
        raise MalformedHeader(
            "An authorization header reads HMAC-SHA256 SignedHeaders=…&Signature=… and this one does not."
        )
    if form[1] != SIGNED_HEADERS:
        raise MalformedHeader(f"The signed headers must be {SIGNED_HEADERS}, in this order.")
    return form[2]


def read_date(text: str) -> datetime:
    """The instant of an `x-ms-date`, whatever the locale; raises MalformedHeader."""
    form = _DATE.fullmatch(text)
    try:
        if form is None:
            raise ValueError
        day, month, *rest = form.groups()
        year, hour, minute, second = map(int, rest)
        number = MONTHS.index(month) + 1
        return datetime(year, number, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise MalformedHeader(
            "The header x-ms-date must read like Thu, 30 Mar 2023 08:38:32 GMT."
        ) from None


def _signed(sent: dict[str, list[str]]) -> Signed:
    date, content_hash = one(sent, "x-ms-date"), one(sent, "x-ms-content-sha256")
    found: list[str] = []
    complaint: NotVerified | None = None
    for name in AUTHORIZATIONS:
        try:
            found.append(read_authorization(one(sent, name)))
        except MissingHeader:
            continue
        except MalformedHeader as malformed:
            complaint = complaint or malformed
    if found:
        return Signed(date, content_hash, tuple(found))
    raise complaint or MissingHeader("There is neither X-Vipps-Authorization nor Authorization.")


def _secrets(secret: str | Sequence[str]) -> tuple[str, ...]:
    secrets = (secret,) if isinstance(secret, str | bytes) else tuple(secret)
    if not all(isinstance(each, str) for each in secrets):
        raise TypeError("The secret is the text that was handed out: do not encode or decode it.")
    if not secrets or not all(secrets):
        raise ValueError("The secret is empty.")
    return secrets


def _target(url: str, sent: dict[str, list[str]]) -> Target:
    return Target(one(sent, "host"), url) if url.startswith("/") else target_of(url)


def _require_fresh(date: str, now: datetime, tolerance: timedelta) -> None:
    age = now - read_date(date)
    if age > tolerance:
        raise DateTooOld(f"It was signed {age} ago, and {tolerance} is tolerated.")
    if -age > tolerance:
        raise DateInFuture(f"It was signed for {-age} from now, and {tolerance} is tolerated.")


def _same(mine: str, theirs: str) -> bool:
    return hmac.compare_digest(mine.encode(), theirs.encode())


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("latin-1")
    return f"<{type(value).__name__}>"
