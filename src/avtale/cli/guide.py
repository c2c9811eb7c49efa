"""The guide, request by request, under its headings and in its order (guide-postman).

What only a sandbox can do, a payer's yes and time that passes, is a request of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

_AGREEMENTS: Final = "/recurring/v3/agreements"
_AGREEMENT: Final = _AGREEMENTS + "/{{agreementId}}"
_CHARGES: Final = _AGREEMENT + "/charges"
_CHARGE: Final = _CHARGES + "/{{chargeId}}"
_WEBHOOKS: Final = "/webhooks/v1/webhooks"


class Step(NamedTuple):
    """One request."""

    name: str
    method: str
    path: str
    body: Any = None
    key: str = ""
    """The variable of its idempotency key; a fresh one is put there before the request is sent."""
    status: int = 200
    keeps: tuple[tuple[str, str], ...] = ()
    """Variables, each with where in the answer its value is."""
    becomes: str = ""
    """The status that the answer shows in a sandbox."""
    in_sandbox: bool = False
    """Whether it is for a sandbox alone."""
    needs_due: bool = False
    """Whether its body names a day on which something is paid."""
    says: str = ""


class Folder(NamedTuple):
    """Requests under a heading."""

    name: str
    items: Sequence[Step | Folder]


# ── The requests, each once ──────────────────────────────────────────────────────────────────────


def _draft(**more: Any) -> dict[str, Any]:
    return {
        "pricing": {"type": "LEGACY", "amount": 49900, "currency": "{{currency}}"},
        "interval": {"unit": "MONTH", "count": 1},
        "merchantRedirectUrl": "{{merchantRedirectUrl}}",
        "merchantAgreementUrl": "{{merchantAgreementUrl}}",
        "phoneNumber": "{{mobileNumber}}",
        "productName": "Premier League",
        "productDescription": "Every match, live",
        **more,
    }


def _initial(transaction_type: str) -> dict[str, Any]:
    return {"amount": 19900, "description": "First month", "transactionType": transaction_type}


_DRAFTED: Final = (("agreementId", "agreementId"), ("landing_page_url", "vippsConfirmationUrl"))
_WITH_CHARGE: Final = (*_DRAFTED, ("chargeId", "chargeId"))
_DRAFT_KEY: Final = "Idempotency-Key-Draft"

TOKEN: Final = Step(
    "Get Access Token",
    "POST",
    "/accesstoken/get",
    keeps=(("access_token", "access_token"),),
    says="Every other request carries this token. It is good for an hour in the test environment.",
)
DRAFT: Final = Step(
    "Draft Agreement - Legacy pricing",
    "POST",
    _AGREEMENTS,
    _draft(),
    _DRAFT_KEY,
    201,
    _DRAFTED,
    says="Open landing_page_url to say yes as a payer; in a sandbox the next request does it.",
)
DRAFT_DIRECT: Final = DRAFT._replace(
    name="Draft Agreement - Legacy pricing and direct capture initial charge",
    body=_draft(initialCharge=_initial("DIRECT_CAPTURE")),
    keeps=_WITH_CHARGE,
)
DRAFT_RESERVE: Final = DRAFT._replace(
    name="Draft Agreement - Legacy pricing and reserve initial charge",
    body=_draft(initialCharge=_initial("RESERVE_CAPTURE")),
    keeps=_WITH_CHARGE,
)
DRAFT_PROFILE: Final = DRAFT._replace(
    name="Draft Agreement - Profile sharing flow",
    body=_draft(scope="name address email phoneNumber birthDate"),
)
DRAFT_VARIABLE: Final = DRAFT._replace(
    name="Draft Agreement - Variable amount",
    body=_draft(
        pricing={"type": "VARIABLE", "suggestedMaxAmount": 150000, "currency": "{{currency}}"}
    ),
)
ACCEPT: Final = Step(
    "Accept Agreement (force, in test environments)",
    "PATCH",
    _AGREEMENT + "/accept",
    {"phoneNumber": "{{mobileNumber}}"},
    "Idempotency-Key-Accept",
    204,
)
APPROVE: Final = Step(
    "Say yes on the phone (sandbox)",
    "POST",
    "/sandbox/agreements/{{agreementId}}/approve?merchantSerialNumber={{merchantSerialNumber}}",
    {"phoneNumber": "{{mobileNumber}}"},
    in_sandbox=True,
    becomes="ACTIVE",
)
DAYS_PASS: Final = Step(
    "Let three days pass (sandbox)",
    "POST",
    "/sandbox/sales-units/{{merchantSerialNumber}}/clock/advance",
    {"days": 3},
    in_sandbox=True,
)
GET: Final = Step("Get Agreement", "GET", _AGREEMENT, becomes="ACTIVE", keeps=(("sub", "sub"),))
LIST: Final = Step("List Agreements", "GET", _AGREEMENTS + "?status=ACTIVE")
UPDATE: Final = Step(
    "Update agreement",
    "PATCH",
    _AGREEMENT,
    {"productName": "Champions League", "pricing": {"amount": 59900}},
    "Idempotency-Key-Update",
    204,
)
STOP: Final = Step(
    "Stop agreement", "PATCH", _AGREEMENT, {"status": "STOPPED"}, "Idempotency-Key-Stop", 204
)
CREATE: Final = Step(
    "Create Charge - Direct capture",
    "POST",
    _CHARGES,
    {
        "amount": 49900,
        "transactionType": "DIRECT_CAPTURE",
        "description": "January",
        "due": "{{due}}",
        "retryDays": 5,
    },
    "Idempotency-Key-Create",
    201,
    (("chargeId", "chargeId"),),
    needs_due=True,
)
CREATE_RESERVE: Final = CREATE._replace(
    name="Create Charge - Reserve capture",
    body={**CREATE.body, "transactionType": "RESERVE_CAPTURE"},
)
CREATE_MANY: Final = Step(
    "Create Charges (bulk)",
    "POST",
    _AGREEMENTS + "/charges",
    [{**CREATE.body, "agreementId": "{{agreementId}}", "orderId": "{{orderId}}"}],
    "Idempotency-Key-Create",
    202,
    needs_due=True,
)
GET_CHARGE: Final = Step("Get Charge", "GET", _CHARGE)
FIND_CHARGE: Final = Step("Get Charge by id", "GET", "/recurring/v3/charges/{{chargeId}}")
LIST_CHARGES: Final = Step("List Charges", "GET", _CHARGES + "?status=DUE")
CANCEL: Final = Step("Cancel Charge", "DELETE", _CHARGE, key="Idempotency-Key-Cancel", status=204)
CAPTURE: Final = Step(
    "Capture reserved charge",
    "POST",
    _CHARGE + "/capture",
    {"amount": 19900, "description": "Shipped"},
    "Idempotency-Key-Capture",
    204,
)
REFUND: Final = Step(
    "Refund Charge",
    "POST",
    _CHARGE + "/refund",
    {"amount": 9900, "description": "Half a match"},
    "Idempotency-Key-Refund",
    204,
)
USERINFO: Final = Step(
    "Get Userinfo",
    "GET",
    "/vipps-userinfo-api/userinfo/{{sub}}",
    says="Needs an agreement with a scope that was approved: Get Agreement puts its sub into the variable.",
)
REGISTER: Final = Step(
    "Register Webhook",
    "POST",
    _WEBHOOKS,
    {
        "url": "{{webhookUrl}}",
        "events": ["recurring.agreement-activated.v1", "recurring.charge-captured.v1"],
    },
    status=201,
    keeps=(("webhookId", "id"), ("webhookSecret", "secret")),
)
LIST_WEBHOOKS: Final = Step("List Webhooks", "GET", _WEBHOOKS)
DELETE_WEBHOOK: Final = Step("Delete Webhook", "DELETE", _WEBHOOKS + "/{{webhookId}}", status=204)


def _shows(step: Step, status: str) -> Step:
    return step._replace(becomes=status)


FOLDERS: Final = (
    TOKEN,
    Folder(
        "Create agreements",
        (
            Folder("Create a minimal agreement", (DRAFT, APPROVE, GET)),
            Folder(
                "Create an agreement with an initial charge",
                (DRAFT_DIRECT, APPROVE, GET, _shows(GET_CHARGE, "CHARGED")),
            ),
            Folder("Create an agreement with a reserve capture", (DRAFT_RESERVE, APPROVE, GET)),
            Folder("Create an agreement with a variable amount", (DRAFT_VARIABLE, ACCEPT, GET)),
            Folder("Getting access to user info", (DRAFT_PROFILE, APPROVE, GET)),
            Folder("Get a list of agreements", (LIST,)),
            Folder("Update an agreement", (GET, UPDATE, GET)),
            Folder("Stop an agreement", (STOP, _shows(GET, "STOPPED"))),
        ),
    ),
    Folder("User Info", (USERINFO,)),
    Folder(
        "Create charges",
        (
            Folder(
                "Create a charge",
                (
                    DRAFT,
                    APPROVE,
                    CREATE,
                    _shows(GET_CHARGE, "PENDING"),
                    DAYS_PASS,
                    _shows(GET_CHARGE, "CHARGED"),
                    _shows(FIND_CHARGE, "CHARGED"),
                ),
            ),
            Folder("Create many charges", (CREATE_MANY,)),
            Folder("Get a list of charges for an agreement", (LIST_CHARGES,)),
            Folder("Cancel a charge", (CREATE_RESERVE, CANCEL, _shows(GET_CHARGE, "CANCELLED"))),
            Folder(
                "Refund a charge",
                (
                    DRAFT_DIRECT,
                    APPROVE,
                    _shows(GET_CHARGE, "CHARGED"),
                    REFUND,
                    _shows(GET_CHARGE, "PARTIALLY_REFUNDED"),
                ),
            ),
            Folder(
                "Capture reserved charge",
                (
                    DRAFT_RESERVE,
                    APPROVE,
                    _shows(GET_CHARGE, "RESERVED"),
                    CAPTURE,
                    _shows(GET_CHARGE, "CHARGED"),
                ),
            ),
        ),
    ),
    Folder("Webhooks", (REGISTER, LIST_WEBHOOKS, DELETE_WEBHOOK)),
)

VARIABLES: Final[dict[str, str]] = {
    "base_url": "https://apitest.vipps.no",
    "client_id": "",
    "client_secret": "",
    "Ocp-Apim-Subscription-Key": "",
    "merchantSerialNumber": "",
    "mobileNumber": "",
    "currency": "NOK",
    "merchantRedirectUrl": "https://example.com/thanks",
    "merchantAgreementUrl": "https://example.com/my-subscription",
    "webhookUrl": "https://example.com/webhooks",
    "systemName": "acme",
    "systemVersion": "3.1.2",
    "systemPluginName": "acme-shop",
    "systemPluginVersion": "4.5.6",
    "sandbox": "",
    "access_token": "",
    "agreementId": "",
    "chargeId": "",
    "landing_page_url": "",
    "sub": "",
    "webhookId": "",
    "webhookSecret": "",
    "due": "",
    "orderId": "",
    "keep_keys": "",
    "Idempotency-Key-Draft": "",
    "Idempotency-Key-Accept": "",
    "Idempotency-Key-Update": "",
    "Idempotency-Key-Stop": "",
    "Idempotency-Key-Create": "",
    "Idempotency-Key-Cancel": "",
    "Idempotency-Key-Capture": "",
    "Idempotency-Key-Refund": "",
}
"""The environment's variables, with what they are at first."""
SECRETS: Final = frozenset(
    {"client_secret", "Ocp-Apim-Subscription-Key", "access_token", "webhookSecret"}
)


def steps(items: Sequence[Step | Folder] = FOLDERS) -> list[Step]:
    """All requests, in order."""
    found: list[Step] = []
    for item in items:
        found += [item] if isinstance(item, Step) else steps(item.items)
    return found
