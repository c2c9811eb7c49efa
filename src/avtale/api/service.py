"""What operators and developers ask of the service itself: is it alive, is it ready, how much, and how is it used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import resources
from typing import Any, Final

import falcon.asgi
import msgspec

from avtale import __version__
from avtale.api.metrics import Counters, exposition
from avtale.engine import clock
from avtale.engine.engine import Engine, StorageDown
from avtale.operations.sales_units import Credentials
from avtale.processing.worker import Worker
from avtale.rulebook import Environment
from avtale.storage.migrations import migrations
from avtale.storage.storage import Storage

PATIENCE_SECONDS: Final = 5.0
"""How long the database may take to answer before it counts as gone."""

PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Rendered = tuple[Callable[[], bytes], str]
"""What makes a document, and its media type."""

OWN_CREDENTIALS: Final = Credentials("$CLIENT_ID", "$CLIENT_SECRET", "$SUBSCRIPTION_KEY")
"""What the reference is written with where no keys are public."""


class Alive:
    """`/livez`: the process serves."""

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Nothing is looked at; whoever reads this was served."""
        _say(resp, {"status": "alive", "version": __version__})

    on_head = on_get


class Ready:
    """`/readyz`: requests can be answered."""

    def __init__(self, storage: Storage, worker: Worker) -> None:
        self._storage = storage
        self._worker = worker

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """200, or 503 with what is missing."""
        missing = await self._missing_of_database()
        loop = "not run by this process"
        if self._worker.is_started:
            loop = "alive" if self._worker.is_alive else "stuck"
            if loop == "stuck":
                missing.append("The processing loop has not come round for a long time.")
        if missing:
            resp.status = 503
            resp.set_header("Retry-After", "1")
            _say(resp, {"status": "not ready", "missing": missing})
            return
        known = migrations()
        _say(
            resp,
            {
                "status": "ready",
                "version": __version__,
                "database": self._storage.dialect,
                "migrations": len(known),
                "loop": loop,
            },
        )

    on_head = on_get

    async def _missing_of_database(self) -> list[str]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._storage.check()
                applied = await self._storage.select("migrations_applied")
        except (StorageDown, TimeoutError):
            return ["The database does not answer."]
        waiting = {each.number for each in migrations()} - {number for number, _ in applied}
        return [f"Migration {number:04} is not applied." for number in sorted(waiting)]


class Figures:
    """`/metrics`: what was counted, for Prometheus."""

    def __init__(
        self, counters: Counters, engine: Engine, worker: Worker, storage: Storage
    ) -> None:
        self._counters = counters
        self._engine = engine
        self._worker = worker
        self._storage = storage

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The figures; those that the database would have to tell are left out while it is gone."""
        gauges: dict[str, tuple[str, float]] = {
            "avtale_queue_commands": ("Commands that wait to be decided.", self._engine.queued),
            "avtale_loop_late_seconds": (
                "How much later than planned the processing loop is.",
                self._worker.late_seconds,
            ),
        }
        if self._worker.is_started:
            alive = float(self._worker.is_alive)
            gauges["avtale_loop_alive"] = ("1 while the processing loop comes round.", alive)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                [(count,)] = await self._storage.select("count_open_payments")
            gauges["avtale_payments_open"] = ("Payments whose outcome is not known yet.", count)
        except (StorageDown, TimeoutError):
            pass
        resp.data, resp.content_type = exposition(self._counters, gauges)
        resp.set_header("Cache-Control", "no-store")


class Document:
    """A document that is made when it is first asked for, and kept."""

    def __init__(self, make: Callable[[], bytes], media_type: str) -> None:
        self._make = make
        self._media_type = media_type
        self._made: bytes | None = None

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """The document, with headers that let it load nothing and be framed by nobody."""
        if self._made is None:
            self._made = self._make()
        resp.data = self._made
        resp.content_type = self._media_type
        resp.set_header("Cache-Control", "no-cache")
        resp.set_headers(PAGE_HEADERS)

    on_head = on_get


def add_service(
    app: falcon.asgi.App[Any, Any],
    *,
    storage: Storage,
    engine: Engine,
    worker: Worker,
    counters: Counters,
    documents: dict[str, Rendered],
) -> None:
    """Put the service's own paths, and `documents` by path, beside the API's; the engine is counted from now on."""
    engine.listeners.append(counters.listen)
    app.add_route("/livez", Alive())
    app.add_route("/readyz", Ready(storage, worker))
    app.add_route("/metrics", Figures(counters, engine, worker, storage))
    for path, (make, media_type) in documents.items():
        app.add_route(path, Document(make, media_type))


def documents(
    public_url: str, environment: Environment, credentials: Credentials
) -> dict[str, Rendered]:
    """The reference by path, for programs and for people, made when somebody asks for it."""

    def described() -> dict[str, Any]:
        from avtale.api.openapi import document  # noqa: PLC0415 -- loaded where it is asked for

        return document(public_url, environment, clock.real_now().date())

    def page() -> bytes:
        from avtale.api import reference  # noqa: PLC0415 -- loaded where it is asked for

        return reference.page(described(), credentials)

    def style() -> bytes:
        return resources.files("avtale.api").joinpath("templates/reference.css").read_bytes()

    return {
        "/openapi.json": (lambda: msgspec.json.encode(described()), "application/json"),
        "/docs": (page, "text/html; charset=utf-8"),
        "/docs/reference.css": (style, "text/css; charset=utf-8"),
    }


def _say(resp: falcon.asgi.Response, answer: dict[str, object]) -> None:
    resp.data = msgspec.json.encode(answer)
    resp.content_type = "application/json"
    resp.set_header("Cache-Control", "no-store")
