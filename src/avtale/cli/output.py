"""What commands print: sentences and tables for people, JSON for programs, refusals on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO


class Failure(Exception):
    """A command that cannot do what it was told; `exit_code` is 1 (refused) or 2 (usage)."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def say(text: str = "") -> None:
    """Print to standard output."""
    print(text, flush=True)


def complain(text: str) -> None:
    """Print to standard error."""
    print(f"{paint('avtale:', '31', sys.stderr)} {text}", file=sys.stderr, flush=True)


def say_json(answer: Any) -> None:
    """Print one JSON document: indented for a person at a terminal, in one line for a program."""
    import json

    indent = 2 if is_terminal() else None
    say(json.dumps(answer, indent=indent, ensure_ascii=False))


def reader_is_gone() -> None:
    """Whoever read our output has had enough (`avtale … | head`); nothing more is written to it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a person looks at the stream, standard output unless another is given."""
    stream = stream or sys.stdout
    try:
        return stream.isatty()
    except ValueError:
        return False


def paint(text: str, code: str, stream: TextIO | None = None) -> str:
    """Text in a colour or weight of the terminal's, where there is one that wants it (no-color.org)."""
    if not is_terminal(stream) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def bold(text: str) -> str:
    """A heading."""
    return paint(text, "1")


def dim(text: str) -> str:
    """What only explains."""
    return paint(text, "2")


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], none: str) -> None:
    """Print rows under headings: `columns` says for each member of a row what stands above it.

    `none` is the sentence for no rows at all.
    """
    if not rows:
        say(dim(none))
        return
    if not is_terminal():
        _plain_table(rows, columns)
        return
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in columns.values():
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(_escaped(_cell(row.get(name))) for name in columns))
    Console(highlight=False).print(drawn)


def _plain_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    lines = [list(columns.values())]
    lines += [[_cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        say("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    # What came from outside must not steer the terminal.
    return "".join(each if each.isprintable() else " " for each in str(value))


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
