"""The shapes as JSON Schema, for OpenAPI: what is accepted, and exactly what is answered.

Requests are described as widely as they are read: members that are unknown are let be, and null
stands for not given. Answers are closed. Source: rulings §5, api-facts 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import cleandoc
from types import MappingProxyType
from typing import Any, Final

import msgspec

from avtale.rulebook import rulebook_for
from avtale.wire import agreements, charges, problems, tokens, userinfo, webhooks

Schema = dict[str, Any]

REF_TEMPLATE: Final = "#/components/schemas/{name}"

REQUESTS: Final[tuple[type[msgspec.Struct], ...]] = (
    agreements.DraftAgreement,
    agreements.UpdateAgreement,
    agreements.AcceptAgreement,
    charges.CreateCharge,
    charges.BulkCharge,
    charges.CaptureCharge,
    charges.RefundCharge,
    webhooks.RegisterWebhook,
)
ANSWERS: Final[tuple[type[msgspec.Struct], ...]] = (
    agreements.DraftAgreementAnswer,
    agreements.AgreementAnswer,
    charges.CreateChargeAnswer,
    charges.BulkAnswer,
    charges.ChargeAnswer,
    problems.ProblemBody,
    problems.GatewayRefusal,
    problems.OAuthRefusal,
    problems.UserinfoRefusal,
    tokens.TokenAnswer,
    userinfo.UserinfoAnswer,
    webhooks.WebhookRegisteredAnswer,
    webhooks.WebhooksAnswer,
    webhooks.WebhookRefusal,
)

_RULES: Final = rulebook_for("production", "NO")
_NOTHING: Final[Schema] = {"type": "null"}

# ── What a struct cannot say of itself ───────────────────────────────────────────────────────────

_AMOUNT: Final[Schema] = {"minimum": 1}
_RETRY_DAYS: Final[Schema] = {"minimum": 0, "maximum": _RULES.max_retry_days}
_REDIRECT_URL: Final[Schema] = {
    "format": "uri",
    "minLength": 1,
    "maxLength": agreements.LONGEST_REDIRECT_URL,
}
_AGREEMENT_URL: Final[Schema] = {
    "format": "uri",
    "minLength": 1,
    "maxLength": agreements.LONGEST_AGREEMENT_URL,
}

MEMBERS: Final[Mapping[str, Mapping[str, Schema]]] = MappingProxyType(
    {
        "DraftAgreement": {
            "merchantRedirectUrl": _REDIRECT_URL,
            "merchantAgreementUrl": {**_AGREEMENT_URL, "description": "Required in Norway."},
        },
        "UpdateAgreement": {"merchantAgreementUrl": _AGREEMENT_URL},
        "PricingRequest": {"amount": _AMOUNT, "suggestedMaxAmount": _AMOUNT},
        "PricingUpdate": {"amount": _AMOUNT, "suggestedMaxAmount": _AMOUNT},
        "InitialCharge": {"amount": _AMOUNT},
        "CreateCharge": {"amount": _AMOUNT, "retryDays": _RETRY_DAYS},
        "BulkCharge": {"amount": _AMOUNT, "retryDays": _RETRY_DAYS},
        "CaptureCharge": {"amount": _AMOUNT},
        "RefundCharge": {"amount": _AMOUNT},
    }
)


def _case(*required: str, **members: Schema) -> Schema:
    """One of the ways in which the members of a body go together."""
    return {"properties": members, **({"required": list(required)} if required else {})}


def _is(word: str | int) -> Schema:
    return {"const": word}


def _is_or_absent(word: str | int) -> Schema:
    return {"enum": [word, None]}


_LEGACY: Final = _case(type=_is_or_absent("LEGACY"))
_SINGLE_ATTEMPT: Final = {"processingMode": _is("SINGLE_ATTEMPT"), "retryDays": _is(0)}
_MANY_ATTEMPTS: Final = {"processingMode": _is_or_absent("MULTIPLE_ATTEMPTS")}
_DUE: Final = {"due": {"type": "string"}, "retryDays": {"type": "integer"}}

COMBINATIONS: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        "DraftAgreement": {
            "anyOf": [_case(campaign=_NOTHING), _case(pricing=_LEGACY)],
            "if": _case("skipLandingPage", skipLandingPage=_is(True)),
            "then": _case(
                "phoneNumber", phoneNumber={"type": "string", "pattern": "^[0-9]{8,15}$"}
            ),
        },
        "PricingRequest": {
            "anyOf": [
                _case("amount", type=_is_or_absent("LEGACY"), amount={"type": "integer"}),
                _case(
                    "type",
                    "suggestedMaxAmount",
                    type=_is("VARIABLE"),
                    suggestedMaxAmount={"type": "integer"},
                ),
                _case("type", type=_is("FLEXIBLE")),
            ]
        },
        "UpdateAgreement": {"minProperties": 1},
        "PricingUpdate": {
            "anyOf": [
                _case("amount", amount={"type": "integer"}),
                _case("suggestedMaxAmount", suggestedMaxAmount={"type": "integer"}),
            ]
        },
        "IntervalUpdate": {
            "anyOf": [
                _case("period", type=_is_or_absent("RECURRING"), period={"type": "object"}),
                _case("type", type=_is("FLEXIBLE"), period=_NOTHING),
            ]
        },
        "CreateCharge": {
            "anyOf": [
                _case(
                    "due", "retryDays", type=_is_or_absent("RECURRING"), **_DUE, **_MANY_ATTEMPTS
                ),
                _case(
                    "due",
                    "retryDays",
                    "processingMode",
                    type=_is_or_absent("RECURRING"),
                    due={"type": "string"},
                    **_SINGLE_ATTEMPT,
                ),
                _case(
                    "type",
                    type=_is("UNSCHEDULED"),
                    due=_NOTHING,
                    processingMode=_NOTHING,
                    retryDays=_is_or_absent(0),
                ),
            ]
        },
        "BulkCharge": {
            "anyOf": [_case(**_MANY_ATTEMPTS), _case("processingMode", **_SINGLE_ATTEMPT)]
        },
    }
)


# ── The components ───────────────────────────────────────────────────────────────────────────────


def schema_components() -> dict[str, Any]:
    """Every shape by name, for `components.schemas` of an OpenAPI 3.1 document."""
    requests = {name: _request(name, schema) for name, schema in _of(REQUESTS).items()}
    answers = {name: _answer(schema) for name, schema in _of(ANSWERS).items()}
    return dict(sorted({**requests, **answers}.items()))


def _of(shapes: tuple[type[msgspec.Struct], ...]) -> dict[str, Schema]:
    _, components = msgspec.json.schema_components(shapes, ref_template=REF_TEMPLATE)
    tidied: dict[str, Schema] = _everywhere(components, _tidied)
    return tidied


def _request(name: str, schema: Schema) -> Schema:
    required = schema["required"]
    members = {
        member: _narrowed(described, MEMBERS.get(name, {}).get(member, {}))
        for member, described in schema["properties"].items()
    }
    nullable = {
        member: described if member in required else _or_null(described)
        for member, described in members.items()
    }
    return {**schema, "properties": nullable, **COMBINATIONS.get(name, {})}


def _answer(schema: Schema) -> Schema:
    members = {
        member: described if member in schema["required"] else _not_null(described)
        for member, described in schema["properties"].items()
    }
    return {**schema, "properties": members, "additionalProperties": False}


def _narrowed(schema: Schema, more: Schema) -> Schema:
    """What is said of a member, and more; said of the value itself where null is allowed too."""
    if "anyOf" in schema and more:
        return _not_null(schema) | more
    return {**schema, **more}


def _or_null(schema: Schema) -> Schema:
    if _NOTHING in schema.get("anyOf", ()):
        return {word: said for word, said in schema.items() if (word, said) != ("default", None)}
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    bare = {word: said for word, said in schema.items() if word != "default"}
    return {"anyOf": [bare, _NOTHING], **default}


def _not_null(schema: Schema) -> Schema:
    """A member that is left out where there is none, and so is never null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != _NOTHING]
    if len(kinds) != 1:
        return schema
    return dict(kinds[0])


def _tidied(schema: Schema) -> Schema:
    tidied = dict(schema)
    if isinstance(pattern := tidied.get("pattern"), str):
        tidied["pattern"] = pattern.replace(r"\Z", "$")
    if isinstance(words := tidied.get("enum"), list) and "type" not in tidied:
        tidied["type"] = "string"
        tidied["enum"] = sorted(words)
    if isinstance(text := tidied.get("description"), str):
        tidied["description"] = cleandoc(text)
    return tidied


def _everywhere(value: Any, tidy: Callable[[Schema], Schema]) -> Any:
    if isinstance(value, dict):
        return tidy({name: _everywhere(item, tidy) for name, item in value.items()})
    if isinstance(value, list | tuple):
        return [_everywhere(item, tidy) for item in value]
    return value
