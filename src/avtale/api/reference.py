"""The reference page at `/docs`: the OpenAPI document for people, without a script and from this server alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

from avtale import __version__
from avtale.api.descriptions import DESCRIPTIONS, TAGS
from avtale.api.openapi import (
    changes,
    parameters_of,
    path_of,
    refusals_of,
    sentence_of,
    statuses_of,
)
from avtale.api.parameters import COMMON_HEADERS, PARAMETERS
from avtale.api.problem_responses import STATUSES
from avtale.api.routes import ROUTES, Route
from avtale.operations.sales_units import Credentials
from avtale.problems import Problem

Json = dict[str, Any]

_CODE: Final = re.compile(r"`([^`]+)`")
_REFERENCE: Final = "#/components/schemas/"
_INT32: Final = 2**31 - 1
_TYPES: Final = {"integer": "whole number", "boolean": "true or false"}
_FORMS: Final = {
    "date-time": "an instant, `2026-12-06T08:00:00Z`",
    "date": "a day, `2026-12-06`",
    "uri": "a whole URL",
    "uuid": "a UUID",
}


class Member(NamedTuple):
    """One line of a table."""

    name: str
    kinds: tuple[str, ...]
    """What it may be; names of shapes among them."""
    words: str
    mark: str = ""
    """`required`, or `not always there`."""


def page(document: Json, credentials: Credentials) -> bytes:
    """The page for an OpenAPI document; `credentials` are what the commands on it are written with."""
    # Loaded here, since most installations never show the page.
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    jinja = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    shapes = document["components"]["schemas"]
    jinja.filters["words"] = _words
    jinja.filters["linked"] = lambda kind: _linked(kind, shapes)
    jinja.filters["wbr"] = _breakable
    [server] = document["servers"]
    html = jinja.from_string(_file("reference.html.jinja")).render(
        public_url=server["url"],
        environment=server["description"].split("`")[1],
        version=__version__,
        begin=_begin(server["url"], credentials),
        groups=_groups(document, credentials),
        common=[_parameter(PARAMETERS[name]) for name in COMMON_HEADERS],
        refusals=_refusals(),
        shapes=_shapes(shapes),
    )
    return html.encode()


# ── Operations ───────────────────────────────────────────────────────────────────────────────────


def _groups(document: Json, credentials: Credentials) -> list[Json]:
    return [
        {
            "name": tag,
            "words": words,
            "operations": [
                _operation(route, document, credentials)
                for route in ROUTES
                if DESCRIPTIONS[route.operation].tag == tag
            ],
        }
        for tag, words in TAGS.items()
    ]


def _operation(route: Route, document: Json, credentials: Credentials) -> Json:
    described = DESCRIPTIONS[route.operation]
    operation = document["paths"][path_of(route)][route.method.lower()]
    schemas = document["components"]["schemas"]
    body = None
    examples: Json = {}
    if described.body is not None:
        [content] = operation["requestBody"]["content"].values()
        examples = {each["summary"]: each["value"] for each in content["examples"].values()}
        body = {
            "kind": "a list of these" if described.takes_list else "an object",
            "members": _members(schemas[described.body]),
        }
    answer = operation["responses"][str(described.status)].get("content", {})
    example = next((each["example"] for each in answer.values()), None)
    url = document["servers"][0]["url"]
    return {
        "name": route.operation,
        "method": route.method,
        "path": path_of(route),
        "summary": described.summary,
        "details": described.details,
        "parameters": [
            _parameter(PARAMETERS[name])
            for name in parameters_of(route)
            if name not in COMMON_HEADERS
        ],
        "body": body,
        "curls": [
            {"title": title, "text": _curl(route, url, value, credentials)}
            for title, value in (examples or {described.summary: None}).items()
        ],
        "status": described.status,
        "answered": described.answered,
        "shape": described.shape,
        "is_list": described.is_list,
        "answer": None if example is None else _pretty(example),
        "refusals": [
            (status, list(dict.fromkeys(_name_of(kind) for kind in kinds)))
            for status, kinds in refusals_of(route).items()
        ],
    }


def _parameter(parameter: Json) -> Member:
    schema = parameter["schema"]
    words = " ".join(filter(None, [parameter["description"], _limits(schema)]))
    mark = "required" if parameter["required"] else ""
    return Member(parameter["name"], (parameter["in"], *_kinds(schema)), words, mark)


def _begin(url: str, credentials: Credentials) -> str:
    return (
        f"URL={url}\n"
        f"KEY={credentials.subscription_key}\n"
        'TOKEN=$(curl -s -X POST "$URL/accesstoken/get" \\\n'
        f"  -H 'client_id: {credentials.client_id}' \\\n"
        f"  -H 'client_secret: {credentials.client_secret}' \\\n"
        '  -H "Ocp-Apim-Subscription-Key: $KEY" \\\n'
        '  | sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\')'
    )


def _curl(route: Route, url: str, body: object, credentials: Credentials) -> str:
    if route.resource == "tokens":
        return _begin(url, credentials).partition("TOKEN=$(")[2].partition(" \\\n  | sed")[0]
    path = path_of(route).replace("{agreementId}", "$AGREEMENT").replace("{chargeId}", "$CHARGE")
    path = path.replace("{sub}", "$SUB")
    lines = [f'curl "$URL{path}"']
    if route.method not in {"GET", "POST"} or (route.method == "POST" and body is None):
        lines = [f'curl -X {route.method} "$URL{path}"']
    lines += ['-H "Authorization: Bearer $TOKEN"', '-H "Ocp-Apim-Subscription-Key: $KEY"']
    if changes(route):
        lines.append(f'-H "Idempotency-Key: {route.operation}-$(date +%s)"')
    if body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d '{_pretty(body)}'"]
    return " \\\n  ".join(lines)


# ── Refusals and shapes ──────────────────────────────────────────────────────────────────────────


def _name_of(kind: type[Problem]) -> str:
    """The identifier of a refusal, or a name for one that has none."""
    return kind.slug or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower().replace(" ", "-")


def _refusals() -> list[Json]:
    """Every way in which the API refuses, those with an identifier first."""
    met = {kind for route in ROUTES for kinds in refusals_of(route).values() for kind in kinds}
    known = [kind for kind in STATUSES if kind.slug or kind in met]
    return [
        {
            "name": _name_of(kind),
            "status": " or ".join(map(str, statuses_of(kind))),
            "sentence": sentence_of(kind)
            + ("" if kind.slug else " It has no type of its own (`about:blank`)."),
        }
        for kind in sorted(known, key=lambda kind: (kind.slug is None, _name_of(kind)))
    ]


def _shapes(schemas: Json) -> list[Json]:
    return [
        {"name": name, "words": schema.get("description", ""), "members": _members(schema)}
        for name, schema in schemas.items()
    ]


def _members(schema: Json) -> list[Member]:
    """The members of a shape. In what is sent null means not given; in what is answered it is said."""
    is_answer = schema.get("additionalProperties") is False
    found: list[Member] = []
    for name, described in schema["properties"].items():
        is_there = name in schema.get("required", ())
        kinds = _kinds(described)
        if not is_answer and not is_there:
            kinds = tuple(kind for kind in kinds if kind != "null")
        mark = ("" if is_there else "not always there") if is_answer else "required" * is_there
        found.append(Member(name, kinds, _told(described), mark))
    return found


def _told(schema: Json) -> str:
    values = [each for each in _values(schema) if each.get("type") != "null"]
    words = [schema.get("description", ""), _limits(values[0]) if len(values) == 1 else ""]
    if "default" in schema:
        words.append(f"`{json.dumps(schema['default'])}` where it is not given.")
    return " ".join(filter(None, words))


def _kinds(schema: Json) -> tuple[str, ...]:
    """What a value may be, each in a word or two or by the name of its shape."""
    return tuple(dict.fromkeys(_kind(each) for each in _values(schema)))


def _values(schema: Json) -> list[Json]:
    """A schema's alternatives, laid flat."""
    if "anyOf" not in schema:
        return [schema]
    return [value for each in schema["anyOf"] for value in _values(each)]


def _kind(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REFERENCE)
    if schema.get("type") == "array":
        return f"list of {' or '.join(_kinds(schema['items']))}"
    if "enum" in schema:
        return "one of these"
    return _TYPES.get(schema["type"], str(schema["type"]))


def _limits(schema: Json) -> str:
    """Bounds, words and forms, as a sentence."""
    said: list[str] = []
    if "enum" in schema:
        said.append(", ".join(f"`{word}`" for word in schema["enum"] if word is not None))
    said += _bounds(schema)
    form = _FORMS.get(schema.get("format", ""))
    if form is not None:
        said.append(form)
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _bounds(schema: Json) -> Iterator[str]:
    smallest, largest = schema.get("minimum"), schema.get("maximum", _INT32)
    if smallest is not None and largest < _INT32:
        yield f"from {smallest} to {largest}"
    elif smallest is not None and smallest > -_INT32:
        yield f"at least {smallest}"
    shortest, longest = schema.get("minLength"), schema.get("maxLength")
    if longest is not None:
        fewest = f"{shortest}–" if shortest else "at most "
        yield f"{fewest}{longest} characters"


# ── Words ────────────────────────────────────────────────────────────────────────────────────────


def _words(text: str) -> Markup:
    """A sentence with `code` in it."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 -- escaped first


def _linked(kind: str, shapes: Json) -> Markup:
    """A kind, with a link where it is a shape."""
    _, of, name = kind.rpartition("list of ")
    if name not in shapes:
        return escape(kind)
    return Markup('{}<a href="#shape-{}">{}</a>').format(of, name, name)


def _breakable(path: str) -> Markup:
    """A path that may break after its slashes."""
    return Markup(str(escape(path)).replace("/", "/<wbr>"))  # noqa: S704 -- escaped first


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _file(name: str) -> str:
    return resources.files("avtale.api").joinpath("templates", name).read_text("utf-8")
