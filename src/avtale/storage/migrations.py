"""Numbered migrations, one history for both databases; each is applied whole or not at all."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import Literal, NamedTuple

Dialect = Literal["sqlite", "postgresql"]

_ONLY = re.compile(
    r"^-- only: (sqlite|postgresql)\n(.*?)(?=^-- (?:only:|both))", re.MULTILINE | re.DOTALL
)


class Migration(NamedTuple):
    """One step of the schema's history."""

    number: int
    name: str
    text: str

    @property
    def title(self) -> str:
        """As people are told of it: `0001 foundation`."""
        return f"{self.number:04} {self.name.replace('_', ' ')}"

    def sql(self, dialect: Dialect) -> str:
        """The statements as `dialect` understands them."""
        text = _ONLY.sub(lambda m: m[2] if m[1] == dialect else "", self.text)
        if dialect == "sqlite":
            return text
        text = text.replace(") STRICT, WITHOUT ROWID;", ");").replace(") STRICT;", ");")
        text = text.replace(
            "position INTEGER PRIMARY KEY",
            "position INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        )
        text = re.sub(r"\bINTEGER\b", "BIGINT", text)
        # Text is ordered by its bytes, as SQLite orders it: lists come in one order everywhere, and an
        # update of the machine's locales spoils no index.
        return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', text)


def migrations() -> list[Migration]:
    """All migrations, in order; raises ValueError where a number is missing or used twice."""
    found = []
    for entry in resources.files("avtale.storage").joinpath("migrations").iterdir():
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, entry.read_text("utf-8")))
    found.sort()
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations must be numbered from 1 without gaps")
    return found


def statements_of(script: str) -> Iterator[str]:
    """The statements of a script for SQLite, whose own `executescript` would commit what is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
