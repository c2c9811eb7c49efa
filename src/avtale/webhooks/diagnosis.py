"""Diagnosis: why a signature is not the expected one; what usually goes wrong is tried, and what fits is named."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from avtale.webhooks import suspects
from avtale.webhooks.signing import (
    SIGNED_HEADERS,
    Target,
    content_sha256,
    signature,
    string_to_sign,
    target_of,
)
from avtale.webhooks.suspects import Part, Suspect
from avtale.webhooks.verification import AUTHORIZATIONS, Headers, NotVerified, one, read_headers

MOST_AT_ONCE: Final = 2
"""So many things may have gone wrong together; with more, chance would fit where no cause does."""

Whose = Literal["delivery", "computed"]

_SIGNATURE = re.compile(r"Signature=([^&\s]+)")


class Compared(msgspec.Struct, frozen=True):
    """One hash: what it should be and what it is."""

    name: str
    expected: str
    received: str | None

    @property
    def agrees(self) -> bool:
        """Whether they are the same."""
        return self.expected == self.received


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it should be, and how that usually comes about."""

    part: Part
    what: str
    why: str
    whose: Whose = "delivery"
    """Whether it is about the delivery, or about what the receiver's own code computed."""


UNEXPLAINED: Final = Finding(
    "secret",
    "None of the usual mistakes gives this signature.",
    "Most likely the secret belongs to another registration: each has its own, shown once. "
    "Otherwise the URL is not the one that was registered.",
)


class Diagnosis(msgspec.Struct, frozen=True):
    """What was signed, what was expected, and what explains the difference."""

    verifies: bool
    string_to_sign: str
    compared: tuple[Compared, ...]
    findings: tuple[Finding, ...]


class Delivery(msgspec.Struct, frozen=True):
    """A delivery as it came, with what is known about it."""

    body: bytes
    sent: dict[str, list[str]]
    secret: str
    url: str
    target: Target
    method: str
    date: str
    content_hash: str
    """Of the body."""
    claimed_hash: str
    """What the headers say of it."""


def diagnose(
    body: bytes,
    headers: Headers,
    secret: str,
    *,
    url: str,
    method: str = "POST",
    computed: str | None = None,
) -> Diagnosis:
    """What is wrong with a delivery to the registered `url`; raises ValueError where that is no URL with a host.

    `computed` is the signature that the receiver's own code came to: it is explained in the same way.
    """
    sent = read_headers(headers)
    findings = list(_headers_missing(sent))
    target, content_hash = target_of(url), content_sha256(body)
    date, claimed = _value(sent, "x-ms-date"), _value(sent, "x-ms-content-sha256")
    delivery = Delivery(
        body, sent, secret, url, target, method, date, content_hash, claimed or content_hash
    )
    if claimed and claimed != content_hash:
        findings.append(_body_changed(delivery))
    to_sign = string_to_sign(target.path_and_query, date, target.host, content_hash)
    expected = signature(secret, to_sign)
    compared = [Compared("content hash", content_hash, claimed or None)]
    received = [(name, text) for name in AUTHORIZATIONS if (text := _received(sent, name))]
    told = {text for _, text in received}
    for text in sorted(told):
        findings += _explained(delivery, text, delivery.claimed_hash)
    names = " and ".join(name for name, _ in received)
    compared += [
        Compared(f"signature ({names if len(told) == 1 else name})", expected, text)
        for name, text in (received[:1] if len(told) == 1 else received)
    ] or [Compared("signature", expected, None)]
    if computed is not None:
        found = _received({"computed": [computed]}, "computed") or computed.strip()
        compared.append(Compared("signature (computed)", expected, found))
        own = _explained(delivery, found, content_hash)
        findings += [replace(each, whose="computed") for each in own]
    verifies = not findings and all(each.agrees for each in compared)
    return Diagnosis(verifies, to_sign, tuple(compared), tuple(dict.fromkeys(findings)))


def _headers_missing(sent: dict[str, list[str]]) -> Iterator[Finding]:
    why = (
        "Every delivery carries it; look for a proxy, a firewall or a log that takes headers away."
    )
    for name in ("x-ms-date", "x-ms-content-sha256"):
        try:
            one(sent, name)
        except NotVerified as refusal:
            yield Finding("headers", str(refusal), why)
    if not any(_received(sent, name) for name in AUTHORIZATIONS):
        yield Finding(
            "headers",
            "There is no authorization header that holds a signature.",
            f"{why} Some take Authorization for themselves; X-Vipps-Authorization says the same.",
        )
    for name in AUTHORIZATIONS:
        for value in sent.get(name, ())[:1]:
            listed = re.search(r"SignedHeaders=([^&\s]*)", value)
            if "Signature=" in value and (listed is None or listed[1] != SIGNED_HEADERS):
                yield Finding(
                    "headers",
                    f"{name} does not say SignedHeaders={SIGNED_HEADERS}.",
                    "The three are signed in this order, whatever else is sent.",
                )


def _value(sent: dict[str, list[str]], name: str) -> str:
    return next(iter(sent.get(name, ())), "")


def _received(sent: dict[str, list[str]], name: str) -> str | None:
    found = _SIGNATURE.search(_value(sent, name))
    return found[1] if found else None


def _body_changed(delivery: Delivery) -> Finding:
    for suspect in suspects.bodies(delivery.body):
        if content_sha256(suspect.value) == delivery.claimed_hash:
            return Finding("body", f"What was signed is {suspect.what}.", suspect.why)
    if hashlib.sha256(delivery.body).hexdigest() == delivery.claimed_hash.lower():
        return Finding("body", "The hash is written in hex.", "It is to be written as base64.")
    return Finding(
        "body",
        "The body is not the one whose hash the headers tell.",
        "It was changed or cut off on its way, or belongs to another delivery. "
        "Take the bytes as they come, before anything decodes or unpacks them.",
    )


def _explained(delivery: Delivery, received: str, content_hash: str) -> tuple[Finding, ...]:
    """What gives the signature that was received instead of the expected one; nothing where it is right.

    `content_hash` is the one that its maker had before him, right or not.
    """
    wanted, form = _digest(received)
    if wanted is None:
        return (
            Finding(
                "signature",
                "What was received is no HMAC-SHA256: it does not hold 32 bytes.",
                "It was cut off, or made by another algorithm.",
            ),
        )
    right = _right(delivery, content_hash)
    for wrong in _guesses(delivery, content_hash):
        if hmac.compare_digest(_signed(right | {each.part: each.value for each in wrong}), wanted):
            found = (
                Finding(each.part, f"It was made with {each.what}.", each.why) for each in wrong
            )
            return (*form, *found)
    return (*form, UNEXPLAINED)


def _digest(received: str) -> tuple[bytes | None, tuple[Finding, ...]]:
    """The bytes of a signature, and what is odd about how it is written."""
    plain = received.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=").replace(" ", "+")
    coded = Finding("signature", "It is percent-encoded.", "It stands in the header as it is.")
    for_urls = Finding(
        "signature", "It is base64 for URLs.", "It is to be written as plain base64."
    )
    cut = Finding("signature", "The = at its end is gone.", "It belongs to it.")
    forms: tuple[tuple[str, tuple[Finding, ...]], ...] = (
        (received, ()),
        (plain, (coded,)),
        (plain.replace("-", "+").replace("_", "/"), (for_urls,)),
    )
    for text, odd in forms:
        if (raw := _base64(text)) is not None:
            return raw, odd
        if (raw := _base64(text + "=")) is not None:
            return raw, (*odd, cut)
    if re.fullmatch(r"[0-9A-Fa-f]{64}", received):
        hexadecimal = Finding(
            "signature", "It is written in hex.", "It is to be written as base64."
        )
        return bytes.fromhex(received), (hexadecimal,)
    return None, ()


def _base64(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == hashlib.sha256().digest_size else None


def _right(delivery: Delivery, content_hash: str) -> dict[Part, bytes]:
    return {
        "method": b"POST",
        "path": delivery.target.path_and_query.encode(),
        "date": delivery.date.encode(),
        "host": delivery.target.host.encode(),
        "body": content_hash.encode(),
        "secret": delivery.secret.encode("utf-8", "replace"),
        "lines": b"%b\n%b\n%b;%b;%b",
    }


def _signed(parts: dict[Part, bytes]) -> bytes:
    names: tuple[Part, ...] = ("method", "path", "date", "host", "body")
    return hmac.digest(parts["secret"], parts["lines"] % tuple(parts[n] for n in names), "sha256")


def _guesses(delivery: Delivery, content_hash: str) -> Iterator[tuple[Suspect, ...]]:
    """Nothing wrong, then each suspect alone, then two of different parts."""
    everyone = [
        *_hashes(delivery),
        *suspects.secrets(delivery.secret),
        *suspects.hosts(delivery.url, delivery.target, delivery.sent),
        *suspects.paths(delivery.url, delivery.target),
        *_others(delivery),
    ]
    right = _right(delivery, content_hash)
    lineup = [each for each in everyone if each.value != right[each.part]]
    for size in range(MOST_AT_ONCE + 1):
        for chosen in itertools.combinations(lineup, size):
            if len({each.part for each in chosen}) == size:
                yield chosen


def _hashes(delivery: Delivery) -> Iterator[Suspect]:
    for suspect in suspects.bodies(delivery.body):
        yield suspect._replace(value=content_sha256(suspect.value).encode())
    digest = hashlib.sha256(delivery.body)
    why = "The third line holds the value of x-ms-content-sha256, which is base64."
    yield Suspect("body", digest.hexdigest().encode(), "the body's hash in hex", why)
    yield Suspect("body", delivery.body, "the body itself instead of its hash", why)
    yield Suspect("body", b"", "no hash of the body", why)
    differ = "The header and the body do not agree, so it matters which of them is taken."
    for text, what in (
        (delivery.content_hash, "the hash of the body as it is here"),
        (delivery.claimed_hash, "the hash that the header tells"),
    ):
        yield Suspect("body", text.encode(), what, differ)


def _others(delivery: Delivery) -> Iterator[Suspect]:
    for method in dict.fromkeys((delivery.method.upper(), "GET", "post", "")):
        what = f"the method {method}" if method else "no method"
        yield Suspect("method", method.encode(), what, "Deliveries are POST, in capitals.")
    for name in ("date", "x-date"):
        for value in delivery.sent.get(name, ()):
            what = f"the header {name} for the date"
            yield Suspect("date", value.encode(), what, "The date that counts is x-ms-date.")
    lines: Iterable[tuple[bytes, str]] = (
        (b"%b\r\n%b\r\n%b;%b;%b", "CRLF between the lines"),
        (b"%b\n%b\n%b;%b;%b\n", "a line end behind the last line"),
        (b"%b\r\n%b\r\n%b;%b;%b\r\n", "CRLF behind each line"),
        (b"%b\n%b\n%b\n%b\n%b", "a line for each header"),
        (b"%b\\n%b\\n%b;%b;%b", "a backslash and an n for each line end"),
        (b"%b %b %b;%b;%b", "spaces between the lines"),
        (b"%b%b%b;%b;%b", "nothing between the lines"),
        (b"%b\n%b\n%b,%b,%b", "commas for semicolons"),
    )
    why = "Three lines, LF between them, nothing behind the last; the third one has semicolons."
    yield from (Suspect("lines", form, what, why) for form, what in lines)
