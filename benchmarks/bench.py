"""What all parts share: how much to do, where to put it, and short runs taken in turn."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.book import Book
from benchmarks.databases import Database, Kind, PostgreSQLDatabase, PostgreSQLServer, SQLiteFile
from benchmarks.filling import Content, fill
from benchmarks.load import Rate, Run, Stream
from benchmarks.processes import Failed

WARM_UP_SECONDS: Final = 1


@dataclass
class Bench:
    """One run of the benchmarks."""

    folder: Path
    say: Callable[[str], None]
    runs: int
    seconds: int
    connections: tuple[int, ...]
    charges: int
    postgresql: PostgreSQLServer | None = None
    book: Book = field(default_factory=Book)
    failures: int = 0
    _warm: set[Stream] = field(default_factory=set)

    @contextlib.contextmanager
    def going_on(self, what: str) -> Iterator[None]:
        """Let what cannot be measured be told, and the rest be measured."""
        try:
            yield
        except Failed as reason:
            self.failures += 1
            self.book.left_out.append(f"{what}: {reason}")
            self.say(f"FAILED  {what}: {reason}")

    @contextlib.contextmanager
    def database(self, kind: Kind, content: Content) -> Iterator[Database]:
        """A new database with `content`, gone when the block ends."""
        if kind == "SQLite":
            path = self.folder / f"{uuid.uuid4().hex[:8]}.db"
            try:
                database: Database = SQLiteFile(path)
                fill(database, content)
                yield database
            finally:
                for left in self.folder.glob(f"{path.name}*"):
                    left.unlink()
            return
        if self.postgresql is None:
            raise Failed("there is no PostgreSQL here")
        url = self.postgresql.fresh_url()
        try:
            database = PostgreSQLDatabase(url)
            fill(database, content)
            yield database
        finally:
            self.postgresql.drop(url)

    def contest(self, streams: Mapping[str, Stream], connections: int) -> dict[str, Rate]:
        """Short runs of each in turn, so that whatever else the machine does meets all of them alike."""
        found: dict[str, list[Run]] = {name: [] for name in streams}
        for stream in streams.values():
            if stream not in self._warm:
                stream.run(connections, WARM_UP_SECONDS)
                self._warm.add(stream)
        for _ in range(self.runs):
            for name, stream in streams.items():
                found[name].append(stream.run(connections, self.seconds))
        return {name: Rate.of(measured) for name, measured in found.items()}
