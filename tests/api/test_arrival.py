"""Requests arrive in one form and in time, and nobody holds on to their connection when they are answered."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest

from avtale.api.application import normalized
from avtale.api.arrival import REFUSED
from avtale.problems import BodyTooSlow, InvalidJson

HEADERS = [(b"host", b"avtale.test"), (b"content-length", b"100")]


class Connection:
    """What a server hands to an application: pieces that come, and answers that go."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = list(pieces)
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if not self.pieces:
            await asyncio.Event().wait()
        piece = self.pieces.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(self, event: Any) -> None:
        self.sent.append(event)


def scope(**members: Any) -> dict[str, Any]:
    plain = {
        "type": "http",
        "method": "POST",
        "http_version": "1.1",
        "path": "/",
        "headers": HEADERS,
    }
    return plain | members


async def seen(arriving: dict[str, Any], connection: Connection, pieces: int = 0) -> dict[str, Any]:
    """The scope as the application gets it, after receiving so many pieces."""

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        for _ in range(pieces):
            await receive()

    await normalized(app, body_seconds=0.05)(arriving, connection.receive, connection.send)
    return arriving


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("//recurring/v3/agreements", "/recurring/v3/agreements"),
        ("////accessToken/get", "/accesstoken/get"),
        ("/ACCESSTOKEN/GET/", "/accesstoken/get"),
        ("/accessToken/getter", "/accessToken/getter"),
        ("/recurring//v3", "/recurring//v3"),
    ],
)
async def test_paths_come_in_one_form(sent: str, path: str) -> None:
    assert (await seen(scope(path=sent), Connection()))["path"] == path


@pytest.mark.parametrize(
    ("method", "known"),
    [("GET", "GET"), ("get", "TRACE"), ("WEBSOCKET", "TRACE"), ("BREW", "TRACE")],
)
async def test_a_method_that_nobody_knows_is_one_that_nobody_has(method: str, known: str) -> None:
    assert (await seen(scope(method=method), Connection()))["method"] == known


async def test_the_first_piece_has_its_time() -> None:
    refused = (await seen(scope(), Connection(), pieces=1))[REFUSED]()
    assert isinstance(refused, BodyTooSlow)
    assert "0.05 seconds" in refused.detail


async def test_all_pieces_together_have_their_time() -> None:
    with pytest.raises(BodyTooSlow):
        await seen(scope(), Connection(b"{"), pieces=2)


async def test_a_body_that_breaks_off_is_none() -> None:
    refused = (await seen(scope(), Connection(None), pieces=1))[REFUSED]
    assert isinstance(refused(), InvalidJson)
    with pytest.raises(InvalidJson):
        await seen(scope(), Connection(b"{}", None), pieces=2)


async def test_a_request_without_a_body_is_not_timed() -> None:
    connection = Connection(b"")
    bare = scope(headers=HEADERS[:1])

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        assert receive == connection.receive
        assert send == connection.send

    await normalized(app)(bare, connection.receive, connection.send)
    assert REFUSED not in bare


async def test_whoever_remembers_a_request_does_not_keep_its_connection() -> None:
    """An exception with its traceback does so, until garbage is collected."""
    remembered: list[Any] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        remembered.extend((receive, send))
        await receive()
        await send({"type": "http.response.start"})

    connection = Connection(b"{")
    held = weakref.ref(connection)
    await normalized(app)(scope(), connection.receive, connection.send)
    assert [event["type"] for event in connection.sent] == ["http.response.start"]
    del connection
    assert held() is None
    receive, send = remembered
    assert await receive() == {"type": "http.disconnect"}
    await send({"type": "http.response.body"})
