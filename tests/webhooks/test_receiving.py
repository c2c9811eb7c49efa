"""ASGI and WSGI receivers get a verified event with one call, behind a proxy too."""

from __future__ import annotations

import io
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from avtale.webhooks import (
    AgreementEvent,
    BodyNotRead,
    MalformedEvent,
    WrongContentHash,
    WrongSignature,
    verified_event_from_asgi,
    verified_event_from_wsgi,
)
from avtale.webhooks.samples import SAMPLES
from avtale.webhooks.signing import signed_headers

URL = "http://localhost:3000/hooks/%C3%A6?shop=a%20b"
SECRET = "the secret"
SAMPLE = SAMPLES["recurring.agreement-stopped.v1"]
BODY = SAMPLE.body.encode()
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def scope(url: str = URL, body: bytes = BODY, **changes: Any) -> dict[str, Any]:
    headers = signed_headers(url, body, SECRET, NOW, webhook_id="one")
    return {
        "type": "http",
        "path": "/hooks/æ",
        "raw_path": b"/hooks/%C3%A6",
        "query_string": b"shop=a%20b",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        **changes,
    }


class Sending:
    """The receiving half of an ASGI request, piece by piece."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        messages: list[MutableMapping[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        ]
        last = {"type": "http.request"} if ends else {"type": "http.disconnect"}
        self._messages: Iterator[MutableMapping[str, Any]] = iter([*messages, last])

    async def __call__(self) -> MutableMapping[str, Any]:
        return next(self._messages)


def environ(changes: dict[str, Any] | None = None, url: str = URL) -> dict[str, Any]:
    made: dict[str, Any] = {}
    setup_testing_defaults(made)
    for name, value in signed_headers(url, BODY, SECRET, NOW, webhook_id="one").items():
        made["HTTP_" + name.upper().replace("-", "_")] = value
    return made | {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/hooks",
        "PATH_INFO": "/æ".encode().decode("latin-1"),
        "QUERY_STRING": "shop=a%20b",
        "CONTENT_LENGTH": str(len(BODY)),
        "wsgi.input": io.BytesIO(BODY),
        **(changes or {}),
    }


async def test_an_asgi_request_becomes_an_event() -> None:
    event = await verified_event_from_asgi(scope(), Sending(BODY[:9], b"", BODY[9:]), SECRET)
    assert isinstance(event, AgreementEvent)
    assert event.agreement_id == SAMPLE.agreement_id


async def test_a_server_that_tells_only_the_decoded_path_will_do() -> None:
    decoded = scope()
    del decoded["raw_path"]
    await verified_event_from_asgi(decoded, Sending(BODY), SECRET)


async def test_behind_a_proxy_the_registered_url_is_given() -> None:
    public = "https://shop.example/avtale"
    with pytest.raises(WrongSignature):
        await verified_event_from_asgi(scope(public), Sending(BODY), SECRET)
    await verified_event_from_asgi(scope(public), Sending(BODY), SECRET, url=public)
    with pytest.raises(WrongSignature):
        verified_event_from_wsgi(environ(url=public), SECRET)
    verified_event_from_wsgi(environ(url=public), SECRET, url=public)


async def test_an_asgi_body_is_read_to_its_end_or_not_at_all() -> None:
    with pytest.raises(BodyNotRead, match="went away"):
        await verified_event_from_asgi(scope(), Sending(BODY, ends=False), SECRET)
    with pytest.raises(BodyNotRead, match="more than"):
        await verified_event_from_asgi(scope(), Sending(*[b"x" * 9000] * 20), SECRET)
    with pytest.raises(WrongContentHash):
        await verified_event_from_asgi(scope(), Sending(BODY, b"\n"), SECRET)


async def test_what_is_genuine_and_no_event_is_said_to_be_none() -> None:
    with pytest.raises(MalformedEvent):
        await verified_event_from_asgi(scope(body=b"hello"), Sending(b"hello"), SECRET)


@pytest.mark.parametrize(
    "told",
    [{}, {"RAW_URI": "/hooks/%C3%A6?shop=a%20b"}, {"REQUEST_URI": "/hooks/%C3%A6?shop=a%20b"}],
    ids=["decoded", "gunicorn", "uwsgi"],
)
def test_a_wsgi_request_becomes_an_event(told: dict[str, str]) -> None:
    event = verified_event_from_wsgi(environ(told), SECRET)
    assert isinstance(event, AgreementEvent)
    assert event.agreement_id == SAMPLE.agreement_id


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"CONTENT_LENGTH": "many"}, "sensibly"),
        ({"CONTENT_LENGTH": "-1"}, "sensibly"),
        ({"CONTENT_LENGTH": "9" * 4000}, "sensibly"),
        ({"CONTENT_LENGTH": "70000"}, "more than"),
        ({"CONTENT_LENGTH": str(len(BODY) + 1)}, "went away"),
        (
            {
                "CONTENT_LENGTH": "",
                "wsgi.input_terminated": True,
                "wsgi.input": io.BytesIO(b"x" * 70_000),
            },
            "more than",
        ),
    ],
    ids=["word", "negative", "absurd", "long", "cut off", "endless"],
)
def test_a_wsgi_body_is_read_to_its_end_or_not_at_all(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BodyNotRead, match=says):
        verified_event_from_wsgi(environ(changes), SECRET)


def test_a_wsgi_body_in_chunks_is_read_where_the_server_ends_it() -> None:
    ended = environ({"CONTENT_LENGTH": "", "wsgi.input_terminated": True})
    verified_event_from_wsgi(ended, SECRET)
    with pytest.raises(WrongContentHash):
        verified_event_from_wsgi(environ({"CONTENT_LENGTH": ""}), SECRET)
