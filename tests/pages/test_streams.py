"""Pages that listen, on a server of its own: who leaves makes room, and a server that stops waits for nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import falcon.asgi
import httpx
import pytest

from avtale.engine.engine import StorageDown
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from avtale.pages.streams import LOOK_SECONDS, MOST_STREAMS, Board
from tests.cli.terminal import Merchant, Running, serving


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A server that keeps nothing."""
    with serving("up", "--port", "0", "--data", "memory:", folder=tmp_path) as started:
        yield started


def stream_of(running: Running) -> str:
    """The stream that a landing page listens to."""
    keys = {
        "client_id": PUBLIC_CREDENTIALS.client_id,
        "client_secret": PUBLIC_CREDENTIALS.client_secret,
        "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
        "Merchant-Serial-Number": PUBLIC_UNIT,
    }
    merchant = Merchant(running.url, keys)
    agreement = merchant.ask("GET", f"/agreements/{merchant.draft()}")
    (token,) = parse_qs(urlsplit(agreement["vippsConfirmationUrl"]).query)["token"]
    return f"{running.url}/landing/stream?token={token}"


def test_pages_that_were_left_make_room_for_others(running: Running) -> None:
    url = stream_of(running)
    limits = httpx.Limits(max_connections=None)
    with ExitStack() as open_pages, httpx.Client(trust_env=False, limits=limits) as http:
        for _ in range(MOST_STREAMS):
            answer = open_pages.enter_context(http.stream("GET", url))
            assert answer.status_code == 200
        assert http.get(url).status_code == 503
    give_up = time.monotonic() + 5 * LOOK_SECONDS
    while True:
        with httpx.stream("GET", url, trust_env=False) as answer:
            if answer.status_code == 200:
                return
        assert time.monotonic() < give_up, "nobody has noticed that the pages are gone"
        time.sleep(0.1)


def test_a_server_that_stops_ends_its_streams_quietly(running: Running) -> None:
    with httpx.stream("GET", stream_of(running), trust_env=False) as answer:
        words = answer.iter_lines()
        assert next(words) == "event: here"
        begun = time.monotonic()
        ended = running.stop()
        assert time.monotonic() - begun < 2
        assert list(words)[-1] == ""
    assert (ended.code, ended.err) == (0, "")


# ── What a page hears ────────────────────────────────────────────────────────────────────────────


class Shown:
    """What a page shows, in a word; or a database that is away."""

    def __init__(self, word: str | None) -> None:
        self.word = word

    async def digest(self) -> str:
        if self.word is None:
            raise StorageDown("the database is away")
        return self.word


async def next_word(resp: falcon.asgi.Response) -> tuple[str | None, str | None]:
    """The next event of a stream and its data; an empty pair for a comment."""
    assert resp.sse is not None
    async with asyncio.timeout(2 * LOOK_SECONDS):
        event = await anext(aiter(resp.sse))
    assert event is not None
    return event.event, event.text


async def test_a_page_hears_once_of_each_change_and_of_none_where_there_is_none() -> None:
    board, shown, resp = Board(), Shown("one request"), falcon.asgi.Response()
    board.stream(resp, shown.digest)
    assert await next_word(resp) == ("here", "one request")
    board.hear(())
    assert await next_word(resp) == (None, None)
    shown.word = "two requests"
    board.hear(())
    assert await next_word(resp) == ("changed", "two requests")


async def test_a_page_listens_on_while_the_database_is_away() -> None:
    board, shown, resp = Board(), Shown("one request"), falcon.asgi.Response()
    board.stream(resp, shown.digest)
    assert await next_word(resp) == ("here", "one request")
    shown.word = None
    board.hear(())
    assert await next_word(resp) == (None, None)
    shown.word = "two requests"
    board.hear(())
    assert await next_word(resp) == ("changed", "two requests")


async def test_a_stream_that_begins_while_the_database_is_away_ends_quietly() -> None:
    board, resp = Board(), falcon.asgi.Response()
    board.stream(resp, Shown(None).digest)
    with pytest.raises(StopAsyncIteration):
        await next_word(resp)


async def test_what_other_processes_did_is_heard_of_soon() -> None:
    board, shown, resp = Board(), Shown("one request"), falcon.asgi.Response()
    board.stream(resp, shown.digest)
    await next_word(resp)
    shown.word = "two requests"
    assert await next_word(resp) == ("changed", "two requests")
