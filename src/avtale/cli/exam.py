"""`avtale webhooks exam`: a receiver is tried with good letters and bad ones, and graded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final

import httpx
from cyclopts import App, Parameter

from avtale.cli.examination import MOST_SECONDS, PIECES, Answer, Letter, Mark, examine
from avtale.cli.merchant import plain
from avtale.cli.output import Failure, bold, dim, paint, say, say_json
from avtale.webhooks.signing import target_of

MARKS: Final = {"passed": ("✓", "32"), "warned": ("!", "33"), "failed": ("✗", "31")}
PIECE_SECONDS: Final = 0.1


def mount(app: App) -> None:
    """Put the command among those of `avtale webhooks`."""
    app.command(exam, name="exam", sort_key=1)


def exam(
    url: Annotated[str, Parameter(help="The receiver, exactly as it is registered.")],
    /,
    *,
    secret: Annotated[
        str,
        Parameter(
            help="The secret that the receiver verifies with.",
            env_var="AVTALE_WEBHOOK_SECRET",
            allow_leading_hyphen=True,
        ),
    ],
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")] = False,
) -> int:
    """Examine a receiver: genuine events must be taken in, forged ones refused; exits 1 if one check failed.

    It is sent good, tampered, unsigned, stale, doubled, reordered, unknown, large and slow deliveries.
    Where a check fails, it says why it matters and what to do.

    For example:

        avtale webhooks exam http://localhost:3000/hook --secret S
        AVTALE_WEBHOOK_SECRET=S avtale webhooks exam http://localhost:3000/hook
    """
    try:
        target_of(url)
    except ValueError as error:
        raise Failure(f"{url!r} is no URL of a receiver: {error}.", 2) from error
    marks: list[Mark] = []
    with httpx.Client(timeout=MOST_SECONDS, trust_env=False) as http:
        for mark in examine(url, secret, lambda letter: _send(http, url, letter), _now):
            marks.append(mark)
            if not as_json:
                _show(mark)
            if mark.check == "good" and mark.said.startswith("no answer"):
                raise Failure(f"Nobody answers at {url}; nothing more was tried.")
    failed = sum(mark.verdict == "failed" for mark in marks)
    if as_json:
        say_json(plain(marks))
    else:
        passed = sum(mark.verdict == "passed" for mark in marks)
        say()
        say(bold(f"{passed} of {len(marks)} passed, {failed} failed."))
    return int(failed > 0)


def _send(http: httpx.Client, url: str, letter: Letter) -> Answer:
    content = _pieces(letter.body) if letter.in_pieces else letter.body
    begin = time.monotonic()
    try:
        answer = http.post(url, content=content, headers=dict(letter.headers))
    except httpx.HTTPError as error:
        return Answer(None, time.monotonic() - begin, str(error) or type(error).__name__)
    return Answer(answer.status_code, time.monotonic() - begin)


def _pieces(body: bytes) -> Iterator[bytes]:
    size = len(body) // PIECES + 1
    for begin in range(0, len(body), size):
        yield body[begin : begin + size]
        time.sleep(PIECE_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)


def _show(mark: Mark) -> None:
    sign, colour = MARKS[mark.verdict]
    say(f"{paint(sign, colour)} {mark.title} {dim('· ' + mark.said)}")
    if mark.verdict != "passed":
        say(f"    {mark.why}")
        say(f"    → {mark.what_to_do}")
