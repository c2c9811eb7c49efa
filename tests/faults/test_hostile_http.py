"""Whatever comes over the wire, the answer is a refusal or the end of the connection, and the next one is served."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import pytest

from tests.faults.strangers import BODY_SECONDS, HEAD_SECONDS, SLACK_SECONDS, Heard, Server, running

AGREEMENTS = "/recurring/v3/agreements"
CHARGES = "/recurring/v3/agreements/agr_5kSeqz7/charges"
GET = b"GET /recurring/v3/agreements HTTP/1.1\r\nHost: avtale.test\r\n"
POST = b"POST /recurring/v3/agreements HTTP/1.1\r\nHost: avtale.test\r\n"
SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: evil.test\r\n\r\n"
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def fired_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.fixture
def server(fired_at: Server) -> Iterator[Server]:
    yield fired_at
    fired_at.require_well()


def require_refused(heard: Heard, *statuses: int) -> None:
    """One refusal of ours, a problem document with an id; or one of the HTTP layer, and then the end."""
    assert heard.status in statuses, heard
    if heard.is_closed and b"content-length: 0" in heard.head:
        return
    assert heard.problem["contextId"].encode() in heard.head


# ── Heads ────────────────────────────────────────────────────────────────────────────────────────

MALFORMED = {
    "a folded header": GET + b"X-A: one\r\n two\r\n\r\n",
    "a space before the colon": GET + b"X-A : one\r\n\r\n",
    "no colon": GET + b"X-A one\r\n\r\n",
    "no name": GET + b": one\r\n\r\n",
    "NUL in a value": GET + b"X-A: o\x00ne\r\n\r\n",
    "a bare CR in a value": GET + b"X-A: one\rX-B: two\r\n\r\n",
    "a bare CR in a key": GET + b"Idempotency-Key: a\rSet-Cookie: b\r\n\r\n",
    "a name with a space": GET + b"X A: one\r\n\r\n",
    "a name that is no token": GET + b"X\xc3\xb8: one\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length in hexadecimal": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "a length in Arabic digits": POST + b"Content-Length: \xd9\xa2\r\n\r\n{}",
    "a length beyond counting": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "two lengths in one": POST + b"Content-Length: 2, 3\r\n\r\n{} ",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked, but not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a version to come": b"GET / HTTP/3.7\r\nHost: a\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "a raw byte in the path": b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "a handshake of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two hosts": GET + b"Host: evil.test\r\n\r\n",
    "two hosts that agree": GET + b"Host: avtale.test\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_head_is_refused(server: Server, sent: bytes) -> None:
    heard = server.say(sent)
    if heard.raw:
        require_refused(heard, 400)
    else:
        assert heard.is_closed


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_older_clients_are_answered_too(server: Server, version: bytes) -> None:
    is_old = version == b"1.0"
    heard = server.say(b"GET /livez HTTP/%b\r\nHost: a\r\n\r\n" % version, to_the_end=is_old)
    assert heard.status == 200
    assert heard.is_closed is is_old


@pytest.mark.parametrize("name", ["X-A", "Authorization", "Cookie", "Idempotency-Key"])
def test_a_head_is_at_most_sixteen_kibibytes(server: Server, name: str) -> None:
    assert server.say(GET + f"{name}: {'a' * 12_000}\r\n\r\n".encode()).status == 401
    for size in (17_000, 100_000, 1_000_000):
        require_refused(server.say(GET + f"{name}: {'a' * size}\r\n\r\n".encode()), 431)


def test_a_head_has_at_most_a_hundred_headers(server: Server) -> None:
    def many(count: int) -> bytes:
        return GET + b"".join(b"X-%d: a\r\n" % number for number in range(count)) + b"\r\n"

    assert server.say(many(90)).status == 401
    for count in (101, 1_000, 3_000):
        require_refused(server.say(many(count)), 431)


@pytest.mark.parametrize("length", [2_049, 10_000, 70_000])
def test_a_target_is_at_most_two_kibibytes(server: Server, length: int) -> None:
    for target in ("/" + "a" * length, f"{AGREEMENTS}?status={'A' * length}"):
        require_refused(server.request("GET", target), 414, 431)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Ocp-Apim-Subscription-Key",
        "Merchant-Serial-Number",
        "Idempotency-Key",
        "Continuation-Token",
        "Content-Type",
        "Vipps-System-Name",
        "client_id",
        "client_secret",
    ],
)
@pytest.mark.parametrize(
    "value",
    [b"\xc3\xb8", b"Bearer \xff\xfe", b"\xe2\x80\xae", b"\x85\xa0", b"a\tb", b"", b"'\"<script>"],
    ids=["ø", "latin-1", "rtl", "c1", "tab", "empty", "markup"],
)
def test_bytes_beyond_ascii_in_a_header_are_refused_and_never_repeated(
    server: Server, name: str, value: bytes
) -> None:
    head = server.head("POST", CHARGES, 2)
    lines = [line for line in head.split(b"\r\n") if not line.startswith(name.encode() + b":")]
    sent = b"\r\n".join([*lines[:-2], name.encode() + b": " + value, b"", b""])
    heard = server.say(sent + b"{}")
    assert heard.status is not None
    assert 400 <= heard.status < 500
    if len(value) > 1:
        assert value not in heard.raw
    token = server.say(
        b"POST /accesstoken/get HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
        b"client_id: a\r\nclient_secret: b\r\nOcp-Apim-Subscription-Key: c\r\n"
        + (name.encode() + b": " + value + b"\r\n\r\n")
    )
    assert token.status in {400, 401}


def test_nothing_that_is_sent_becomes_a_header_of_the_answer(server: Server) -> None:
    for key in (b"a%0d%0aSet-Cookie:%20b", b"a\\r\\nSet-Cookie: b", b"a\xe5\x98\x8aSet-Cookie: b"):
        head = server.head("GET", f"/recurring/v3/charges/{'x%0d%0aSet-Cookie:%20y'}", 0)
        heard = server.say(head.replace(b"Idempotency-Key: ", b"Idempotency-Key: " + key))
        assert heard.status == 404
        assert b"set-cookie" not in heard.head.lower()


# ── One request is one request ───────────────────────────────────────────────────────────────────

AMBIGUOUS = {
    "length, then chunks": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n",
    "chunks, then length": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n",
    "length, then chunks in capitals": b"Content-Length: %d\r\nTRANSFER-ENCODING: CHUNKED\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nX: %d\r\n",
    "chunks and something": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\nX: %d\r\n",
    "chunks twice in one": b"Transfer-Encoding: chunked, chunked\r\nX: %d\r\n",
    "chunks after a tab": b"Transfer-Encoding:\tchunked\r\nContent-Length: %d\r\n",
}


@pytest.mark.parametrize("framing", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_no_second_request_hides_in_a_first(server: Server, framing: bytes) -> None:
    body = b"0\r\n\r\n" + SMUGGLED
    heard = server.say(POST + framing % len(body) + b"\r\n" + body, to_the_end=True)
    assert heard.status in {400, 401, 501}
    assert heard.is_closed
    assert b"alive" not in heard.raw


CHUNKS = {
    "a size that is none": b"zz\r\n{}\r\n0\r\n\r\n",
    "a negative size": b"-1\r\n{}\r\n0\r\n\r\n",
    "a size beyond counting": b"fffffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "no end of a chunk": b"2\r\n{}0\r\n\r\n",
    "a break after what would do": b"2\r\n{}\r\nzz\r\n\r\n",
    "an endless extension": b"2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
    "a million trailers": b"2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS.keys())
def test_broken_chunks_end_the_connection(server: Server, chunks: bytes) -> None:
    heard = server.say(
        server.head("POST", AGREEMENTS, None, b"Transfer-Encoding: chunked\r\n") + chunks,
        to_the_end=True,
    )
    assert heard.status in {None, 400, 408, 413, 431}
    assert heard.is_closed


def test_half_a_body_is_never_taken_for_a_whole_one(server: Server) -> None:
    """Whole JSON, and then a chunk that is none: with the one and without the other it would be an agreement."""
    draft = {
        "productName": "Premier League",
        "pricing": {"amount": 499_00, "currency": "NOK"},
        "merchantRedirectUrl": "https://example.com/r",
        "merchantAgreementUrl": "https://example.com/a",
    }
    body = json.dumps(draft).encode()
    assert server.request("POST", AGREEMENTS, body).status == 201
    head = server.head("POST", AGREEMENTS, None, b"Transfer-Encoding: chunked\r\n")
    chunk = b"%x\r\n%b\r\n" % (len(body), body)
    assert server.say(head + chunk + b"0\r\n\r\n").status == 201
    for rest in (b"zz\r\n\r\n", b"fffffffffffffffffffff\r\n"):
        for gap in (0.0, 0.1):
            heard = server.say(head.replace(b"cy-Key: ", b"cy-Key: 1"), chunk, rest, gap=gap)
            require_refused(heard, 400)
            assert "broke off" in heard.problem["detail"]


def test_requests_in_a_row_are_answered_in_that_order(server: Server) -> None:
    heard = server.say((GET + b"\r\n") * 3 + SMUGGLED, wait=2.0)
    assert heard.statuses == [401, 401, 401, 200]


# ── Bodies that are too much, too slow, or not there ─────────────────────────────────────────────


def test_fifty_mebibytes_are_refused_at_once_and_never_held(server: Server) -> None:
    before = server.peak_bytes
    body = b'{"amount": "' + b"a" * (50 * MEBIBYTE)
    for path in (AGREEMENTS, CHARGES, AGREEMENTS + "/charges"):
        declared = server.request("POST", path, body)
        require_refused(declared, 413)
        assert declared.seconds < 2 * SLACK_SECONDS
        chunk = b"%x\r\n%b\r\n" % (MEBIBYTE, b"a" * MEBIBYTE)
        head = server.head("POST", path, None, b"Transfer-Encoding: chunked\r\n")
        undeclared = server.say(head, *[chunk] * 50, to_the_end=True)
        assert undeclared.status in {None, 413}
        assert undeclared.is_closed
    unknown = server.say(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert unknown.status in {None, 401}
    after = server.peak_bytes
    if before is not None and after is not None:
        assert after - before < 24 * MEBIBYTE


@pytest.mark.parametrize(
    ("path", "limit"), [(CHARGES, 64 * 1024), (AGREEMENTS + "/charges", 2 * MEBIBYTE)]
)
def test_the_limit_of_a_body_is_exact(server: Server, path: str, limit: int) -> None:
    for size, status in ((limit, 400), (limit + 1, 413)):
        body = b'{"a":"' + b"x" * (size - 8) + b'"}'
        assert len(body) == size
        require_refused(server.request("POST", path, body), status)


@pytest.mark.parametrize("sent", [b"", b"{"], ids=["nothing", "one byte"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_body_that_never_comes_is_given_up(server: Server, method: str, sent: bytes) -> None:
    path = AGREEMENTS if method in {"GET", "POST"} else CHARGES + "/chr-1"
    heard = server.say(server.head(method, path, 100) + sent, to_the_end=True)
    assert heard.is_closed
    assert heard.seconds < BODY_SECONDS + SLACK_SECONDS
    if method == "POST":
        require_refused(heard, 408)
        assert heard.seconds > BODY_SECONDS * 0.9
    else:
        assert heard.status in {200, 404, 405, 408}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /recurring/v3/agreements HTTP/1.1\r\n", 401),
        (b"POST /accesstoken/get HTTP/1.1\r\n", 401),
        (b"POST /no/such/path HTTP/1.1\r\n", 404),
        (b"PUT /recurring/v3/agreements HTTP/1.1\r\n", 405),
        (b"POST /livez HTTP/1.1\r\n", 405),
        (b"GET /livez HTTP/1.1\r\n", 200),
        (b"GET /recurring/v3/agreements?status=x HTTP/1.1\r\n", 401),
        (b"DELETE /sandbox/sales-units/1 HTTP/1.1\r\n", 404),
    ],
)
def test_who_is_answered_before_the_end_of_a_body_is_let_go(
    server: Server, sent: bytes, status: int
) -> None:
    head = sent + b"Host: 127.0.0.1\r\nContent-Length: 100\r\n\r\n"
    heard = server.say(head + b"half of it", to_the_end=True, wait=SLACK_SECONDS)
    assert heard.status == status
    assert heard.is_closed


def test_a_body_that_trickles_has_no_more_time_than_another(server: Server) -> None:
    for head in (
        server.head("POST", AGREEMENTS, 1000),
        server.head("POST", AGREEMENTS, None, b"Transfer-Encoding: chunked\r\n"),
    ):
        pieces = [b"1\r\n \r\n" if b"chunked" in head else b" "] * 100
        heard = server.say(head, *pieces, gap=0.2, to_the_end=True)
        assert heard.is_closed
        assert b" 408 " in heard.head or not heard.raw


def test_a_head_that_never_ends_is_given_up(server: Server) -> None:
    strangers = {sent: server.connect() for sent in (b"", b"G", GET, GET + b"X-A: ")}
    began = time.monotonic()
    for sent, stranger in strangers.items():
        stranger.sendall(sent)
    for stranger in strangers.values():
        assert stranger.recv(1 << 16) == b""
        assert HEAD_SECONDS * 0.9 < time.monotonic() - began < HEAD_SECONDS + SLACK_SECONDS
        stranger.close()


def test_a_connection_that_says_no_more_is_given_up(server: Server) -> None:
    with server.connect() as stranger:
        stranger.sendall(GET + b"\r\n")
        assert b" 401 " in stranger.recv(1 << 16)
        began = time.monotonic()
        assert stranger.recv(1 << 16) == b""
        assert time.monotonic() - began < HEAD_SECONDS + SLACK_SECONDS


def test_two_hundred_who_dawdle_keep_nobody_waiting(server: Server) -> None:
    heads, bodies = [GET], [server.head("POST", AGREEMENTS, 100) + b"{"]
    strangers = [server.connect() for _ in range(200)]
    try:
        for number, stranger in enumerate(strangers):
            stranger.sendall((heads, bodies)[number % 2][0])
        for _ in range(20):
            began = time.monotonic()
            assert server.say(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
            assert time.monotonic() - began < SLACK_SECONDS / 2
        time.sleep(max(BODY_SECONDS, HEAD_SECONDS) + 0.5)
        heard = [stranger.recv(1 << 16) for stranger in strangers]
        assert {answer[9:12] for answer in heard} == {b"", b"408"}
    finally:
        for stranger in strangers:
            stranger.close()


def test_who_hangs_up_in_the_middle_is_forgotten(server: Server) -> None:
    body = json.dumps({"amount": 499_00}).encode()
    whole = server.head("POST", CHARGES, len(body)) + body
    for length in range(0, len(whole), 7):
        with server.connect() as stranger:
            stranger.sendall(whole[:length])


# ── Noise ────────────────────────────────────────────────────────────────────────────────────────


def test_noise_is_refused_or_cut_off(server: Server) -> None:
    chance = random.Random(112)
    good = server.head("POST", CHARGES, 2) + b"{}"
    for _ in range(150):
        noise = bytearray(good)
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(noise))
            match chance.randrange(3):
                case 0:
                    noise[place] = chance.randrange(256)
                case 1:
                    del noise[place : place + chance.randint(1, 40)]
                case _:
                    noise[place:place] = chance.randbytes(chance.randint(1, 20))
        with server.connect() as stranger:
            stranger.sendall(noise + b"\r\n\r\n")
            stranger.settimeout(0.05)
            try:
                answer = stranger.recv(1 << 16)
            except TimeoutError:
                continue
            assert (
                not answer or 400 <= int(answer[9:12]) < 500 or int(answer[9:12]) in {200, 204}
            ), answer


# ── The log ──────────────────────────────────────────────────────────────────────────────────────


def test_the_log_of_all_this_is_one_object_a_line_and_plain_ascii(server: Server) -> None:
    hostile = b'\x1b[2J%0a{"level": "error"}\xe2\x80\xae'
    server.say(
        GET + b"Merchant-Serial-Number: " + hostile + b"\r\nUser-Agent: " + hostile + b"\r\n\r\n"
    )
    last = server.say(b"GET /a%0a%1b%5b2J%e2%80%a8{} HTTP/1.1\r\nHost: a\r\n\r\n")
    text = server.log_with(last.problem["contextId"])
    lines = text.decode("ascii").split("\n")
    assert lines.pop() == ""
    # The first of the two may be refused before it is a request; the second is one, and so is that for the token.
    assert len(lines) >= 2
    for line in lines:
        assert line.isprintable()
        told = json.loads(line)
        assert told["level"] in {"info", "warning"}, told
        assert told["event"] == "request", told
    assert b"2J" not in text
    assert server.token.encode() not in text
