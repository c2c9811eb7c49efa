"""Lettering: which characters a page of paper can show, and where its lines end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from reportlab.pdfbase.pdfmetrics import stringWidth

UNSHOWN: Final = "?"
"""What stands for a character that the standard fonts lack; they are on every machine, and know no others."""

_PIECES: Final = re.compile(r"\s+|[^\s/]*/|[^\s/]+")
"""A line may end at a space, or behind a slash of a path."""


class Face(NamedTuple):
    """A font and a size."""

    font: str
    size: float

    @property
    def leading(self) -> float:
        """From one line to the next, in points."""
        return round(self.size * 1.25, 2)

    def width(self, text: str) -> float:
        """How wide a text is, in points."""
        return float(stringWidth(text, self.font, self.size))


def shown(text: str) -> str:
    """The text as the standard fonts can show it, on lines of its own where it has some."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(map(_letter, composed))


def is_all_shown(text: str) -> bool:
    """Whether nothing of a text is lost on paper."""
    return shown(text).count(UNSHOWN) == text.count(UNSHOWN)


def _letter(character: str) -> str:
    if character == "\n":
        return character
    if character.isspace():
        return " "
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        # What joins or colours its neighbours takes no room of its own.
        return ""
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return UNSHOWN
    return character if character.isprintable() else UNSHOWN


def wrapped(text: str, face: Face, width: float) -> list[str]:
    """The text in lines that are no wider than `width`; what has no place to end in time is cut where it must be."""
    return [
        line for part in shown(text).split("\n") for line in _lines(part, face.width, width)
    ] or [""]


def _lines(text: str, width_of: Callable[[str], float], width: float) -> Iterator[str]:
    line = ""
    for piece in _PIECES.findall(text):
        left = piece
        if width_of(f"{line}{left}".rstrip()) > width:
            if line.strip():
                yield line.rstrip()
            line, left = "", left.lstrip()
            while width_of(left) > width:
                fits = _fitting(left, width_of, width)
                yield left[:fits]
                left = left[fits:]
        line += left
    yield line.rstrip()


def _fitting(text: str, width_of: Callable[[str], float], width: float) -> int:
    """How many characters fit, at least one."""
    fits = 1
    while fits < len(text) and width_of(text[: fits + 1]) <= width:
        fits += 1
    return fits
