"""What comes back over HTTP, and how a test expects to be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    body: bytes
    headers: httpx.Headers

    @property
    def json(self) -> Any:
        """The body as plain values."""
        return json.loads(self.body)

    @property
    def slug(self) -> str | None:
        """The identifier of a problem; None for `about:blank`."""
        return self.json["type"].partition("#")[2] or None

    @property
    def detail(self) -> str:
        """What a problem says."""
        return str(self.json["detail"])

    @property
    def faults(self) -> dict[str, str]:
        """The members that a problem names, each with its reason."""
        return {item["name"]: item["reason"] for item in self.json.get("extraDetails", [])}


class Refusal(AssertionError):
    """The API said no."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body.decode()}")
        self.reply = reply


@contextmanager
def refused(slug: str | None, status: int, *words: object) -> Iterator[None]:
    """Expect the API to say no, by this name, with all of these words in its sentence."""
    with pytest.raises(Refusal) as no:
        yield
    reply = no.value.reply
    assert (reply.slug, reply.status) == (slug, status), reply.body
    missing = [word for word in words if str(word) not in reply.detail]
    assert not missing, f"{missing} missing in: {reply.detail}"
