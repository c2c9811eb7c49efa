"""A second process that takes part of the checks: SQLite makes two threads of one process wait for each other.

Both look at the same moment of the database. They speak in lines of JSON over the helper's input and output.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import msgspec

from avtale.auditing.checks import Context, run_check
from avtale.auditing.report import AuditImpossible, Row, Tally
from avtale.auditing.snapshots import Damaged
from avtale.auditing.sqlite import SQLiteSnapshot, begin_together
from avtale.auditing.work import CarryOut, WorkerGone

_BEGIN, _BEGUN = b"begin", b"begun"


class _Found(msgspec.Struct):
    """What a check found: by invariant, how many rows and the first of them."""

    tallies: dict[str, tuple[int, list[Row]]]
    damage: str | None = None


class Helper:
    """The other process, as seen from the one that audits."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- our own program
            [sys.executable, "-m", "avtale.auditing.helper", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()

    def begin_with(self, snapshot: SQLiteSnapshot) -> bool:
        """Have both see the same moment; False where that cannot be had."""

        def begin() -> None:
            if self._ask(_BEGIN) != _BEGUN:
                raise WorkerGone

        try:
            return begin_together(snapshot, begin)
        except WorkerGone:
            return False

    @contextmanager
    def second(self, context: Context) -> Iterator[CarryOut]:
        """The helper at work."""
        self._say(msgspec.json.encode(context))
        yield self._carry_out

    def _carry_out(self, check: str) -> dict[str, Tally]:
        try:
            found = msgspec.json.decode(self._ask(check.encode()), type=_Found)
        except msgspec.DecodeError as error:
            raise WorkerGone from error
        if found.damage is not None:
            raise Damaged(found.damage)
        return {invariant: Tally(*tally) for invariant, tally in found.tallies.items()}

    def _ask(self, line: bytes) -> bytes:
        self._say(line)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise WorkerGone
        return answer.rstrip(b"\n")

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerGone from error


def help_along(path: Path) -> None:
    """The helper's own side: begin whenever asked to, then take the context, then carry out checks."""
    with SQLiteSnapshot(path) as snapshot:
        context: Context | None = None
        for line in sys.stdin.buffer:
            said = line.rstrip(b"\n")
            if context is not None:
                answer = msgspec.json.encode(_carried_out(snapshot, context, said.decode()))
            elif said == _BEGIN:
                snapshot.begin()
                answer = _BEGUN
            else:
                context = msgspec.json.decode(said, type=Context)
                continue
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()


def _carried_out(snapshot: SQLiteSnapshot, context: Context, check: str) -> _Found:
    try:
        found = run_check(snapshot, context, check)
    except (Damaged, AuditImpossible) as trouble:
        return _Found({}, damage=str(trouble))
    return _Found({invariant: (tally.count, tally.rows) for invariant, tally in found.items()})


if __name__ == "__main__":
    help_along(Path(sys.argv[1]))
