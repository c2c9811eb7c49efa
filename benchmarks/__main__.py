"""`make bench`, `python -m benchmarks`: everything in one run, or some of it."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks import deliveries, parts
from benchmarks.bench import Bench
from benchmarks.databases import fsync_ms, postgresql
from benchmarks.facts import facts_of_the_machine
from benchmarks.load import require_wrk
from benchmarks.processes import Failed
from benchmarks.report import markdown

DEFAULT_OUT: Final = Path("docs/why/figures.md")

PARTS: Final[dict[str, tuple[Callable[[Bench], None], ...]]] = {
    "start": (parts.measure_start,),
    "sqlite": (lambda bench: parts.measure_requests(bench, "SQLite"),),
    "postgresql": (
        lambda bench: parts.measure_requests(bench, "PostgreSQL"),
        parts.measure_pgbench,
    ),
    "peers": (parts.measure_peers,),
    "webhooks-sqlite": (
        lambda bench: deliveries.measure_deliveries(bench, "SQLite"),
        lambda bench: deliveries.measure_burden(bench, "SQLite"),
    ),
    "webhooks-postgresql": (
        lambda bench: deliveries.measure_deliveries(bench, "PostgreSQL"),
        lambda bench: deliveries.measure_burden(bench, "PostgreSQL"),
    ),
    "large-sqlite": (lambda bench: parts.measure_large(bench, "SQLite"),),
    "large-postgresql": (lambda bench: parts.measure_large(bench, "PostgreSQL"),),
}


class TooLong(Exception):
    """The run has taken all the time it may take."""


def main() -> int:
    """Measure, and write the figures down; the exit code is 1 where something could not be measured."""
    options = _options()
    began = perf_counter()

    def say(sentence: str) -> None:
        print(f"{perf_counter() - began:7.1f} s  {sentence}", file=sys.stderr, flush=True)

    try:
        require_wrk()
    except Failed as reason:
        say(str(reason))
        return 1
    wanted = [name for name in PARTS if name in options.only]
    say(
        f"measuring {', '.join(wanted)}: all of it takes about {options.about} minutes, "
        f"and is given up after {options.most}"
    )
    with tempfile.TemporaryDirectory(prefix="avtale-bench-") as folder:
        bench = Bench(
            folder=Path(folder),
            say=say,
            runs=options.runs,
            seconds=1 if options.quick else 2,
            connections=(1, 32) if options.quick else (1, 32, 128),
            charges=options.charges,
        )
        with bench.going_on("all that would have followed"), _bounded(options.most):
            _measure(bench, wanted)
        text = markdown(bench, quick=options.quick, seconds=perf_counter() - began)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, "utf-8")
    say(f"written to {options.out}")
    return min(bench.failures, 1)


def _measure(bench: Bench, wanted: list[str]) -> None:
    bench.book.facts |= facts_of_the_machine()
    bench.book.facts["a write that waits for the disk"] = f"{fsync_ms(bench.folder):.2f} ms"
    with contextlib.ExitStack() as stack:
        if any("postgresql" in name for name in wanted):
            with bench.going_on("PostgreSQL"):
                bench.postgresql = stack.enter_context(postgresql(bench.folder))
                bench.book.facts["PostgreSQL"] = bench.postgresql.version
        for name in wanted:
            for part in PARTS[name]:
                with bench.going_on(name):
                    part(bench)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="50,000 charges, short runs: for a look"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=int, help="runs of each measurement (5; quick: 3)")
    parser.add_argument(
        "--charges", type=int, help="charges of the due run (1,000,000; quick: 50,000)"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help=f"the file ({DEFAULT_OUT})")
    options = parser.parse_args()
    options.runs = options.runs or (3 if options.quick else 5)
    options.charges = options.charges or (50_000 if options.quick else 1_000_000)
    options.about, options.most = (3, 6) if options.quick else (20, 60)
    return options


@contextlib.contextmanager
def _bounded(minutes: int) -> Iterator[None]:
    """Give up after so long, and end tidily where somebody asks us to; raises Failed when time is up."""

    def too_long(_number: int, _frame: object) -> None:
        raise TooLong

    def told_to(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGALRM, too_long), signal.signal(signal.SIGTERM, told_to)
    signal.alarm(minutes * 60)
    try:
        yield
    except TooLong:
        raise Failed(f"time was up after {minutes} minutes") from None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGTERM, before[1])


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[1])
    sys.exit(main())
