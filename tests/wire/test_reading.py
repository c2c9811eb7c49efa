"""Bodies are read strictly, and whoever sent a bad one hears everything that is wrong with it at once."""

import json
import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.problems import InvalidJson, PayloadTooLarge, ValidationFailed
from avtale.rulebook import rulebook_for
from avtale.wire.agreements import AcceptAgreement, DraftAgreement, UpdateAgreement
from avtale.wire.charges import BulkCharge, CaptureCharge, CreateCharge, RefundCharge
from avtale.wire.reading import read, read_json, unknown_members

RULES = rulebook_for("test", "NO")

CHARGE: dict[str, Any] = {
    "amount": 499_00,
    "description": "October",
    "transactionType": "DIRECT_CAPTURE",
    "type": "RECURRING",
    "due": "2026-11-01",
    "retryDays": 5,
    "processingMode": "MULTIPLE_ATTEMPTS",
    "orderId": "acme-shop-123",
    "externalId": "season 26/27",
}
DRAFT: dict[str, Any] = {
    "pricing": {"type": "LEGACY", "amount": 499_00, "currency": "NOK"},
    "interval": {"unit": "MONTH", "count": 1},
    "merchantRedirectUrl": "https://example.com/welcome",
    "merchantAgreementUrl": "https://example.com/my/subscriptions/1234",
    "productName": "Premier League",
    "productDescription": "Every match",
    "phoneNumber": "4791234567",
    "initialCharge": {
        "amount": 99_00,
        "description": "First month",
        "transactionType": "RESERVE_CAPTURE",
        "orderId": "first-1",
        "externalId": "first",
    },
    "campaign": {
        "type": "EVENT_CAMPAIGN",
        "price": 0,
        "eventDate": "2026-12-24T16:00:00Z",
        "eventText": "Christmas",
    },
    "isApp": False,
    "scope": "name email",
    "skipLandingPage": False,
    "externalId": "member-7",
    "paymentMethod": {"blockedSources": ["COMMERCIAL_CARDS"]},
}
UPDATE: dict[str, Any] = {
    "productName": "Premier League",
    "productDescription": "Every match, and the Cup",
    "merchantAgreementUrl": "https://example.com/my/subscriptions/1234",
    "externalId": "member-8",
    "pricing": {"amount": 599_00, "suggestedMaxAmount": 799_00},
    "interval": {"type": "RECURRING", "period": {"unit": "WEEK", "count": "2"}},
    "status": "STOPPED",
}
BULK: dict[str, Any] = {**CHARGE, "agreementId": "agr_5kSeqz"}
del BULK["type"]

BODIES: list[tuple[type[msgspec.Struct], dict[str, Any]]] = [
    (CreateCharge, CHARGE),
    (BulkCharge, BULK),
    (DraftAgreement, DRAFT),
    (UpdateAgreement, UPDATE),
    (AcceptAgreement, {"phoneNumber": "4791234567"}),
    (CaptureCharge, {"amount": 100_00, "description": "Half of it"}),
    (RefundCharge, {"amount": 100_00, "description": "Sorry about the rain"}),
]
each_body = pytest.mark.parametrize(("shape", "body"), BODIES, ids=[s.__name__ for s, _ in BODIES])


def encoded(body: object) -> bytes:
    return json.dumps(body).encode()


def faults_of(body: object, shape: type[msgspec.Struct], *, ruled: bool = False) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as refusal:
        read(encoded(body), shape, rules=RULES if ruled else None)
    names = [fault.name for fault in refusal.value.faults]
    assert len(names) == len(set(names)), names
    return dict(refusal.value.faults)


# ── Strict JSON ──────────────────────────────────────────────────────────────────────────────────


@each_body
def test_reads_a_whole_body(shape: type[msgspec.Struct], body: dict[str, Any]) -> None:
    assert unknown_members(read_json(encoded(body)), shape) == []
    assert isinstance(read(encoded(body), shape), shape)


def test_reads_days_as_days() -> None:
    assert read(encoded(CHARGE), CreateCharge).due == date(2026, 11, 1)


DEEPEST = b'{"a":' * 15 + b"[]" + b"}" * 15

NOT_JSON = {
    "nothing": (b"", "empty"),
    "white space": (b" \r\n\t", "empty"),
    "half a body": (b'{"amount": 1', "line 1, column 13"),
    "a second value": (b"{}\n{}", "line 2, column 1"),
    "single quotes": (b"{'amount': 1}", "line 1, column 2"),
    "a comment": (b"{/* all of it */}", "line 1"),
    "a last comma": (b'{"amount": 1,}', "line 1"),
    "a leading zero": (b'{"amount": 01}', "line 1"),
    "a leading plus": (b'{"amount": +1}', "line 1"),
    "hexadecimal": (b'{"amount": 0xFF}', "line 1"),
    "underscores": (b'{"amount": 1_000}', "line 1"),
    "arabic digits": ('{"amount": \u0661\u0660\u0660}'.encode(), "line 1"),
    "no number at all": (b'{"amount": NaN}', "NaN"),
    "the infinite": (b'{"amount": Infinity}', "Infinity"),
    "less than the infinite": (b'{"amount": -Infinity}', "-Infinity"),
    "the infinite by a back door": (b'{"amount": 1e400}', "too large"),
    "five thousand digits": (b'{"amount": ' + b"9" * 5000 + b"}", "too many digits"),
    "five thousand digits, unknown member": (b'{"x": [' + b"9" * 5000 + b"]}", "too many digits"),
    "a raw line break in a text": (b'{"description": "a\nb"}', "line 1"),
    "a raw NUL in a text": (b'{"description": "a\x00b"}', "line 1"),
    "an unknown escape": (b'{"description": "\\x41"}', "line 1"),
    "half a pair": (b'{"description": "\\ud800"}', "description"),
    "the other half": (b'{"x": {"y": ["z", "\\uDFFF"]}}', "x.y.1"),
    "halves in the wrong order": (b'{"description": "\\udc00\\ud800"}', "description"),
    "half a pair in a name": (b'{"\\udead": 1}', "name"),
    "NUL": (b'{"description": "a\\u0000b"}', "description"),
    "NUL in a name": (b'{"a\\u0000": 1}', "name"),
    "NUL in a name further in": (b'{"campaign": {"\\u0000": 1}}', "campaign"),
    "NUL in a text alone": (b'"\\u0000"', "A text"),
    "a name twice": (b'{"amount": 1, "amount": 1}', "amount appears more than once"),
    "a name twice further in": (b'{"a": [{"b": 1, "c": 2, "b": 3}]}', "b appears more"),
    "a name twice, once escaped": (b'{"amount": 1, "\\u0061mount": 2}', "amount appears"),
    "a strange name twice": (b'{"<b>": 1, "<b>": 2}', "A member appears"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "UTF-16 with its mark": ('{"amount": 1}'.encode("utf-16"), "byte order mark"),
    "UTF-16 without": ('{"amount": 1}'.encode("utf-16-le"), "line 1"),
    "UTF-32": ('{"amount": 1}'.encode("utf-32-le"), "line 1"),
    "Latin-1": ('{"description": "Bjørn"}'.encode("latin-1"), "UTF-8 at byte 19"),
    "an overlong slash": (b'{"description": "\xc0\xaf"}', "UTF-8 at byte 17"),
    "half a pair in UTF-8": (b'{"description": "\xed\xa0\x80"}', "UTF-8 at byte 17"),
    "one level too deep": (b'{"a":' + DEEPEST + b"}", "deeper than 16"),
    "a hundred thousand arrays": (b"[" * 10**5, "deeper than 16"),
    "a hundred thousand objects": (b'{"a":' * 10**5 + b"1" + b"}" * 10**5, "deeper than 16"),
}


@pytest.mark.parametrize(("body", "says"), NOT_JSON.values(), ids=NOT_JSON.keys())
def test_refuses_what_two_readers_could_understand_differently(body: bytes, says: str) -> None:
    with pytest.raises(InvalidJson) as refusal:
        read_json(body, 10**6)
    assert says in refusal.value.detail
    assert refusal.value.detail[-1] == "."


def test_reads_sixteen_levels() -> None:
    assert read_json(DEEPEST) is not None
    assert read_json(b"[" * 16 + b"]" * 16) is not None
    assert read_json(encoded([{"not": "deep"}] * 100)) is not None


def test_reads_every_letter_there_is() -> None:
    body = '{"description": "Bjørn \\ud83d\\ude00 \\\\ud800 😀 \\u00e5"}'
    assert read_json(body.encode()) == {"description": "Bjørn 😀 \\ud800 😀 å"}


def test_refuses_a_body_above_the_limit_and_takes_one_at_it() -> None:
    at_limit = b'"' + b"a" * (64 * 1024 - 2) + b'"'
    assert isinstance(read_json(at_limit), str)
    with pytest.raises(PayloadTooLarge, match="65536 bytes"):
        read_json(at_limit + b" ")


def test_refuses_fifty_megabytes_at_once() -> None:
    body = b"[" * 50_000_000
    began = time.perf_counter()
    with pytest.raises(PayloadTooLarge):
        read(body, CreateCharge)
    assert time.perf_counter() - began < 0.1


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_answers_any_bytes_with_a_value_or_a_refusal(body: bytes) -> None:
    try:
        value = read_json(body)
    except InvalidJson:
        return
    json.dumps(value).encode()
    msgspec.json.encode(value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_reads_what_was_written(value: object) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    is_bad = any(word in json.dumps(value) for word in ("\\u0000", "\\ud", "\\uD"))
    try:
        found = read_json(body)
    except InvalidJson:
        assert is_bad
        return
    assert found == value


# ── Shapes ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "amount",
    [
        True,
        False,
        1.0,
        1e2,
        "100",
        "\u0661\u0660\u0660",
        2**31,
        -(2**31) - 1,
        2**63,
        2**64,
        10**400,
        -(10**400),
        [],
        {},
        [100],
        {"value": 100},
    ],
    ids=repr,
)
def test_takes_nothing_but_a_whole_number_for_an_amount(amount: object) -> None:
    assert list(faults_of({**CHARGE, "amount": amount}, CreateCharge)) == ["amount"]


@pytest.mark.parametrize("written", [b"1.0", b"1e2", b"1E2", b"100.00", b"1e-7", b"-0.0"])
def test_takes_no_point_and_no_exponent_for_an_amount(written: bytes) -> None:
    body = encoded(CHARGE).replace(b"49900", written)
    with pytest.raises(ValidationFailed) as refusal:
        read(body, CreateCharge)
    assert dict(refusal.value.faults) == {"amount": "must be a whole number"}


def test_reads_minus_zero_as_zero_which_is_too_little() -> None:
    charge = read(encoded(CHARGE).replace(b"49900", b"-0"), CreateCharge)
    assert charge.amount == 0
    assert [fault.name for fault in charge.faults(RULES)] == ["amount"]


@pytest.mark.parametrize("body", [[], [CHARGE], "charge", 7, 7.5, True, None], ids=repr)
@pytest.mark.parametrize("shape", [CreateCharge, DraftAgreement, UpdateAgreement])
def test_takes_nothing_but_an_object_for_a_body(body: object, shape: type[msgspec.Struct]) -> None:
    assert faults_of(body, shape, ruled=True) == {"body": "must be an object"}


def test_takes_null_for_not_given() -> None:
    optional = ["type", "due", "retryDays", "processingMode", "orderId", "externalId"]
    bare = {name: item for name, item in CHARGE.items() if name not in optional}
    assert read(encoded({**CHARGE, **dict.fromkeys(optional)}), CreateCharge) == read(
        encoded(bare), CreateCharge
    )
    optional = ["interval", "campaign", "isApp", "skipLandingPage", "scope", "initialCharge"]
    optional += ["merchantAgreementUrl", "productDescription", "phoneNumber", "paymentMethod"]
    bare = {name: item for name, item in DRAFT.items() if name not in optional}
    bare["pricing"] = {"amount": 499_00, "currency": "NOK"}
    nulls = {**bare, **dict.fromkeys(optional)}
    nulls["pricing"] = {"type": None, "suggestedMaxAmount": None, **bare["pricing"]}
    assert read(encoded(nulls), DraftAgreement) == read(encoded(bare), DraftAgreement)


def test_says_that_a_required_member_is_required_when_it_is_null() -> None:
    assert faults_of({**CHARGE, "amount": None}, CreateCharge) == {"amount": "is required"}
    assert faults_of({**DRAFT, "pricing": None}, DraftAgreement) == {"pricing": "is required"}


def test_takes_no_null_inside_an_array() -> None:
    draft = {**DRAFT, "paymentMethod": {"blockedSources": [None]}}
    faults = faults_of(draft, DraftAgreement)
    assert faults == {"paymentMethod.blockedSources.0": "must be COMMERCIAL_CARDS"}


def test_says_everything_that_is_wrong_at_once() -> None:
    draft = {
        "pricing": {"type": "VARIABLE", "suggestedMaxAmount": 1.5, "currency": "SEK"},
        "merchantRedirectUrl": 7,
        "productName": "",
        "interval": {"unit": "FORTNIGHT", "count": 32},
        "initialCharge": {"amount": "1", "description": "x" * 101, "orderId": "a b"},
        "campaign": {"type": "EVENT_CAMPAIGN", "price": -1, "eventDate": "2022/02/28T00:00:00Z"},
        "isApp": "no",
        "scope": "name shoesize",
        "externalId": "x" * 65,
        "paymentMethod": {"blockedSources": "COMMERCIAL_CARDS"},
    }
    assert faults_of(draft, DraftAgreement) == {
        "pricing.suggestedMaxAmount": "must be a whole number",
        "pricing.currency": "must be DKK, EUR or NOK",
        "merchantRedirectUrl": "must be a string",
        "productName": "must not be empty",
        "interval.unit": "must be DAY, MONTH, WEEK or YEAR",
        "interval.count": "must be a whole number from 1 to 31",
        "initialCharge.amount": "must be a whole number",
        "initialCharge.description": "must be at most 100 characters",
        "initialCharge.transactionType": "is required",
        "initialCharge.orderId": "must contain only A–Z, a–z, 0–9 and -",
        "campaign.price": "must be at least 0",
        "campaign.eventDate": "must be an instant with an offset, such as 2026-12-06T00:00:00Z",
        "campaign.eventText": "is required",
        "isApp": "must be true or false",
        "scope": "must be words from name address email phoneNumber birthDate nin,"
        " with spaces between",
        "externalId": "must be at most 64 characters",
        "paymentMethod.blockedSources": "must be an array",
    }


def test_says_what_the_rules_find_in_the_rest_too() -> None:
    draft = {
        "pricing": {"amount": 99, "currency": "DKK"},
        "merchantRedirectUrl": "javascript:alert(1)",
        "interval": {"unit": "MONTH"},
        "initialCharge": {"amount": 1, "description": "x"},
        "skipLandingPage": True,
    }
    assert faults_of(draft, DraftAgreement, ruled=True) == {
        "pricing.amount": "must be at least 100 (minor units of NOK)",
        "pricing.currency": "must be NOK, the currency of the sales unit's market",
        "merchantRedirectUrl": "must begin with https:// or be http:// to a loopback host",
        "merchantAgreementUrl": "is required in Norway",
        "productName": "is required",
        "interval.count": "is required",
        "initialCharge.amount": "must be at least 100 (minor units of NOK)",
        "initialCharge.transactionType": "is required",
        "phoneNumber": "must be 8 to 15 digits where skipLandingPage is true",
    }


def test_does_not_say_what_only_follows_from_another_fault() -> None:
    charge = {**CHARGE, "amount": "1", "due": "yesterday", "retryDays": 1.5}
    assert faults_of(charge, CreateCharge, ruled=True).keys() == {"amount", "due", "retryDays"}
    assert faults_of({**CHARGE, "type": "INITIAL"}, CreateCharge, ruled=True).keys() == {"type"}
    update = {"pricing": {"amount": "1"}, "interval": {"type": "RECURRING", "period": 7}}
    assert faults_of(update, UpdateAgreement, ruled=True).keys() == {
        "pricing.amount",
        "interval.period",
    }
    assert faults_of({"interval": {"type": 1}}, UpdateAgreement, ruled=True).keys() == {
        "interval.type"
    }


# ── Hostile values, in every place ───────────────────────────────────────────────────────────────

HOSTILE: list[Any] = [
    True,
    1.0,
    -1,
    0,
    2**31,
    2**63,
    10**400,
    "",
    "100",
    "\u0661\u0660\u0660",
    "Zaphod\n",
    "Zaphod\x7f",
    "Zaphod" * 500,
    "'; DROP TABLE charges; --",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31",
    [],
    [None],
    [[[]]],
    {},
    {"type": None},
    {"type": ["LEGACY"]},
    {"type": {}},
    {"type": "Zaphod"},
]


def places(body: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(body, dict):
        for name in body:
            yield from places(body[name], (*path, name))
    elif isinstance(body, list):
        for index in range(len(body)):
            yield from places(body[index], (*path, index))


def with_value_at(body: Any, path: tuple[Any, ...], value: object) -> Any:
    changed = deepcopy(body)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


@each_body
def test_a_hostile_value_is_refused_by_name_or_harmless(
    shape: type[msgspec.Struct], body: dict[str, Any]
) -> None:
    for path in places(body):
        for value in HOSTILE:
            changed = encoded(with_value_at(body, path, value))
            try:
                found = read(changed, shape, rules=RULES).faults(RULES)  # type: ignore[attr-defined]
            except ValidationFailed as refusal:
                found = list(refusal.faults)
                assert found
            for fault in found:
                assert fault.reason != "is not valid", (path, value, fault)
                assert "Zaphod" not in str(fault), (path, value, fault)
                assert "DROP" not in str(fault), (path, value, fault)


@each_body
@given(data=st.data())
def test_the_second_pass_knows_why_the_first_refused(
    data: st.DataObject, shape: type[msgspec.Struct], body: dict[str, Any]
) -> None:
    path = data.draw(st.sampled_from(list(places(body))))
    changed = with_value_at(body, path, data.draw(JSON_VALUES))
    reasons: list[str] = []
    try:
        read(encoded(changed), shape, rules=RULES)
    except ValidationFailed as refusal:
        reasons = [fault.reason for fault in refusal.faults]
    except InvalidJson as refusal:
        reasons = [refusal.detail]
    assert "is not valid" not in reasons


@each_body
def test_members_that_are_not_the_callers_to_give_have_no_effect(
    shape: type[msgspec.Struct], body: dict[str, Any]
) -> None:
    internal = {
        "msn": "666666",
        "merchant_serial_number": "666666",
        "merchantSerialNumber": "666666",
        "id": "agr_stolen1",
        "chargeId": "chr-stolen1",
        "uuid": "6080c099-d7f2-43ef-a82b-2991ccc3a239",
        "created": "1970-01-01T00:00:00Z",
        "summary": {"captured": 1, "refunded": 0, "cancelled": 0},
        "captured": 1,
        "refunded": -1,
        "history": [],
        "ceiling": None,
        "sub": "6080c099-d7f2-43ef-a82b-2991ccc3a239",
        "payer": "4791234567",
        "wake_at": 0,
        "fence": 99,
        "product_name": "in snake case",
        "retry_days": 14,
        "__class__": "Charge",
    }
    if shape is not UpdateAgreement:
        internal["status"] = "CHARGED"
    given_more = {**internal, **body}
    assert read(encoded(given_more), shape) == read(encoded(body), shape)
    assert set(unknown_members(given_more, shape)) == internal.keys() - body.keys()


def test_nobody_chooses_the_payers_maximum_for_the_payer() -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 100_00, "currency": "NOK"}
    draft = {**DRAFT, "campaign": None, "pricing": {**pricing, "maxAmount": 1_000_000}}
    assert read(encoded(draft), DraftAgreement).pricing.to_pricing().max_amount is None  # type: ignore[union-attr]
    assert unknown_members(draft, DraftAgreement) == ["pricing.maxAmount"]


def test_names_unknown_members_wherever_they_are() -> None:
    draft = deepcopy(DRAFT)
    draft["countryCode"] = "NO"
    draft["initialCharge"]["currency"] = "NOK"
    draft["campaign"]["end"] = "2026-12-24T16:00:00Z"
    draft["interval"]["text"] = "every month"
    draft["x" * 1000] = 1
    assert unknown_members(draft, DraftAgreement) == [
        "interval.text",
        "initialCharge.currency",
        "campaign.end",
        "countryCode",
        "x" * 64,
    ]
    assert unknown_members([BULK, {**BULK, "type": "RECURRING"}], list[BulkCharge]) == ["1.type"]
    assert unknown_members("no object", DraftAgreement) == []


# ── Speed ────────────────────────────────────────────────────────────────────────────────────────


def test_reads_a_charge_in_a_few_microseconds() -> None:
    body = encoded({**CHARGE, "description": "x" * 100})
    assert 280 <= len(body) <= 340

    def once() -> float:
        began = time.perf_counter()
        for _ in range(200):
            read(body, CreateCharge)
        return (time.perf_counter() - began) / 200

    assert min(once() for _ in range(20)) < 15e-6
