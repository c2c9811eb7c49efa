"""One unchanging view of a database, read page by page; the same for every kind of database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

from avtale.auditing.report import AuditImpossible, Row
from avtale.storage.migrations import migrations

PAGE = 2000

Finding = tuple[str, Row]
"""The id of an invariant, and a row that breaks it."""

Page = Sequence[Sequence[Any]]


class Damaged(Exception):
    """The database could not read what it has stored."""


class Snapshot(Protocol):
    """One view; it writes nothing and holds nobody up."""

    leaves_out: frozenset[str] = frozenset()
    """Checks that mean nothing to this kind of database."""

    def __enter__(self) -> Self:
        """The snapshot itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the database."""
        ...

    def read(
        self, query: str, parameters: Mapping[str, str | int]
    ) -> tuple[Sequence[str], Iterator[Page]]:
        """The columns of a named query and its rows; raises Damaged where they cannot be read."""
        ...

    def intact(self) -> Iterator[Finding]:
        """What the database finds wrong with its own storage."""
        ...

    def references(self) -> Iterator[Finding]:
        """Rows that refer to rows that are not there."""
        ...

    def schema(self) -> Iterator[Finding]:
        """Tables, indexes and constraints that are missing, different or not enforced."""
        ...

    def history_triggers(self) -> Iterator[Finding]:
        """Triggers that protect history and are missing, different or disabled."""
        ...

    def answer_trigger(self) -> Iterator[Finding]:
        """The same for stored answers."""
        ...


def require_known(applied: Sequence[int], where: str) -> None:
    """Raise AuditImpossible where the schema is not the one that this auditor knows."""
    known = [migration.number for migration in migrations()]
    if list(applied) == known:
        return
    if not applied:
        raise AuditImpossible(f"{where} is not a database of avtale.")
    if applied[-1] > known[-1]:
        raise AuditImpossible(
            f"{where} was made by a newer avtale (its schema is number {applied[-1]}, "
            f"this one knows {known[-1]}); update avtale to audit it."
        )
    raise AuditImpossible(
        f"{where} was made by an older avtale (its schema is number {applied[-1]}, "
        f"this one needs {known[-1]}); migrate it first, or audit it with its own version."
    )


def protects(trigger: str) -> str:
    """The invariant that a trigger of this name stands for."""
    if trigger.startswith(("charge_history", "agreement_history")):
        return "H-4"
    return "I-2" if trigger.startswith("answers") else "PH-3"
