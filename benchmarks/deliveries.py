"""Webhooks: how many are delivered in a second, and what it costs a request that others are told of it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import Final, get_args

from avtale.engine.rows import TABLE_OF
from avtale.identifiers import event_id
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from avtale.webhooks.catalogue import Event, EventType
from benchmarks.bench import Bench
from benchmarks.book import Burden, Delivered
from benchmarks.databases import Database, Kind
from benchmarks.filling import CREATED, PRICE, Content, name
from benchmarks.installation import Installation, Work, program, request, serving, settle, up
from benchmarks.load import Stream
from benchmarks.processes import Child, Failed, ask, first_answer, free_port, running

EVENTS: Final = 10_000
FEW_EVENTS: Final = 2_000
"""For a quick look."""

MANY_REGISTRATIONS: Final = 10
SHARED: Final = 32
MOST_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 0.05
QUICK_LOOK: Final = {"AVTALE_TICK_SECONDS": "0.05"}

CAPTURED: Final[EventType] = "recurring.charge-captured.v1"

_ARRIVED: Final = "SELECT COUNT(*) FROM deliveries WHERE status = 'DELIVERED'"


def measure_deliveries(bench: Bench, kind: Kind) -> None:
    """Events that wait are sent to one receiver and to eight, with and without one beside that hangs."""
    for receivers in (1, 8):
        for workers in (1,) if kind == "SQLite" else (1, 2):
            for hangs in (False, True):
                with bench.going_on(f"{receivers} receivers, {workers} workers, {kind}"):
                    _deliver(bench, kind, receivers, workers, hangs=hangs)


def measure_burden(bench: Bench, kind: Kind) -> None:
    """Requests where nobody is told of anything, and where ten receivers are told of everything."""
    reserved = 2_000 if bench.seconds < 2 else 20_000
    content = Content(reserved, reserved)
    works: tuple[Work, ...] = ("create", "capture")
    with (
        bench.database(kind, content) as quiet,
        bench.database(kind, content) as told,
        _receiver(bench) as port,
        serving(quiet, bench.folder) as alone,
        serving(told, bench.folder) as telling,
    ):
        settle(quiet, [alone.child])
        settle(told, [telling.child])
        for number in range(MANY_REGISTRATIONS):
            _register(telling, f"http://127.0.0.1:{port}/{number}")
        for work in works:
            # Not in turn: what is still to be sent would go on being sent in the other's.
            found = {
                label: bench.contest({label: _load(bench, label, at, work, content)}, SHARED)[label]
                for label, at in (("quiet", alone), ("told", telling))
            }
            burden = Burden(found["quiet"], found["told"])
            bench.book.burdens[kind, work] = burden
            bench.say(
                f"{kind}: {work} {burden.quiet.per_second:,.0f}/s, "
                f"with {MANY_REGISTRATIONS} registrations {burden.told.per_second:,.0f}/s"
            )


def _load(bench: Bench, label: str, at: Installation, work: Work, content: Content) -> Stream:
    asked = request(work, content, at.token)
    return Stream(f"{label} {work}", at.port, at.child, asked, bench.folder)


def _deliver(bench: Bench, kind: Kind, receivers: int, workers: int, *, hangs: bool) -> None:
    events = FEW_EVENTS if bench.seconds < 2 else EVENTS
    content = Content(events)
    with bench.database(kind, content) as database, _receiver(bench) as port:
        with serving(database, bench.folder) as registering:
            for number in range(receivers):
                _register(registering, f"http://127.0.0.1:{port}/{number}")
            if hangs:
                _register(registering, f"http://127.0.0.1:{port}/hang")
        _put_events(database, content)
        with contextlib.ExitStack() as stack:
            children = [stack.enter_context(_worker(bench, database)) for _ in range(workers)]
            seconds = _until_arrived(database, children, events * receivers)
    found = Delivered(receivers, workers, hangs, events * receivers, seconds)
    bench.book.delivered.setdefault(kind, []).append(found)
    beside = " beside one that hangs" if hangs else ""
    bench.say(
        f"{kind}: receivers {receivers}{beside}, processes {workers}: {found.per_second:,.0f} deliveries/s"
    )


def _put_events(database: Database, content: Content) -> None:
    """A capture of every charge that nobody has been told of yet."""
    with database.loading() as insert:
        insert(TABLE_OF[Event], [_captured(i, content) for i in range(content.charges)])


def _captured(i: int, content: Content) -> Event:
    agreement_id, charge_id = f"agr_{name(i % content.agreements)}", f"chr-{name(i)}"
    body = {
        "agreementId": agreement_id,
        "chargeId": charge_id,
        "chargeType": "RECURRING",
        "eventType": CAPTURED,
        "occurred": "2026-11-02T09:30:00Z",
        "amount": PRICE,
        "currency": "NOK",
        "amountCaptured": PRICE,
        "amountCanceled": 0,
        "amountRefunded": 0,
        "transactionId": f"{5_000_000_000 + i}",
        "msn": PUBLIC_UNIT,
    }
    return Event(
        PUBLIC_UNIT,
        event_id(PUBLIC_UNIT, agreement_id, charge_id, 2),
        CAPTURED,
        agreement_id,
        charge_id,
        CREATED,
        json.dumps(body, separators=(",", ":")),
        charge_id,
        2,
        awaited=True,
    )


def _register(avtale: Installation, url: str) -> None:
    """Register a receiver for everything."""
    headers = {
        "Authorization": f"Bearer {avtale.token}",
        "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
        "Content-Type": "application/json",
    }
    body = json.dumps({"url": url, "events": get_args(EventType)})
    status, said = ask(avtale.port, "POST", "/webhooks/v1/webhooks", headers, body)
    if status != 201:
        raise Failed(f"a registration was refused with {status}: {said[:200]}")


@contextlib.contextmanager
def _receiver(bench: Bench) -> Iterator[int]:
    """A fast receiver while the block runs; its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.receiver", str(port)]
    root = str(Path(__file__).parents[1])
    with running(command, bench.folder, PYTHONPATH=root) as child:
        first_answer(child, port, "POST", "/")
        yield port


@contextlib.contextmanager
def _worker(bench: Bench, database: Database) -> Iterator[Child]:
    """Somebody who sends: all of avtale on SQLite, a worker on PostgreSQL."""
    if database.kind == "SQLite":
        port = free_port()
        with running(up(database.data, port), bench.folder, **QUICK_LOOK) as child:
            yield child
        return
    command = [program(), "worker", "--data", database.data]
    with running(command, bench.folder, **QUICK_LOOK) as child:
        yield child


def _until_arrived(database: Database, children: list[Child], wanted: int) -> float:
    """Seconds from the first delivery that arrived to the last one; how long a process takes to start is not in it."""
    begin, first, before = perf_counter(), 0.0, 0
    while True:
        (arrived,) = database.numbers(_ARRIVED)
        now = perf_counter()
        if arrived and not first:
            first, before = now, arrived
        if arrived >= wanted:
            # What had arrived when the clock was started is not counted either.
            return (now - first) * wanted / max(wanted - before, 1)
        for child in children:
            child.require_alive()
        if now - begin > MOST_SECONDS:
            raise Failed(f"{arrived} of {wanted} arrived within {MOST_SECONDS:.0f} seconds")
        sleep(LOOK_SECONDS)
