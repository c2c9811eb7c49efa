"""`avtale demo`: a server of its own, and the whole story in a second or two."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from cyclopts import App

from avtale.cli.control import local
from avtale.cli.output import Failure, bold, dim, paint, say
from avtale.cli.story import Story
from avtale.cli.telling import Narrator

START_SECONDS: Final = 10.0

demo = App(
    name="demo",
    help="""\
Walk through the guide over real HTTP, from token to refund, on a server of its own that keeps nothing.

For example:

    avtale demo
    avtale demo | less
""",
)


@demo.default
@local
def _demo() -> None:
    began = time.monotonic()
    with _server() as url, contextlib.closing(Narrator(url)) as narrator:
        say(dim(f"A server of its own answers at {url}; its data is kept nowhere."))
        first = narrator.now()
        Story(narrator).tell()
        days = (narrator.now() - first) // timedelta(days=1)
    seconds = time.monotonic() - began
    say()
    say(
        f"{paint('Everything went as told:', '32')} {narrator.steps} steps, "
        f"{narrator.requests} requests, {days} days on the clock, {seconds:.1f} seconds."
    )
    say()
    say(bold("Now you"))
    say("  avtale up        start a server that stays; it prints keys, and a request to paste")
    say("  avtale --help    everything else")


@contextlib.contextmanager
def _server() -> Iterator[str]:
    """A server on a free port, in a process and a folder of its own; yields its URL."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AVTALE_")
    }
    command = [sys.executable, "-m", "avtale", "up", "--json", "--port", "0", "--data", "memory:"]
    with tempfile.TemporaryDirectory(prefix="avtale-demo-") as folder:
        process = subprocess.Popen(  # noqa: S603 -- ourselves
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            if not told:
                raise Failure("The demo's server did not start; what it said is above.")
            yield json.loads(told)["urls"]["api"]
        finally:
            process.terminate()
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
