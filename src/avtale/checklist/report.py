"""The checklist as Markdown, ready to be sent: the lines with order ids and comments, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from avtale.checklist.items import Line, Verdict

MARKS: Final[dict[Verdict, str]] = {
    "passed": "✓",
    "failed": "✗",
    "not yet": "–",
    "to be confirmed": "?",
}


def as_markdown(lines: Sequence[Line], *, unit: str, name: str, at: datetime) -> str:
    """A page with a table for each section; `unit` is the serial number."""
    return "\n".join(_page(lines, unit, name, at)) + "\n"


def _page(lines: Sequence[Line], unit: str, name: str, at: datetime) -> Iterator[str]:
    passed = sum(line.verdict == "passed" and not line.stale for line in lines)
    yield "# Recurring API: checklist"
    yield ""
    yield f"{_text(name)}, Merchant Serial Number {unit}."
    yield f"{passed} of {len(lines)} lines passed on {at:%Y-%m-%d %H:%M} UTC."
    for section, of_section in groupby(lines, key=lambda line: line.section):
        yield ""
        yield f"## {section}"
        yield ""
        yield "|   | Line | Order id or agreement | Comment, or what is left to do |"
        yield "|---|---|---|---|"
        for line in of_section:
            said = "; ".join(part for part in (line.comment, line.left_to_do) if part)
            yield f"| {MARKS[line.verdict]} | {_text(line.title)} | {_shown(line)} | {_text(said)} |"


def _shown(line: Line) -> str:
    ids = (proof.order_id or proof.agreement_id for proof in line.proofs)
    return ", ".join(f"`{each}`" for each in dict.fromkeys(filter(None, ids)))


def _text(text: str) -> str:
    """Text in a cell of a table, and nothing but text."""
    escaped = "".join(f"\\{c}" if c in "\\|`*_[]<>#" else c for c in text)
    return " ".join(escaped.split())
