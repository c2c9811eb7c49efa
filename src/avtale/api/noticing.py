"""Noticing: what is odd about a request that is answered all the same, for the record and the coach (rulings §5, §10).

It is told in short words, of which each names a member and none repeats a value.
"""

from __future__ import annotations

import re
from typing import Final

import falcon.asgi

from avtale.wire.reading import unknown_members

MOST_STRANGERS: Final = 5
LONGEST_NAME: Final = 40

NIN_DROPPED: Final = "nin-dropped"
UNKNOWN: Final = "unknown:"
HTTP: Final = "http:"

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MANY_DIGITS: Final = re.compile(r"[0-9]{4}")
_NO_NAME: Final = "…"
"""Stands for what is no name of a member: it might be a value, and somebody's own."""


def notice(req: falcon.asgi.Request, word: str) -> None:
    """Remember a word of a request; twice is once."""
    noticed: tuple[str, ...] = getattr(req.context, "remarks", ())
    if word not in noticed:
        req.context.remarks = (*noticed, word)


def notice_strangers(req: falcon.asgi.Request, value: object, shape: type) -> None:
    """Notice members that the API does not know, the first few of them."""
    for path in unknown_members(value, shape):
        if len(getattr(req.context, "remarks", ())) >= MOST_STRANGERS:
            return
        # An item of an array is known by its place, which is no name.
        steps = [step for step in path.split(".") if not step.isdecimal()]
        name = ".".join(steps)[:LONGEST_NAME] if all(map(_is_name, steps)) else _NO_NAME
        notice(req, UNKNOWN + (name or _NO_NAME))


def notice_http(req: falcon.asgi.Request, name: str, url: str | None) -> None:
    """Notice a URL with http, which only the test environment takes, and only to this machine."""
    if url is not None and url[:7].lower() == "http://":
        notice(req, HTTP + name)


def _is_name(step: str) -> bool:
    return _WORD.fullmatch(step) is not None and _MANY_DIGITS.search(step) is None
