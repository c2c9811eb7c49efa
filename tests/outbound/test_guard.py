"""The guard at the door: what was looked at is what is connected to, each time anew (reliability 89, O-2)."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from avtale.outbound.addresses import Policy
from avtale.outbound.connecting import TlsRefused, Wire
from avtale.outbound.names import Names
from avtale.outbound.sender import Outgoing, Result, Sender
from tests.outbound.test_addresses import LOOPBACK, NEVER, PRIVATE, REFUSED_IN_PRODUCTION
from tests.outbound.zoo import BODY, OK, Visitor, receiver

PRODUCTION = Policy("production")


class Answers:
    """A name server that answers one thing after the other, and then the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextlib.asynccontextmanager
async def sending(policy: Policy, resolve: Any = None) -> AsyncIterator[Sender]:
    sender = Sender(policy, resolve=resolve, seconds=5)
    try:
        yield sender
    finally:
        await sender.close()


_connects: list[Any] = []
_is_hooked: list[bool] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        _connects.append(arguments[1])


@pytest.fixture
def connects() -> Iterator[list[Any]]:
    """Every address to which a socket of this process is connected (uvloop's are not heard)."""
    if not _is_hooked:
        sys.addaudithook(_hear)
        _is_hooked.append(True)
    _connects.clear()
    yield _connects
    _connects.clear()


class TestNoConnectionIsMade:
    """On asyncio's own event loop, since uvloop connects without Python's hearing of it."""

    def test_the_ear_hears_a_good_one(self, connects: list[Any]) -> None:
        async def send() -> int:
            async with receiver() as cage, sending(Policy("test")) as sender:
                await sender.send(cage.outgoing)
                return cage.port

        port = asyncio.run(send())
        assert connects == [("127.0.0.1", port)]

    def test_to_any_hostile_url(self, connects: list[Any]) -> None:
        answers = Answers(["1.1.1.1"])

        async def send() -> list[Result]:
            async with sending(PRODUCTION, answers) as sender:
                return [await sender.send(Outgoing(url, {}, BODY)) for url in REFUSED_IN_PRODUCTION]

        assert set(asyncio.run(send())) == {Result(None, "", "refused address", 0)}
        assert (connects, answers.asked) == ([], [])

    @pytest.mark.parametrize("address", [*LOOPBACK, *PRIVATE, *NEVER, "fe80::1%lo", "::1%lo", "?"])
    def test_to_a_name_with_such_an_address(self, connects: list[Any], address: str) -> None:
        async def send(addresses: list[str]) -> Result:
            async with sending(PRODUCTION, Answers(addresses)) as sender:
                return await sender.send(Outgoing("https://hooks.example/hook", {}, BODY))

        for addresses in ([address], ["1.1.1.1", address], [address, "1.1.1.1"]):
            result = asyncio.run(send(addresses))
            assert (result.status, result.error) == (None, "refused address")
        assert connects == []

    @pytest.mark.parametrize(
        "host", ["0177.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "127.1", "017700000001"]
    )
    async def test_to_what_only_the_system_takes_for_an_address(self, host: str) -> None:
        # Should such a URL come this far, then what the system makes of it is looked at.
        found = await Names()(host, 443)
        assert set(found) == {"127.0.0.1"}

    async def test_to_an_address_with_a_zone(self) -> None:
        # In test this machine will do, but an address of a link is not one to send to.
        async with sending(Policy("test"), Answers(["::1%lo"])) as sender:
            result = await sender.send(Outgoing("https://hooks.example/hook", {}, BODY))
        assert result.error == "refused address"

    async def test_when_there_is_no_address_at_all(self) -> None:
        async with sending(PRODUCTION, Answers([])) as sender:
            result = await sender.send(Outgoing("https://hooks.example/hook", {}, BODY))
        assert result.error == "could not resolve"


class TestRebinding:
    """A name whose addresses change."""

    async def test_public_first_and_private_then(self, nothing_stays: None) -> None:
        async def once(visitor: Visitor) -> None:
            await visitor.request()
            await visitor.say(OK)

        # 127.0.0.1 stands for the public address; 0.0.0.0 leads to this machine as well, and is refused always.
        answers = Answers(["127.0.0.1"], ["0.0.0.0"])
        async with receiver(once) as cage, sending(Policy("test"), answers) as sender:
            outgoing = Outgoing(f"http://shop.localhost:{cage.port}/hook", {}, BODY)
            assert (await sender.send(outgoing)).status == 200
            await asyncio.sleep(0.02)
            for _ in range(3):
                assert (await sender.send(outgoing)).error == "refused address"
            assert cage.connections == 1

    async def test_a_name_is_looked_up_once_for_each_connection(self) -> None:
        answers = Answers(["127.0.0.1"], ["0.0.0.0"])
        async with receiver() as cage, sending(Policy("test"), answers) as sender:
            outgoing = Outgoing(f"http://shop.localhost:{cage.port}/hook", {}, BODY)
            for _ in range(5):
                assert (await sender.send(outgoing)).status == 200
        assert answers.asked == [("shop.localhost", cage.port)]
        assert cage.connections == 1

    async def test_the_next_address_is_tried_where_the_first_does_not_answer(self) -> None:
        async with receiver() as cage:
            answers = Answers(["127.0.0.9", "::1", "127.0.0.1"])
            async with sending(Policy("test"), answers) as sender:
                outgoing = Outgoing(f"http://shop.localhost:{cage.port}/hook", {}, BODY)
                assert (await sender.send(outgoing)).status == 200


class TestNames:
    """Looking names up."""

    async def test_of_this_machine_are_asked_of_nobody(self) -> None:
        def ask(host: str, port: int) -> list[str]:
            raise AssertionError(host)

        names = Names(ask)
        assert await names("localhost", 80) == ["127.0.0.1", "::1"]
        assert await names("a.b.localhost", 80) == ["127.0.0.1", "::1"]
        assert await names("192.0.2.1", 80) == ["192.0.2.1"]

    async def test_that_are_none_have_no_address(self) -> None:
        with pytest.raises(OSError, match="is no name"):
            await Names()("a" * 64 + ".example", 80)

    async def test_a_slow_name_server_holds_up_those_who_ask_for_it_only(self) -> None:
        is_over, asked = threading.Event(), []

        def ask(host: str, port: int) -> list[str]:
            asked.append(host)
            if host == "slow.example":
                is_over.wait(10)
            return ["127.0.0.1"]

        names = Names(ask)
        async with asyncio.timeout(5):
            slow = [asyncio.create_task(names("slow.example", 80)) for _ in range(20)]
            await asyncio.sleep(0)
            for _ in range(20):
                assert await names("fast.example", 80) == ["127.0.0.1"]
            # Twenty who ask for one name are one thread.
            assert asked.count("slow.example") == 1
            assert asked.count("fast.example") == 20
            slow.pop().cancel()
            is_over.set()
            assert await asyncio.gather(*slow) == [["127.0.0.1"]] * 19

    async def test_closing_waits_for_no_name_server(self, nothing_stays: None) -> None:
        is_over = threading.Event()

        def ask(host: str, port: int) -> OSError:
            is_over.wait(10)
            return OSError("gone")

        names = Names(ask)
        task = asyncio.create_task(names("slow.example", 80))
        await asyncio.sleep(0.01)
        names.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        is_over.set()


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and what it has signed: for hooks.example, for another name, and for a day long gone."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates, and is not there")
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    name = ("-addext", "subjectAltName=DNS:hooks.example")
    for authority in ("authority", "stranger"):
        _openssl(
            folder,
            *("req", "-x509", *key, "-keyout", f"{authority}.key", "-out", f"{authority}.pem"),
            *("-days", "2", "-subj", f"/CN={authority}"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )
    for leaf, names, days in (
        ("good", "DNS:hooks.example,DNS:hooks.localhost,IP:127.0.0.1", "2"),
        ("other", "DNS:other.example", "2"),
        ("expired", "DNS:hooks.localhost", "-1"),
    ):
        (folder / f"{leaf}.ext").write_text(f"subjectAltName={names}\n")
        _openssl(
            folder,
            *("req", "-new", *key, "-keyout", f"{leaf}.key", "-out", f"{leaf}.csr"),
            *("-subj", f"/CN={leaf}"),
        )
        _openssl(
            folder,
            *("x509", "-req", "-in", f"{leaf}.csr", "-out", f"{leaf}.pem", "-days", days),
            *("-CA", "authority.pem", "-CAkey", "authority.key", "-extfile", f"{leaf}.ext"),
        )
    _openssl(
        folder,
        *("req", "-x509", *key, "-keyout", "self.key", "-out", "self.pem", "-days", "2"),
        *("-subj", "/CN=hooks.example", *name),
    )
    return folder


def _serving(certificates: Path, leaf: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{leaf}.pem", certificates / f"{leaf}.key")
    return context


class TestTls:
    """The receiver has to be the one that was named; nothing switches that off (O-4)."""

    @pytest.fixture(autouse=True)
    def trusting(self, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The machine trusts the authority."""
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "authority.pem"))

    async def test_a_good_certificate_is_taken_and_the_name_is_told(
        self, certificates: Path, nothing_stays: None
    ) -> None:
        asked: list[str | None] = []
        context = _serving(certificates, "good")
        context.sni_callback = lambda _object, name, _context: asked.append(name)
        async with receiver(ssl=context) as cage, sending(Policy("test")) as sender:
            outgoing = Outgoing(f"https://hooks.localhost:{cage.port}/hook", {}, BODY)
            for _ in range(3):
                assert (await sender.send(outgoing)).status == 200
            assert (await sender.send(cage.outgoing)).status == 200
            assert (cage.connections, cage.requests[0][:20]) == (2, b"POST /hook HTTP/1.1\r")
        # An address is told to nobody by that way.
        assert asked == ["hooks.localhost", None]

    async def test_in_production_over_a_subnet_of_the_operators_own(
        self, certificates: Path, nothing_stays: None
    ) -> None:
        policy = Policy("production", (ip_network("127.9.8.7/32"),))
        answers = Answers(["127.9.8.7"], ["127.9.8.6"])
        context = _serving(certificates, "good")
        async with (
            receiver(host="127.9.8.7", port=8080, ssl=context) as cage,
            receiver(host="127.9.8.6", port=8080, ssl=context) as inner,
        ):
            outgoing = Outgoing("https://hooks.example:8080/hook", {}, BODY)
            async with sending(policy, answers) as sender:
                assert (await sender.send(outgoing)).status == 200
            async with sending(policy, answers) as sender:
                assert (await sender.send(outgoing)).error == "refused address"
            assert (cage.connections, inner.connections) == (1, 0)

    @pytest.mark.parametrize("leaf", ["other", "expired", "self"])
    async def test_a_wrong_certificate_ends_it(
        self, certificates: Path, leaf: str, nothing_stays: None
    ) -> None:
        async with (
            receiver(ssl=_serving(certificates, leaf)) as cage,
            sending(Policy("test")) as sender,
        ):
            outgoing = Outgoing(f"https://hooks.localhost:{cage.port}/hook", {}, BODY)
            result = await sender.send(outgoing)
            assert (result.status, result.error) == (None, "tls")
            assert cage.requests == []

    async def test_so_does_an_authority_that_nobody_trusts(
        self, certificates: Path, monkeypatch: pytest.MonkeyPatch, nothing_stays: None
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "stranger.pem"))
        async with (
            receiver(ssl=_serving(certificates, "good")) as cage,
            sending(Policy("test")) as sender,
        ):
            assert (await sender.send(cage.outgoing)).error == "tls"
            assert cage.requests == []

    async def test_and_who_speaks_no_tls(self, nothing_stays: None) -> None:
        async def greets(visitor: Visitor) -> None:
            await visitor.say(b"220 mail.example ESMTP\r\n")
            await visitor.reader.read(100)

        async def answers_plainly(visitor: Visitor) -> None:
            await visitor.reader.read(100)
            await visitor.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        async def leaves(visitor: Visitor) -> None:
            await visitor.reader.read(100)

        async def resets(visitor: Visitor) -> None:
            await visitor.reader.read(100)
            visitor.reset()

        for behaviour in (greets, answers_plainly, leaves, resets):
            async with receiver(behaviour) as cage, sending(Policy("test")) as sender:
                outgoing = Outgoing(f"https://127.0.0.1:{cage.port}/hook", {}, BODY)
                result = await sender.send(outgoing)
                assert (result.status, result.error) == (None, "tls"), behaviour
                assert result.milliseconds < 2500

    async def test_nor_who_speaks_before_the_handshake(self, nothing_stays: None) -> None:
        async def greets_and_hangs(visitor: Visitor) -> None:
            await visitor.say(b"220 mail.example ESMTP\r\n")
            await asyncio.sleep(3600)

        async with receiver(greets_and_hangs) as cage, asyncio.timeout(1):
            loop = asyncio.get_running_loop()
            _, wire = await loop.create_connection(Wire, "127.0.0.1", cage.port)
            await asyncio.sleep(0.02)
            with pytest.raises(TlsRefused):
                await wire.start_tls(ssl.create_default_context(), "hooks.example")

    async def test_a_handshake_that_hangs_ends_in_time(self, nothing_stays: None) -> None:
        async def hangs(visitor: Visitor) -> None:
            await asyncio.sleep(3600)

        async with receiver(hangs) as cage:
            sender = Sender(Policy("test"), seconds=0.3)
            result = await sender.send(Outgoing(f"https://127.0.0.1:{cage.port}/", {}, BODY))
            await sender.close()
        assert (result.status, result.error) == (None, "timed out")
        assert result.milliseconds < 2500
