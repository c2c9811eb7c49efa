"""What may go wrong: one class for each problem that the API publishes, under one tree.

    AvtaleError
    ├── NoAnswer             nobody knows whether it was done; repeat it with the same idempotency key
    ├── Unreadable           an answer that is none of the API's
    ├── StillPending         the payer has not decided in the time that was given
    └── Refused              it was not done
        ├── ValidationFailed, ChargeDueTooSoon, …   by the published problem type
        └── TooManyRequests, ServerTrouble          when repeating did not help

Source: rulings §6, api-facts 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

import msgspec

from avtale.client.answers import Agreement


class ExtraDetail(NamedTuple):
    """One thing wrong with one member of a request: its path with dots, and why."""

    name: str
    reason: str


class AvtaleError(Exception):
    """Anything that the client raises of itself."""

    idempotency_key: str | None = None
    """The key under which it was asked; give it to the same call to go on where this one stopped."""


class NoAnswer(AvtaleError):
    """No answer came, however often it was asked for: it may have been done, or not."""

    def __init__(self, sentence: str, idempotency_key: str | None = None) -> None:
        super().__init__(sentence)
        self.idempotency_key = idempotency_key


class Unreadable(AvtaleError):
    """What came is no answer of this API's."""


class StillPending(AvtaleError):
    """The agreement was still PENDING when the time was over."""

    def __init__(self, agreement: Agreement, seconds: float) -> None:
        super().__init__(f"{agreement.id} is still {agreement.status} after {seconds:g} seconds.")
        self.agreement = agreement


class Refused(AvtaleError):
    """The API said no, and did nothing."""

    slug: ClassVar[str | None] = None
    """The published identifier of the problem type, or None where it has none."""

    def __init__(
        self,
        sentence: str,
        *,
        status: int,
        detail: str = "",
        type: str = "about:blank",  # noqa: A002 -- the member's own name
        extra_details: tuple[ExtraDetail, ...] = (),
        context_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        """The HTTP status."""
        self.detail = detail
        self.type = type
        self.extra_details = extra_details
        self.context_id = context_id
        """What to tell the vendor's support."""
        self.idempotency_key = idempotency_key


class ValidationFailed(Refused):
    """Data is missing, out of bounds, or does not go together; `extra_details` says which."""

    slug = "validation-error"


class InvalidAgreementId(Refused):
    """The agreement id has not the form of one."""

    slug = "invalid-agreement-id"


class InvalidJson(Refused):
    """The body could not be read."""

    slug = "invalid-json"


class UnsupportedMediaType(Refused):
    """The body was declared as something other than JSON."""

    slug = "unsupported-media-type"


class NotAcceptable(Refused):
    """JSON was not among what the request would take."""

    slug = "not-acceptable"


class InvalidMethod(Refused):
    """The path knows no such method."""

    slug = "invalid-method"


class NotAuthorized(Refused):
    """The token or the subscription key is not good, or not for this sales unit."""

    slug = "not-authorized"


class InvalidSaleUnit(Refused):
    """The Merchant-Serial-Number is not one of these keys' own."""

    slug = "invalid-sale-unit"


class InvalidIdempotencyKey(Refused):
    """The idempotency key has not the form of one."""

    slug = "idempotency-key-header"


class MissingRequestHeader(Refused):
    """A header is missing."""

    slug = "missing-request-header"


class IdempotencyConflict(Refused):
    """The key was used before, with another request."""

    slug = "idempotency-conflict"


class ResourceNotFound(Refused):
    """There is no such thing, or it is somebody else's."""

    slug = "resource-not-found"


class UnsupportedFeature(Refused):
    """The sales unit has not been approved for this feature."""

    slug = "unsupported-feature"


class ChargeCreationFailed(Refused):
    """The agreement takes no charges."""

    slug = "charge-creation-failed"


class ChargeDueTooSoon(Refused):
    """The due date leaves the payer too little notice."""

    slug = "charge-due-too-soon"


class ChargeDueInTooLong(Refused):
    """The due date is beyond the horizon."""

    slug = "charge-due-in-too-long"


class ChargeAmountTooHigh(Refused):
    """The amount is above what the agreement's pricing lets through."""

    slug = "charge-amount-too-high"


class InvalidSuggestedMaxAmount(Refused):
    """The suggested maximum is above the currency's ceiling."""

    slug = "invalid-suggested-max-amount"


class Conflict(Refused):
    """Somebody else was first: the order id is taken, or something is being changed."""

    slug = "conflict"


class ChargeCaptureFailed(Refused):
    """The charge cannot be captured, or not by that much, or not any more."""

    slug = "charge-capture-failed"


class CancelChargeFailed(Refused):
    """The charge cannot be cancelled, or not any more."""

    slug = "cancel-charge-failed"


class OperationFailed(Refused):
    """The refund is not possible, or not of that much, or not any more."""

    slug = "operation-failed"


class IllegalAgreementUpdate(Refused):
    """The agreement cannot be changed, or not in this combination."""

    slug = "illegal-agreement-update"


class WrongCredentials(Refused):
    """The keys are not good here: the client id, its secret or the subscription key."""


class TooManyRequests(Refused):
    """The rate limit is used up, and waiting as long as was allowed did not help."""


class ServerTrouble(Refused):
    """The server failed every time; it may have been done, or not."""


BY_SLUG: Final[Mapping[str, type[Refused]]] = {
    each.slug: each for each in Refused.__subclasses__() if each.slug is not None
}
"""The class of each published problem type."""


def error_of(
    status: int, body: bytes, *, asked: str, idempotency_key: str | None = None
) -> Refused:
    """The error that a refusal is, whichever of the API's shapes it has; `asked` is `POST /path`."""
    problem = _object(body)
    gateway = problem.get("result")
    told = gateway.get("message") if isinstance(gateway, dict) else None
    detail = _text(problem.get("detail") or told or problem.get("error_description"))
    url = _text(problem.get("type")) or "about:blank"
    details = problem.get("extraDetails")
    extra = tuple(
        ExtraDetail(_text(each.get("name")), _text(each.get("reason")))
        for each in (details if isinstance(details, list) else ())
        if isinstance(each, dict)
    )
    lines = [
        f"{asked} was answered {status}: {detail or _text(problem.get('title')) or 'no reason given'}"
    ]
    lines += [f"  {name}: {reason}" for name, reason in extra]
    return _class_of(status, url, problem)(
        "\n".join(lines),
        status=status,
        detail=detail,
        type=url,
        extra_details=extra,
        context_id=_text(problem.get("contextId") or problem.get("traceId")) or None,
        idempotency_key=idempotency_key,
    )


def _class_of(status: int, url: str, problem: Mapping[str, Any]) -> type[Refused]:
    known = BY_SLUG.get(url.rpartition("#")[2])
    if known is not None:
        return known
    if status == 429:
        return TooManyRequests
    if status >= 500:
        return ServerTrouble
    if "error" in problem or status == 401:
        return WrongCredentials
    return {404: ResourceNotFound, 409: Conflict}.get(status, Refused)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
