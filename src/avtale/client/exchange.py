"""How a call is seen through, as steps that somebody else takes: send this, wait so long, bring me a token.

Here is all that can be right or wrong about tokens, repeating and refusals; the clients only do as told.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from avtale.client import calls
from avtale.client.answers import Agreement, Token
from avtale.client.calls import Call
from avtale.client.errors import NoAnswer, Refused, StillPending, Unreadable, error_of
from avtale.client.setup import LONGEST_KEY, Setup

Answer = TypeVar("Answer")

log = logging.getLogger("avtale.client")

FIRST_LOOK_SECONDS: Final = 5.0
NEXT_LOOK_SECONDS: Final = 2.0
"""How an agreement is followed after its draft (api-facts 4.5)."""
DECIDED: Final = frozenset({"ACTIVE", "STOPPED", "EXPIRED"})
SPARE_SECONDS: Final = 60.0
"""How long before its end a token is not used any more."""


class Request(NamedTuple):
    """One request, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class Response(NamedTuple):
    """What came back; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Lost(NamedTuple):
    """Nothing came back."""

    reason: str
    was_sent: bool
    """Whether the request may have arrived."""


class Send(NamedTuple):
    """Send this, and say what came back: a Response, or Lost."""

    request: Request


class Pause(NamedTuple):
    """Wait so long, or until `wake` is set; say whether it was."""

    seconds: float
    wake: Any = None


class Renew(NamedTuple):
    """Say a token: the one that there is, unless it is `stale` or about to expire; else a new one."""

    stale: str | None


Steps = Generator[Send | Pause | Renew, Any, Answer]


class Reply(NamedTuple, Generic[Answer]):
    """A good answer, and the headers that it came with."""

    value: Answer
    headers: Mapping[str, str]


class Tokens:
    """The token that a client has, and until when, by a clock that never goes back."""

    def __init__(self) -> None:
        self._token: str | None = None
        self._good_until = 0.0

    def current(self, now: float, stale: str | None) -> str | None:
        """The token, where there is one that is good for a while and not the stale one."""
        if self._token is None or self._token == stale or now >= self._good_until:
            return None
        return self._token

    def keep(self, token: Token, now: float) -> str:
        """Remember a new token."""
        self._token = token.access_token
        # A token that lives for a minute or less is good for half of its life.
        self._good_until = now + max(token.seconds - SPARE_SECONDS, token.seconds / 2)
        return self._token


def new_token(setup: Setup) -> Steps[Token]:
    """The steps to a new token."""
    call = calls.fetch_token(setup.client_id, setup.client_secret)
    answer, _ = yield from _tried(call, setup, {**setup.headers, **call.headers}, None)
    try:
        return _read(call, answer, None).value
    except Refused as refused:
        if setup.is_the_vendors and answer.status in {400, 401}:
            refused.add_note(
                f"The keys may belong to another environment than {setup.url}: "
                "those for test and for production are different."
            )
        raise


def carried_out(call: Call[Answer], setup: Setup) -> Steps[Reply[Answer]]:
    """The steps to a call's answer; raises what the answer says, or NoAnswer."""
    key = (call.idempotency_key or setup.new_key()) if call.has_key else None
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise ValueError(
            f"An idempotency key has 1 to {LONGEST_KEY} characters; this one has {len(key)}."
        )
    token = yield Renew(None)
    answer, repeated = yield from _tried(call, setup, _headers(call, setup, token, key), key)
    if answer.status == 401:
        # It may have expired on the way, or been withdrawn; once is enough to find out.
        token = yield Renew(token)
        answer, repeated = yield from _tried(call, setup, _headers(call, setup, token, key), key)
    if answer.status == 404 and repeated and call.operation == "delete_webhook":
        # Whoever asked first has deleted it, and that was this very call.
        answer = answer._replace(status=204, body=b"")
    return _read(call, answer, key)


def followed(
    agreement_id: str, setup: Setup, *, timeout_seconds: float, wake: Any = None
) -> Steps[Agreement]:
    """The steps to an agreement that is decided: look after five seconds, then every two.

    When `wake` is set, look at once and answer with what is so. Raises StillPending.
    """
    waited, pause = 0.0, FIRST_LOOK_SECONDS
    while True:
        seconds = min(pause, timeout_seconds - waited)
        is_woken = yield Pause(seconds, wake)
        waited += seconds
        reply = yield from carried_out(calls.fetch_agreement(agreement_id), setup)
        if is_woken or reply.value.status in DECIDED:
            return reply.value
        if waited >= timeout_seconds:
            raise StillPending(reply.value, timeout_seconds)
        pause = NEXT_LOOK_SECONDS


def _tried(
    call: Call[Any], setup: Setup, headers: Mapping[str, str], key: str | None
) -> Steps[tuple[Response, bool]]:
    """The last answer, after as many repetitions as it takes; and whether there were any."""
    request = Request(call.method, setup.url + call.path, headers, call.body)
    repetition = 0
    while True:
        answer: Response | Lost = yield Send(request)
        if isinstance(answer, Lost):
            log.info("%s: no answer (%s)", call.operation, answer.reason)
            may_repeat = call.may_be_repeated or not answer.was_sent
            retry_after = None
        else:
            log.debug("%s: %s", call.operation, answer.status)
            if answer.status != 429 and answer.status < 500:
                return answer, repetition > 0
            may_repeat = call.may_be_repeated or answer.status in {429, 503}
            retry_after = _seconds(answer.headers.get("retry-after"))
        pause = setup.retries.pause(repetition, retry_after)
        if not may_repeat or pause is None or repetition >= setup.retries.times:
            if isinstance(answer, Lost):
                raise NoAnswer(
                    f"{call.method} {call.path} got no answer: {answer.reason}. "
                    "It may have been done; repeat it with the same idempotency_key.",
                    key,
                )
            return answer, repetition > 0
        log.info("%s: again in %.1f s", call.operation, pause)
        yield Pause(pause)
        repetition += 1


def _headers(call: Call[Any], setup: Setup, token: str, key: str | None) -> dict[str, str]:
    headers = {**setup.headers, "Authorization": f"Bearer {token}", **call.headers}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    if key is not None:
        headers["Idempotency-Key"] = key
    return headers


def _read(call: Call[Answer], answer: Response, key: str | None) -> Reply[Answer]:
    asked = f"{call.method} {call.path}"
    if not 200 <= answer.status < 300:
        raise error_of(answer.status, answer.body, asked=asked, idempotency_key=key)
    try:
        return Reply(call.read(answer.body), answer.headers)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(
            f"{asked} was answered {answer.status}, but not as the API does: {error}"
        ) from error


def _seconds(text: str | None) -> float | None:
    """A `Retry-After` in seconds; a date is not used by this API."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
