"""The parts of a run: each prepares what it needs, measures, and writes into the book."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Mapping
from statistics import median
from time import perf_counter
from typing import Final

from benchmarks import peers
from benchmarks.bench import Bench
from benchmarks.book import AVTALE, LIMIT, Audit, DueRun, Growth, Start, What
from benchmarks.databases import Database, Kind
from benchmarks.filling import Content
from benchmarks.installation import (
    TOKEN_HEADERS,
    Installation,
    Work,
    bare_server,
    program,
    request,
    serving,
    settle,
    up,
)
from benchmarks.load import Stream
from benchmarks.pgbench import creates_per_second
from benchmarks.processes import Child, Failed, ask, first_answer, free_port, running

FEW: Final = Content(charges=1_000)
"""What a nearly empty database holds; something must be there to be read."""

TO_CAPTURE: Final = 20_000
"""Reserved charges, captured in small parts, one after another and then again."""

SHARED: Final = 32
"""The number of connections at which peers, limits and sizes are compared."""

BARE: Final[tuple[Work, ...]] = ("create", "fetch")
WORKERS: Final = 2
AUDIT_SECONDS: Final = 900.0


def measure_start(bench: Bench) -> None:
    """From nothing to the first answer, and the memory of all processes then: a fresh file, each time."""
    starts, memory = [], []
    for i in range(bench.runs + 1):
        port = free_port()
        folder = bench.folder / f"start-{i}"
        folder.mkdir()
        with running(up(str(folder / "avtale.db"), port), folder) as child:
            seconds = first_answer(child, port, "GET", "/livez")
            status, _ = ask(port, "POST", "/accesstoken/get", TOKEN_HEADERS)
            if status != 200:
                raise Failed(f"the first token was refused with {status}")
            # The first start compiles what the next ones find compiled.
            if i > 0:
                starts.append(seconds)
                memory.append(child.memory_mib())
    _write_start(bench, AVTALE, starts, memory)


def measure_peers(bench: Bench) -> None:
    """The peers: start, memory, create and fetch."""
    left_out: list[str] = []
    for peer in peers.available(left_out.append):
        bench.book.peers[peer.name] = peer.what
        with peers.nothing_left_behind():
            starts, memory = [], []
            for i in range(bench.runs + 1):
                with peers.serving(peer, bench.folder) as (child, port):
                    seconds = first_answer(child, port, "GET", "/")
                    if i > 0:
                        starts.append(seconds)
                        memory.append(child.memory_mib())
            _write_start(bench, peer.name, starts, memory)
            with peers.serving(peer, bench.folder) as (child, port):
                first_answer(child, port, "GET", "/")
                requests = peer.requests(port)
                # Reading comes first, while there is little to look through.
                works: tuple[Work, ...] = ("fetch", "create")
                for work in works:
                    stream = Stream(
                        f"{peer.name} {work}", port, child, requests[work], bench.folder
                    )
                    _contest(bench, None, work, SHARED, {peer.name: stream})
    for reason in left_out:
        bench.say(reason)
        bench.book.left_out.append(reason)


def measure_requests(bench: Bench, kind: Kind) -> None:
    """Create, fetch and capture over HTTP, each beside the limit where there is one."""
    with (
        bench.database(kind, FEW) as ours,
        bench.database(kind, FEW) as theirs,
        serving(ours, bench.folder) as avtale,
        bare_server(theirs, bench.folder) as (bare_child, bare_port),
    ):
        for work in BARE:
            mine = _stream(bench, avtale, work, FEW)
            bare = Stream(
                f"{LIMIT} {work}", bare_port, bare_child, request(work, FEW), bench.folder
            )
            for connections in bench.connections:
                _contest(bench, kind, work, connections, {AVTALE: mine, LIMIT: bare})
        after = avtale.child.memory_mib()
        if kind == "SQLite" and after is not None:
            bench.book.facts["memory after the load"] = f"{after:.0f} MiB"
    content = Content(TO_CAPTURE, TO_CAPTURE)
    with bench.database(kind, content) as ours, serving(ours, bench.folder) as avtale:
        settle(ours, [avtale.child])
        stream = _stream(bench, avtale, "capture", content)
        for connections in bench.connections:
            _contest(bench, kind, "capture", connections, {AVTALE: stream})


def measure_pgbench(bench: Bench) -> None:
    """The statements of a create, one transaction each, from PostgreSQL's own load generator."""
    if bench.postgresql is None:
        raise Failed("there is no PostgreSQL here")
    program_path = bench.postgresql.programs / "pgbench"
    with bench.database("PostgreSQL", FEW) as database:
        rates = [
            creates_per_second(program_path, database.data, SHARED, bench.seconds, FEW)
            for _ in range(bench.runs)
        ]
    bench.book.one_by_one = median(rates)
    bench.say(f"PostgreSQL: pgbench, one by one, {bench.book.one_by_one:,.0f}/s")


def measure_large(bench: Bench, kind: Kind) -> None:
    """A database with a great many charges: their due run, their audit, and the API among them."""
    many = Content(bench.charges, min(TO_CAPTURE, bench.charges))
    begin = perf_counter()
    with bench.database(kind, many) as large:
        bench.say(
            f"{kind}: filled with {bench.charges:,} charges in {perf_counter() - begin:.0f} s"
        )
        with bench.going_on(f"due run, {kind}"):
            _due_run(bench, large)
        with bench.going_on(f"audit, {kind}"):
            _audit(bench, large)
        with bench.going_on(f"among many, {kind}"):
            _growth(bench, large, many)


def _due_run(bench: Bench, database: Database) -> None:
    """All charges at once: by `avtale up` on SQLite, by two workers on PostgreSQL."""
    quick_look = {"AVTALE_TICK_SECONDS": "0.05"}
    with contextlib.ExitStack() as stack:
        children: list[Child] = []
        if database.kind == "SQLite":
            port = free_port()
            child = stack.enter_context(
                running(up(database.data, port), bench.folder, **quick_look)
            )
            first_answer(child, port, "GET", "/livez")
            children.append(child)
        else:
            command = [program(), "worker", "--data", database.data, "--log-level", "info"]
            children += [
                stack.enter_context(running(command, bench.folder, **quick_look))
                for _ in range(WORKERS)
            ]
            for child in children:
                child.wait_until_it_says("worker started")
        settled = settle(database, children, bench.say)
    _require_once(database, bench.charges)
    run = DueRun(
        bench.charges,
        len(children),
        settled.seconds,
        settled.processor_seconds,
        settled.peak_mib,
        settled.growth_mib,
    )
    bench.book.due_runs[database.kind] = run
    bench.say(
        f"{database.kind}: due run of {run.charges:,} charges in {run.seconds:.1f} s, {run.per_second:,.0f}/s, "
        f"peak {run.peak_mib:.0f} MiB"
    )


def _require_once(database: Database, charges: int) -> None:
    """Each charge was attempted once, paid once and told of once, or the run does not count."""
    found = database.numbers(
        "SELECT (SELECT COUNT(*) FROM payments), (SELECT COUNT(*) FROM gateway_ledger),"
        " (SELECT COUNT(*) FROM charges WHERE status IN ('CHARGED', 'RESERVED') AND attempts = 1),"
        " (SELECT COUNT(*) FROM events WHERE charge_id IS NOT NULL)"
    )
    if set(found) != {charges}:
        raise Failed(
            f"a due run over {charges} charges left payments, ledger, paid charges, events: {found}"
        )


def _audit(bench: Bench, database: Database) -> None:
    begin = perf_counter()
    done = subprocess.run(
        [program(), "audit", database.data, "--quiescent", "--json"],
        capture_output=True,
        text=True,
        timeout=AUDIT_SECONDS,
        check=False,
    )
    seconds = perf_counter() - begin
    if done.returncode != 0 or not done.stdout:
        raise Failed(f"the audit ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr}")
    audited = json.loads(done.stdout)["charges"]
    bench.book.audits[database.kind] = Audit(audited, seconds)
    bench.say(f"{database.kind}: audit of {audited:,} charges in {seconds:.1f} s")


def _growth(bench: Bench, large: Database, many: Content) -> None:
    """The same work here and in a nearly empty database, in turn."""
    few = Content(TO_CAPTURE // 10, TO_CAPTURE // 10)
    with (
        bench.database(large.kind, few) as small,
        serving(large, bench.folder) as among_many,
        serving(small, bench.folder) as among_few,
    ):
        settle(small, [among_few.child])
        works: tuple[Work, ...] = ("create", "fetch", "capture")
        for work in works:
            streams = {
                "small": _stream(bench, among_few, work, few),
                "large": _stream(bench, among_many, work, many),
            }
            found = bench.contest(streams, SHARED)
            growth = Growth(found["small"], found["large"])
            bench.book.growths[large.kind, work] = growth
            bench.say(
                f"{large.kind}: {work} among {many.charges:,} charges {growth.large.per_second:,.0f}/s, "
                f"among {few.charges:,} {growth.small.per_second:,.0f}/s"
            )


def _stream(bench: Bench, avtale: Installation, work: Work, content: Content) -> Stream:
    asked = request(work, content, avtale.token)
    return Stream(f"{AVTALE} {work}", avtale.port, avtale.child, asked, bench.folder)


def _contest(
    bench: Bench, kind: Kind | None, work: Work, connections: int, streams: Mapping[str, Stream]
) -> None:
    for who, rate in bench.contest(streams, connections).items():
        bench.book.rates[What(who, kind, work, connections)] = rate
        bench.say(
            f"{kind + ': ' if kind else ''}{work}, {connections} connections, {who}: {rate.per_second:,.0f}/s"
        )


def _write_start(bench: Bench, who: str, starts: list[float], memory: list[float | None]) -> None:
    known = [each for each in memory if each is not None]
    start = Start(median(starts) * 1000, max(starts) * 1000, median(known) if known else None)
    bench.book.starts[who] = start
    bench.say(f"{who}: first answer after {start.ms:.0f} ms, {start.memory_mib or 0:.0f} MiB")
