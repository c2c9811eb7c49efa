"""Pages that a merchant named are asked whether they are there, with the care that receivers are met with."""

from __future__ import annotations

import asyncio
import time

import pytest

from avtale.outbound import probing
from avtale.outbound.addresses import Policy
from avtale.outbound.probing import MOST_URLS, Probed, probe
from tests.outbound.zoo import Behaviour, Cage, Visitor, receiver

TEST, PRODUCTION = Policy("test"), Policy("production")

pytestmark = pytest.mark.usefixtures("nothing_stays")


def page(head: int, get: int | None = None, *more: str) -> Behaviour:
    """A page that answers HEAD so, and GET the same unless told otherwise."""

    async def answer(visitor: Visitor) -> None:
        while True:
            request = await visitor.reader.readuntil(b"\r\n\r\n")
            visitor.cage.requests.append(request)
            is_head = request.startswith(b"HEAD ")
            status = head if is_head or get is None else get
            lines = [f"HTTP/1.1 {status} Said", "Content-Length: 4", *more]
            body = b"" if is_head else b"page"
            await visitor.say("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


def methods(cage: Cage) -> list[bytes]:
    return [request.split()[0] for request in cage.requests]


@pytest.mark.parametrize(
    ("behaviour", "probed", "asked"),
    [
        (page(200), Probed("200", is_dead=False), [b"HEAD"]),
        (page(302, None, "Location: http://127.0.0.1:1/"), Probed("302", is_dead=False), [b"HEAD"]),
        (page(405, 200), Probed("200", is_dead=False), [b"HEAD", b"GET"]),
        (page(404, 200), Probed("200", is_dead=False), [b"HEAD", b"GET"]),
        (page(401), Probed("401", is_dead=False), [b"HEAD", b"GET"]),
        (page(403), Probed("403", is_dead=False), [b"HEAD", b"GET"]),
        (page(404), Probed("404", is_dead=True), [b"HEAD", b"GET"]),
        (page(410), Probed("410", is_dead=True), [b"HEAD", b"GET"]),
        (page(500), Probed("500", is_dead=True), [b"HEAD", b"GET"]),
    ],
)
async def test_a_page_is_there_unless_it_says_otherwise(
    behaviour: Behaviour, probed: Probed, asked: list[bytes]
) -> None:
    async with receiver(behaviour) as cage:
        assert await probe([cage.url], TEST) == {cage.url: probed}
        assert methods(cage) == asked


async def test_what_is_sent_is_what_a_browser_would_ask_for_and_has_no_body() -> None:
    async with receiver(page(404)) as cage:
        await probe([f"{cage.url}#payments"], TEST)
    for request in cage.requests:
        head = request.decode().lower()
        assert " /hook?shop=1 http/1.1\r\n" in head
        assert f"host: 127.0.0.1:{cage.port}\r\n" in head
        assert "content-length" not in head
        assert "payments" not in head


async def test_a_page_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(visitor: Visitor) -> None:
        await visitor.reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(3600)

    monkeypatch.setattr(probing, "SECONDS", 0.3)
    async with receiver(hangs) as cage:
        urls = [f"{cage.url}&page={i}" for i in range(5)]
        begun = time.monotonic()
        found = await probe(urls, TEST)
    assert set(found.values()) == {Probed("timed out", is_dead=True)}
    assert time.monotonic() - begun < 2


async def test_a_port_where_nobody_listens_is_no_page() -> None:
    async with receiver() as cage:
        url = cage.url
    assert await probe([url], TEST) == {url: Probed("could not connect", is_dead=True)}


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        ("http://127.0.0.1:{port}/me", PRODUCTION),
        ("https://127.0.0.1/me", PRODUCTION),
        ("https://169.254.169.254/latest/meta-data", TEST),
        ("https://10.1.2.3/me", TEST),
        ("https://[::ffff:10.1.2.3]/me", TEST),
        ("https://news.example:22/me", TEST),
        ("https://nyheter.example/på", TEST),
    ],
)
async def test_where_nothing_may_be_sent_nothing_is_and_nothing_is_known(
    url: str, policy: Policy
) -> None:
    async with receiver(page(404)) as cage:
        url = url.format(port=cage.port)
        assert await probe([url], policy) == {url: Probed("refused address", is_dead=False)}
        assert not cage.connections


async def test_each_page_is_asked_once_and_no_more_than_a_few_are() -> None:
    async with receiver(page(200)) as cage:
        urls = [f"{cage.url}&page={i}" for i in range(MOST_URLS + 5)]
        found = await probe([*urls, *urls], TEST)
        assert list(found) == urls[:MOST_URLS]
        assert len(cage.requests) == MOST_URLS
