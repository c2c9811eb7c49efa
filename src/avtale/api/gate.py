"""The gate: who asks, for which sales unit, under which limit and idempotency key, with which body.

The order is published: subscription key → bearer token → Merchant-Serial-Number → rate limit →
idempotency key → media type → JSON → body → resource → rules (rulings §3).
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import falcon
import falcon.asgi

from avtale.api.access import Access
from avtale.api.directory import Directory, Known
from avtale.api.limits import VendorLimits
from avtale.api.trouble import Trouble
from avtale.engine.command import Asked
from avtale.problems import (
    InvalidIdempotencyKey,
    InvalidSaleUnit,
    NotAcceptable,
    NotAuthorized,
    PayloadTooLarge,
    SubscriptionKeyRefused,
    UnsupportedMediaType,
)

SMALL_BODY = 64 * 1024
BULK_BODY = 2 * 1024 * 1024
LONGEST_KEY = 40
_FORBIDDEN_IN_KEYS = frozenset("#?/\\")

_NO_KEY = (
    "Access denied due to missing subscription key. "
    "Make sure to send the header Ocp-Apim-Subscription-Key."
)
_WRONG_KEY = (
    "Access denied due to invalid subscription key. "
    "Make sure that Ocp-Apim-Subscription-Key is a key of the sales unit."
)


class Caller(NamedTuple):
    """Who asks: a client, acting for one sales unit."""

    client_id: str
    msn: str


class CallerForAll(NamedTuple):
    """Who asks, where a partner may mean all its sales units at once: then `msn` is None."""

    client_id: str
    msn: str | None
    units: tuple[str, ...]
    """All sales units that the client may act for."""


class Gate:
    """Lets requests through, or says why not."""

    def __init__(
        self,
        directory: Directory,
        access: Access,
        limits: VendorLimits | None = None,
        trouble: Trouble | None = None,
    ) -> None:
        self._directory = directory
        self._access = access
        self._limits = limits
        self._trouble = trouble

    async def admit(self, req: falcon.asgi.Request, operation: str, **path: str) -> Caller:
        """The caller of `operation`; `path` are the variable parts of the path."""
        caller = self._let_through(req, await self._known(req), operation, path)
        if self._trouble is not None:
            await self._trouble.meet(req, operation, caller.msn)
        return caller

    async def admit_for_all(self, req: falcon.asgi.Request, operation: str) -> CallerForAll:
        """The caller of an operation that a partner may mean for all its sales units (api-facts 7.1)."""
        known = await self._known(req)
        units = tuple(sorted(known.sales_units))
        is_partner = known.client.kind == "PARTNER"
        if is_partner and req.get_header("Merchant-Serial-Number") is None:
            require_json_accepted(req)
            return CallerForAll(known.client.client_id, None, units)
        caller = self._let_through(req, known, operation, {})
        if self._trouble is not None:
            await self._trouble.meet(req, operation, caller.msn)
        return CallerForAll(caller.client_id, caller.msn, units)

    async def _known(self, req: falcon.asgi.Request) -> Known:
        """Whose subscription key and token these are; raises where they are nobody's, or two clients'."""
        key = req.get_header("Ocp-Apim-Subscription-Key")
        if not key:
            raise SubscriptionKeyRefused(_NO_KEY)
        known = await self._directory.by_subscription_key(key)
        if known is None:
            raise SubscriptionKeyRefused(_WRONG_KEY)
        # Whatever is refused from here on can be looked up in the unit's record.
        req.context.msn = unit_of(req, known)
        client_id = self._access.client_of(req.get_header("Authorization"))
        if client_id != known.client.client_id:
            raise NotAuthorized(
                "The access token and the subscription key belong to different sales units."
            )
        return known

    async def admit_by_token(self, req: falcon.asgi.Request, operation: str, **path: str) -> Caller:
        """The caller of an operation that needs no subscription key, and refuses none (rulings §10)."""
        client_id = self._access.client_of(req.get_header("Authorization"))
        known = await self._directory.by_client_id(client_id)
        if known is None:
            raise NotAuthorized("The access token is not one of ours any more.")
        caller = self._let_through(req, known, operation, path)
        if self._trouble is not None:
            await self._trouble.meet(req, operation, caller.msn)
        return caller

    def _let_through(
        self, req: falcon.asgi.Request, known: Known, operation: str, path: dict[str, str]
    ) -> Caller:
        msn = _serial_number(
            req.get_header("Merchant-Serial-Number"), known.client.kind, known.sales_units
        )
        if self._limits is not None:
            self._limits.count(operation, msn, path)
        require_json_accepted(req)
        req.context.msn = msn
        return Caller(known.client.client_id, msn)

    async def asked(
        self,
        req: falcon.asgi.Request,
        limit_bytes: int = SMALL_BODY,
        *,
        another_body_is_another_request: bool = False,
    ) -> tuple[Asked, bytes]:
        """The idempotency key and the body of a request that changes something."""
        key = idempotency_key(req.get_header("Idempotency-Key"))
        body = b""
        if req.method != "DELETE":
            _require_json_sent(req)
            body = await read_body(req, limit_bytes)
        fingerprint = hashlib.sha256(body).hexdigest()
        variant = fingerprint if another_body_is_another_request else ""
        asked = Asked(req.method, req.path, key, variant, fingerprint, req.context.context_id)
        return asked, body


def idempotency_key(key: str | None) -> str:
    """The key where it is one; raises InvalidIdempotencyKey."""
    if not key:
        raise InvalidIdempotencyKey("The Idempotency-Key header is required.")
    if len(key) > LONGEST_KEY:
        raise InvalidIdempotencyKey(
            f"Invalid value for Idempotency-Key: at most {LONGEST_KEY} characters."
        )
    if not key.isprintable() or not key.isascii() or _FORBIDDEN_IN_KEYS & set(key):
        raise InvalidIdempotencyKey(
            "Invalid value for Idempotency-Key: printable characters other than # ? / and \\."
        )
    return key


async def read_body(req: falcon.asgi.Request, limit_bytes: int) -> bytes:
    """The body, if it is small enough. That it comes in time is seen to where it arrives."""
    declared = req.content_length
    if declared is not None and declared > limit_bytes:
        raise PayloadTooLarge(f"The body may be at most {limit_bytes} bytes.")
    body: bytes = await req.stream.read(limit_bytes + 1)
    if len(body) > limit_bytes:
        raise PayloadTooLarge(f"The body may be at most {limit_bytes} bytes.")
    return body


def require_json_accepted(req: falcon.asgi.Request) -> None:
    """Refuse a client that takes no JSON."""
    accept = req.get_header("Accept")
    # What nearly everybody sends; whoever weighs media types (`;q=0`) is read with care.
    if accept is None or (";" not in accept and ("*/*" in accept or "application/json" in accept)):
        return
    if not (
        req.client_accepts("application/json") or req.client_accepts("application/problem+json")
    ):
        raise NotAcceptable("Answers are JSON; accept application/json.")


def _require_json_sent(req: falcon.asgi.Request) -> None:
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Bodies are JSON; send Content-Type: application/json.")


def unit_of(req: falcon.asgi.Request, known: Known) -> str | None:
    """The sales unit that a request is meant for, where that can be told before it is let through."""
    sent: str | None = req.get_header("Merchant-Serial-Number")
    if sent is None and len(known.sales_units) == 1:
        return next(iter(known.sales_units))
    return sent if sent in known.sales_units else None


def _serial_number(sent: str | None, kind: str, granted: frozenset[str]) -> str:
    if sent is None:
        if kind == "MERCHANT" and len(granted) == 1:
            return next(iter(granted))
        raise InvalidSaleUnit(
            "Partner credentials act for many sales units; name one in Merchant-Serial-Number."
        )
    if sent not in granted:
        raise InvalidSaleUnit("The Merchant-Serial-Number is not one of these credentials' own.")
    return sent
