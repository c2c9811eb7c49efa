"""`avtale webhooks listen`: every event is shown, and passed on to a receiver under construction (sandbox §9).

A small receiver of its own on this machine is registered, and taken off the list when it stops.
"""

from __future__ import annotations

import json
import queue
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any, Final, NamedTuple

import httpx
from cyclopts import App, Parameter

from avtale.cli.merchant import USUAL_MERCHANT, AsMerchant, merchant
from avtale.cli.output import Failure, bold, dim, paint, say
from avtale.cli.registrations import EVENTS
from avtale.webhooks.signing import signed_headers, target_of
from avtale.webhooks.verification import NotVerified, verify

LIMIT_BYTES: Final = 64 * 1024
PATIENCE_SECONDS: Final = 10.0
NOBODY: Final = 502
"""What avtale is answered where the receiver is not there, so that it comes again."""
_HOP_BY_HOP: Final = frozenset({"host", "connection", "content-length", "transfer-encoding"})


class Passed(NamedTuple):
    """One delivery, out and back."""

    event: dict[str, Any]
    webhook_id: str
    is_genuine: bool
    status: int | None
    """What the receiver answered; None where nothing was passed on, or nobody answered."""
    said: str
    seconds: float


def mount(app: App) -> None:
    """Put the command among those of `avtale webhooks`."""
    app.command(listen, name="listen", sort_key=2)


def listen(
    *,
    forward_to: Annotated[
        str | None, Parameter(help="The receiver to pass events on to.", show_default=False)
    ] = None,
    event: Annotated[
        tuple[str, ...],
        Parameter(
            help="An event by its name; all, if none is said.", negative="", show_default=False
        ),
    ] = (),
    as_it_came: Annotated[
        bool,
        Parameter(
            help="Pass the signature on as it came, for the address of `listen`.", negative=""
        ),
    ] = False,
    who: AsMerchant = USUAL_MERCHANT,
) -> int:
    """Show every event as it comes, and pass it on; two lines each, out and back. Ctrl-C ends it.

    A signature covers host and path. So that your receiver can verify what is passed on, it is signed anew for
    its own address, with the secret that is printed at the start. What it answers is what avtale is answered.

    For example:

        avtale webhooks listen
        avtale webhooks listen --forward-to http://localhost:3000/hook
        avtale webhooks listen --event recurring.charge-failed.v1 --json
    """
    if forward_to is not None:
        try:
            target_of(forward_to)
        except ValueError as error:
            raise Failure(f"{forward_to!r} is no URL of a receiver: {error}.", 2) from error
    heard: queue.Queue[Passed] = queue.Queue()
    with _told_to_stop(), _ear(heard) as ear, merchant(who) as client:
        made = client.register_webhook(url=ear.url, events=event or EVENTS)
        ear.begin(made.secret, forward_to, as_it_came=as_it_came)
        try:
            _greet(made.secret, forward_to, who)
            while True:
                _show(heard.get(), who)
        except KeyboardInterrupt:
            return 0
        finally:
            client.delete_webhook(made.id)


class Ear(ThreadingHTTPServer):
    """The small receiver."""

    daemon_threads = True

    def __init__(self, heard: queue.Queue[Passed]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/listen"
        self._heard = heard
        self._secret = ""
        self._forward_to: str | None = None
        self._as_it_came = False
        self._http = httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False)

    def begin(self, secret: str, forward_to: str | None, *, as_it_came: bool) -> None:
        """Know what to do with what comes."""
        self._secret, self._forward_to, self._as_it_came = secret, forward_to, as_it_came

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Check a delivery, pass it on, and say what to answer."""
        try:
            verify(body, headers, self._secret, url=self.url)
            is_genuine = True
        except NotVerified:
            is_genuine = False
        begin = time.monotonic()
        status, said = self._passed_on(headers, body)
        try:
            event = json.loads(body)
        except ValueError:
            event = {}
        webhook_id = headers.get("webhook-id", "")
        seconds = time.monotonic() - begin
        self._heard.put(Passed(event, webhook_id, is_genuine, status, said, seconds))
        return (NOBODY if status is None else status) if self._forward_to else 200

    def _passed_on(self, headers: dict[str, str], body: bytes) -> tuple[int | None, str]:
        if self._forward_to is None:
            return None, ""
        sent = {n: v for n, v in headers.items() if n.lower() not in _HOP_BY_HOP}
        if not self._as_it_came:
            anew = signed_headers(
                self._forward_to,
                body,
                self._secret,
                datetime.now(UTC),
                webhook_id=headers.get("webhook-id", ""),
            )
            sent = {
                n: v for n, v in sent.items() if n.lower() not in {a.lower() for a in anew}
            } | anew
        try:
            answer = self._http.post(self._forward_to, content=body, headers=sent)
        except httpx.HTTPError as error:
            return None, str(error) or type(error).__name__
        return answer.status_code, answer.reason_phrase

    def server_close(self) -> None:
        """Let go of everything."""
        super().server_close()
        self._http.close()


class _Handler(BaseHTTPRequestHandler):
    server: Ear
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """A delivery."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LIMIT_BYTES:
            self._answer(413)
            return
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._answer(self.server.take(headers, body))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what came is shown elsewhere."""


@contextmanager
def _ear(heard: queue.Queue[Passed]) -> Iterator[Ear]:
    ear = Ear(heard)
    thread = threading.Thread(target=ear.serve_forever, daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        ear.shutdown()
        ear.server_close()


@contextmanager
def _told_to_stop() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, so that the registration goes with it."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _greet(secret: str, forward_to: str | None, who: AsMerchant) -> None:
    if who.json:
        say(json.dumps({"listening": True, "secret": secret}))
        return
    say(f"{bold('Listening.')} The secret is {secret}")
    if forward_to is not None:
        say(dim(f"Events go on to {forward_to}, signed anew for it."))


def _show(passed: Passed, who: AsMerchant) -> None:
    event = passed.event
    about = event.get("chargeId") or event.get("agreementId") or ""
    if who.json:
        told = {
            "event": event,
            "webhookId": passed.webhook_id,
            "genuine": passed.is_genuine,
            "status": passed.status,
            "milliseconds": round(passed.seconds * 1000, 1),
        }
        say(json.dumps(told, ensure_ascii=False))
        return
    seal = paint("signature good", "32") if passed.is_genuine else paint("signature WRONG", "31")
    say(
        f"{paint('→', '36')} {bold(str(event.get('eventType', '?')))} {about}  {seal}  {dim(passed.webhook_id)}"
    )
    if passed.status is not None:
        colour = "32" if 200 <= passed.status < 300 else "31"
        took = f"{passed.seconds * 1000:.0f} ms"
        say(f"{paint('←', '36')} {paint(f'{passed.status} {passed.said}', colour)}  {took}")
    elif passed.said:
        say(
            f"{paint('←', '36')} {paint(f'no answer: {passed.said}', '31')}  avtale is answered {NOBODY}"
        )
