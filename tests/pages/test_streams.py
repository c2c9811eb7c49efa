"""Pages that listen, on a server of its own: who leaves makes room, and a server that stops waits for nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from avtale.pages.streams import LOOK_SECONDS, MOST_STREAMS
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
