"""How far long work has come: a bar on a terminal, a plain line now and then elsewhere, on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Final, Self

from avtale.cli.output import is_terminal

LINE_SECONDS: Final = 5.0
"""Between two plain lines."""


class Progress:
    """Shows nothing for work that is done before anybody could wonder."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None
        self._task: Any = None
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def moved(self, fraction: float, text: str = "") -> None:
        """The work has come to `fraction` of the whole; `text` says where that is."""
        fraction = min(max(fraction, 0.0), 1.0)
        if is_terminal(sys.stderr):
            if self._bar is None:
                self._start()
            self._bar.update(self._task, completed=fraction, text=text)
        elif time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            print(f"{self._title}: {fraction:.0%} {text}".rstrip(), file=sys.stderr, flush=True)

    def _start(self) -> None:
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[text]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self._title, total=1.0, text="")
        self._bar.start()
