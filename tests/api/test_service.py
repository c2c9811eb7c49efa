"""What the service says of itself: alive, ready, how much, and how it is used."""

from __future__ import annotations

import asyncio
import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from timeit import repeat
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema_rs
import pytest
from prometheus_client.parser import text_string_to_metric_families

from avtale import logs, problems, server
from avtale.api import descriptions, openapi, reference, service, vocabulary
from avtale.api.metrics import Counters, problem_name
from avtale.api.parameters import PARAMETERS
from avtale.api.problem_responses import STATUSES, TYPE_BASE, respond
from avtale.api.routes import ROUTES
from avtale.engine.command import Decided
from avtale.engine.engine import StorageDown
from avtale.operations.sales_units import PUBLIC_CREDENTIALS
from avtale.storage.migrations import migrations
from avtale.wire.schemas import ANSWERS, REQUESTS, schema_components
from tests.faults.strangers import running
from tests.support import House, Shop, installation

URL = "https://avtale.test"
DOCUMENT: dict[str, Any] = openapi.document(URL, "test", date(2026, 11, 2))
SERVICE_PATHS = ("/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/reference.css")
CONTEXT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
async def web(house: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url=URL) as web:
        yield web


# ── Alive and ready ──────────────────────────────────────────────────────────────────────────────


async def test_a_process_that_serves_is_alive(web: httpx.AsyncClient) -> None:
    answer = await web.get("/livez")
    assert (answer.status_code, answer.json()["status"]) == (200, "alive")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_it_is_ready_when_the_database_answers(web: httpx.AsyncClient) -> None:
    answer = await web.get("/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["database"]) == ("ready", "sqlite")
    assert told["migrations"] >= 1
    assert told["loop"] == "not run by this process"


async def test_it_tells_of_its_loop_where_it_runs_one() -> None:
    async with installation(work=True) as house:
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as web:
            assert (await web.get("/readyz")).json()["loop"] == "alive"
            task = house.parts.worker._task
            assert task is not None
            task.cancel()
            await asyncio.wait([task])
            answer = await web.get("/readyz")
            assert answer.status_code == 503
            [missing] = answer.json()["missing"]
            assert "loop" in missing


async def test_it_is_alive_but_not_ready_without_its_database(
    house: House, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_arguments: object, **_more: object) -> None:
        raise StorageDown("the disk is on fire")

    monkeypatch.setattr(house.parts.storage, "check", gone)
    monkeypatch.setattr(house.parts.storage, "select", gone)
    assert (await web.get("/livez")).status_code == 200
    answer = await web.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "missing": ["The database does not answer."],
    }
    assert answer.headers["Retry-After"] == "1"
    figures = await web.get("/metrics")
    assert figures.status_code == 200
    assert "avtale_payments_open" not in figures.text


async def test_it_is_not_ready_before_the_schema_is_up_to_date(
    house: House, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    coming = known[-1]._replace(number=len(known) + 1, name="one more")
    monkeypatch.setattr(service, "migrations", lambda: [*known, coming])
    answer = await web.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == [f"Migration {len(known) + 1:04} is not applied."]


# ── Figures ──────────────────────────────────────────────────────────────────────────────────────


async def figures(web: httpx.AsyncClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels."""
    answer = await web.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_requests_are_counted_by_operation_and_outcome(house: House) -> None:
    shop = await house.shop()
    agreement_id = await shop.agreed()
    await shop.charge(agreement_id)
    await shop.send("POST", f"/agreements/{agreement_id}/charges", {"amount": 1})
    await shop.raw("GET", "/recurring/v3/agreements")
    await shop.raw("GET", "/no/such/path")
    found = await figures(shop._http)
    requests = "avtale_requests_total"
    assert found[requests, ("fetch_token", "2xx")] == 1
    assert found[requests, ("draft_agreement", "2xx")] == 1
    assert found[requests, ("create_charge", "2xx")] == 1
    assert found[requests, ("create_charge", "4xx")] == 1
    assert found[requests, ("list_agreements", "4xx")] == 1
    assert found[requests, ("unknown", "4xx")] == 1
    refusals = "avtale_refusals_total"
    assert found[refusals, ("validation-error",)] == 1
    assert found[refusals, ("subscription-key",)] == 1
    assert found[refusals, ("resource-not-found",)] == 1
    assert found["avtale_request_seconds_count", ("create_charge",)] == 2
    assert 0 < found["avtale_request_seconds_sum", ("create_charge",)] < 60


async def test_a_made_up_method_or_path_is_no_figure_of_its_own(
    web: httpx.AsyncClient,
) -> None:
    for number in range(50):
        await web.request(f"FETCH{number}", f"/docs/{number}")
    found = await figures(web)
    operations = {labels for name, labels in found if name == "avtale_requests_total"}
    assert operations == {("unknown", "4xx")}


async def test_work_is_counted_as_it_is_committed(house: House) -> None:
    shop = await house.shop()
    agreement_id = await shop.agreed(
        initialCharge={
            "amount": 499_00,
            "description": "The first month",
            "transactionType": "DIRECT_CAPTURE",
        }
    )
    await shop.kari.has(0)
    await shop.charge(agreement_id, due="2026-11-04", retryDays=0)
    await shop.clock.advance(days=3)
    found = await figures(shop._http)
    attempts = "avtale_attempts_total"
    assert found[attempts, ("paid",)] == 1
    assert found[attempts, ("begun",)] == 1 + found[attempts, ("declined",)]
    assert found[attempts, ("declined",)] >= 1
    happened = "avtale_happened_total"
    assert found[happened, ("agreement activated",)] == 1
    assert found[happened, ("charge failed",)] == 1
    assert found["avtale_commands_total", ()] >= found["avtale_batch_commands_count", ()] > 0
    assert found["avtale_batch_commands_bucket", ("+Inf",)] > 0
    assert found["avtale_queue_commands", ()] == 0
    assert found["avtale_payments_open", ()] == 0
    assert found["avtale_loop_late_seconds", ()] == 0


def test_counting_a_request_costs_less_than_three_microseconds() -> None:
    counters = Counters()
    template = "/recurring/v3/agreements/{agreement_id}/charges"
    rounds = 20_000

    def count() -> None:
        counters.tally("POST", template).add(201, 0.0012)

    # The quickest of many rounds: what others do on this machine meanwhile is not ours.
    assert min(repeat(count, number=rounds, repeat=15)) / rounds < 3e-6


def test_counting_a_command_costs_less_than_three_microseconds() -> None:
    counters = Counters()
    batch: list[Decided[Any]] = [Decided() for _ in range(100)]
    assert min(repeat(lambda: counters.listen(batch), number=200, repeat=15)) / 200 / 100 < 3e-6


SPECIAL: dict[type[problems.Problem], problems.Problem] = {
    problems.ValidationFailed: problems.ValidationFailed.of("amount", "is required"),
    problems.InvalidMethod: problems.InvalidMethod(("GET",)),
    problems.TooManyRequests: problems.TooManyRequests("It was not to be.", 60),
    problems.UnsupportedFeature: problems.UnsupportedFeature("It was not to be.", forbidden=True),
}


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_every_refusal_has_a_name_in_the_figures(kind: type[problems.Problem]) -> None:
    problem = SPECIAL[kind] if kind in SPECIAL else kind("It was not to be.")
    answer = respond(problem, "/x", "c")
    name = problem_name(answer.status, answer.body.encode())
    expected = "subscription-key" if kind is problems.SubscriptionKeyRefused else kind.slug
    assert name == expected if expected else re.fullmatch(r"[a-z-]+", name)


# ── The log ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def level() -> Any:
    before = logs._Settings.threshold
    yield lambda name: setattr(logs._Settings, "threshold", logs.NUMBERS[name])
    logs._Settings.threshold = before


async def test_every_request_writes_one_line_without_what_was_sent(
    house: House, level: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = await house.shop()
    agreement_id = await shop.agreed()
    level("info")
    capsys.readouterr()
    await shop.send("GET", "/agreements?createdAfter=1234567890123")
    await shop.send(
        "PATCH",
        f"/agreements/{agreement_id}/accept",
        {"phoneNumber": "4798765432"},
        key="k-very-own",
    )
    text = capsys.readouterr().err
    listed, accepted = (json.loads(line) for line in text.splitlines())
    assert (listed["event"], listed["operation"]) == ("request", "list_agreements")
    assert (listed["method"], listed["path"]) == ("GET", "/recurring/v3/agreements")
    assert (listed["status"], listed["msn"]) == (200, shop.msn)
    assert CONTEXT_ID.fullmatch(listed["contextId"])
    assert 0 < listed["ms"] < 60_000
    assert accepted["path"] == "/recurring/v3/agreements/{agreement_id}/accept"
    assert accepted["status"] == 400
    token = await shop.token()
    key = shop.credentials.subscription_key
    for secret in (token, key, "1234567890123", "4798765432", agreement_id, "k-very-own"):
        assert secret not in text


async def test_no_line_is_made_above_its_level(
    house: House, level: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = await house.shop()
    level("warning")
    capsys.readouterr()
    await shop.agreements()
    assert capsys.readouterr().err == ""


async def test_what_a_caller_sends_forges_no_line_and_colours_no_terminal(
    house: House, level: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = await house.shop()
    await shop.token()
    level("info")
    capsys.readouterr()
    hostile = "\x1b[31mred\x7f\u202eevil\x85\u2028next"
    as_bytes = hostile.encode().decode("latin-1")
    await shop.send("GET", "/agreements", Merchant_Serial_Number=as_bytes)
    await shop.raw("GET", f"/recurring/v3/{quote(hostile)}")
    await shop.raw("G\x7fET", "/recurring/v3/agreements")
    text = capsys.readouterr().err
    assert text.isascii()
    assert all(character.isprintable() for line in text.split("\n") for character in line)
    lines = [json.loads(line) for line in text.split("\n") if line]
    assert [line["status"] for line in lines] == [403, 404, 405]
    logs.get_logger("avtale.test").info("told", reason=hostile)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.rstrip("\n").isprintable()
    assert json.loads(told)["reason"] == hostile


# ── Methods and refusals at the edge ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
async def test_only_its_methods_reach_a_path(web: httpx.AsyncClient, route: Any) -> None:
    path = route.template.format(
        agreement_id="agr_5kSeqz7", charge_id="chr-1", sub="s-1", webhook_id="w-1"
    )
    allowed = {each.method for each in ROUTES if each.template == route.template}
    for method in sorted({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"}):
        if method in allowed:
            continue
        answer = await web.request(method, path)
        assert answer.status_code == 405, method
        assert allowed <= set(answer.headers["Allow"].split(", "))
        assert CONTEXT_ID.fullmatch(answer.headers["X-Request-Id"])
        assert answer.headers["Content-Type"] == "application/problem+json"
        if method != "HEAD":
            told = answer.json()
            assert told["type"].endswith("#invalid-method")
            told_id = told["traceId" if route.resource == "webhooks" else "contextId"]
            assert told_id == answer.headers["X-Request-Id"]
    options = await web.options(path)
    assert (options.status_code, options.content) == (204, b"")
    assert allowed <= set(options.headers["Allow"].split(", "))
    assert CONTEXT_ID.fullmatch(options.headers["X-Request-Id"])


@pytest.mark.parametrize("path", ["/recurring", "/recurring/v2/agreements", "/docs/x", "/.env"])
async def test_an_unknown_path_is_a_problem_with_an_id(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.get(path)
    assert answer.status_code == 404
    told = answer.json()
    assert told["type"].endswith("#resource-not-found")
    assert told["instance"] == path
    assert told["contextId"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", SERVICE_PATHS)
async def test_the_services_own_paths_know_head_and_refuse_the_rest(
    web: httpx.AsyncClient, path: str
) -> None:
    assert (await web.post(path)).status_code == 405
    assert (await web.get(path)).status_code == 200
    if path != "/metrics":
        head = await web.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["Content-Length"]) > 0


async def test_a_path_that_is_too_long_is_refused(shop: Shop) -> None:
    reply = await shop.send("GET", f"/agreements?status={'A' * 2048}")
    assert (reply.status, reply.slug) == (414, None)


# ── The document ─────────────────────────────────────────────────────────────────────────────────

OPENAPI_3_1 = {
    # The parts of the published meta-schema that a mistake of ours would break.
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {"required": ["title", "version"]},
        "paths": {
            "patternProperties": {
                "^/": {
                    "propertyNames": {"enum": ["get", "post", "patch", "delete"]},
                    "additionalProperties": {"$ref": "#/$defs/operation"},
                }
            },
            "additionalProperties": False,
        },
        "components": {
            "properties": {
                "parameters": {"additionalProperties": {"$ref": "#/$defs/parameter"}},
                "schemas": {
                    "additionalProperties": {"$ref": "https://json-schema.org/draft/2020-12/schema"}
                },
            }
        },
    },
    "$defs": {
        "operation": {
            "required": ["operationId", "summary", "description", "tags", "responses"],
            "properties": {
                "summary": {"minLength": 5},
                "description": {"minLength": 20},
                "responses": {
                    "propertyNames": {"pattern": "^[2-5][0-9][0-9]$"},
                    "minProperties": 5,
                    "additionalProperties": {
                        "required": ["description", "headers"],
                        "properties": {"description": {"minLength": 5}},
                    },
                },
            },
        },
        "parameter": {
            "required": ["name", "in", "description", "required", "schema"],
            "properties": {"in": {"enum": ["path", "query", "header"]}},
        },
    },
}


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def fits(schema: dict[str, Any], value: object) -> bool:
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(whole, validate_formats=True).is_valid(value)


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


async def test_the_document_is_served_once_made(house: House, web: httpx.AsyncClient) -> None:
    answer = await web.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    served = answer.json()
    assert served["servers"][0]["url"] == house.parts.public_url
    assert served["paths"].keys() == DOCUMENT["paths"].keys()
    assert (await web.get("/openapi.json")).content == answer.content


def test_the_document_has_the_form_of_openapi() -> None:
    errors = list(jsonschema_rs.validator_for(OPENAPI_3_1).iter_errors(DOCUMENT))
    assert not errors, [error.message for error in errors]


def test_every_route_is_an_operation_and_every_operation_is_in_words() -> None:
    assert {route.operation for route in ROUTES} == descriptions.DESCRIPTIONS.keys()
    assert {operation["operationId"] for _, operation in operations()} == {
        route.published for route in ROUTES
    }
    assert {each.tag for each in descriptions.DESCRIPTIONS.values()} == descriptions.TAGS.keys()


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)))
    assert len(references) > 50
    for each in references:
        assert resolved(each)


def test_every_parameter_in_a_path_is_described() -> None:
    for name, operation in operations():
        described = {
            parameter["name"]
            for parameter in (resolved(each["$ref"]) for each in operation["parameters"])
            if parameter["in"] == "path"
        }
        assert described == set(re.findall(r"{(\w+)}", name)), name


def test_a_key_is_asked_for_where_something_changes_and_nowhere_else() -> None:
    for name, operation in operations():
        asked = {"$ref": "#/components/parameters/Idempotency-Key"} in operation["parameters"]
        needs_none = name.startswith(("get", "post /accesstoken")) or "/webhooks/" in name
        assert asked is not needs_none, name


def test_the_form_of_a_key_is_what_the_gate_accepts() -> None:
    form = PARAMETERS["Idempotency-Key"]["schema"]
    good = ["a", "order-1:capture", "x" * 40, "a b", "~", "[]{}<>|^`", '"']
    bad = ["", "x" * 41, "a#b", "a?b", "a/b", "a\\b", "ø", " a", "a ", "a\tb", "a\n"]
    assert [fits(form, key) for key in good + bad] == [True] * len(good) + [False] * len(bad)


def test_every_example_fits_its_schema() -> None:
    tried = 0
    for name, operation in operations():
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in contents:
            for media in content.get("content", {}).values():
                examples = [each["value"] for each in media.get("examples", {}).values()]
                for example in [*examples, *([media["example"]] if "example" in media else [])]:
                    assert fits(media["schema"], example), (name, example)
                    tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    "today", [date(2026, 11, 2), date(2026, 12, 31), date(2027, 1, 31), date(2028, 2, 29)]
)
def test_the_days_in_the_examples_can_be_sent(today: date) -> None:
    document = openapi.document(URL, "test", today)
    create = document["paths"]["/recurring/v3/agreements/{agreementId}/charges"]["post"]
    examples = create["requestBody"]["content"]["application/json"]["examples"]
    first = next(iter(examples.values()))["value"]
    assert 28 <= (date.fromisoformat(first["due"]) - today).days <= 70


def test_every_refusal_is_a_closed_problem_of_the_types_that_can_be() -> None:
    create = DOCUMENT["paths"]["/recurring/v3/agreements/{agreementId}/charges"]["post"]
    [content] = create["responses"]["400"]["content"].values()
    problem = {
        "type": TYPE_BASE + "charge-due-too-soon",
        "title": "Bad Request",
        "status": 400,
        "detail": "Tomorrow at the earliest.",
        "instance": "/recurring/v3/agreements/agr_1/charges",
        "contextId": "9c2ca95c-245f-4a2e-aab2-4a08eb78e6fb",
    }
    assert fits(content["schema"], problem)
    assert not fits(content["schema"], {**problem, "status": 409})
    assert not fits(content["schema"], {**problem, "stack": "line 1"})
    other = {**problem, "type": TYPE_BASE + "cancel-charge-failed"}
    assert not fits(content["schema"], other)


def test_every_member_of_every_shape_is_in_words() -> None:
    for name, schema in schema_components().items():
        for member in schema["properties"]:
            assert vocabulary.meaning(name, member), (name, member)
    described = schema_components().keys()
    assert vocabulary.IN_SHAPES.keys() <= described
    assert {shape.__name__ for shape in (*REQUESTS, *ANSWERS)} <= described
    members = {member for schema in schema_components().values() for member in schema["properties"]}
    assert vocabulary.MEMBERS.keys() <= members


# ── The page ─────────────────────────────────────────────────────────────────────────────────────


class Outline(HTMLParser):
    """What a page links to, what it names, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes |= given.keys()
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag == "a":
            self.links.append(given["href"] or "")
        elif "src" in given or "href" in given:
            self.loads.append(given.get("src") or given.get("href") or "")


async def test_the_page_tells_of_every_operation_with_a_command_to_paste(
    web: httpx.AsyncClient,
) -> None:
    answer = await web.get("/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    outline = Outline(answer.text)
    for route in ROUTES:
        assert route.operation in outline.ids
        assert f"#{route.operation}" in outline.links
    assert PUBLIC_CREDENTIALS.client_id in answer.text
    assert PUBLIC_CREDENTIALS.subscription_key in answer.text
    for kind in STATUSES:
        if kind.slug is not None:
            assert f"problem-{kind.slug}" in outline.ids


async def test_the_page_loads_nothing_but_its_own_style_and_runs_nothing(
    web: httpx.AsyncClient,
) -> None:
    answer = await web.get("/docs")
    outline = Outline(answer.text)
    assert outline.loads == ["/docs/reference.css"]
    assert "script" not in outline.tags
    assert not outline.attributes & {"style", "onclick", "onload"}
    assert len(outline.ids) == len(set(outline.ids))
    for link in outline.links:
        assert link.removeprefix("#") in outline.ids if link[0] == "#" else link in SERVICE_PATHS
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    style = await web.get("/docs/reference.css")
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "url(" not in style.text
    assert "prefers-color-scheme: dark" in style.text


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_on_the_page_work_when_pasted(tmp_path: Path) -> None:
    with running(tmp_path / "log") as server:
        page = httpx.get(f"http://127.0.0.1:{server.port}/docs").text
        commands = [
            html.unescape(each) for each in re.findall(r"<pre[^>]*><code>(.*?)<", page, re.DOTALL)
        ]
        begin = next(each for each in commands if each.startswith("URL="))

        def pasted(first_line: str, words: str = "", **variables: str) -> Any:
            """The answer to the command that begins so and has these words in it."""
            [command, *_] = [
                each
                for each in commands
                if each.startswith(f'curl {first_line}" ') and words in each
            ]
            given = "\n".join(f"{name}={value}" for name, value in variables.items())
            script = f"{begin}\n{given}\n{command} -sS --fail-with-body"
            told = subprocess.run(
                ["bash", "-c", script], capture_output=True, text=True, check=False
            )
            assert told.returncode == 0, (script, told)
            return json.loads(told.stdout or "null")

        path = "$URL/recurring/v3/agreements"
        agreement = pasted(f'"{path}', "The first month")["agreementId"]
        with_agreement = {"AGREEMENT": agreement}
        accept = f'-X PATCH "{path}/$AGREEMENT/accept'
        assert pasted(accept, **with_agreement) is None
        assert pasted(f'"{path}/$AGREEMENT', **with_agreement)["status"] == "ACTIVE"
        assert pasted(f'-X PATCH "{path}/$AGREEMENT', "54900", **with_agreement) is None
        created = pasted(f'"{path}/$AGREEMENT/charges', "retryDays", **with_agreement)
        charge = {**with_agreement, "CHARGE": created["chargeId"]}
        assert pasted(f'"{path}/$AGREEMENT/charges/$CHARGE', **charge)["status"] == "PENDING"
        assert pasted(f'-X DELETE "{path}/$AGREEMENT/charges/$CHARGE', **charge) is None
        [listed, first] = pasted(f'"{path}/$AGREEMENT/charges', **with_agreement)[::-1]
        assert (listed["status"], first["status"]) == ("CANCELLED", "CHARGED")
        refund = {**with_agreement, "CHARGE": first["id"]}
        assert pasted(f'"{path}/$AGREEMENT/charges/$CHARGE/refund', **refund) is None
        assert pasted('"$URL/recurring/v3/charges/$CHARGE', **refund)["status"] == "REFUNDED"


async def test_in_production_the_page_knows_no_keys() -> None:
    async with installation(environment="production") as house:
        transport = httpx.ASGITransport(server.application(house.parts))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as web:
            text = (await web.get("/docs")).text
    assert PUBLIC_CREDENTIALS.client_secret not in text
    assert "$CLIENT_SECRET" in text


def test_words_on_the_page_are_escaped() -> None:
    hostile = json.loads(json.dumps(DOCUMENT).replace("https://example.com", "<script>x</script>"))
    text = reference.page(hostile, PUBLIC_CREDENTIALS).decode()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


async def test_who_asks_for_neither_page_nor_figures_does_not_pay_for_them() -> None:
    program = (
        "import sys; from avtale import server; "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('prometheus_client', 'jinja2', 'markupsafe') or name in "
        "('avtale.api.openapi', 'avtale.api.reference', 'avtale.wire.schemas')])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
