"""What the OpenAPI document says of a shape is what the shape reads and writes."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from avtale.problems import ValidationFailed
from avtale.rulebook import rulebook_for
from avtale.wire.agreements import AcceptAgreement, DraftAgreement, UpdateAgreement
from avtale.wire.charges import BulkCharge, CaptureCharge, CreateCharge, RefundCharge
from avtale.wire.problems import (
    ExtraDetail,
    GatewayRefusal,
    OAuthRefusal,
    ProblemBody,
    RefusalMessage,
    ResponseInfo,
)
from avtale.wire.reading import shaped
from avtale.wire.schemas import ANSWERS, COMBINATIONS, MEMBERS, REQUESTS, schema_components
from avtale.wire.tokens import TokenAnswer
from avtale.wire.webhooks import RegisterWebhook

RULES = rulebook_for("test", "NO")
COMPONENTS = schema_components()

AMOUNT = {"amount": 499_00}
CHARGE = {**AMOUNT, "description": "October", "transactionType": "DIRECT_CAPTURE"}
RECURRING = {**CHARGE, "due": "2026-11-01", "retryDays": 5}
PRICING = {**AMOUNT, "currency": "NOK"}
VARIABLE = {"type": "VARIABLE", "suggestedMaxAmount": 300_00, "currency": "NOK"}
DRAFT = {
    "pricing": PRICING,
    "merchantRedirectUrl": "https://example.com/welcome",
    "merchantAgreementUrl": "https://example.com/my/1234",
    "productName": "Premier League",
}
CAMPAIGN = {"type": "PRICE_CAMPAIGN", "price": 0, "end": "2027-01-01T00:00:00Z"}
RECEIVER = {"url": "https://news.example/hook", "events": ["recurring.charge-captured.v1"]}
WEEKLY = {"unit": "WEEK", "count": 1}
BULK = {**RECURRING, "agreementId": "agr_5kSeqz", "orderId": "october-1"}

# A shape, a body, and whether it is accepted: by the schema and by the shape alike.
CASES: list[tuple[type[msgspec.Struct], dict[str, Any], bool]] = [
    (RegisterWebhook, RECEIVER, True),
    (RegisterWebhook, {**RECEIVER, "secret": "mine"}, True),
    (RegisterWebhook, {**RECEIVER, "events": []}, False),
    (RegisterWebhook, {**RECEIVER, "events": ["recurring.charge-paid.v1"]}, False),
    (RegisterWebhook, {**RECEIVER, "url": None}, False),
    (RegisterWebhook, {**RECEIVER, "url": "https://x.example/" + "x" * 2048}, False),
    (CreateCharge, RECURRING, True),
    (CreateCharge, {**RECURRING, "type": None, "processingMode": None, "orderId": None}, True),
    (CreateCharge, {**RECURRING, "currency": "NOK", "status": "CHARGED"}, True),
    (CreateCharge, {**RECURRING, "processingMode": "SINGLE_ATTEMPT", "retryDays": 0}, True),
    (CreateCharge, {**RECURRING, "processingMode": "SINGLE_ATTEMPT"}, False),
    (CreateCharge, {**RECURRING, "retryDays": 15}, False),
    (CreateCharge, {**RECURRING, "retryDays": None}, False),
    (CreateCharge, {**RECURRING, "due": None}, False),
    (CreateCharge, {**RECURRING, "amount": 0}, False),
    (CreateCharge, {**RECURRING, "amount": "49900"}, False),
    (CreateCharge, {**RECURRING, "amount": 2**31}, False),
    (CreateCharge, {**RECURRING, "description": "x" * 101}, False),
    (CreateCharge, {**RECURRING, "description": "a\tb"}, False),
    (CreateCharge, {**RECURRING, "orderId": "a b"}, False),
    (CreateCharge, {**RECURRING, "type": "INITIAL"}, False),
    (CreateCharge, {**CHARGE, "type": "UNSCHEDULED"}, True),
    (CreateCharge, {**CHARGE, "type": "UNSCHEDULED", "due": None, "retryDays": 0}, True),
    (CreateCharge, {**RECURRING, "type": "UNSCHEDULED"}, False),
    (BulkCharge, BULK, True),
    (BulkCharge, {**BULK, "processingMode": "SINGLE_ATTEMPT", "retryDays": 0}, True),
    (BulkCharge, {**BULK, "processingMode": "SINGLE_ATTEMPT"}, False),
    (BulkCharge, {**BULK, "agreementId": "5kSeqz"}, False),
    (BulkCharge, RECURRING, False),
    (CaptureCharge, AMOUNT, True),
    (CaptureCharge, {"amount": 0}, False),
    (RefundCharge, {**AMOUNT, "description": "Rain"}, True),
    (RefundCharge, AMOUNT, False),
    (AcceptAgreement, {"phoneNumber": "4791234567"}, True),
    (AcceptAgreement, {"phoneNumber": "+4791234567"}, False),
    (DraftAgreement, DRAFT, True),
    (DraftAgreement, {**DRAFT, "isApp": None, "interval": None, "campaign": None}, True),
    (DraftAgreement, {**DRAFT, "interval": {"unit": "WEEK", "count": "31"}}, True),
    (DraftAgreement, {**DRAFT, "interval": {"unit": "WEEK", "count": "32"}}, False),
    (DraftAgreement, {**DRAFT, "interval": {"unit": "WEEK", "count": 0}}, False),
    (DraftAgreement, {**DRAFT, "campaign": CAMPAIGN}, True),
    (DraftAgreement, {**DRAFT, "campaign": CAMPAIGN, "pricing": VARIABLE}, False),
    (DraftAgreement, {**DRAFT, "campaign": {**CAMPAIGN, "price": -1}}, False),
    (DraftAgreement, {**DRAFT, "campaign": {**CAMPAIGN, "type": "LEGACY_CAMPAIGN"}}, False),
    (DraftAgreement, {**DRAFT, "pricing": VARIABLE}, True),
    (DraftAgreement, {**DRAFT, "pricing": {**PRICING, "type": None}}, True),
    (DraftAgreement, {**DRAFT, "pricing": {"type": "FLEXIBLE", "currency": "NOK"}}, True),
    (DraftAgreement, {**DRAFT, "pricing": {**PRICING, "type": "VARIABLE"}}, False),
    (DraftAgreement, {**DRAFT, "pricing": {"currency": "NOK"}}, False),
    (DraftAgreement, {**DRAFT, "pricing": {**PRICING, "currency": "SEK"}}, False),
    (DraftAgreement, {**DRAFT, "phoneNumber": "unknown"}, True),
    (DraftAgreement, {**DRAFT, "skipLandingPage": True, "phoneNumber": "4791234567"}, True),
    (DraftAgreement, {**DRAFT, "skipLandingPage": True, "phoneNumber": "unknown"}, False),
    (DraftAgreement, {**DRAFT, "skipLandingPage": True}, False),
    (DraftAgreement, {**DRAFT, "scope": "name nin"}, True),
    (DraftAgreement, {**DRAFT, "scope": "shoesize"}, False),
    (DraftAgreement, {**DRAFT, "merchantRedirectUrl": "https://x.no/" + "x" * 2048}, False),
    (DraftAgreement, {**DRAFT, "merchantAgreementUrl": "https://x.no/" + "x" * 1024}, False),
    (DraftAgreement, {**DRAFT, "initialCharge": {**CHARGE, "currency": "NOK"}}, True),
    (DraftAgreement, {**DRAFT, "initialCharge": {**CHARGE, "amount": 0}}, False),
    (DraftAgreement, {**DRAFT, "paymentMethod": {"blockedSources": ["COMMERCIAL_CARDS"]}}, True),
    (DraftAgreement, {**DRAFT, "paymentMethod": {"blockedSources": ["CASH"]}}, False),
    (UpdateAgreement, {"status": "STOPPED"}, True),
    (UpdateAgreement, {"status": "ACTIVE"}, False),
    (UpdateAgreement, {}, False),
    (UpdateAgreement, {"pricing": AMOUNT}, True),
    (UpdateAgreement, {"pricing": {}}, False),
    (UpdateAgreement, {"interval": {"period": WEEKLY}}, True),
    (UpdateAgreement, {"interval": {"type": "FLEXIBLE"}}, True),
    (UpdateAgreement, {"interval": {"type": "FLEXIBLE", "period": WEEKLY}}, False),
    (UpdateAgreement, {"interval": WEEKLY}, False),
]


def fits(name: str, value: object) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": COMPONENTS}}
    return jsonschema_rs.validator_for(schema).is_valid(value)


def is_read(shape: type[msgspec.Struct], body: object) -> bool:
    try:
        return shaped(body, shape).faults(RULES) == []  # type: ignore[attr-defined]
    except ValidationFailed:
        return False


@pytest.mark.parametrize(
    ("shape", "body", "accepted"),
    CASES,
    ids=[f"{shape.__name__}-{number}" for number, (shape, _, _) in enumerate(CASES)],
)
def test_schema_and_shape_agree(
    shape: type[msgspec.Struct], body: dict[str, Any], accepted: bool
) -> None:
    assert is_read(shape, body) is accepted
    assert fits(shape.__name__, body) is accepted


def test_every_request_is_tried() -> None:
    assert {shape for shape, _, _ in CASES} == set(REQUESTS)


def nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def reached_from(shapes: tuple[type[msgspec.Struct], ...]) -> set[str]:
    found: set[str] = set()
    waiting = {shape.__name__ for shape in shapes}
    while waiting:
        name = waiting.pop()
        found.add(name)
        refs = {node["$ref"] for node in nodes(COMPONENTS[name]) if "$ref" in node}
        waiting |= {ref.rpartition("/")[2] for ref in refs} - found
    return found


def test_answers_are_closed_and_requests_are_open() -> None:
    answers, requests = reached_from(ANSWERS), reached_from(REQUESTS)
    assert answers | requests == COMPONENTS.keys()
    assert not answers & requests
    for name in answers:
        assert COMPONENTS[name]["additionalProperties"] is False
    for name in requests:
        assert "additionalProperties" not in COMPONENTS[name]


def test_every_optional_member_of_a_request_may_be_null() -> None:
    for name in reached_from(REQUESTS):
        schema = COMPONENTS[name]
        for member, described in schema["properties"].items():
            is_optional = member not in schema["required"]
            assert ({"type": "null"} in described.get("anyOf", [])) is is_optional, (name, member)


def test_what_is_added_by_hand_is_about_members_that_exist() -> None:
    for name, members in MEMBERS.items():
        assert members.keys() <= COMPONENTS[name]["properties"].keys()
    for name, rules in COMBINATIONS.items():
        known = COMPONENTS[name]["properties"].keys()
        for case in [*rules.get("anyOf", []), rules.get("if", {}), rules.get("then", {})]:
            assert set(case.get("required", [])) | case.get("properties", {}).keys() <= known


def test_schemas_are_plain_json_that_other_languages_read() -> None:
    assert json.loads(json.dumps(COMPONENTS)) == COMPONENTS
    for node in nodes(COMPONENTS):
        assert r"\Z" not in str(node.get("pattern", ""))
        if isinstance(node.get("description"), str):
            assert "\n    " not in node["description"]
    jsonschema_rs.meta.validate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": COMPONENTS}
    )


REFUSAL = ProblemBody(
    type="about:blank",
    title="Not Found",
    status=404,
    detail="Agreement not found.",
    instance="/recurring/v3/agreements/agr_5kSeqz",
    context_id="6080c099-d7f2-43ef-a82b-2991ccc3a239",
)
OTHERS: list[tuple[msgspec.Struct, dict[str, Any]]] = [
    (
        REFUSAL,
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "Agreement not found.",
            "instance": "/recurring/v3/agreements/agr_5kSeqz",
            "contextId": "6080c099-d7f2-43ef-a82b-2991ccc3a239",
        },
    ),
    (
        GatewayRefusal(ResponseInfo(401, "Unauthorized"), RefusalMessage("Access denied")),
        {
            "responseInfo": {"responseCode": 401, "responseMessage": "Unauthorized"},
            "result": {"message": "Access denied"},
        },
    ),
    (
        OAuthRefusal(error="invalid_client", error_description="Wrong.", error_codes=(7000215,)),
        {"error": "invalid_client", "error_description": "Wrong.", "error_codes": [7000215]},
    ),
    (
        TokenAnswer(
            token_type="Bearer",
            expires_in="3600",
            ext_expires_in="0",
            expires_on="1495271273",
            not_before="1495267673",
            resource="00000002-0000-0000-c000-000000000000",
            access_token="eyJ0eXAiOiJKV1Qi",
        ),
        {
            "token_type": "Bearer",
            "expires_in": "3600",
            "ext_expires_in": "0",
            "expires_on": "1495271273",
            "not_before": "1495267673",
            "resource": "00000002-0000-0000-c000-000000000000",
            "access_token": "eyJ0eXAiOiJKV1Qi",
        },
    ),
]


@pytest.mark.parametrize(
    ("answer", "written"), OTHERS, ids=[type(answer).__name__ for answer, _ in OTHERS]
)
def test_refusals_and_tokens_are_written_as_published(
    answer: msgspec.Struct, written: dict[str, Any]
) -> None:
    assert json.loads(msgspec.json.encode(answer)) == written
    assert fits(type(answer).__name__, written)
    assert not fits(type(answer).__name__, {**written, "secret": 1})


def test_details_have_a_name_and_a_reason() -> None:
    detailed = msgspec.structs.replace(
        REFUSAL, extra_details=(ExtraDetail("pricing.amount", "is required"),)
    )
    written = json.loads(msgspec.json.encode(detailed))
    assert written["extraDetails"] == [{"name": "pricing.amount", "reason": "is required"}]
    assert fits("ProblemBody", written)
