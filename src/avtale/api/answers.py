"""Small things that responders share: answers as they are stored, and bodies that may be unreadable."""

from __future__ import annotations

from typing import Any, TypeVar

import falcon.asgi
import msgspec

from avtale.api.noticing import notice_strangers
from avtale.engine.command import Answer
from avtale.problems import Problem
from avtale.wire.reading import read_json, shaped

Shape = TypeVar("Shape")


def json_answer(status: int, answer: msgspec.Struct) -> Answer:
    """An answer with a body."""
    return Answer(status, msgspec.json.encode(answer).decode())


def no_content(_result: Any) -> Answer:
    """204, with no body at all."""
    return Answer(204, "")


def send_json(resp: falcon.asgi.Response, answer: Any) -> None:
    """Answer a read."""
    resp.data = msgspec.json.encode(answer)
    resp.content_type = "application/json"


def readable(req: falcon.asgi.Request, body: bytes, shape: type[Shape]) -> Shape | None:
    """The body as `shape`, or None: then reading it again, with the unit's rules, says all that is wrong.

    What the API does not know of it is noticed either way.
    """
    try:
        value = read_json(body)
        notice_strangers(req, value, shape)
        return shaped(value, shape)
    except Problem:
        return None
