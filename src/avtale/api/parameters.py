"""What goes with requests and answers beside their bodies: parameters, headers, credentials, for the reference.

Source: api-facts 2.1–2.3, rulings §3–§5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from avtale.agreements.lifecycle import AgreementStatus
from avtale.api.agreements import LATEST_MS
from avtale.charges.lifecycle import ChargeStatus
from avtale.rulebook import rulebook_for

Json = dict[str, Any]

_RULES: Final = rulebook_for("production", "NO")
_KEY_CHARACTERS: Final = r'!"$-.0->@-\[\]-~'
IDEMPOTENCY_KEY: Final = (
    f"^[{_KEY_CHARACTERS}](?:[ {_KEY_CHARACTERS}]{{0,38}}[{_KEY_CHARACTERS}])?$"
)
_SYSTEM: Final = "Who calls, for the record: at most 30 characters, and empty is fine."


def _parameter(name: str, place: str, sentence: str, schema: Json, *, required: bool) -> Json:
    return {
        "name": name,
        "in": place,
        "description": sentence,
        "required": required,
        "schema": schema,
    }


def _path(name: str, sentence: str, schema: Json) -> Json:
    return _parameter(name, "path", sentence, schema, required=True)


def _query(name: str, sentence: str, schema: Json) -> Json:
    return _parameter(name, "query", sentence, schema, required=False)


def _header(name: str, sentence: str, schema: Json, *, required: bool = False) -> Json:
    return _parameter(name, "header", sentence, schema, required=required)


PARAMETERS: Final[Mapping[str, Json]] = {
    "agreementId": _path(
        "agreementId",
        "The agreement, as its draft was answered.",
        {"type": "string", "pattern": "^agr_[A-Za-z0-9]{1,32}$"},
    ),
    "chargeId": _path(
        "chargeId",
        "The charge: the `orderId` it was given, or else the id it was answered with.",
        {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
    ),
    "sub": _path(
        "sub",
        "The payer towards this sales unit, as the agreement tells it once it is ACTIVE.",
        {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9-]+$"},
    ),
    "webhookId": _path(
        "webhookId",
        "The registration, as it was answered.",
        {"type": "string", "format": "uuid", "pattern": "^[0-9a-f-]{36}$"},
    ),
    "status": _query(
        "status",
        "Only agreements that are in this status.",
        {"type": "string", "enum": list(get_args(AgreementStatus)), "default": "ACTIVE"},
    ),
    "statusOfCharge": _query(
        "status",
        "Only charges that are in this status.",
        {"type": "string", "enum": list(get_args(ChargeStatus))},
    ),
    "chargeStatus": _query(
        "chargeStatus",
        "An older name of `status`, which wins where both are given.",
        {"type": "string", "enum": list(get_args(ChargeStatus))},
    ),
    "createdAfter": _query(
        "createdAfter",
        "Only agreements that were drafted after this instant, in milliseconds since 1970.",
        {"type": "integer", "format": "int64", "minimum": 0, "maximum": LATEST_MS},
    ),
    "pageNumber": _query(
        "pageNumber",
        "Which page, the first one being 1.",
        {"type": "integer", "format": "int32", "minimum": 1, "maximum": 2**31 - 1, "default": 1},
    ),
    "pageSize": _query(
        "pageSize",
        "How many agreements make a page.",
        {
            "type": "integer",
            "format": "int32",
            "minimum": 1,
            "maximum": _RULES.max_page_items,
            "default": _RULES.page_items,
        },
    ),
    "client_id": _header("client_id", "The client's id.", {"type": "string"}, required=True),
    "client_secret": _header(
        "client_secret", "The client's secret.", {"type": "string"}, required=True
    ),
    "Merchant-Serial-Number": _header(
        "Merchant-Serial-Number",
        "The sales unit that is acted for. Credentials of one sales unit may leave it out; "
        "a partner's may not.",
        {"type": "string", "pattern": "^[0-9]{4,10}$"},
    ),
    "Idempotency-Key": _header(
        "Idempotency-Key",
        "A name for this one request, of your own making. Sent again with the same body, it brings "
        "back the first answer and changes nothing. At most 40 printable characters, "
        r"without `#`, `?`, `/` and `\`.",
        {"type": "string", "minLength": 1, "maxLength": 40, "pattern": IDEMPOTENCY_KEY},
        required=True,
    ),
    "Continuation-Token": _header(
        "Continuation-Token",
        "From the answer before this one, to go on where it ended.",
        {"type": "string", "minLength": 1},
    ),
    **{
        name: _header(name, _SYSTEM, {"type": "string"})
        for name in (
            "Vipps-System-Name",
            "Vipps-System-Version",
            "Vipps-System-Plugin-Name",
            "Vipps-System-Plugin-Version",
        )
    },
}
COMMON_HEADERS: Final = (
    "Merchant-Serial-Number",
    "Vipps-System-Name",
    "Vipps-System-Version",
    "Vipps-System-Plugin-Name",
    "Vipps-System-Plugin-Version",
)

HEADERS: Final[Mapping[str, Json]] = {
    "X-Request-Id": {
        "description": "The request's id, under which the log knows it too.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "Idempotency-Replayed": {
        "description": "There where the answer is that of an earlier request with the same key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Continuation-Token": {
        "description": "There where the list goes on; send it with the next request.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which trying again makes sense.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}

SECURITY: Final[Mapping[str, Json]] = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token from `POST /accesstoken/get`.",
    },
    "subscriptionKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Ocp-Apim-Subscription-Key",
        "description": "One of the client's two subscription keys.",
    },
}
