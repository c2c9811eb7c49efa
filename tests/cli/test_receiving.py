"""`avtale webhooks exam` and `listen`: receivers under construction, tried and fed."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from avtale.cli import main
from avtale.cli.examination import CHECKS
from avtale.client import Client, LegacyPricing
from avtale.webhooks import parse, verify
from avtale.webhooks.verification import NotVerified
from tests.cli.terminal import AVTALE, Running, plain_environment

SECRET = "a secret of the receiver's"

Judge = Callable[[str, dict[str, str], bytes], int]
"""What a receiver answers to a request: its URL, headers in lower case, and body."""


def right(url: str, headers: dict[str, str], body: bytes) -> int:
    """A receiver that does everything right."""
    now = datetime.now(UTC)
    try:
        verify(body, headers, SECRET, url=url, now=now, tolerance=timedelta(minutes=5))
    except NotVerified:
        return 401
    return 202


@contextmanager
def receiving(judge: Judge) -> Iterator[tuple[str, list[bytes]]]:
    """A receiver on this machine, and the bodies that came."""
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            came.append(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(judge(url, headers, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url, came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def verdicts(url: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    code = main(["webhooks", "exam", url, "--secret", SECRET, "--json"])
    marks = json.loads(capsys.readouterr().out)
    return code, {mark["check"]: mark["verdict"] for mark in marks}


# ── The examination ──────────────────────────────────────────────────────────────────────────────


def test_whoever_does_everything_right_passes_everything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with receiving(right) as (url, came):
        code, found = verdicts(url, capsys)
    assert code == 0
    assert set(found.values()) == {"passed"}
    assert set(found) == {*(check.name for check in CHECKS), "quick"}
    assert len(came) > 20


def _any_body(url: str, headers: dict[str, str], body: bytes) -> int:
    """Forgets to compare the hash with the body."""
    good = right(url, headers, body)
    if good == 202 or b"99900" not in body:
        return good
    was = body.replace(b"99900", b"49900", 1)
    return right(url, headers, was)


def _never_old(url: str, headers: dict[str, str], body: bytes) -> int:
    try:
        verify(body, headers, SECRET, url=url)
    except NotVerified:
        return 401
    return 202


def _parses_strictly(url: str, headers: dict[str, str], body: bytes) -> int:
    if right(url, headers, body) == 202 and b"celebrated" in body:
        return 400
    return right(url, headers, body)


def _knows_its_members(url: str, headers: dict[str, str], body: bytes) -> int:
    return 422 if b"weather" in body else right(url, headers, body)


def _small(url: str, headers: dict[str, str], body: bytes) -> int:
    return 413 if len(body) > 8_000 else right(url, headers, body)


def _trusts_the_unsigned(url: str, headers: dict[str, str], body: bytes) -> int:
    return right(url, headers, body) if "authorization" in headers else 202


def _once() -> Judge:
    seen: set[str] = set()

    def judge(url: str, headers: dict[str, str], body: bytes) -> int:
        answer = right(url, headers, body)
        if answer == 202 and headers["webhook-id"] in seen:
            return 409
        seen.add(headers["webhook-id"])
        return answer

    return judge


@pytest.mark.parametrize(
    ("judge", "check"),
    [
        (_any_body, "body-changed"),
        (_parses_strictly, "unknown-type"),
        (_knows_its_members, "unknown-members"),
        (_small, "large"),
        (_trusts_the_unsigned, "unsigned"),
        (_once(), "twice"),
    ],
)
def test_whoever_does_one_thing_wrong_fails_that_check_and_no_other(
    judge: Judge, check: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving(judge) as (url, _):
        code, found = verdicts(url, capsys)
    assert {name for name, verdict in found.items() if verdict != "passed"} == {check}
    assert code == 1


def test_a_receiver_that_takes_old_events_is_warned(capsys: pytest.CaptureFixture[str]) -> None:
    with receiving(_never_old) as (url, _):
        code, found = verdicts(url, capsys)
    assert (code, found["stale"]) == (0, "warned")


def test_a_receiver_that_believes_everybody_fails_all_that_is_forged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with receiving(lambda *_: 200) as (url, _):
        assert main(["webhooks", "exam", url, "--secret", SECRET]) == 1
    shown = capsys.readouterr().out
    assert "✗ A signature under another secret is refused · 200" in shown
    assert "→ Verify the signature over the very bytes that came" in shown
    assert "5 failed" in shown


def test_a_receiver_that_is_not_there_is_said_to_be_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["webhooks", "exam", "http://127.0.0.1:9/hook", "--secret", SECRET]) == 1
    assert "Nobody answers at http://127.0.0.1:9/hook" in capsys.readouterr().err
    assert main(["webhooks", "exam", "nonsense", "--secret", SECRET]) == 2


# ── Listening ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def merchant(server: Running) -> Iterator[Client]:
    """A shop with a sales unit and keys of this test's own."""
    made = server.ask("POST", "/sandbox/sales-units", {})
    with Client(
        server.url,
        client_id=made["clientId"],
        client_secret=made["clientSecret"],
        subscription_key=made["subscriptionKey"],
        merchant_serial_number=made["merchantSerialNumber"],
    ) as client:
        yield client


class Listening:
    """`avtale webhooks listen`, in a process of its own."""

    def __init__(self, merchant: Client, folder: Path, *words: str) -> None:
        setup = merchant.setup
        self._process = subprocess.Popen(
            [*AVTALE, "webhooks", "listen", *words],
            cwd=folder,
            env=plain_environment(
                AVTALE_URL=setup.url,
                AVTALE_CLIENT_ID=setup.client_id,
                AVTALE_CLIENT_SECRET=setup.client_secret,
                AVTALE_SUBSCRIPTION_KEY=setup.subscription_key,
                AVTALE_MERCHANT_SERIAL_NUMBER=setup.merchant_serial_number,
            ),
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """What it says next."""
        out = self._process.stdout
        assert out is not None
        found: list[str] = []
        reader = threading.Thread(target=lambda: found.append(out.readline()), daemon=True)
        reader.start()
        reader.join(20)
        assert found, "it says nothing"
        return found[0].rstrip("\n")

    def stop(self, how: int) -> int:
        """Tell it to stop; returns its exit code."""
        self._process.send_signal(how)
        self._process.communicate(timeout=20)
        return self._process.returncode


def approved(server: Running, merchant: Client) -> str:
    agreement_id = merchant.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(499_00, "NOK"),
        merchant_redirect_url="https://news.example/thanks",
        merchant_agreement_url="https://news.example/account/1",
    ).agreement_id
    server.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", {})
    return agreement_id


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_every_event_is_shown_and_the_registration_goes_with_the_listener(
    server: Running, merchant: Client, tmp_path: Path, how: int
) -> None:
    listening = Listening(merchant, tmp_path)
    assert listening.line().startswith("Listening. The secret is ")
    agreement_id = approved(server, merchant)
    line = listening.line()
    assert line.startswith(f"→ recurring.agreement-activated.v1 {agreement_id}  signature good")
    assert listening.stop(how) == 0
    assert merchant.list_webhooks() == []


def test_events_are_passed_on_signed_for_whom_they_are_passed_on_to(
    server: Running, merchant: Client, tmp_path: Path
) -> None:
    secret = ""
    answers = iter([503])
    judged: list[str] = []

    def judge(url: str, headers: dict[str, str], body: bytes) -> int:
        verify(body, headers, secret, url=url)
        judged.append(parse(body).event_type)
        return next(answers, 200)

    with receiving(judge) as (url, _):
        listening = Listening(merchant, tmp_path, "--forward-to", url)
        secret = listening.line().rpartition(" ")[2]
        listening.line()
        approved(server, merchant)
        assert listening.line().startswith("→ recurring.agreement-activated.v1")
        assert listening.line().startswith("← 503 ")
        # What the receiver answered is what avtale was answered, so it comes again.
        msn = merchant.setup.merchant_serial_number
        server.ask("POST", f"/sandbox/sales-units/{msn}/clock/advance", {"minutes": 1})
        assert listening.line().startswith("→ recurring.agreement-activated.v1")
        assert listening.line().startswith("← 200 ")
        listening.stop(signal.SIGINT)
    assert judged == ["recurring.agreement-activated.v1"] * 2


def test_a_receiver_that_is_not_there_yet_is_waited_for(
    server: Running, merchant: Client, tmp_path: Path
) -> None:
    words = ("--forward-to", "http://127.0.0.1:9/hook", "--json")
    listening = Listening(merchant, tmp_path, *words)
    assert json.loads(listening.line())["listening"]
    approved(server, merchant)
    told = json.loads(listening.line())
    assert told["genuine"]
    assert told["status"] is None
    listening.stop(signal.SIGTERM)
