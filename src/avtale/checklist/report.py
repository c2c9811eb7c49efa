"""The checklist to be sent: what stands above its lines, how each of them stands, and all of it as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, Literal, get_args

import msgspec

from avtale.checklist.items import Line, Verdict

Standing = Literal[Verdict, "stale"]
"""A verdict, or that what shows it is too old."""

STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)

MARKS: Final[dict[Standing, str]] = {
    "passed": "✓",
    "failed": "✗",
    "not yet": "–",
    "to be confirmed": "?",
    "stale": "…",
}


_CALL: Final = re.compile(r"(.*) \(([A-Z]+ /\S+)\)")
"""A title that names its endpoint."""


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """Whose checklist it is, of what, and when."""

    unit: str
    """The merchant serial number."""
    name: str
    """The sales unit's."""
    at: datetime
    """When it was looked at, in real time."""
    partner: str = ""
    description: str = ""
    """Of the solution."""
    since: datetime | None = None
    label: str | None = None
    """What the checklist is limited to, if anything."""

    @property
    def limits(self) -> str:
        """What is left out, in words; nothing where nothing is."""
        words = [
            f"labelled {self.label}" if self.label is not None else "",
            f"since {self.since:%Y-%m-%d %H:%M %Z}" if self.since is not None else "",
        ]
        said = " ".join(filter(None, words))
        return f"Only requests {said}, and what they made or named." if said else ""


def standing(line: Line) -> Standing:
    """How a line stands."""
    return "stale" if line.stale else line.verdict


def word_of(line: Line) -> str:
    """How a line stands, and whether that is a person's word."""
    return "confirmed" if line.confirmed and not line.stale else standing(line)


def counts(lines: Sequence[Line]) -> Mapping[Standing, int]:
    """How many lines stand how."""
    return {each: sum(standing(line) == each for line in lines) for each in STANDINGS}


def score(lines: Sequence[Line]) -> str:
    """The figure that people look for."""
    return f"{counts(lines)['passed']} of {len(lines)} lines passed"


def title_and_call(line: Line) -> tuple[str, str]:
    """What a line asks for, and the endpoint where it is about one."""
    named = _CALL.fullmatch(line.title)
    return (named[1], named[2]) if named else (line.title, "")


CLOSING: Final = (
    "Verdicts, order ids and agreements are what avtale recorded. "
    "What is confirmed is the sender's word, and so are the comments."
)
"""What stands below all lines."""


def ids_of(line: Line) -> tuple[str, ...]:
    """The order ids that show it, or agreements where there are none; newest first, each once."""
    ids = (proof.order_id or proof.agreement_id for proof in line.proofs)
    return tuple(dict.fromkeys(filter(None, ids)))


def latest_of(line: Line) -> datetime | None:
    """When the newest of what shows it was last asked about, in real time."""
    return max((each.received for each in line.proofs if each.received is not None), default=None)


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────


def as_markdown(lines: Sequence[Line], cover: Cover) -> str:
    """A page with a table for each section."""
    return "\n".join(_page(lines, cover)) + "\n"


def _page(lines: Sequence[Line], cover: Cover) -> Iterator[str]:
    yield "# Recurring API: checklist"
    yield ""
    yield f"{_text(cover.name)}, Merchant Serial Number {cover.unit}."
    yield f"{score(lines)} on {cover.at:%Y-%m-%d %H:%M} UTC."
    for said in (
        cover.partner and f"Partner: {cover.partner}",
        cover.description and f"Solution: {cover.description}",
        cover.limits,
    ):
        if said:
            yield ""
            yield _text(said)
    for section, of_section in groupby(lines, key=lambda line: line.section):
        yield ""
        yield f"## {section}"
        yield ""
        yield "|   | Line | Order id or agreement | Comment, or what is left to do |"
        yield "|---|---|---|---|"
        for line in of_section:
            word = "Confirmed" if line.confirmed else ""
            said = "; ".join(part for part in (word, line.comment, line.left_to_do) if part)
            ids = ", ".join(f"`{each}`" for each in ids_of(line))
            yield f"| {MARKS[standing(line)]} | {_text(line.title)} | {ids} | {_text(said)} |"


def _text(text: str) -> str:
    """Text in a cell of a table, and nothing but text."""
    escaped = "".join(f"\\{c}" if c in "\\|`*_[]<>#" else c for c in text)
    return " ".join(escaped.split())
