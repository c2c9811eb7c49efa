"""Whatever usually goes wrong with a signature is found and named."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.webhooks import NotVerified, verify
from avtale.webhooks.diagnosis import Diagnosis, diagnose
from avtale.webhooks.signing import content_sha256, signed_headers

URL = "https://shop.example:8443/hook/avtale?shop=1"
SECRET = "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A=="
BODY = b'{"eventType":"recurring.charge-captured.v1","amount":49900,"text":"\xc3\xa6"}'
DATE = "Mon, 02 Nov 2026 09:30:00 GMT"
HEADERS = signed_headers(
    URL, BODY, SECRET, datetime(2026, 11, 2, 9, 30, tzinfo=UTC), webhook_id="one"
)
HASH = HEADERS["x-ms-content-sha256"]
FORM = "POST\n/hook/avtale?shop=1\n{date};shop.example:8443;{hash}"


def diagnosed(body: bytes = BODY, secret: str = SECRET, **changes: Any) -> Diagnosis:
    return diagnose(body, HEADERS | changes, secret, url=URL)


def computed(text: str, key: bytes = SECRET.encode()) -> str:
    """What somebody's own code comes to."""
    return base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()


def blamed(found: Diagnosis) -> list[str]:
    return [finding.part for finding in found.findings]


def test_a_genuine_delivery_has_nothing_to_explain() -> None:
    found = diagnosed()
    assert found.verifies
    assert not found.findings
    assert found.string_to_sign == FORM.format(date=DATE, hash=HASH)
    assert [each.agrees for each in found.compared] == [True, True]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (BODY + b"\n", "without the line end"),
        (BODY + b"\r\n", "without the line end"),
        (b"\xef\xbb\xbf" + BODY, "byte order mark"),
        (json.dumps(json.loads(BODY)).encode(), "the same JSON, compact"),
        (json.dumps(json.loads(BODY), indent=2, sort_keys=True).encode(), "not the one"),
        (BODY.decode().encode("latin-1"), "latin-1"),
        (BODY.decode("latin-1").encode(), "latin-1"),
        (BODY[:-5], "not the one"),
        (b"", "not the one"),
        (b"[" * 100_000, "not the one"),
    ],
    ids=["lf", "crlf", "bom", "spaced", "sorted", "latin", "twice", "cut", "empty", "deep"],
)
def test_a_body_that_was_touched_is_blamed_alone(body: bytes, says: str) -> None:
    found = diagnosed(body)
    assert not found.verifies
    assert blamed(found) == ["body"]
    assert says in found.findings[0].what


@pytest.mark.parametrize(
    ("part", "says", "signature"),
    [
        ("host", "without its port", FORM.replace(":8443", "")),
        ("host", "with its scheme", FORM.replace("shop.ex", "https://shop.ex")),
        ("path", "without its query", FORM.replace("?shop=1", "")),
        ("path", "slash", FORM.replace("avtale", "avtale/")),
        ("path", "/avtale", FORM.replace("/hook/avtale", "/avtale")),
        ("path", "whole URL", FORM.replace("/hook/avtale?shop=1", URL)),
        ("method", "GET", FORM.replace("POST", "GET")),
        ("method", "post", FORM.replace("POST", "post")),
        ("date", "header date", FORM.replace("{date}", "Tue, 03 Nov 2026 00:00:00 GMT")),
        ("lines", "CRLF", FORM.replace("\n", "\r\n")),
        ("lines", "behind the last", FORM + "\n"),
        ("lines", "backslash", FORM.replace("\n", "\\n")),
        ("body", "in hex", FORM.replace("{hash}", hashlib.sha256(BODY).hexdigest())),
        ("body", "itself", FORM.replace("{hash}", BODY.decode())),
        (
            "body",
            "spaces|space behind",
            FORM.replace(
                "{hash}", content_sha256(json.dumps(json.loads(BODY), ensure_ascii=False).encode())
            ),
        ),
    ],
)
def test_what_one_s_own_code_did_wrong_is_named(part: str, says: str, signature: str) -> None:
    text = signature.replace("{date}", DATE).replace("{hash}", HASH)
    sent = HEADERS | {"Date": "Tue, 03 Nov 2026 00:00:00 GMT"}
    found = diagnose(BODY, sent, SECRET, url=URL, computed=computed(text))
    [finding] = found.findings
    assert (finding.part, finding.whose) == (part, "computed")
    assert any(each in finding.what for each in says.split("|"))
    assert finding.why.endswith(".")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (base64.b64decode(SECRET), "decoded from base64"),
        (SECRET.encode() + b"\n", "line end"),
        (b'"' + SECRET.encode() + b'"', "quotes"),
        (SECRET.replace("+", " ").encode(), "spaces for +"),
    ],
    ids=["base64", "line end", "quotes", "spaces"],
)
def test_a_key_that_was_made_of_the_secret_is_named(key: bytes, says: str) -> None:
    text = FORM.format(date=DATE, hash=HASH)
    found = diagnose(BODY, HEADERS, SECRET, url=URL, computed=computed(text, key))
    assert blamed(found) == ["secret"]
    assert says in found.findings[0].what


def test_two_mistakes_at_once_are_both_named() -> None:
    text = FORM.replace(":8443", "").format(date=DATE, hash=HASH)
    own = computed(text, base64.b64decode(SECRET))
    found = diagnose(BODY, HEADERS, SECRET, url=URL, computed=own)
    assert blamed(found) == ["secret", "host"]


def test_a_secret_of_another_registration_is_what_remains() -> None:
    found = diagnosed(secret="another")
    assert blamed(found) == ["secret"]
    assert "None of the usual mistakes" in found.findings[0].what
    assert "another registration" in found.findings[0].why


@pytest.mark.parametrize("name", ["x-ms-date", "x-ms-content-sha256"])
def test_a_header_that_is_missing_is_named(name: str) -> None:
    found = diagnose(BODY, {k: v for k, v in HEADERS.items() if k != name}, SECRET, url=URL)
    assert not found.verifies
    assert found.findings[0].part == "headers"
    assert name in found.findings[0].what


def test_a_delivery_without_authorization_says_so() -> None:
    found = diagnose(BODY, {"x-ms-date": DATE, "x-ms-content-sha256": HASH}, SECRET, url=URL)
    assert blamed(found) == ["headers"]
    assert "X-Vipps-Authorization" in found.findings[0].why


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (lambda raw: raw.hex(), "hex"),
        (lambda raw: base64.b64encode(raw).decode().rstrip("="), "= at its end"),
        (lambda raw: base64.b64encode(raw).decode().replace("=", "%3D"), "percent-encoded"),
        (lambda raw: base64.b64encode(raw[:20]).decode(), "32 bytes"),
        (lambda _raw: "nonsense", "32 bytes"),
    ],
    ids=["hex", "unpadded", "percent", "short", "nonsense"],
)
def test_a_signature_that_is_written_otherwise_is_named(written: Any, says: str) -> None:
    right = base64.b64decode(computed(FORM.format(date=DATE, hash=HASH)))
    found = diagnose(BODY, HEADERS, SECRET, url=URL, computed=written(right))
    assert blamed(found) == ["signature"]
    assert says in found.findings[0].what


def test_a_url_without_a_host_is_refused() -> None:
    with pytest.raises(ValueError, match="host"):
        diagnose(BODY, HEADERS, SECRET, url="shop")


@given(st.sampled_from(sorted(HEADERS)), st.text(), st.one_of(st.just(BODY), st.binary()))
def test_it_agrees_with_the_verifier_whatever_comes(name: str, value: str, body: bytes) -> None:
    sent = HEADERS | {name: value}
    found = diagnose(body, sent, SECRET, url=URL)
    try:
        verify(body, sent, SECRET, url=URL)
    except NotVerified:
        assert not found.verifies
        assert found.findings
    else:
        # The diagnosis also speaks of an authorization header that the verifier can do without.
        assert found.verifies or name.lower().endswith("authorization")
