"""The operations in words: what each is for, what it takes, what it answers, and how it may refuse.

The document at `/openapi.json` and the page at `/docs` are made of this, of the table of routes and of the shapes.
Source: api-facts 3, rulings §3–§8.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from avtale import problems
from avtale.problems import Problem

Refusals = tuple[type[Problem], ...]


class Described(NamedTuple):
    """One operation in words."""

    tag: str
    summary: str
    details: str
    status: int
    """Of the answer where all is well."""
    answered: str
    """What that answer says."""
    shape: str | None = None
    """Of the answer, by the name of its schema; None where there is no body."""
    is_list: bool = False
    body: str | None = None
    """The shape of the request's body."""
    takes_list: bool = False
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    refusals: Refusals = ()
    """Besides what every operation of its kind may refuse."""


TAGS: Final[dict[str, str]] = {
    "Access": "Tokens. Every other call carries one.",
    "Agreements": "A payer's permission to charge, from draft to stop.",
    "Charges": "Payments on an agreement: created ahead of time, collected when due.",
    "Userinfo": "What a payer agreed to share, for a week after saying yes.",
    "Webhooks": "Receivers that are told of what happens, signed, in order, until they take it in.",
}

AT_THE_GATE: Final[Refusals] = (
    problems.SubscriptionKeyRefused,
    problems.NotAuthorized,
    problems.InvalidSaleUnit,
    problems.NotAcceptable,
    problems.UriTooLong,
    problems.TooManyRequests,
    problems.Unavailable,
)
"""What any call but the one for a token may be refused for."""

WITH_A_KEY: Final[Refusals] = (problems.InvalidIdempotencyKey, problems.IdempotencyConflict)
"""What any call that changes something may be refused for."""

WITH_A_BODY: Final[Refusals] = (
    problems.InvalidJson,
    problems.ValidationFailed,
    problems.BodyTooSlow,
    problems.PayloadTooLarge,
    problems.UnsupportedMediaType,
)
"""What any call with a body may be refused for."""

_ON_AN_AGREEMENT: Final[Refusals] = (problems.InvalidAgreementId, problems.ResourceNotFound)

DESCRIPTIONS: Final[dict[str, Described]] = {
    "fetch_token": Described(
        "Access",
        "Get an access token",
        "Exchanges a client id and its secret for a bearer token. A body is ignored, and so is any "
        "`Authorization`. A new token leaves the older ones valid. All seven members of the answer "
        "are strings, the numbers too. The path is matched without regard to case.",
        200,
        "A token, and when it ends.",
        "TokenAnswer",
        headers=("client_id", "client_secret"),
        refusals=(
            problems.SubscriptionKeyRefused,
            problems.UnknownClient,
            problems.WrongClientSecret,
            problems.MissingRequestHeader,
            problems.UriTooLong,
            problems.Unavailable,
        ),
    ),
    "list_agreements": Described(
        "Agreements",
        "List agreements",
        "The sales unit's agreements of one status, oldest first, page by page. "
        "Without `status`, those that are ACTIVE.",
        200,
        "The agreements of this page; an empty list where there are none.",
        "AgreementAnswer",
        is_list=True,
        query=("status", "createdAfter", "pageNumber", "pageSize"),
        refusals=(problems.ValidationFailed,),
    ),
    "draft_agreement": Described(
        "Agreements",
        "Draft an agreement",
        "Makes an agreement that is PENDING until its payer answers. Send the payer to "
        "`vippsConfirmationUrl`; after ten minutes without an answer the agreement is EXPIRED. "
        "With `initialCharge`, the first payment is made at the moment of approval.",
        201,
        "The agreement's id and where the payer says yes or no.",
        "DraftAgreementAnswer",
        body="DraftAgreement",
        refusals=(
            problems.InvalidSuggestedMaxAmount,
            problems.UnsupportedFeature,
            problems.Conflict,
        ),
    ),
    "fetch_agreement": Described(
        "Agreements",
        "Fetch an agreement",
        "One agreement as it is now, with its history.",
        200,
        "The agreement.",
        "AgreementAnswer",
        refusals=_ON_AN_AGREEMENT,
    ),
    "update_agreement": Described(
        "Agreements",
        "Update or stop an agreement",
        "Changes the members that are given and leaves the rest. `status` STOPPED ends the "
        "agreement for good and cancels what was still to come; it is sent alone. "
        "Stopping a stopped agreement changes nothing and succeeds. "
        "Here, and only here, one idempotency key may carry several bodies.",
        204,
        "It is done; there is no body.",
        body="UpdateAgreement",
        refusals=(
            *_ON_AN_AGREEMENT,
            problems.IllegalAgreementUpdate,
            problems.InvalidSuggestedMaxAmount,
        ),
    ),
    "accept_agreement": Described(
        "Agreements",
        "Force accept (test only)",
        "Approves an agreement as the payer with this phone number would, initial charge included. "
        "Whatever becomes of that charge, the call succeeds: read the agreement to see. "
        "In the environment `production` this path does not exist.",
        204,
        "The payer has answered; there is no body.",
        body="AcceptAgreement",
        refusals=(*_ON_AN_AGREEMENT, problems.Refused),
    ),
    "list_charges": Described(
        "Charges",
        "List an agreement's charges",
        "The charges of one agreement, oldest first. Where there are more than fit in an answer, "
        "the header `Continuation-Token` leads to the next ones; it is good for ten minutes.",
        200,
        "The charges; an empty list where there are none.",
        "ChargeAnswer",
        is_list=True,
        query=("chargeStatus", "statusOfCharge"),
        headers=("Continuation-Token",),
        refusals=(*_ON_AN_AGREEMENT, problems.ValidationFailed),
    ),
    "create_charge": Described(
        "Charges",
        "Create a charge",
        "Asks for a payment on an ACTIVE agreement. A RECURRING charge is collected on its due day "
        "and, where that fails, again until `retryDays` days later. An UNSCHEDULED charge is "
        "attempted once, right away, if the sales unit is approved for it. "
        "`orderId`, where given, becomes the charge's id.",
        201,
        "The new charge's id.",
        "CreateChargeAnswer",
        body="CreateCharge",
        refusals=(
            *_ON_AN_AGREEMENT,
            problems.ChargeCreationFailed,
            problems.UnsupportedFeature,
            problems.ChargeDueTooSoon,
            problems.ChargeDueInTooLong,
            problems.ChargeAmountTooHigh,
            problems.Conflict,
        ),
    ),
    "create_charges": Described(
        "Charges",
        "Create many charges",
        "Takes up to 2000 RECURRING charges, each with an `orderId`, for any of the sales unit's "
        "agreements. Every item is judged at once: what is wrong comes back with its reasons, and "
        "the rest is created in the background, in order. One that fails then is told of by webhook.",
        202,
        "Which items will be created and which will not; also where none will.",
        "BulkAnswer",
        body="BulkCharge",
        takes_list=True,
    ),
    "fetch_charge": Described(
        "Charges",
        "Fetch a charge",
        "One charge as it is now, with what became of its amount and its history.",
        200,
        "The charge.",
        "ChargeAnswer",
        refusals=_ON_AN_AGREEMENT,
    ),
    "fetch_charge_by_id": Described(
        "Charges",
        "Fetch a charge by its id alone",
        "The same as fetching it under its agreement, for those who do not know which that is.",
        200,
        "The charge.",
        "ChargeAnswer",
        refusals=(problems.ResourceNotFound,),
    ),
    "cancel_charge": Described(
        "Charges",
        "Cancel a charge",
        "Calls off a charge that is PENDING, DUE or RESERVED. What a PARTIALLY_CAPTURED charge "
        "still holds is released, and the charge becomes CHARGED.",
        204,
        "It is cancelled or released; there is no body.",
        refusals=(*_ON_AN_AGREEMENT, problems.CancelChargeFailed, problems.Conflict),
    ),
    "capture_charge": Described(
        "Charges",
        "Capture a reserved charge",
        "Takes all or part of what is RESERVED. `amount` is required, for all of it too.",
        204,
        "The money is captured; there is no body.",
        body="CaptureCharge",
        refusals=(*_ON_AN_AGREEMENT, problems.ChargeCaptureFailed, problems.Conflict),
    ),
    "refund_charge": Described(
        "Charges",
        "Refund a charge",
        "Gives back all or part of what was captured, within a year of the capture.",
        204,
        "The money is on its way back; there is no body.",
        body="RefundCharge",
        refusals=(*_ON_AN_AGREEMENT, problems.OperationFailed, problems.Conflict),
    ),
    "fetch_userinfo": Described(
        "Userinfo",
        "Fetch a shared profile",
        "What the payer behind `sub` consented to share, as the profile is now. 168 hours after the "
        "consent every text reads `[Expired]`. A subscription key is neither needed nor refused.",
        200,
        "The members that the scope opens.",
        "UserinfoAnswer",
        refusals=(problems.ResourceNotFound,),
    ),
    "list_webhooks": Described(
        "Webhooks",
        "List registrations",
        "The receivers of the sales unit, oldest first. Partner credentials that name no sales unit "
        "see those of all their units, and their own. A secret is never told again.",
        200,
        "The registrations; an empty list where there are none.",
        "WebhooksAnswer",
    ),
    "register_webhook": Described(
        "Webhooks",
        "Register a receiver",
        "From now on the named events are sent to `url`, signed with the secret that the answer tells, "
        "which is told this once. Partner credentials that name no sales unit register for all their "
        "units. No idempotency key is asked for: sent twice, there are two.",
        201,
        "The registration's id and its secret.",
        "WebhookRegisteredAnswer",
        body="RegisterWebhook",
    ),
    "delete_webhook": Described(
        "Webhooks",
        "Delete a registration",
        "Nothing is sent to the receiver any more, not even what was still on its way.",
        204,
        "It is gone; there is no body.",
        refusals=(problems.ResourceNotFound,),
    ),
}
