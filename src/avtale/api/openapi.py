"""The API as an OpenAPI 3.1 document, written from the table of routes, the shapes and the descriptions.

A contract test reads it back and tries it against the server, so it cannot say what is not so.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from avtale import __version__, problems
from avtale.api import examples
from avtale.api.descriptions import (
    AT_THE_GATE,
    DESCRIPTIONS,
    TAGS,
    WITH_A_BODY,
    WITH_A_KEY,
    Described,
    Refusals,
)
from avtale.api.parameters import COMMON_HEADERS, HEADERS, PARAMETERS, SECURITY
from avtale.api.problem_responses import STATUSES, TYPE_BASE
from avtale.api.routes import ROUTES, Route
from avtale.api.vocabulary import meaning
from avtale.problems import Problem
from avtale.rulebook import Environment, rulebook_for
from avtale.wire.schemas import REF_TEMPLATE, schema_components

Json = dict[str, Any]

_RULES: Final = rulebook_for("production", "NO")


def document(public_url: str, environment: Environment, today: date) -> Json:
    """The whole document; `today` makes the days in the examples days that can be sent."""
    due = examples.day_after(today)
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(path_of(route), {})[route.method.lower()] = _operation(
            route, public_url, due
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Recurring API",
            "version": __version__,
            "summary": "Agreements that payers approve once, and charges that are collected on them.",
            "description": (
                f"Served by avtale, environment `{environment}`. Amounts are whole minor units "
                "(øre, cents). Instants are in UTC, days are days of the sales unit's market. "
                "Refusals are problem documents; match on what comes after `#` in `type`."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": public_url, "description": f"This server (`{environment}`)."}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "security": [{"accessToken": [], "subscriptionKey": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "parameters": dict(PARAMETERS),
            "headers": dict(HEADERS),
            "securitySchemes": dict(SECURITY),
        },
    }


def path_of(route: Route) -> str:
    """A route's path with its parameters as the API publishes them."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), route.template)


def parameters_of(route: Route) -> list[str]:
    """The names under which a route's parameters are described, in the order of the page."""
    described = DESCRIPTIONS[route.operation]
    found = re.findall(r"{(\w+)}", path_of(route)) + list(described.query)
    if changes(route):
        found.append("Idempotency-Key")
    return found + list(described.headers) + list(COMMON_HEADERS)


def changes(route: Route) -> bool:
    """Whether the operation carries an idempotency key: what changes something, but for tokens and webhooks."""
    return route.method != "GET" and route.resource not in {"tokens", "webhooks"}


def refusals_of(route: Route) -> dict[int, Refusals]:
    """How the operation may refuse, by status."""
    described = DESCRIPTIONS[route.operation]
    kinds: Refusals = described.refusals
    if route.resource != "tokens":
        kinds = AT_THE_GATE + kinds
    if route.resource == "userinfo":
        kinds = tuple(kind for kind in kinds if kind is not problems.SubscriptionKeyRefused)
    if changes(route):
        kinds += WITH_A_KEY
    if described.body is not None:
        kinds += WITH_A_BODY
    if route.resource == "webhooks":
        # A body is read whatever it is declared as.
        kinds = tuple(kind for kind in kinds if kind is not problems.UnsupportedMediaType)
    found: dict[int, Refusals] = {}
    for kind in dict.fromkeys(kinds):
        for status in statuses_of(kind):
            found[status] = (*found.get(status, ()), kind)
    return dict(sorted(found.items()))


def statuses_of(kind: type[Problem]) -> tuple[int, ...]:
    """The statuses with which a refusal is answered; one of them has two."""
    return (400, 403) if kind is problems.UnsupportedFeature else (STATUSES[kind],)


def sentence_of(kind: type[Problem]) -> str:
    """What the refusal means, as its class says."""
    return (kind.__doc__ or "").partition("\n")[0]


def _operation(route: Route, public_url: str, due: date) -> Json:
    described = DESCRIPTIONS[route.operation]
    found: Json = {
        "operationId": route.published,
        "tags": [described.tag],
        "summary": described.summary,
        "description": f"{described.details}\n\navtale calls it `{route.operation}`.",
        "parameters": [
            {"$ref": f"#/components/parameters/{name}"} for name in parameters_of(route)
        ],
        "responses": _responses(route, described, public_url, due),
    }
    if route.resource == "tokens":
        found["security"] = [{"subscriptionKey": []}]
    if route.resource == "userinfo":
        found["security"] = [{"accessToken": []}]
    if described.body is not None:
        bodies = examples.bodies(due)[route.operation]
        found["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _shape(described.body, is_list=described.takes_list),
                    "examples": {
                        _slug(title): {"summary": title, "value": value}
                        for title, value in bodies.items()
                    },
                }
            },
        }
    return found


def _responses(route: Route, described: Described, public_url: str, due: date) -> Json:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    replayed = {"Idempotency-Replayed": {"$ref": "#/components/headers/Idempotency-Replayed"}}
    well: Json = {"description": described.answered, "headers": {**headers}}
    if "Continuation-Token" in described.headers:
        well["headers"]["Continuation-Token"] = {"$ref": "#/components/headers/Continuation-Token"}
    if described.shape is not None:
        well["content"] = {
            "application/json": {
                "schema": _shape(described.shape, is_list=described.is_list),
                "example": examples.answers(public_url, due)[route.operation],
            }
        }
    if changes(route):
        well["headers"] |= replayed
    found: Json = {str(described.status): well}
    for status, kinds in refusals_of(route).items():
        stored = replayed if changes(route) and status in {400, 403, 404, 409} else {}
        found[str(status)] = _refusal(route, status, kinds, headers | stored)
    found["500"] = {
        "description": "Something that we did not foresee; the log has it under the `contextId`.",
        "headers": headers,
        "content": {"application/problem+json": {"schema": _problem(route, 500, ["about:blank"])}},
    }
    return found


def _refusal(route: Route, status: int, kinds: Refusals, headers: Json) -> Json:
    if status in {429, 503}:
        headers = headers | {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    ours = [kind for kind in kinds if kind not in _OTHERS]
    content: Json = {}
    if ours:
        types = [TYPE_BASE + kind.slug if kind.slug else "about:blank" for kind in ours]
        content["application/problem+json"] = {"schema": _problem(route, status, types)}
    others = sorted({_OTHERS[kind] for kind in kinds if kind in _OTHERS})
    if others:
        shapes = [_shape(name) for name in others]
        content["application/json"] = {
            "schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
        }
    lines = [f"* `{kind.slug or 'about:blank'}`: {sentence_of(kind)}" for kind in kinds]
    return {"description": "\n".join(lines), "headers": headers, "content": content}


_OTHERS: Final[dict[type[Problem], str]] = {
    problems.SubscriptionKeyRefused: "GatewayRefusal",
    problems.UnknownClient: "OAuthRefusal",
    problems.WrongClientSecret: "OAuthRefusal",
}
"""Refusals that are not problem documents, and what they are."""


def _problem(route: Route, status: int, types: list[str]) -> Json:
    """A problem document with this status and one of these types; nothing else is in it."""
    in_words = route.resource == "userinfo"
    written = {"const": str(status) if in_words else status}
    shapes = {"userinfo": "UserinfoRefusal", "webhooks": "WebhookRefusal"}
    return {
        "allOf": [
            _shape(shapes.get(route.resource, "ProblemBody")),
            {"properties": {"status": written, "type": {"enum": sorted(set(types))}}},
        ]
    }


def _shape(name: str, *, is_list: bool = False) -> Json:
    reference = {"$ref": REF_TEMPLATE.format(name=name)}
    if not is_list:
        return reference
    if name != "BulkCharge":
        return {"type": "array", "items": reference}
    return {"type": "array", "items": reference, "minItems": 1, "maxItems": _RULES.bulk_items}


def _schemas() -> Json:
    schemas = {name: _in_words(name, schema) for name, schema in schema_components().items()}
    body = schemas["ProblemBody"]
    slugs = sorted({kind.slug for kind in STATUSES if kind.slug})
    types = ["about:blank", *(TYPE_BASE + slug for slug in slugs)]
    members = {**body["properties"], "type": {"type": "string", "enum": types}}
    return {**schemas, "ProblemBody": {**body, "properties": members}}


def _in_words(name: str, schema: Json) -> Json:
    """The schema with a sentence beside every member, before what is said of its form."""
    members = {}
    for member, described in schema["properties"].items():
        parts = [described, *described.get("anyOf", ())]
        words = [meaning(name, member), *(part.get("description") for part in parts)]
        members[member] = {**described, "description": " ".join(filter(None, words))}
    return {**schema, "properties": members}


def _slug(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))
