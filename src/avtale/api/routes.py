"""Every path of the API in one table: method, template, operation, and the responder behind it.

The reference at `/openapi.json` is written from this table, and a test compares it with the published operations.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Resource = Literal["tokens", "agreements", "charges", "userinfo", "webhooks"]

_AGREEMENTS = "/recurring/v3/agreements"
_AGREEMENT = _AGREEMENTS + "/{agreement_id}"
_CHARGES = _AGREEMENT + "/charges"
_CHARGE = _CHARGES + "/{charge_id}"
_WEBHOOKS = "/webhooks/v1/webhooks"


class Route(NamedTuple):
    """One operation of the API."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    template: str
    operation: str
    published: str
    """The operationId of the vendor's own description."""
    resource: Resource
    suffix: str = ""


ROUTES: tuple[Route, ...] = (
    Route("POST", "/accesstoken/get", "fetch_token", "fetchAuthorizationTokenUsingPost", "tokens"),
    Route("GET", _AGREEMENTS, "list_agreements", "ListAgreementsV3", "agreements"),
    Route("POST", _AGREEMENTS, "draft_agreement", "DraftAgreementV3", "agreements"),
    Route("GET", _AGREEMENT, "fetch_agreement", "FetchAgreementV3", "agreements", "one"),
    Route("PATCH", _AGREEMENT, "update_agreement", "UpdateAgreementPatchV3", "agreements", "one"),
    Route(
        "PATCH",
        _AGREEMENT + "/accept",
        "accept_agreement",
        "acceptUsingPATCHV3",
        "agreements",
        "accept",
    ),
    Route("GET", _CHARGES, "list_charges", "ListChargesV3", "charges"),
    Route("POST", _CHARGES, "create_charge", "CreateChargeV3", "charges"),
    Route(
        "POST", _AGREEMENTS + "/charges", "create_charges", "CreateChargeAsyncV3", "charges", "bulk"
    ),
    Route("GET", _CHARGE, "fetch_charge", "FetchChargeV3", "charges", "one"),
    Route("DELETE", _CHARGE, "cancel_charge", "CancelChargeV3", "charges", "one"),
    Route(
        "GET",
        "/recurring/v3/charges/{charge_id}",
        "fetch_charge_by_id",
        "FetchChargeByIdV3",
        "charges",
        "by_id",
    ),
    Route("POST", _CHARGE + "/capture", "capture_charge", "CaptureChargeV3", "charges", "capture"),
    Route("POST", _CHARGE + "/refund", "refund_charge", "RefundChargeV3", "charges", "refund"),
    Route("GET", "/vipps-userinfo-api/userinfo/{sub}", "fetch_userinfo", "getUserinfo", "userinfo"),
    Route("GET", _WEBHOOKS, "list_webhooks", "getAllWebhooks", "webhooks"),
    Route("POST", _WEBHOOKS, "register_webhook", "registerWebhook", "webhooks"),
    Route(
        "DELETE", _WEBHOOKS + "/{webhook_id}", "delete_webhook", "deleteWebhook", "webhooks", "one"
    ),
)
