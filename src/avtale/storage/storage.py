"""What avtale needs of a database: transactions for the engine, snapshots and named queries for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeVar

from avtale.engine.world import Needs, World
from avtale.storage.batches import Batch

Value = str | int | None
Row = TypeVar("Row")


class Storage(Protocol):
    """One database; the same contract for every kind."""

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which kind it is."""
        ...

    @property
    def secret(self) -> bytes:
        """The installation's secret, as it was given or as the database keeps it."""
        ...

    @property
    def migrated(self) -> Sequence[str]:
        """The migrations that opening applied, by number and name."""
        ...

    async def open(self) -> None:
        """Connect, and bring the schema up to date."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...

    async def check(self) -> None:
        """Raise StorageDown where the database does not answer."""
        ...

    async def transact(self, needs: Needs, decide: Callable[[World], None]) -> None:
        """Load `needs`, let `decide` change the world, store it and commit; all or nothing.

        Raises Taken where a row was taken meanwhile, StorageDown where the database cannot do it.
        """
        ...

    async def look(self, needs: Needs) -> World:
        """What `needs` names, as it is committed; nothing is locked."""
        ...

    async def select(self, query: str, **parameters: Value) -> list[tuple[Any, ...]]:
        """The rows of the named query of `queries/*.sql`."""
        ...

    async def survey(self, query: str, **parameters: Value) -> list[tuple[Any, ...]]:
        """The same, where looking may take long; nothing else waits for it."""
        ...

    async def survey_rows(self, row: type[Row], query: str, **parameters: Value) -> list[Row]:
        """Rows of `row`, likewise."""
        ...

    async def survey_rows_with(
        self, row: type[Row], query: str, **parameters: Value
    ) -> list[tuple[Row, Any]]:
        """Rows, each with the one value that is selected behind its columns, likewise."""
        ...

    async def rows(self, row: type[Row], query: str, **parameters: Value) -> list[Row]:
        """The rows of a named query that selects all columns of `row`."""
        ...

    async def rows_with(
        self, row: type[Row], query: str, **parameters: Value
    ) -> list[tuple[Row, Any]]:
        """Rows, each with the one value that is selected behind its columns."""
        ...

    async def append(self, row: type[Row], rows: Sequence[Row]) -> None:
        """Write rows of a table beside the engine's, in one transaction."""
        ...

    async def execute(self, statements: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
        """Named statements of `queries/*.sql`, in one transaction."""
        ...

    def batch(self) -> AbstractAsyncContextManager[Batch]:
        """Statements and rows of any table in one transaction, for who moves much at once."""
        ...
