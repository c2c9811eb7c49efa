"""Whatever a body, a path or a query holds, the answer is a refusal that says what is wrong and repeats nothing."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings
from msgspec import inspect

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.wire import schemas
from tests.support import CHARGE, DRAFT, INITIAL, House, Reply, Shop, installation

CANARY = "kanarifugl"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with installation() as made:
        yield made


@pytest.fixture
async def shop(house: House) -> Shop:
    return await house.shop()


def require_refused(reply: Reply, *slugs: str | None, status: int = 400) -> None:
    """A problem of one of these types, which repeats nothing of what was sent."""
    assert reply.status == status, reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.slug in slugs, reply.body
    assert reply.json["contextId"] == reply.headers["X-Request-Id"]
    assert CANARY.encode() not in reply.body


# ── Numbers (reliability 2H-105) ─────────────────────────────────────────────────────────────────

NO_AMOUNTS = [
    *("true", "false", "null", "[]", "{}", '""', '"100"', '"1e2"', '"49900"', '"ten"'),
    *("1.0", "49900.0", "1e2", "499e2", "1E+2", "0.1", "-0", "-0.0", "0", "-1", "-49900"),
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400"),
    *("2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "-2147483649"),
    *("9" * 100, "9" * 5_000, "1" + "0" * 20_000, "0." + "1" * 5_000),
    *(
        '"\u0661\u0660\u0660"',
        '"\uff11\uff10\uff10"',
        '"1_000"',
        '"0x64"',
        '"+100"',
        '" 100"',
        '"100\\n"',
    ),
    *(
        "1_000",
        "0x64",
        "+100",
        "0100",
        ".5",
        "5.",
        "1e",
        "--1",
        "\u0661\u0660\u0660",
        "\uff11\uff10\uff10",
        "100,",
        "'100'",
    ),
]


@pytest.mark.parametrize(
    "number", NO_AMOUNTS, ids=lambda number: number if len(number) < 20 else f"{len(number)} digits"
)
async def test_what_is_no_amount_is_refused_wherever_one_is_asked_for(
    shop: Shop, number: str
) -> None:
    agreement_id = await shop.agreed(
        initialCharge={**INITIAL, "transactionType": "RESERVE_CAPTURE"}
    )
    [charge] = await shop.charges(agreement_id)
    path = f"/agreements/{agreement_id}"
    bodies = {
        ("POST", "/agreements"): shop.draft_body(
            pricing={"currency": "NOK", "amount": "@"}, productName=CANARY
        ),
        ("POST", "/agreements "): shop.draft_body(initialCharge={**INITIAL, "amount": "@"}),
        ("PATCH", path): {"pricing": {"amount": "@"}, "productName": CANARY},
        ("POST", f"{path}/charges"): {**CHARGE, "amount": "@", "description": CANARY},
        ("POST", f"{path}/charges/{charge['id']}/capture"): {"amount": "@"},
        ("POST", f"{path}/charges/{charge['id']}/refund"): {"amount": "@", "description": CANARY},
    }
    for (method, target), body in bodies.items():
        sent = json.dumps(body).replace('"@"', number).encode()
        reply = await shop.send(method, target.strip(), sent)
        if number == "null" and "initialCharge" not in body and method == "PATCH":
            assert reply.status in {204, 400}
            continue
        require_refused(reply, "validation-error", "invalid-json")
    assert await shop.summary(charge["id"]) == (0, 0, 0)
    [stored] = await shop.charges(agreement_id)
    assert stored["status"] == "RESERVED"


@pytest.mark.parametrize("number", ["true", "1.0", '"1"', "-1", "15", "1e1", "9" * 400, "[0]"])
async def test_what_is_no_number_of_days_is_refused(shop: Shop, number: str) -> None:
    agreement_id = await shop.agreed()
    body = json.dumps({**CHARGE, "retryDays": "@"}).replace('"@"', number).encode()
    reply = await shop.send("POST", f"/agreements/{agreement_id}/charges", body)
    require_refused(reply, "validation-error", "invalid-json")
    assert "retryDays" in reply.faults


@pytest.mark.parametrize(
    "text",
    [
        "\u0661",
        "\uff11",
        "1\n",
        "1 ",
        " 1",
        "+1",
        "1e1",
        "1_0",
        "0",
        "-1",
        "1.0",
        "9" * 4_300,
        "\x001",
    ],
)
@pytest.mark.parametrize("name", ["pageNumber", "pageSize"])
async def test_what_is_no_page_is_refused(shop: Shop, name: str, text: str) -> None:
    reply = await shop.send("GET", f"/agreements?{name}={quote(text)}")
    if len(text) > 2_000:
        assert reply.status == 414
        return
    require_refused(reply, "validation-error")
    assert name in reply.faults


# ── Text (reliability 2H-106, 107, 110) ──────────────────────────────────────────────────────────

BAD_TEXT = {
    "half a pair": '"\\ud800"',
    "the other half": f'"{CANARY}\\udfff"',
    "halves the wrong way round": '"\\udc00\\ud800"',
    "NUL": '"a\\u0000b"',
    "NUL at the end": f'"{CANARY}\\u0000"',
    "a line break": f'"{CANARY}\\n"',
    "a carriage return": '"a\\rb"',
    "an escape": f'"\\u001b[31m{CANARY}"',
    "a delete": '"a\\u007f"',
    "a C1 control": '"a\\u0085b"',
}


@pytest.mark.parametrize("text", BAD_TEXT.values(), ids=BAD_TEXT.keys())
async def test_text_that_no_database_or_terminal_should_hold_is_refused(
    shop: Shop, text: str
) -> None:
    agreement_id = await shop.agreed()
    charges = f"/agreements/{agreement_id}/charges"
    item = {**CHARGE, "agreementId": agreement_id, "orderId": "order-1"}
    bodies: list[tuple[str, str, Any]] = [
        *(
            ("POST", "/agreements", shop.draft_body(**{name: "@"}))
            for name in (
                "productName",
                "productDescription",
                "externalId",
                "scope",
                "merchantRedirectUrl",
                "merchantAgreementUrl",
            )
        ),
        ("POST", "/agreements", shop.draft_body(skipLandingPage=True, phoneNumber="@")),
        ("POST", "/agreements", shop.draft_body(interval={"unit": "@", "count": 1})),
        ("POST", "/agreements", shop.draft_body(initialCharge={**INITIAL, "orderId": "@"})),
        ("PATCH", f"/agreements/{agreement_id}", {"productName": "@"}),
        ("PATCH", f"/agreements/{agreement_id}/accept", {"phoneNumber": "@"}),
        *(
            ("POST", charges, {**CHARGE, name: "@"})
            for name in ("description", "orderId", "externalId", "due", "type", "processingMode")
        ),
    ]
    for method, path, body in bodies:
        sent = json.dumps(body).replace('"@"', text).encode()
        require_refused(await shop.send(method, path, sent), "validation-error", "invalid-json")
    sent = json.dumps([{**item, "externalId": "@"}]).replace('"@"', text).encode()
    bulk = await shop.send("POST", "/agreements/charges", sent)
    assert bulk.status in {202, 400}
    assert bulk.status == 400 or bulk.json["validCharges"] == []


@pytest.mark.parametrize("name", ['"\\ud800"', '"a\\u0000"', '"__proto__\\u0000"'])
async def test_a_name_that_is_no_text_is_refused_too(shop: Shop, name: str) -> None:
    sent = json.dumps(shop.draft_body()).replace("{", f'{{{name}: "{CANARY}", ', 1).encode()
    require_refused(await shop.send("POST", "/agreements", sent), "invalid-json")


PATTERNED = {
    "orderId": "order-1",
    "phoneNumber": "4791234567",
    "scope": "name email",
    "count": "12",
    "agreementId": "agr_5kSeqz7",
}


def patterns() -> Iterator[tuple[str, inspect.StrType]]:
    """Every pattern that a member of a request has, with the member's name."""

    def walk(name: str, kind: Any) -> Iterator[tuple[str, inspect.StrType]]:
        match kind:
            case inspect.StrType(pattern=str()):
                yield name, kind
            case inspect.Metadata():
                yield from walk(name, kind.type)
            case inspect.UnionType():
                for each in kind.types:
                    yield from walk(name, each)
            case inspect.StructType():
                for field in kind.fields:
                    yield from walk(field.encode_name, field.type)
            case _:
                return

    for shape in schemas.REQUESTS:
        yield from walk("", inspect.type_info(shape))


PATTERNS = sorted({(name, kind.pattern or "") for name, kind in patterns()})


def test_the_patterns_of_all_members_are_looked_at() -> None:
    assert PATTERNED.keys() <= {name for name, _ in PATTERNS}
    assert len(PATTERNS) > 8


@pytest.mark.parametrize(("name", "pattern"), PATTERNS, ids=[name for name, _ in PATTERNS])
@settings(max_examples=60)
@given(data=st.data(), ending=st.sampled_from(["\n", "\r\n", "\x00", "\x1b", "\u2028\n"]))
def test_a_pattern_is_of_the_whole_and_has_no_line_break_at_its_end(
    name: str, pattern: str, data: st.DataObject, ending: str
) -> None:
    good = data.draw(st.from_regex(pattern.replace(r"\Z", "$"), fullmatch=True))
    if "\n" not in good:
        assert re.search(pattern, good)
        assert not re.search(pattern, good + ending)


@pytest.mark.parametrize(
    "digits",
    [
        "\u0664\u0667\u0669\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "\uff14\uff17\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
        "479123456\u096d",
    ],
)
async def test_digits_are_those_of_ascii(shop: Shop, digits: str) -> None:
    agreement_id = (await shop.draft())["agreementId"]
    accept = await shop.send("PATCH", f"/agreements/{agreement_id}/accept", {"phoneNumber": digits})
    require_refused(accept, "validation-error")
    for interval in (
        {"unit": "MONTH", "count": digits[-1:]},
        {"unit": "DAY", "count": "1" + digits[-1:]},
    ):
        draft = await shop.send("POST", "/agreements", shop.draft_body(interval=interval))
        require_refused(draft, "validation-error")


# ── Bodies (reliability 2H-108) ──────────────────────────────────────────────────────────────────

GOOD = json.dumps({"amount": 499_00, "description": CANARY})

NO_JSON = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "UTF-32": GOOD.encode("utf-32"),
    "half a character": GOOD.encode() + b"\xc3",
    "an overlong slash": b'{"a":"\xc0\xaf"}',
    "a raw surrogate": b'{"a":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"a":"\xf4\x90\x80\x80"}',
    "Latin-1": '{"a":"blåbær"}'.encode("latin-1"),
    "a raw NUL": b'{"a":"\x00"}',
    "a raw line break": b'{"a":"\n"}',
    "a hundred thousand arrays": b"[" * 100_000,
    "a hundred thousand objects": b'{"a":' * 12_000,
    "seventeen levels": b"[" * 17 + b"]" * 17,
    "seventeen levels of objects": b'{"a":' * 17 + b"1" + b"}" * 17,
    "the same member twice": b'{"amount":100,"amount":200}',
    "the same member twice, deep": b'{"a":[{"b":1,"b":2}]}',
    "two bodies": GOOD.encode() * 2,
    "something behind it": GOOD.encode() + b"x",
    "a comma too many": b'{"amount":100,}',
    "single quotes": b"{'amount':100}",
    "no quotes": b"{amount:100}",
    "a comment": b'{"amount":100} // kanarifugl',
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "http://evil.test/">]><a>&b;</a>',
    "a form": b"amount=100&description=kanarifugl",
    "half": GOOD.encode()[:-5],
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
async def test_what_is_no_strict_json_is_refused(shop: Shop, body: bytes) -> None:
    agreement_id = await shop.agreed()
    for method, path in (
        ("POST", "/agreements"),
        ("PATCH", f"/agreements/{agreement_id}"),
        ("POST", f"/agreements/{agreement_id}/charges"),
        ("POST", "/agreements/charges"),
    ):
        reply = await shop.send(method, path, body)
        if len(body) > 64 * 1024 and not path.endswith("ments/charges"):
            require_refused(reply, None, status=413)
        else:
            require_refused(reply, "invalid-json")


@pytest.mark.parametrize("body", [b"1", b"true", b"null", b'"a"', b"[]", b"[{}]"])
async def test_json_that_is_no_object_is_refused(shop: Shop, body: bytes) -> None:
    agreement_id = await shop.agreed()
    for method, path in (
        ("POST", "/agreements"),
        ("PATCH", f"/agreements/{agreement_id}"),
        ("POST", f"/agreements/{agreement_id}/charges"),
    ):
        reply = await shop.send(method, path, body)
        require_refused(reply, "validation-error")
        assert "body" in reply.faults


@pytest.mark.parametrize(
    ("media_type", "accepted"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json;charset=iso-8859-1", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("application/jsonx", False),
        ("application/json, text/plain", False),
        ("application", False),
        ("", False),
        (None, False),
    ],
)
async def test_a_body_says_that_it_is_json(
    shop: Shop, media_type: str | None, accepted: bool
) -> None:
    reply = await shop.send("POST", "/agreements", shop.draft_body(), Content_Type=media_type)
    if accepted:
        assert reply.status == 201
    else:
        require_refused(reply, "unsupported-media-type", status=415)


# ── Paths and queries, on every database ─────────────────────────────────────────────────────────

BAD_IDS = [
    *("%00", "a%00b", "%0a", "a%0a", "%1b%5b2J", "%7f", "%c2%85", "%ed%a0%80", "%ff", "%c0%af"),
    *("..%2f..%2fetc%2fpasswd", "%2e%2e", "%25%30%30", "a%20b", "%20", "*", "'%20OR%201=1--"),
    *("%d8%b4", "%e2%80%ae", "a" * 300, "%f0%9f%92%a9", "agr_%D9%A1", "agr_a%0A", "%5c", "%3Cb%3E"),
]


async def test_an_id_that_can_be_none_is_not_found_on_any_database(database_url: str) -> None:
    async with installation(data=database_url) as house:
        shop = await house.shop()
        agreement_id = await shop.agreed()
        for bad in BAD_IDS:
            for reply in await everywhere(shop, agreement_id, bad):
                assert reply.status in {400, 404, 405}, (bad, reply)
                assert reply.slug in {
                    "invalid-agreement-id",
                    "resource-not-found",
                    "invalid-method",
                    "validation-error",
                }


async def everywhere(shop: Shop, agreement_id: str, bad: str) -> list[Reply]:
    """What every path with an id in it answers to a bad one."""
    capture = {"amount": 100}
    refund = {"amount": 100, "description": "Rain"}
    charge = f"/agreements/{agreement_id}/charges/{bad}"
    return [
        await shop.send("GET", f"/agreements/{bad}"),
        await shop.send("PATCH", f"/agreements/{bad}", {"status": "STOPPED"}),
        await shop.send("PATCH", f"/agreements/{bad}/accept", {"phoneNumber": "4791234567"}),
        await shop.send("GET", f"/agreements/{bad}/charges"),
        await shop.send("POST", f"/agreements/{bad}/charges", CHARGE),
        await shop.send("GET", charge),
        await shop.send("DELETE", charge),
        await shop.send("POST", f"{charge}/capture", capture),
        await shop.send("POST", f"{charge}/refund", refund),
        await shop.send("GET", f"/charges/{bad}"),
        await shop.raw("GET", f"/recurring/v3/{bad}"),
    ]


async def test_the_same_text_is_refused_on_every_database(database_url: str) -> None:
    async with installation(data=database_url) as house:
        shop = await house.shop()
        for text in ('"a\\u0000b"', '"\\ud800"', '"\\udbff\\ud800"', '"\\u0000"'):
            for name in ("productName", "productDescription", "externalId", "nobodyKnowsMe"):
                sent = json.dumps(shop.draft_body(**{name: "@"})).replace('"@"', text).encode()
                require_refused(await shop.send("POST", "/agreements", sent), "invalid-json")


@pytest.mark.parametrize(
    "query",
    [
        *("status=ACTIVE%0a", "status=active", "status=ACTIVE%00", "status=%D9%A1", "status=*"),
        *("status=ACTIVE,STOPPED", "createdAfter=-1", "createdAfter=1e3", "createdAfter=%D9%A1"),
        *("createdAfter=9223372036854775808", "createdAfter=1%0a", "pageNumber=2147483648"),
        *("pageSize=2001", "pageSize=0", "pageNumber=", "pageSize=%20"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(shop: Shop, query: str) -> None:
    require_refused(await shop.send("GET", f"/agreements?{query}"), "validation-error")


async def test_a_query_at_the_edge_is_answered_on_every_database(database_url: str) -> None:
    async with installation(data=database_url) as house:
        shop = await house.shop()
        for query in (
            "createdAfter=253402300799999",
            "pageNumber=2147483647&pageSize=2000",
            "x=%00&y[]=%ff&%00=1",
            "status=ACTIVE&status=STOPPED",
        ):
            assert (await shop.send("GET", f"/agreements?{query}")).status == 200, query


@pytest.mark.parametrize("tampering", ["x", "", "%", "é", "\x00", "A" * 2_000, "../..", "="])
async def test_a_continuation_that_was_never_given_is_refused(shop: Shop, tampering: str) -> None:
    agreement_id = await shop.agreed()
    path = f"/agreements/{agreement_id}/charges"
    reply = await shop.send("GET", path, Continuation_Token=tampering)
    require_refused(reply, "validation-error")


# ── Members that are nobody's business (reliability 2H-122) ──────────────────────────────────────


def camel(name: str) -> str:
    """A column's name as a member would have it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def intruders(row: type[msgspec.Struct], known: set[str]) -> Iterator[tuple[str, object]]:
    """Every column of a row that a request has no member for, in both spellings, with a tempting value."""
    for column in row.__struct_fields__:
        kind = str(row.__annotations__.get(column))
        value: object = 1 if "int" in kind else "CHARGED" if row is Charge else "ACTIVE"
        for name in {column, camel(column)} - known:
            yield name, value
    yield from {"id": "mine", "msn": "654321", "summary": {"captured": 499_00}}.items()
    yield from {
        "history": [],
        "sub": "x",
        "currency ": "EUR",
        "Amount": 1,
        "status": "STOPPED",
    }.items()
    yield from {"__proto__": {"admin": True}, "__class__": "x", "$ref": "#", "": "x"}.items()


def members_of(*names: str) -> set[str]:
    components = schemas.schema_components()
    return {member for name in names for member in components[name]["properties"]}


def without(row: Any, *changing: str) -> dict[str, Any]:
    return {
        name: value
        for name, value in msgspec.structs.asdict(row).items()
        if name not in {"uuid", *changing}
    }


async def test_no_column_of_an_agreement_can_be_written_from_outside(shop: Shop) -> None:
    known = members_of("DraftAgreement", "UpdateAgreement")
    strange = dict(intruders(Agreement, known))
    assert {"merchant_serial_number", "stoppedBy", "wake_at", "payer"} <= strange.keys()
    plain = (await shop.draft())["agreementId"]
    body = {**shop.draft_body(), **strange}
    tampered = (await shop.ask("POST", "/agreements", body))["agreementId"]

    async def stored(agreement_id: str) -> dict[str, Any]:
        return without(await shop.house.find(Agreement, shop.msn, agreement_id), "agreement_id")

    assert await stored(tampered) == await stored(plain)
    await shop.kari.approves(plain)
    await shop.kari.approves(tampered)
    strange.pop("status")
    await shop.update(plain, productName="Serie A")
    path = f"/agreements/{tampered}"
    await shop.ask("PATCH", path, {"productName": "Serie A", **strange})
    assert await stored(tampered) == await stored(plain)


async def test_no_column_of_a_charge_can_be_written_from_outside(shop: Shop) -> None:
    known = members_of("CreateCharge", "BulkCharge")
    strange = dict(intruders(Charge, known))
    assert {"captured", "openPayment", "fence", "merchantSerialNumber"} <= strange.keys()
    agreement_id = await shop.agreed()
    plain = await shop.charge(agreement_id, orderId="plain", transactionType="RESERVE_CAPTURE")
    body = {**CHARGE, "orderId": "tampered", "transactionType": "RESERVE_CAPTURE", **strange}
    await shop.ask("POST", f"/agreements/{agreement_id}/charges", body)

    async def stored(charge_id: str) -> dict[str, Any]:
        charge = without(await shop.stored_charge(charge_id), "charge_id", "chain")
        return {name: str(value).replace(charge_id, "…") for name, value in charge.items()}

    assert await stored("tampered") == await stored(plain)
    await shop.clock.advance(days=3)
    for charge_id, more in (("plain", {}), ("tampered", strange)):
        path = f"/agreements/{agreement_id}/charges/{charge_id}"
        await shop.ask("POST", f"{path}/capture", {"amount": 200_00, **more})
        refund = {"amount": 50_00, "description": "Rain", **more}
        await shop.ask("POST", f"{path}/refund", {**more, **refund})
        await shop.ask("DELETE", path)
    ours, theirs = await stored("plain"), await stored("tampered")
    for name in ("transaction_id", "changed"):
        del ours[name], theirs[name]
    assert theirs == ours
    assert await shop.summary("tampered") == (200_00, 50_00, 299_00)


async def test_no_column_of_a_charge_comes_in_with_many(shop: Shop) -> None:
    strange = dict(intruders(Charge, members_of("BulkCharge")))
    agreement_id = await shop.agreed()
    item = {**CHARGE, "agreementId": agreement_id}
    await shop.bulk({**item, "orderId": "plain"}, {**item, **strange, "orderId": "tampered"})
    await shop.clock.lets_work_be_done()
    plain = await shop.fetch(agreement_id, "plain")
    tampered = await shop.fetch(agreement_id, "tampered")
    assert {**tampered, "id": "plain"} == plain


async def test_drafting_with_strangers_is_remembered_as_it_was_sent(shop: Shop) -> None:
    """The key goes with the very bytes, strangers included."""
    key = "one-key"
    body = {**DRAFT, "pricing": {"amount": 499_00, "currency": "NOK"}}
    first = await shop.send("POST", "/agreements", {**body, "wake_at": 1}, key=key)
    assert first.status == 201
    again = await shop.send("POST", "/agreements", {**body, "wake_at": 1}, key=key)
    assert (again.status, again.body) == (201, first.body)
    other = await shop.send("POST", "/agreements", {**body, "wake_at": 2}, key=key)
    assert (other.status, other.slug) == (409, "idempotency-conflict")
