"""Every refusal: one class per published problem type, with the sentence a developer reads.

The HTTP status and title of each belong to the door (`avtale.api.problem_responses`); here is only what was wrong.
Source: rulings §6, api-facts 6.2.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Fault(NamedTuple):
    """One thing wrong with one member of a body: its JSON path with dots, and why."""

    name: str
    reason: str


class Problem(Exception):
    """A request that was understood and refused; nothing was changed by it."""

    slug: ClassVar[str | None] = None
    """The published identifier, or None where the API answers `about:blank`."""

    def __init__(self, detail: str, *faults: Fault) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults


class ValidationFailed(Problem):
    """Data in the body or query is missing, out of bounds, or does not go together."""

    slug = "validation-error"

    def __init__(self, *faults: Fault, detail: str = "Input validation failed") -> None:
        super().__init__(detail, *faults)

    @classmethod
    def of(cls, name: str, reason: str) -> ValidationFailed:
        """Refuse for one fault of one member."""
        return cls(Fault(name, reason))


class InvalidAgreementId(Problem):
    """The agreement id in the path has not the form of one."""

    slug = "invalid-agreement-id"


class InvalidJson(Problem):
    """The body is not JSON that can be read strictly."""

    slug = "invalid-json"


class PayloadTooLarge(Problem):
    """The body is larger than the operation accepts."""

    slug = None


class BodyTooSlow(Problem):
    """The body did not arrive in time."""

    slug = None


class UriTooLong(Problem):
    """Path and query are longer than any that the API knows."""

    slug = None


class UnsupportedMediaType(Problem):
    """The body is declared as something other than JSON."""

    slug = "unsupported-media-type"


class NotAcceptable(Problem):
    """The client accepts no JSON."""

    slug = "not-acceptable"


class InvalidMethod(Problem):
    """The path exists, the method does not."""

    slug = "invalid-method"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"Method not allowed here; allowed: {', '.join(allowed)}")
        self.allowed = allowed


class SubscriptionKeyRefused(Problem):
    """The gateway in front of the API does not know the subscription key."""

    slug = None


class NotAuthorized(Problem):
    """The bearer token is missing, malformed, expired or foreign."""

    slug = "not-authorized"


class InvalidSaleUnit(Problem):
    """The sales unit is not the caller's, or has not the product."""

    slug = "invalid-sale-unit"


class UnknownClient(Problem):
    """The token endpoint does not know this client_id."""

    slug = None


class WrongClientSecret(Problem):
    """The token endpoint knows the client_id, and the secret is not its."""

    slug = None


class InvalidIdempotencyKey(Problem):
    """The Idempotency-Key is missing, too long, or holds a character that is not allowed."""

    slug = "idempotency-key-header"


class MissingRequestHeader(Problem):
    """A header that the call needs is missing."""

    slug = "missing-request-header"


class IdempotencyConflict(Problem):
    """The key was used before with another request."""

    slug = "idempotency-conflict"


class ResourceNotFound(Problem):
    """There is nothing under this id for this caller."""

    slug = "resource-not-found"


class UnsupportedFeature(Problem):
    """The sales unit has not been approved for this feature.

    `forbidden` is True where the API answers 403 (skipLandingPage), else 400 (UNSCHEDULED).
    """

    slug = "unsupported-feature"

    def __init__(self, detail: str, *, forbidden: bool) -> None:
        super().__init__(detail)
        self.forbidden = forbidden


class ChargeCreationFailed(Problem):
    """The agreement takes no charges."""

    slug = "charge-creation-failed"


class ChargeDueTooSoon(Problem):
    """The due date leaves the payer too little notice."""

    slug = "charge-due-too-soon"


class ChargeDueInTooLong(Problem):
    """The due date is beyond the horizon."""

    slug = "charge-due-in-too-long"


class ChargeAmountTooHigh(Problem):
    """The amount is above what the agreement's pricing lets through."""

    slug = "charge-amount-too-high"


class InvalidSuggestedMaxAmount(Problem):
    """The suggested maximum is above the currency's ceiling."""

    slug = "invalid-suggested-max-amount"


class Conflict(Problem):
    """Somebody else was first: the order id is taken, or the charge or agreement is being changed."""

    slug = "conflict"


class ChargeCaptureFailed(Problem):
    """The charge cannot be captured, or not by that much, or not any more."""

    slug = "charge-capture-failed"


class CancelChargeFailed(Problem):
    """The charge cannot be cancelled, or not any more."""

    slug = "cancel-charge-failed"


class OperationFailed(Problem):
    """The refund is not possible, or not of that much, or not any more."""

    slug = "operation-failed"


class IllegalAgreementUpdate(Problem):
    """The agreement cannot be changed, or not in this combination."""

    slug = "illegal-agreement-update"


class TooManyRequests(Problem):
    """The vendor's rate limit for this call is used up."""

    slug = None

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(Problem):
    """The database or the queue cannot take the work now; nothing was written."""

    slug = None

    def __init__(self, detail: str, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class ServerTrouble(Problem):
    """The server fails because somebody wants to see what comes of that (sandbox §7)."""

    slug = None

    def __init__(self, detail: str, status: int = 500) -> None:
        super().__init__(detail)
        self.status = status


class CrossSite(Problem):
    """A browser's page of another site, or a name that is not ours, reached for what only the operator may use."""

    slug = None


class NotAllowed(Problem):
    """Whoever signed in has not the role that this takes."""

    slug = None


class Refused(Problem):
    """A request to the control API that makes no sense; the sentence says what would."""

    slug = None
