"""Sending: to good receivers fast and over few connections, to the zoo without harm (reliability 86, O-2, O-3)."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import Callable

import pytest

from avtale.outbound.addresses import Policy
from avtale.outbound.connecting import MOST_ANSWER_BYTES
from avtale.outbound.keeping import MOST_AT_ONE_PLACE, MOST_KEPT
from avtale.outbound.sender import SECONDS, Outgoing, Sender
from avtale.webhooks.signing import USER_AGENT
from tests.outbound.zoo import BODY, OK, Behaviour, Visitor, good, receiver

FOREVER = 3600


async def hangs_after_accepting(visitor: Visitor) -> None:
    await asyncio.sleep(FOREVER)


async def hangs_after_the_request(visitor: Visitor) -> None:
    await visitor.request()
    await asyncio.sleep(FOREVER)


async def hangs_in_the_head(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Le")
    await asyncio.sleep(FOREVER)


async def hangs_in_the_body(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
    await asyncio.sleep(FOREVER)


async def trickles(visitor: Visitor) -> None:
    await visitor.request()
    for byte in OK * 1000:
        await visitor.say(bytes([byte]))
        await asyncio.sleep(0.1)


async def trickles_its_body(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await visitor.say(b".")
        await asyncio.sleep(0.1)


async def resets_at_once(visitor: Visitor) -> None:
    visitor.reset()


async def resets_after_the_request(visitor: Visitor) -> None:
    await visitor.request()
    visitor.reset()


async def resets_in_the_head(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-")
    visitor.reset()


async def resets_in_the_body(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
    visitor.reset()


async def ends_in_the_body(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")


async def says_nothing(visitor: Visitor) -> None:
    await visitor.request()


async def speaks_another_language(visitor: Visitor) -> None:
    await visitor.say(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await asyncio.sleep(FOREVER)


async def says_garbage(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(bytes(range(256)) * 16 + b"\r\n\r\n")
    await asyncio.sleep(FOREVER)


async def promises_two_lengths(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")


async def breaks_its_chunks(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n")


async def has_100_kilobytes_of_headers(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\n" + b"X-Much: of it and more\r\n" * 4400 + b"\r\n")
    await asyncio.sleep(FOREVER)


async def has_one_header_of_100_kilobytes(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(b"HTTP/1.1 200 OK\r\nX-Much: " + b"m" * 100_000 + b"\r\n\r\n")
    await asyncio.sleep(FOREVER)


async def asks_for_patience_forever(visitor: Visitor) -> None:
    await visitor.request()
    while True:
        await visitor.say(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


async def asks_for_patience_slowly(visitor: Visitor) -> None:
    await visitor.request()
    while True:
        await visitor.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.05)


async def switches_protocols(visitor: Visitor) -> None:
    await visitor.request()
    await visitor.say(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    )
    await asyncio.sleep(FOREVER)


TIMED_OUT = (
    hangs_after_accepting,
    speaks_another_language,
    hangs_after_the_request,
    hangs_in_the_head,
    hangs_in_the_body,
    trickles,
    trickles_its_body,
    asks_for_patience_slowly,
)
BROKEN = (
    resets_at_once,
    resets_after_the_request,
    resets_in_the_head,
    resets_in_the_body,
    ends_in_the_body,
    says_nothing,
    says_garbage,
    promises_two_lengths,
    breaks_its_chunks,
    has_100_kilobytes_of_headers,
    has_one_header_of_100_kilobytes,
    asks_for_patience_forever,
    switches_protocols,
)


def _name(behaviour: Callable[..., object]) -> str:
    return behaviour.__name__


class TestTheZoo:
    """Each ends in time, with the right result; the fixtures see that nothing stays open."""

    @pytest.mark.parametrize("behaviour", TIMED_OUT, ids=_name)
    async def test_ends_in_time(self, hasty: Sender, behaviour: Behaviour) -> None:
        async with receiver(behaviour) as cage:
            result = await hasty.send(cage.outgoing)
        assert (result.status, result.excerpt, result.error) == (None, "", "timed out")
        assert 450 <= result.milliseconds < 2500

    @pytest.mark.parametrize("behaviour", BROKEN, ids=_name)
    async def test_is_a_broken_answer_at_once(self, sender: Sender, behaviour: Behaviour) -> None:
        async with receiver(behaviour) as cage:
            result = await sender.send(cage.outgoing)
            assert (result.status, result.excerpt, result.error) == (None, "", "broken answer")
            assert result.milliseconds < 2500
            assert len(cage.requests) <= 1

    async def test_ten_gigabytes_cost_sixty_four_kilobytes(self, sender: Sender) -> None:
        async def endless(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
            while True:
                await visitor.say(b"x" * 65536)

        async with receiver(endless) as cage:
            result = await sender.send(cage.outgoing)
            assert (result.status, result.error) == (200, None)
            assert result.excerpt == "x" * 1024
            assert result.milliseconds < 2500
            # The rest is what the buffers of two sockets hold.
            assert cage.written_bytes < 16_000_000

    async def test_tiny_chunks_without_end_are_cut_off_too(self, sender: Sender) -> None:
        async def chunks(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                await visitor.say(b"1\r\nx\r\n" * 1000)

        async with receiver(chunks) as cage:
            result = await sender.send(cage.outgoing)
        assert (result.status, result.error) == (202, None)
        assert result.milliseconds < 2500

    async def test_a_gzip_bomb_stays_packed(self, sender: Sender) -> None:
        bomb = gzip.compress(bytes(10_000_000))

        async def bombs(visitor: Visitor) -> None:
            await visitor.request()
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
            )
            await visitor.say(head.encode() + bomb)
            await asyncio.sleep(FOREVER)

        async with receiver(bombs) as cage:
            result = await sender.send(cage.outgoing)
        assert (result.status, result.error) == (200, None)
        assert result.excerpt.startswith(r"\x1f�")
        assert len(result.excerpt.encode()) <= 1024

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_redirects_lead_nowhere(self, sender: Sender, status: int) -> None:
        async with receiver() as elsewhere:

            async def redirects(visitor: Visitor) -> None:
                await visitor.request()
                head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {elsewhere.url}\r\n"
                await visitor.say(head.encode() + b"Content-Length: 0\r\n\r\n")

            async with receiver(redirects) as cage:
                result = await sender.send(cage.outgoing)
            assert (result.status, result.error) == (status, None)
            assert elsewhere.connections == 0

    @pytest.mark.parametrize("status", [200, 202, 204, 400, 404, 410, 429, 500, 503])
    async def test_tells_the_status_that_came(self, sender: Sender, status: int) -> None:
        async def answers(visitor: Visitor) -> None:
            await visitor.request()
            body = b"" if status == 204 else b"Content-Length: 0\r\n"
            await visitor.say(f"HTTP/1.1 {status} \r\n".encode() + body + b"\r\n")

        async with receiver(answers) as cage:
            result = await sender.send(cage.outgoing)
        assert (result.status, result.excerpt, result.error) == (status, "", None)

    async def test_nobody_listens(self, sender: Sender) -> None:
        async with receiver() as cage:
            outgoing = cage.outgoing
        assert (await sender.send(outgoing)).error == "could not connect"

    async def test_a_hundred_that_hang_cost_the_others_nothing(self, hasty: Sender) -> None:
        async with contextlib.AsyncExitStack() as stack:
            hanging = [
                await stack.enter_async_context(receiver(hangs_after_accepting)) for _ in range(10)
            ]
            cage = await stack.enter_async_context(receiver())
            waiting = [
                asyncio.create_task(hasty.send(each.outgoing))
                for each in hanging
                for _ in range(10)
            ]
            await asyncio.sleep(0.1)
            for _ in range(50):
                result = await hasty.send(cage.outgoing)
                assert result.status == 200
                assert result.milliseconds < 400
            assert {each.error for each in await asyncio.gather(*waiting)} == {"timed out"}

    async def test_one_that_floods_leaves_the_others_their_turns(self, sender: Sender) -> None:
        async def floods(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(b"HTTP/1.1 102 Processing\r\n\r\n" * 3000)
            await asyncio.sleep(FOREVER)

        turns = 0

        async def take_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with receiver(floods) as cage:
            others = asyncio.create_task(take_turns())
            result = await sender.send(cage.outgoing)
            others.cancel()
        assert result.error == "broken answer"
        # One for each 4 kB that are taken apart.
        assert turns > 16


class TestWhatIsSent:
    """One request, and what is told of its answer."""

    async def test_is_a_post_of_exactly_this(self, sender: Sender) -> None:
        async with receiver() as cage:
            headers = {"Host": "shop.example", "User-Agent": USER_AGENT, "webhook-id": "5f"}
            await sender.send(Outgoing(cage.url, headers, BODY))
            [request] = cage.requests
        head, _, body = request.partition(b"\r\n\r\n")
        assert body == BODY
        assert head.split(b"\r\n") == [
            b"POST /hook?shop=1 HTTP/1.1",
            b"Host: shop.example",
            f"User-Agent: {USER_AGENT}".encode(),
            b"webhook-id: 5f",
            f"Content-Length: {len(BODY)}".encode(),
        ]

    async def test_names_the_host_where_the_caller_does_not(self, sender: Sender) -> None:
        async with receiver() as cage:
            url = f"http://shop.localhost:{cage.port}?a=1"
            assert (await sender.send(Outgoing(url, {}, BODY))).status == 200
            [request] = cage.requests
        assert request.startswith(b"POST /?a=1 HTTP/1.1\r\n")
        assert f"Host: shop.localhost:{cage.port}\r\n".encode() in request

    async def test_reaches_a_receiver_that_listens_on_ipv6_only(self, sender: Sender) -> None:
        async with receiver(host="::1") as cage:
            for host in ("localhost", "[::1]"):
                url = f"http://{host}:{cage.port}/hook"
                assert (await sender.send(Outgoing(url, {}, BODY))).status == 200

    async def test_cookies_are_not_kept(self, sender: Sender) -> None:
        async def bakes(visitor: Visitor) -> None:
            while True:
                await visitor.request()
                await visitor.say(
                    b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
                )

        async with receiver(bakes) as cage:
            await sender.send(cage.outgoing)
            await sender.send(cage.outgoing)
            assert b"ookie" not in b"".join(cage.requests)

    async def test_proxies_of_the_environment_are_not_asked(
        self, sender: Sender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with receiver() as proxy, receiver() as cage:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            assert (await sender.send(cage.outgoing)).status == 200
            assert (proxy.connections, cage.connections) == (0, 1)

    async def test_the_excerpt_is_one_line_that_can_be_printed(self, sender: Sender) -> None:
        said = "Først\r\n\x1b[31mrød\x00 \u202eesrever".encode() + b"\xff"

        async def says(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(
                b"HTTP/1.1 500 Oh\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)
            )

        async with receiver(says) as cage:
            result = await sender.send(cage.outgoing)
        assert result.excerpt == r"Først\r\n\x1b[31mrød\x00 \u202eesrever" + "�"

    def test_a_receiver_has_ten_seconds_as_published(self) -> None:
        assert SECONDS == 10
        assert MOST_ANSWER_BYTES == 64 * 1024


class TestConnections:
    """Kept, counted, made anew, ended."""

    async def test_one_after_another_share_one(self, sender: Sender) -> None:
        async with receiver() as cage:
            for _ in range(20):
                assert (await sender.send(cage.outgoing)).status == 200
            assert (cage.connections, len(cage.requests)) == (1, 20)

    async def test_one_that_was_closed_between_is_made_anew(self, sender: Sender) -> None:
        async def closes_without_a_word(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(OK)

        async with receiver(closes_without_a_word) as cage:
            for _ in range(5):
                assert (await sender.send(cage.outgoing)).status == 200
                await asyncio.sleep(0.02)
            assert (cage.connections, len(cage.requests)) == (5, 5)

    async def test_one_that_is_closed_as_the_request_comes_is_made_anew(
        self, sender: Sender
    ) -> None:
        async def answers_once(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(OK)
            await visitor.reader.readexactly(1)
            visitor.reset()

        async with receiver(answers_once) as cage:
            for _ in range(5):
                assert (await sender.send(cage.outgoing)).status == 200
            assert (cage.connections, len(cage.requests)) == (5, 5)

    async def test_a_body_where_there_is_none_is_not_the_next_answer(self, sender: Sender) -> None:
        async def no_content_and_content(visitor: Visitor) -> None:
            while True:
                await visitor.request()
                await visitor.say(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok")

        async with receiver(no_content_and_content) as cage:
            for _ in range(5):
                assert (await sender.send(cage.outgoing)).status == 204
            # Each was sent once.
            assert len(cage.requests) == 5
            await asyncio.sleep(0.02)
            assert cage.open == 0

    async def test_an_answer_before_the_question_is_none(self, sender: Sender) -> None:
        async def answers_twice(visitor: Visitor) -> None:
            while True:
                await visitor.request()
                await visitor.say(OK + OK)

        async with receiver(answers_twice) as cage:
            for _ in range(5):
                assert (await sender.send(cage.outgoing)).status == 200
            assert len(cage.requests) == 5
            await asyncio.sleep(0.02)
            assert cage.open == 1

    async def test_one_on_which_more_is_said_meanwhile_is_ended(self, sender: Sender) -> None:
        async def adds_something(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(OK)
            await asyncio.sleep(0.01)
            await visitor.say(OK)
            await visitor.request()

        async with receiver(adds_something) as cage:
            for _ in range(3):
                assert (await sender.send(cage.outgoing)).status == 200
                await asyncio.sleep(0.05)
            assert (cage.connections, cage.open, len(cage.requests)) == (3, 1, 3)

    async def test_a_few_at_a_time_to_one_place(self, sender: Sender) -> None:
        async def takes_a_moment(visitor: Visitor) -> None:
            while True:
                await visitor.request()
                await asyncio.sleep(0.02)
                await visitor.say(OK)

        async with receiver(takes_a_moment) as cage:
            results = await asyncio.gather(*(sender.send(cage.outgoing) for _ in range(60)))
            # Whoever waits for a turn is not late for that.
            assert {each.status for each in results} == {200}
            assert cage.most_open == MOST_AT_ONE_PLACE

    async def test_those_that_wait_are_counted(self, sender: Sender) -> None:
        async with contextlib.AsyncExitStack() as stack:
            cages = [await stack.enter_async_context(receiver()) for _ in range(MOST_KEPT + 10)]
            for cage in cages:
                assert (await sender.send(cage.outgoing)).status == 200
            await asyncio.sleep(0.02)
            assert [cage.open for cage in cages] == [0] * 10 + [1] * MOST_KEPT

    async def test_closing_ends_everything_at_once(self, nothing_stays: None) -> None:
        sender = Sender(Policy("test"))
        loop = asyncio.get_running_loop()
        async with receiver(hangs_in_the_body) as hanging, receiver(good) as cage:
            await sender.send(cage.outgoing)
            # More than there are turns: some wait.
            sends = [asyncio.create_task(sender.send(hanging.outgoing)) for _ in range(40)]
            await asyncio.sleep(0.05)
            began = loop.time()
            await sender.close()
            assert loop.time() - began < 0.5
            results = await asyncio.gather(*sends)
            assert {each.error for each in results} == {"shut down"}
            assert (await sender.send(cage.outgoing)).error == "shut down"
            await asyncio.sleep(0.02)
            assert cage.open == 0

    async def test_who_is_cancelled_takes_its_connection_along(self, sender: Sender) -> None:
        async with receiver(hangs_after_the_request) as cage:
            task = asyncio.create_task(sender.send(cage.outgoing))
            await asyncio.sleep(0.1)
            assert len(cage.requests) == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with receiver() as cage:
            assert (await sender.send(cage.outgoing)).status == 200
