"""The report: everything in the book as one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from benchmarks.bench import Bench
from benchmarks.book import AVTALE, LIMIT, Book
from benchmarks.databases import Kind
from benchmarks.goals import KINDS, goals
from benchmarks.installation import Work
from benchmarks.load import Rate
from benchmarks.parts import FEW, SHARED, TO_CAPTURE, WORKERS

INTRODUCTION: Final = """\
How fast avtale is, beside its peers and beside what the machine can do at all.
`make bench` measured everything here in one run and wrote this page."""

WORDS: Final[dict[Work, str]] = {
    "create": "create a charge",
    "fetch": "read a charge",
    "capture": "capture a charge",
}
COMPARED: Final[tuple[Work, ...]] = ("create", "fetch")


def markdown(bench: Bench, *, quick: bool, seconds: float) -> str:
    """The page; what was not measured is not on it."""
    book = bench.book
    facts = book.facts
    machine = (
        f"{facts['cores']} cores ({facts['processor']}, {facts.get('memory', 'memory unknown')})"
    )
    pieces = [
        "# Figures",
        INTRODUCTION,
        _measured(bench, machine, seconds),
    ]
    if quick:
        pieces.append(
            "**This was a quick run.** It shows the way things go; it is not for quoting."
        )
    pieces += [
        _section("Goals", _goals(bench)),
        _section("Requests", _requests(book)),
        _section("Peers", _peers(book)),
        _section("Among many charges", _growth(book)),
        _section("Due runs and audit", _runs(book)),
        _section("Webhooks", _webhooks(book)),
        _section("How it was measured", _how(bench)),
    ]
    if book.left_out:
        pieces.append(
            "## Left out\n\n" + "\n".join(f"* {_one_line(each)}" for each in book.left_out)
        )
    return "\n\n".join(piece for piece in pieces if piece) + "\n"


def _measured(bench: Bench, machine: str, seconds: float) -> str:
    return (
        f"Measured on {bench.book.facts['day']}, on {machine}, in {seconds / 60:.0f} minutes; "
        "the load generator had to share the cores with what it measured.\n"
        f"Rates are medians of {bench.runs} runs of {bench.seconds} s, "
        "taken in turn with what they are compared with."
    )


def _section(heading: str, blocks: Iterable[str]) -> str:
    found = [block for block in blocks if block]
    return "\n\n".join([f"## {heading}", *found]) if found else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    ruler = ["---", *("---:" for _ in columns[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, ruler, *rows))


def _goals(bench: Bench) -> Iterator[str]:
    rows = []
    for goal in goals(bench.charges):
        figure = goal.figure(bench.book)
        if figure is None:
            continue
        limit, share = "–", "–"
        if figure.limit is not None:
            limit, share = goal.shown(figure.limit), f"{figure.value / figure.limit:.0%}"
        sign = "≤" if goal.at_most else "≥"
        verdict = goal.verdict(figure.value)
        target = f"{sign} {goal.shown(goal.target)}"
        rows.append([goal.work, target, goal.shown(figure.value), verdict, limit, share])
    yield _table(["work", "goal", "measured", "", "bare server", "of it"], rows)


def _requests(book: Book) -> Iterator[str]:
    rows = []
    for (who, kind, work, connections), rate in book.rates.items():
        if who != AVTALE or kind is None:
            continue
        limit = book.rate(LIMIT, kind, work, connections)
        rows.append(
            [
                f"{WORDS[work]}, {kind}",
                str(connections),
                f"{rate.per_second:,.0f}",
                f"{rate.lowest:,.0f} – {rate.highest:,.0f}",
                f"{rate.p50_ms:.1f}",
                f"{rate.p99_ms:.1f}",
                _microseconds(rate),
                f"{limit.per_second:,.0f}" if limit is not None else "–",
                f"{rate.per_second / limit.per_second:.0%}" if limit is not None else "–",
            ]
        )
    columns = ["work", "connections", "a second", "slowest – fastest run"]
    columns += ["median, ms", "99th percentile, ms", "processor, µs", "bare server", "of it"]
    yield _table(columns, rows)
    yield (
        "The processor time is that of avtale's own processes for one request, in all their threads together; "
        "it says less about the machine's other work than a rate does."
    )
    if book.one_by_one is not None:
        yield (
            "For comparison, `pgbench` with the statements of a create, one transaction each, over "
            f"{SHARED} connections and without HTTP: {book.one_by_one:,.0f} a second."
        )


def _peers(book: Book) -> Iterator[str]:
    rows = []
    ours: dict[Work, float] = {}
    for work in COMPARED:
        rate = book.rate(AVTALE, "SQLite", work, SHARED)
        if rate is not None:
            ours[work] = rate.per_second
    for who, start in book.starts.items():
        cells = [who if who != AVTALE else f"**{AVTALE}**, SQLite", f"{start.ms:.0f}"]
        cells.append(f"{start.memory_mib:.0f}" if start.memory_mib is not None else "–")
        for work in COMPARED:
            rate = book.rate(who, "SQLite" if who == AVTALE else None, work, SHARED)
            cells.append(f"{rate.per_second:,.0f}" if rate is not None else "–")
            times = ours.get(work, 0) / rate.per_second if rate is not None else 0
            cells.append(f"{times:.1f} ×" if times and who != AVTALE else "")
        rows.append(cells)
    columns = ["", "first answer, ms", "memory, MiB", "create a second", "avtale", "read a second"]
    yield _table([*columns, "avtale"], rows)
    yield "\n".join(f"* {name}: {what}." for name, what in book.peers.items())
    memory = book.facts.get("memory after the load")
    if memory is not None:
        yield f"avtale's own processes took {memory} after all of the load on SQLite."


def _growth(book: Book) -> Iterator[str]:
    rows = [
        [
            f"{WORDS[work]}, {kind}",
            f"{growth.small.per_second:,.0f}",
            f"{growth.large.per_second:,.0f}",
            f"{growth.large.per_second / growth.small.per_second:.0%}",
            _microseconds(growth.small),
            _microseconds(growth.large),
        ]
        for (kind, work), growth in book.growths.items()
    ]
    columns = ["work", "among few, a second", "among many, a second", "of it"]
    yield _table([*columns, "processor among few, µs", "among many, µs"], rows)


def _runs(book: Book) -> Iterator[str]:
    rows = []
    for kind in KINDS:
        run = book.due_runs.get(kind)
        if run is not None:
            rows.append(
                [
                    f"due run, {kind}, {_workers(kind)}",
                    f"{run.charges:,}",
                    f"{run.seconds:.1f}",
                    f"{run.per_second:,.0f}",
                    f"{run.processor_seconds / run.charges * 1e6:.0f}",
                    f"{run.peak_mib:.0f}",
                    f"{run.growth_mib:+.0f}",
                ]
            )
        audit = book.audits.get(kind)
        if audit is not None:
            rate = audit.charges / audit.seconds
            rows.append(
                [
                    f"audit, {kind}",
                    f"{audit.charges:,}",
                    f"{audit.seconds:.1f}",
                    f"{rate:,.0f}",
                    "",
                    "",
                    "",
                ]
            )
    columns = ["work", "charges", "seconds", "charges a second", "processor, µs a charge"]
    yield _table([*columns, "memory at most, MiB", "on the way, MiB"], rows)
    if book.due_runs:
        yield (
            "Each charge was attempted once, paid once and told of once; the counts were compared afterwards.\n"
            "The memory is that of the working processes together; "
            "the last column says how it changed after the first fifth of the time."
        )


def _webhooks(book: Book) -> Iterator[str]:
    rows = [
        [
            f"{_receivers(each.receivers)}{', and one that hangs' if each.hangs else ''}, {kind}",
            str(each.workers),
            f"{each.deliveries:,}",
            f"{each.per_second:,.0f}",
        ]
        for kind, found in book.delivered.items()
        for each in found
    ]
    yield _table(["deliveries to", "processes", "deliveries", "a second"], rows)
    if rows:
        yield (
            "A receiver is sent to by one process at a time, one event after another, so that order is kept; "
            "what a second process adds shows where there are many receivers."
        )
    rows = [
        [
            f"{WORDS[work]}, {kind}",
            f"{burden.quiet.per_second:,.0f}",
            f"{burden.told.per_second:,.0f}",
            f"{burden.told.per_second / burden.quiet.per_second:.0%}",
        ]
        for (kind, work), burden in book.burdens.items()
    ]
    yield _table(["work", "nobody is told, a second", "ten receivers, a second", "of it"], rows)
    if rows:
        yield (
            "Creating a charge tells nobody anything; a capture is an event, "
            "and ten deliveries are made of each by the same process, on the same cores."
        )


def _receivers(number: int) -> str:
    return f"{number} receiver" if number == 1 else f"{number} receivers"


def _workers(kind: Kind) -> str:
    return "one process" if kind == "SQLite" else f"{WORKERS} workers"


def _how(bench: Bench) -> Iterator[str]:
    yield (
        "* avtale runs as its users run it: `avtale up`, one process, its usual settings, every request with token, "
        "keys and its own idempotency key, every answer a 2xx.\n"
        "* What is acknowledged is on disk: SQLite with WAL and `synchronous=FULL`, PostgreSQL with `fsync`, "
        "`synchronous_commit` and `full_page_writes` on, and otherwise with the settings it comes with.\n"
        "* The bare server is the limit: granian and a function, without framework, token or rule. "
        "It reads the same rows and writes the same rows into the same tables, gathered into one commit.\n"
        f"* Few charges are {FEW.charges:,} (where something is captured, {TO_CAPTURE // 10:,}); "
        "creates are spread over all agreements, reads over all charges. "
        "Captures take one krone at a time from charges that a due run reserved, and ask the gateway.\n"
        "* A due run is everything between the clock reaching the hour and the last outcome in the database: "
        "each charge claimed, its payment written, the gateway asked, its ledger written, "
        "the outcome, its history and its event recorded. "
        "The processing loop looks every 50 ms instead of every second, so that its rest does not count.\n"
        "* The first answer is that to `/livez`, on a fresh file; memory is the resident memory of all processes then."
    )
    yield _table(["what", "which"], [[what, which] for what, which in bench.book.facts.items()])


def _microseconds(rate: Rate) -> str:
    return f"{rate.processor_us:.0f}" if rate.processor_us else "–"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
