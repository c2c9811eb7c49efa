"""Counts what the process does, cheaply, and shows the figures as Prometheus reads them.

Counting is adding to plain numbers. The library that writes the text is loaded when somebody asks for it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from avtale.api.problem_responses import TYPE_BASE
from avtale.api.routes import ROUTES
from avtale.engine.command import Decided
from avtale.events import ChargeHappened, Happened

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the request histogram's buckets."""
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)
"""Upper bounds of the buckets for commands in one batch."""

METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
NOWHERE: Final = "unknown"
"""The operation of a request to a path that does not exist."""

_TYPE: Final = f'{{"type":"{TYPE_BASE}'.encode()
_PROBLEM: Final = b'{"type":"'
_GATEWAY: Final = b'{"responseInfo":'
_OAUTH: Final = b'{"error":'


class Tally:
    """The requests of one operation: how many of each status class, and how long they took."""

    __slots__ = ("classes", "operation", "seconds", "slots")

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.classes = [0] * 6
        self.slots = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0

    def add(self, status: int, seconds: float) -> None:
        """Count one request."""
        self.classes[status // 100] += 1
        self.slots[bisect_left(SECONDS, seconds)] += 1
        self.seconds += seconds


class Counters:
    """What one process has counted since it started."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str | None], Tally] = {
            (route.method, route.template): Tally(route.operation) for route in ROUTES
        }
        self.refusals: Counter[str] = Counter()
        self.facts: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter(begun=0, paid=0, declined=0)
        self.batches = 0
        self.commands = 0
        self.sizes = [0] * (len(SIZES) + 1)

    def tally(self, method: str, template: str | None) -> Tally:
        """The tally of an operation; a path that does not exist has one for all."""
        known = self._tallies.get((method, template))
        if known is not None:
            return known
        operation = f"{method} {template}" if template and method in METHODS else NOWHERE
        key = (method, template) if operation != NOWHERE else ("", None)
        return self._tallies.setdefault(key, Tally(operation))

    def refused(self, status: int, body: bytes | None) -> str:
        """Count a refusal by its problem type; answers with the name under which it is counted."""
        name = problem_name(status, body or b"")
        self.refusals[name] += 1
        return name

    def listen(self, batch: Sequence[Decided[Any]]) -> None:
        """Count a batch of the engine once it is committed."""
        self.batches += 1
        self.commands += len(batch)
        self.sizes[bisect_left(SIZES, len(batch))] += 1
        for decided in batch:
            for happened in decided.happened:
                self._happened(happened)

    def _happened(self, happened: Happened) -> None:
        if not isinstance(happened, ChargeHappened):
            self.facts[f"agreement {happened.what}"] += 1
            return
        what = happened.what
        self.facts[f"charge {what}"] += 1
        if what == "attempt begun":
            self.attempts["begun"] += 1
        elif what in {"attempt declined", "failed"}:
            self.attempts["declined"] += 1
        elif what == "reserved" or (
            what == "captured" and happened.charge.transaction_type == "DIRECT_CAPTURE"
        ):
            self.attempts["paid"] += 1

    @property
    def tallies(self) -> list[Tally]:
        """All tallies with something in them, one per operation and method."""
        return [tally for tally in self._tallies.values() if any(tally.slots)]


def problem_name(status: int, body: bytes) -> str:
    """What a refusal is called in figures and in the log: its identifier, or its status in words."""
    if body.startswith(_TYPE):
        return body[len(_TYPE) : body.index(b'"', len(_TYPE))].decode()
    if body.startswith(_GATEWAY):
        return "subscription-key"
    if body.startswith(_OAUTH):
        return "client-credentials"
    if body.startswith(_PROBLEM) or not body:
        return HTTPStatus(status).phrase.lower().replace(" ", "-")
    return "other"


# ── The text ─────────────────────────────────────────────────────────────────────────────────────


def exposition(counters: Counters, gauges: dict[str, tuple[str, float]]) -> tuple[bytes, str]:
    """The figures and their media type; `gauges` are names with a sentence and the value just now."""
    # Loaded here, since most installations are never asked.
    from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415
    from prometheus_client.registry import Collector  # noqa: PLC0415

    class Ours(Collector):
        def collect(self) -> Iterable[Metric]:
            yield from _requests(counters)
            yield from _work(counters)
            yield from _gauges(gauges)

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(Ours())
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _requests(counters: Counters) -> Iterator[Metric]:
    from prometheus_client.core import (  # noqa: PLC0415
        CounterMetricFamily,
        HistogramMetricFamily,
    )

    requests = CounterMetricFamily(
        "avtale_requests",
        "Requests answered, by operation and status class.",
        labels=["operation", "status"],
    )
    seconds = HistogramMetricFamily(
        "avtale_request_seconds",
        "Seconds from a request's arrival to the start of its answer.",
        labels=["operation"],
    )
    for tally in counters.tallies:
        for hundred, count in enumerate(tally.classes):
            if count:
                requests.add_metric([tally.operation, f"{hundred}xx"], count)
        seconds.add_metric([tally.operation], _buckets(SECONDS, tally.slots), tally.seconds)
    yield requests
    yield seconds
    refusals = CounterMetricFamily(
        "avtale_refusals", "Requests refused, by problem type.", labels=["problem"]
    )
    for name, count in counters.refusals.items():
        refusals.add_metric([name], count)
    yield refusals


def _work(counters: Counters) -> Iterator[Metric]:
    from prometheus_client.core import (  # noqa: PLC0415
        CounterMetricFamily,
        HistogramMetricFamily,
    )

    yield CounterMetricFamily(
        "avtale_commands", "Commands decided and committed.", value=counters.commands
    )
    yield HistogramMetricFamily(
        "avtale_batch_commands",
        "Commands that shared a transaction.",
        buckets=_buckets(SIZES, counters.sizes),
        sum_value=counters.commands,
    )
    for name, sentence, label, counts in (
        ("avtale_attempts", "Attempts to collect a charge.", "outcome", counters.attempts),
        ("avtale_happened", "What has happened, by kind of fact.", "what", counters.facts),
    ):
        family = CounterMetricFamily(name, sentence, labels=[label])
        for word, count in counts.items():
            family.add_metric([word], count)
        yield family


def _gauges(gauges: dict[str, tuple[str, float]]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    for name, (sentence, value) in gauges.items():
        yield GaugeMetricFamily(name, sentence, value=value)


def _buckets(bounds: Sequence[float], slots: Sequence[int]) -> list[tuple[str, float]]:
    """Slots as cumulative buckets with their upper bounds, the last one without."""
    found: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip([*map(str, bounds), "+Inf"], slots, strict=True):
        total += count
        found.append((bound, total))
    return found
