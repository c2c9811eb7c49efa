"""A second process that takes part of the checks: SQLite makes two threads of one process wait for each other.

Both look at the same moment of the database. They speak in lines of JSON over the helper's input and output.
A helper that fails is done without.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Self

import msgspec

from avtale.auditing.checks import Context, run_check
from avtale.auditing.report import AuditImpossible, Row, Tally
from avtale.auditing.snapshots import Damaged
from avtale.auditing.sqlite import SQLiteSnapshot, begin_together

_BEGIN, _BEGUN = "begin", "begun"


class _Found(msgspec.Struct):
    """What a check found: by invariant, how many rows and the first of them; None where it came upon damage."""

    tallies: dict[str, tuple[int, list[Row]]] | None


class HelperGone(Exception):
    """The helper does not answer."""


class Helper:
    """The other process, as seen from the one that audits."""

    def __init__(self, path: Path) -> None:
        self._thread: Thread | None = None
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
        self.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()

    def begin_with(self, snapshot: SQLiteSnapshot) -> bool:
        """Have both see the same moment; False where that cannot be had."""

        def begin() -> None:
            self._say(_BEGIN)
            if self._hear() != _BEGUN.encode():
                raise HelperGone

        try:
            return begin_together(snapshot, begin)
        except HelperGone:
            return False

    def assist(
        self,
        context: Context,
        take: Callable[[], str | None],
        done: Callable[[str, dict[str, Tally]], None],
        give_back: Callable[[str], None],
    ) -> None:
        """Take checks until none is left; what cannot be carried out is given back."""

        def work() -> None:
            refused = []
            try:
                self._say(msgspec.json.encode(context).decode())
            except HelperGone:
                return
            while (check := take()) is not None:
                try:
                    self._say(check)
                    tallies = msgspec.json.decode(self._hear(), type=_Found).tallies
                except (HelperGone, msgspec.DecodeError):
                    refused.append(check)
                    break
                if tallies is None:
                    refused.append(check)
                else:
                    done(check, {name: Tally(*found) for name, found in tallies.items()})
            for check in refused:
                give_back(check)

        self._thread = Thread(target=work, name="avtale-audit-helper", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the helper has done, or given back, what it took."""
        if self._thread is not None:
            self._thread.join()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise HelperGone from error

    def _hear(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise HelperGone
        return line.rstrip(b"\n")


def help_along(path: Path) -> None:
    """The helper's own side: begin whenever asked to, then read the context, then carry out checks."""
    with SQLiteSnapshot(path) as snapshot:
        context: Context | None = None
        for line in sys.stdin.buffer:
            said = line.rstrip(b"\n")
            if context is None and said == _BEGIN.encode():
                snapshot.begin()
                answer = _BEGUN.encode()
            elif context is None:
                context = msgspec.json.decode(said, type=Context)
                continue
            else:
                answer = msgspec.json.encode(_carried_out(snapshot, context, said.decode()))
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()


def _carried_out(snapshot: SQLiteSnapshot, context: Context, check: str) -> _Found:
    try:
        found = run_check(snapshot, context, check)
    except (Damaged, AuditImpossible):
        return _Found(None)
    return _Found({name: (tally.count, tally.rows) for name, tally in found.items()})


if __name__ == "__main__":
    help_along(Path(sys.argv[1]))
