"""A receiver lets in what is genuine, and says of everything else why it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtale.webhooks import (
    DateInFuture,
    DateTooOld,
    MalformedHeader,
    MissingHeader,
    NotVerified,
    WrongContentHash,
    WrongSignature,
    verify,
)
from avtale.webhooks.signing import signed_headers

URL = "https://shop.example:8443/hook?shop=1"
SECRET = "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A=="
BODY = '{"eventType":"recurring.charge-captured.v1","description":"Ærlig"}'.encode()
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def headers(**changes: str | None) -> dict[str, str]:
    """Those of a genuine delivery, with the changes named with underscores; None takes one away."""
    made = signed_headers(URL, BODY, SECRET, NOW, webhook_id="one")
    changed = {name.lower(): value for name, value in made.items()}
    for name, value in changes.items():
        changed.pop(name.replace("_", "-"))
        if value is not None:
            changed[name.replace("_", "-")] = value
    return changed


def as_message(given_headers: Mapping[str, str]) -> Message:
    message = Message()
    for name, value in given_headers.items():
        message[name] = value
    return message


@pytest.mark.parametrize(
    "form",
    [
        dict,
        lambda each: list(each.items()),
        lambda each: {name.upper(): value for name, value in each.items()},
        lambda each: [(name.encode(), value.encode()) for name, value in each.items()],
        lambda each: iter(each.items()),
        as_message,
    ],
    ids=["mapping", "pairs", "capitals", "bytes", "iterator", "message"],
)
def test_headers_come_in_any_case_and_container(form: Callable[[dict[str, str]], Any]) -> None:
    verify(BODY, form(headers()), SECRET, url=URL)


@pytest.mark.parametrize("gone", ["authorization", "x_vipps_authorization"])
def test_either_authorization_header_will_do(gone: str) -> None:
    verify(BODY, headers(**{gone: None}), SECRET, url=URL)
    verify(BODY, headers(**{gone: "Basic c2hvcDpzZWNyZXQ="}), SECRET, url=URL)


def test_the_host_that_was_registered_counts_and_not_the_one_that_a_proxy_names() -> None:
    verify(BODY, headers(host="10.0.0.7:3000"), SECRET, url=URL)


def test_a_path_alone_takes_the_host_from_its_header() -> None:
    verify(BODY, headers(), SECRET, url="/hook?shop=1")
    with pytest.raises(WrongSignature):
        verify(BODY, headers(host="shop.example"), SECRET, url="/hook?shop=1")
    with pytest.raises(MissingHeader, match="host"):
        verify(BODY, headers(host=None), SECRET, url="/hook?shop=1")


def test_one_of_several_secrets_will_do() -> None:
    verify(BODY, headers(), ["the next one", SECRET], url=URL)
    with pytest.raises(WrongSignature):
        verify(BODY, headers(), ["the next one", "the one before"], url=URL)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"x_ms_date": None}, MissingHeader),
        ({"x_ms_date": ""}, MissingHeader),
        ({"x_ms_content_sha256": None}, MissingHeader),
        ({"authorization": None, "x_vipps_authorization": None}, MissingHeader),
        ({"x_ms_date": "Tue, 03 Nov 2026 09:30:00 GMT"}, WrongSignature),
        ({"x_ms_date": "2026\nx"}, MalformedHeader),
        ({"x_ms_date": "måndag"}, MalformedHeader),
        ({"x_ms_content_sha256": "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4="}, WrongContentHash),
        ({"x_ms_content_sha256": "nonsense"}, WrongContentHash),
    ],
)
def test_what_is_missing_or_changed_is_refused_by_name(
    changes: dict[str, str | None], refusal: type[NotVerified]
) -> None:
    with pytest.raises(refusal):
        verify(BODY, headers(**changes), SECRET, url=URL)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer abc",
        "HMAC-SHA256",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature=" + "A" * 43 + "=",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + "A" * 44,
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + "Æ" * 43 + "=",
    ],
)
def test_an_authorization_of_another_form_is_malformed(authorization: str) -> None:
    sent = headers(authorization=authorization, x_vipps_authorization=authorization)
    with pytest.raises(MalformedHeader):
        verify(BODY, sent, SECRET, url=URL)


def test_a_header_that_is_there_twice_must_say_the_same() -> None:
    twice = [*headers().items(), ("X-MS-Date", headers()["x-ms-date"])]
    verify(BODY, twice, SECRET, url=URL)
    with pytest.raises(MalformedHeader, match="more than once"):
        verify(BODY, [*twice, ("x-ms-date", "Tue, 03 Nov 2026 09:30:00 GMT")], SECRET, url=URL)


@pytest.mark.parametrize(
    "changed", [BODY + b"\n", BODY[:-1], b"", BODY.replace(b"captured", b"refunded")]
)
def test_a_body_that_was_touched_is_refused(changed: bytes) -> None:
    with pytest.raises(WrongContentHash):
        verify(changed, headers(), SECRET, url=URL)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/hook?shop=1",
        "https://shop.example:8443/hook",
        "https://shop.example:8443/hook/?shop=1",
        "https://other.example:8443/hook?shop=1",
    ],
)
def test_a_delivery_for_another_url_is_refused(url: str) -> None:
    with pytest.raises(WrongSignature, match="host"):
        verify(BODY, headers(), SECRET, url=url)


def test_nothing_is_too_old_unless_somebody_says_so() -> None:
    week = timedelta(days=7)
    verify(BODY, headers(), SECRET, url=URL)
    verify(BODY, headers(), SECRET, url=URL, now=NOW + week, tolerance=week)
    verify(BODY, headers(), SECRET, url=URL, now=NOW - week, tolerance=week)
    with pytest.raises(DateTooOld):
        verify(
            BODY, headers(), SECRET, url=URL, now=NOW + week + timedelta(seconds=1), tolerance=week
        )
    with pytest.raises(DateInFuture):
        verify(
            BODY, headers(), SECRET, url=URL, now=NOW - week - timedelta(seconds=1), tolerance=week
        )


def test_a_date_that_is_signed_and_is_no_date_is_malformed_where_it_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("avtale.webhooks.signing.http_date", lambda _at: "Mon, 31 Feb 2026 9:30")
    sent = headers()
    verify(BODY, sent, SECRET, url=URL)
    with pytest.raises(MalformedHeader, match="x-ms-date"):
        verify(BODY, sent, SECRET, url=URL, now=NOW, tolerance=timedelta(days=1))


def test_what_is_the_receiver_s_own_mistake_is_said_as_such() -> None:
    wrong: Any = SECRET.encode()
    with pytest.raises(TypeError, match="do not encode or decode"):
        verify(BODY, headers(), wrong, url=URL)
    text: Any = BODY.decode()
    with pytest.raises(TypeError, match="bytes"):
        verify(text, headers(), SECRET, url=URL)
    with pytest.raises(ValueError, match="empty"):
        verify(BODY, headers(), "", url=URL)
    with pytest.raises(ValueError, match="host"):
        verify(BODY, headers(), SECRET, url="shop")
    with pytest.raises(ValueError, match="go together"):
        verify(BODY, headers(), SECRET, url=URL, tolerance=timedelta(days=1))
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        verify(BODY, headers(), SECRET, url=URL, now=naive, tolerance=timedelta(days=1))


ANYTHING = st.one_of(st.text(), st.binary(), st.none(), st.integers())
NAMES = st.sampled_from([*headers(), "Host", b"x-ms-date"])


@given(st.binary(), st.lists(st.tuples(st.one_of(NAMES, ANYTHING), ANYTHING)))
def test_hostile_bytes_are_refused_and_nothing_else_happens(
    body: bytes, pairs: list[tuple[Any, Any]]
) -> None:
    with pytest.raises(NotVerified):
        verify(body, pairs, SECRET, url=URL, now=NOW, tolerance=timedelta(days=1))


@given(st.sampled_from(sorted(headers())), st.text())
def test_one_hostile_header_in_a_genuine_delivery_is_refused_or_does_not_count(
    name: str, value: str
) -> None:
    sent = headers() | {name: value}
    counts = name in {"x-ms-date", "x-ms-content-sha256"}
    if counts and value.strip(" \t") != headers()[name]:
        with pytest.raises(NotVerified):
            verify(BODY, sent, SECRET, url=URL)
    else:
        verify(BODY, sent, SECRET, url=URL)


def test_receivers_load_nothing_of_the_server() -> None:
    program = (
        "import sys; import avtale.webhooks; "
        "print(*sorted(each for each in sys.modules if each.split('.')[0] in "
        "{'avtale', 'falcon', 'granian', 'httpx', 'asyncio', 'socket', 'sqlite3', 'cyclopts'}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert set(ran.stdout.split()) == {
        "avtale",
        "avtale.webhooks",
        "avtale.webhooks.parsing",
        "avtale.webhooks.receiving",
        "avtale.webhooks.signing",
        "avtale.webhooks.verification",
    }
