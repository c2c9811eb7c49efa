"""The examination of a receiver: what is sent to it, and what its answers are worth; printing is for others.

A receiver takes in everything that is genuine, however odd, and refuses everything that is not.
Whatever genuine it refuses is sent again for seven days, and holds back what comes behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import msgspec

from avtale.webhooks.catalogue import EventType
from avtale.webhooks.samples import SAMPLES
from avtale.webhooks.signing import signed_headers

Verdict = Literal["passed", "failed", "warned"]

MOST_SECONDS: Final = 10.0
"""Whoever answers later has not answered (api-facts 7.6)."""
SLOW_SECONDS: Final = 2.0
STALE: Final = timedelta(hours=1)
LARGE_BYTES: Final = 32 * 1024
PIECES: Final = 5


class Letter(NamedTuple):
    """One delivery, as it is sent."""

    body: bytes
    headers: Mapping[str, str]
    in_pieces: bool = False
    """Whether the body comes little by little."""


class Answer(NamedTuple):
    """What the receiver said; `status` None where it said nothing."""

    status: int | None
    seconds: float
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it took the letter in."""
        return self.status is not None and 200 <= self.status < 300 and self.seconds <= MOST_SECONDS

    @property
    def in_words(self) -> str:
        """For people."""
        if self.status is None:
            return f"no answer ({self.error})"
        return f"{self.status} after {self.seconds:.1f} s"


class Mark(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What one check found."""

    check: str
    title: str
    verdict: Verdict
    said: str
    """What was answered."""
    why: str
    what_to_do: str


Send = Callable[[Letter], Answer]


class Examiner:
    """Knows the receiver's URL and its secret, and writes letters."""

    def __init__(self, url: str, secret: str, now: Callable[[], datetime]) -> None:
        self._url, self._secret, self._now = url, secret, now
        self._letters = 0

    def letter(self, event: Mapping[str, Any], at: datetime | None = None) -> Letter:
        """A genuine delivery of an event."""
        self._letters += 1
        body = msgspec.json.encode(event)
        return Letter(body, self.headers(body, at=at))

    def headers(
        self, body: bytes, *, at: datetime | None = None, secret: str | None = None
    ) -> dict[str, str]:
        """The headers of a delivery."""
        webhook_id = f"exam-{self._letters:04}"
        return signed_headers(
            self._url, body, secret or self._secret, at or self._now(), webhook_id=webhook_id
        )

    def past(self) -> datetime:
        """An instant that is too long ago."""
        return self._now() - STALE


class Check(NamedTuple):
    """One thing that is tried."""

    name: str
    title: str
    why: str
    what_to_do: str
    letters: Callable[[Examiner], list[Letter]]
    wanted: Literal["taken in", "refused"]
    only_warns: bool = False


def examine(url: str, secret: str, send: Send, now: Callable[[], datetime]) -> Iterator[Mark]:
    """Send everything, one after another, and mark each answer."""
    examiner = Examiner(url, secret, now)
    slowest = 0.0
    for check in CHECKS:
        answers = [send(letter) for letter in check.letters(examiner)]
        slowest = max([slowest, *(each.seconds for each in answers if each.is_good)])
        yield _marked(check, answers)
    yield _speed(slowest)


def _marked(check: Check, answers: list[Answer]) -> Mark:
    if check.wanted == "taken in":
        wrong = [each for each in answers if not each.is_good]
    else:
        wrong = [each for each in answers if each.status is None or not 400 <= each.status < 500]
    verdict: Verdict = "passed" if not wrong else "warned" if check.only_warns else "failed"
    return Mark(
        check=check.name,
        title=check.title,
        verdict=verdict,
        said=(wrong or answers)[0].in_words,
        why=check.why,
        what_to_do=check.what_to_do,
    )


def _speed(slowest: float) -> Mark:
    return Mark(
        check="quick",
        title="Answers come quickly",
        verdict="passed" if slowest <= SLOW_SECONDS else "warned",
        said=f"the slowest after {slowest:.1f} s",
        why="After ten seconds a delivery counts as failed and comes again.",
        what_to_do="Write the event down, answer 2xx, and work afterwards.",
    )


# ── Letters ──────────────────────────────────────────────────────────────────────────────────────


def _sample(event_type: EventType) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(SAMPLES[event_type].body)
    return body


_CAPTURED: Final[EventType] = "recurring.charge-captured.v1"
_RESERVED: Final[EventType] = "recurring.charge-reserved.v1"


def _good(examiner: Examiner) -> list[Letter]:
    return [examiner.letter(_sample("recurring.agreement-activated.v1"))]


def _every(examiner: Examiner) -> list[Letter]:
    return [examiner.letter(msgspec.json.decode(each.body)) for each in SAMPLES.values()]


def _other_body(examiner: Examiner) -> list[Letter]:
    letter = examiner.letter(_sample(_CAPTURED))
    return [letter._replace(body=letter.body.replace(b"49900", b"99900", 1))]


def _other_body_and_hash(examiner: Examiner) -> list[Letter]:
    letter = examiner.letter(_sample(_CAPTURED))
    body = letter.body.replace(b"49900", b"99900", 1)
    other = examiner.headers(body)["x-ms-content-sha256"]
    return [Letter(body, {**letter.headers, "x-ms-content-sha256": other})]


def _other_date(examiner: Examiner) -> list[Letter]:
    letter = examiner.letter(_sample(_CAPTURED), at=examiner.past())
    return [
        letter._replace(headers={**letter.headers, "x-ms-date": examiner.headers(b"")["x-ms-date"]})
    ]


def _other_secret(examiner: Examiner) -> list[Letter]:
    letter = examiner.letter(_sample(_CAPTURED))
    return [letter._replace(headers=examiner.headers(letter.body, secret="somebody else's"))]  # noqa: S106 -- nobody's


def _unsigned(examiner: Examiner) -> list[Letter]:
    letter = examiner.letter(_sample(_CAPTURED))
    kept = {n: v for n, v in letter.headers.items() if "authorization" not in n.lower()}
    return [letter._replace(headers=kept)]


def _stale(examiner: Examiner) -> list[Letter]:
    return [examiner.letter(_sample(_CAPTURED), at=examiner.past())]


def _twice(examiner: Examiner) -> list[Letter]:
    return [examiner.letter(_sample(_CAPTURED))] * 2


def _reordered(examiner: Examiner) -> list[Letter]:
    return [examiner.letter(_sample(_CAPTURED)), examiner.letter(_sample(_RESERVED))]


def _unknown_type(examiner: Examiner) -> list[Letter]:
    event = {**_sample(_CAPTURED), "eventType": "recurring.charge-celebrated.v1"}
    return [examiner.letter(event)]


def _unknown_members(examiner: Examiner) -> list[Letter]:
    return [examiner.letter({**_sample(_CAPTURED), "weather": {"sky": "blue"}, "luck": 7})]


def _large(examiner: Examiner) -> list[Letter]:
    return [examiner.letter({**_sample(_CAPTURED), "note": "x" * LARGE_BYTES})]


def _little_by_little(examiner: Examiner) -> list[Letter]:
    return [examiner.letter(_sample(_CAPTURED))._replace(in_pieces=True)]


_AGAIN: Final = (
    "What is genuine and refused comes again for seven days, and holds up what comes behind it."
)
_FORGED: Final = "Whoever finds the URL could tell you that somebody has paid."
_VERIFY: Final = (
    "Verify the signature over the very bytes that came: `avtale.webhooks.verify`; "
    "`avtale webhooks explain` tells what differs."
)

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "good", "A genuine event is taken in", _AGAIN, f"Answer 2xx. {_VERIFY}", _good, "taken in"
    ),
    Check(
        "every-event",
        "All ten events are taken in",
        _AGAIN,
        "Answer 2xx to events that mean nothing to you, too.",
        _every,
        "taken in",
    ),
    Check(
        "body-changed",
        "A body that was changed is refused",
        _FORGED,
        _VERIFY,
        _other_body,
        "refused",
    ),
    Check(
        "body-and-hash-changed",
        "A changed body with the right hash is refused",
        _FORGED,
        "Compare the signature too, not the hash alone.",
        _other_body_and_hash,
        "refused",
    ),
    Check(
        "date-changed",
        "A date that was changed is refused",
        _FORGED,
        "The date is part of what is signed. " + _VERIFY,
        _other_date,
        "refused",
    ),
    Check(
        "another-secret",
        "A signature under another secret is refused",
        _FORGED,
        _VERIFY,
        _other_secret,
        "refused",
    ),
    Check(
        "unsigned",
        "What is not signed is refused",
        _FORGED,
        "Refuse whatever lacks the header Authorization.",
        _unsigned,
        "refused",
    ),
    Check(
        "stale",
        "A genuine event of an hour ago is refused",
        "Whoever overheard a delivery could send it again.",
        "Refuse dates that are more than five minutes away, or remember every webhook-id for good.",
        _stale,
        "refused",
        only_warns=True,
    ),
    Check(
        "twice",
        "The same event twice is taken in twice",
        _AGAIN,
        "Answer 2xx, and do nothing the second time: the webhook-id is the same.",
        _twice,
        "taken in",
    ),
    Check(
        "out-of-order",
        "Events in the wrong order are taken in",
        _AGAIN,
        "Look at occurred, or fetch the charge; do not refuse what is old.",
        _reordered,
        "taken in",
    ),
    Check(
        "unknown-type",
        "An event that nobody knows yet is taken in",
        _AGAIN,
        "Answer 2xx to types that you do not know.",
        _unknown_type,
        "taken in",
    ),
    Check(
        "unknown-members",
        "Members that nobody knows yet are taken in",
        _AGAIN,
        "Ignore members that you do not know.",
        _unknown_members,
        "taken in",
    ),
    Check(
        "large", "A large event is taken in", _AGAIN, "Take bodies of 64 kB.", _large, "taken in"
    ),
    Check(
        "little-by-little",
        "A body that comes in pieces is taken in",
        _AGAIN,
        "Read the body to its end before you hash it.",
        _little_by_little,
        "taken in",
    ),
)
