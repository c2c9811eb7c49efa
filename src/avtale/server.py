"""The server: where the parts are chosen and joined, started and stopped."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from avtale.api.access import Access
from avtale.api.agreements import Agreements
from avtale.api.application import Asgi, build, normalized
from avtale.api.charges import Charges
from avtale.api.directory import Directory
from avtale.api.gate import Gate
from avtale.api.limits import VendorLimits
from avtale.api.links import Links
from avtale.api.metrics import Counters
from avtale.api.problem_responses import render
from avtale.api.recorder import Recorder
from avtale.api.service import OWN_CREDENTIALS, add_service, documents
from avtale.api.tokens import Tokens
from avtale.api.trouble import Trouble
from avtale.api.userinfo import Userinfo
from avtale.api.webhooks import Webhooks
from avtale.api.writes import Writes
from avtale.configuration import SettingRefused, Settings
from avtale.dashboard.application import mount as mount_dashboard
from avtale.engine import clock
from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine, Transactions
from avtale.engine.world import Needs, World
from avtale.gateways.simulated import SimulatedGateway
from avtale.keys import Keys
from avtale.landing.application import mount as mount_landing
from avtale.logs import get_logger
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT, add_sales_unit
from avtale.outbound.addresses import Policy, check_receiver_url
from avtale.outbound.courier import SigningCourier
from avtale.pages.errors import PagesNotProblems
from avtale.pages.forms import Forms
from avtale.pages.guard import Guard, is_loopback
from avtale.pages.look import ASSETS, Assets, Look
from avtale.pages.streams import Board
from avtale.payers import PUBLIC_PAYER, Payer, made_up_payer
from avtale.phone.application import mount as mount_phone
from avtale.problems import Conflict
from avtale.processing.clocks import Clocks
from avtale.processing.deliveries import Deliveries
from avtale.processing.faults import Faults
from avtale.processing.forecast import Forecasts
from avtale.processing.lasting import finish
from avtale.processing.post_office import PostOffice
from avtale.processing.runs import Runs
from avtale.processing.settlement import Settlement
from avtale.processing.worker import Worker
from avtale.sales_units import Features, SalesUnit
from avtale.sandbox.application import mount
from avtale.sandbox.tools import Tools
from avtale.storage.storage import Storage

if TYPE_CHECKING:
    from avtale.dashboard.desk import Desk
    from avtale.landing.page import Landing
    from avtale.phone.rooms import Rooms

log = get_logger("avtale.server")


@dataclass(frozen=True)
class Parts:
    """The parts of a running installation, joined."""

    settings: Settings
    public_url: str
    storage: Storage
    keys: Keys
    engine: Engine
    settlement: Settlement
    runs: Runs
    clocks: Clocks
    worker: Worker
    deliveries: Deliveries
    post_office: PostOffice
    courier: SigningCourier
    directory: Directory
    access: Access
    links: Links
    board: Board
    recorder: Recorder
    faults: Faults


async def start(settings: Settings, *, public_url: str | None = None, work: bool = True) -> Parts:
    """Open the database, join the parts, and begin the processing loop (`work`).

    Raises StorageDown where the database cannot be opened.
    """
    secret = settings.secret.encode() if settings.secret is not None else None
    courier = SigningCourier(receivers_of(settings))
    storage = storage_for(settings.data, secret)
    await storage.open()
    url = settings.public_url or public_url or f"http://{settings.host}:{settings.port}"
    parts = _joined(settings, storage, courier, url)
    parts.engine.listeners.append(parts.board.hear)
    if settings.environment == "test":
        await seed(parts)
    if work:
        if storage.dialect == "sqlite":
            await storage.execute(
                [("end_leases", {}), ("end_clock_leases", {}), ("end_receiver_leases", {})]
            )
        parts.worker.start()
        parts.post_office.start()
    parts.recorder.start()
    return parts


def _joined(settings: Settings, storage: Storage, courier: SigningCourier, url: str) -> Parts:
    """The parts over a database that is open."""
    keys = Keys(storage.secret)
    engine = engine_over(storage, settings)
    settlement = Settlement(engine, SimulatedGateway(engine))
    runs = Runs(
        engine,
        storage,
        settlement,
        batch_size=settings.run_batch_size,
        place=_any_of_eight if storage.dialect == "postgresql" else lambda: 0,
    )
    faults = Faults(engine, storage, time.monotonic)
    # In production nothing goes wrong on command.
    striking = faults if settings.environment == "test" else None
    deliveries = Deliveries(engine, storage, courier, striking)
    clocks = Clocks(engine, runs, deliveries)
    directory = Directory(storage, keys, time.monotonic)
    return Parts(
        settings=settings,
        public_url=url,
        storage=storage,
        keys=keys,
        engine=engine,
        settlement=settlement,
        runs=runs,
        clocks=clocks,
        worker=Worker(engine, runs, clocks, tick_seconds=settings.tick_seconds),
        deliveries=deliveries,
        post_office=PostOffice(engine, deliveries, clocks, tick_seconds=settings.tick_seconds),
        courier=courier,
        directory=directory,
        access=Access(directory, keys, settings.environment, clock.real_now),
        links=Links(url, keys, settings.environment),
        board=Board(),
        recorder=Recorder(storage, clock.real_now, keep_days=settings.record_days),
        faults=faults,
    )


def receivers_of(settings: Settings) -> Policy:
    """Where webhooks may be sent to; raises SettingRefused where a subnet is none."""
    texts = [each.strip() for each in (settings.receiver_subnets or "").split(",") if each.strip()]
    try:
        subnets = tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingRefused(
            f"receiver_subnets: {error}; say for example 10.1.0.0/16,fd12::/48."
        ) from error
    return Policy(settings.environment, subnets, settings.private_receivers)


def engine_over(storage: Transactions, settings: Settings) -> Engine:
    """An engine that works on this database."""
    return Engine(
        storage,
        settings.environment,
        clock=clock.real_now,
        seed=clock.seed,
        render=render,
        batch_size=settings.batch_size,
        queue_size=settings.queue_size,
    )


async def stop(parts: Parts) -> None:
    """Finish what is under way, and let go of the database."""
    parts.board.close()
    await parts.post_office.stop()
    await parts.worker.stop()
    await finish()
    await parts.courier.close()
    await parts.engine.drain()
    await parts.recorder.stop()
    await parts.storage.close()


def application(parts: Parts, *, control: bool | None = None) -> Asgi:
    """The ASGI application over joined parts; the control API is there in the test environment, or as told."""
    counters = Counters()
    app = build(_responders(parts), counters, parts.recorder)
    add_service(
        app,
        storage=parts.storage,
        engine=parts.engine,
        worker=parts.worker,
        counters=counters,
        documents=documents(
            parts.public_url,
            parts.settings.environment,
            PUBLIC_CREDENTIALS if parts.settings.environment == "test" else OWN_CREDENTIALS,
        ),
    )
    is_sandbox = parts.settings.environment == "test" if control is None else control
    look, forms = Look(parts.public_url), Forms(parts.keys)
    joined = tools(parts, look)
    app.add_middleware(PagesNotProblems(look, is_sandbox=is_sandbox))
    app.add_route(ASSETS + "/{name}", Assets())
    if is_sandbox:
        mount(app, joined)
        add_payers_pages(app, parts, joined, forms)
    mount_dashboard(app, lambda: desk_of(parts, joined, forms))
    # After the pages, so that what it refuses is a page too where one was asked for.
    app.add_middleware(Guard(parts.public_url, is_sandbox=is_sandbox))
    return normalized(app, parts.settings.body_seconds)


def _responders(parts: Parts) -> dict[str, object]:
    """Who answers, by the names of the table of routes."""
    settings, storage, directory = parts.settings, parts.storage, parts.directory
    trouble = Trouble(parts.faults) if settings.environment == "test" else None
    limits = VendorLimits() if settings.vendor_limits else None
    gate = Gate(directory, parts.access, limits, trouble)
    writes = Writes(parts.engine, parts.settlement, parts.worker.nudge)
    receivers = receivers_of(settings)
    return {
        "tokens": Tokens(parts.access, directory, trouble),
        "agreements": Agreements(
            gate, writes, storage, directory, parts.links, settings.environment
        ),
        "charges": Charges(gate, writes, storage, directory, parts.keys, settings.environment),
        "userinfo": Userinfo(gate, storage, directory, parts.engine),
        "webhooks": Webhooks(
            gate,
            parts.engine,
            storage,
            settings.environment,
            refuse_url=lambda url: check_receiver_url(url, receivers),
            drop=parts.deliveries.drop,
        ),
    }


def add_payers_pages(app: Any, parts: Parts, joined: Tools, forms: Forms) -> None:
    """The payers' pages, which look at the same installation as the control API."""

    def make_landing() -> Landing:
        from avtale.landing.page import Landing  # noqa: PLC0415 -- loaded with the first look

        storage, engine, directory = parts.storage, parts.engine, parts.directory
        return Landing(joined.look, forms, parts.board, parts.links, storage, engine, directory)

    def make_rooms() -> Rooms:
        from avtale.phone.rooms import Rooms  # noqa: PLC0415 -- likewise

        return Rooms(joined.look, forms, parts.board, parts.links, joined)

    mount_landing(app, make_landing)
    mount_phone(app, make_rooms)


def desk_of(parts: Parts, joined: Tools, forms: Forms) -> Desk:
    """The dashboard's desk; nobody signs in at a sandbox that only this machine can reach."""
    from avtale.dashboard.desk import Desk  # noqa: PLC0415 -- loaded with the first look
    from avtale.dashboard.doorkeeper import Doorkeeper  # noqa: PLC0415 -- likewise

    settings, url = parts.settings, urlsplit(parts.public_url)
    is_open = is_loopback(settings.host) and is_loopback(url.hostname or "")
    return Desk(
        look=joined.look,
        forms=forms,
        board=parts.board,
        links=parts.links,
        tools=joined,
        writes=Writes(parts.engine, parts.settlement, parts.worker.nudge),
        doorkeeper=Doorkeeper(
            parts.storage,
            parts.keys,
            clock.real_now,
            is_open=is_open and settings.environment == "test",
            is_secure=url.scheme == "https",
        ),
        public_url=parts.public_url.rstrip("/"),
    )


def tools(parts: Parts, look: Look | None = None) -> Tools:
    """What the control API works with; forecasts are made in memory, whatever the data is kept in."""
    return Tools(
        storage=parts.storage,
        keys=parts.keys,
        engine=parts.engine,
        settlement=parts.settlement,
        runs=parts.runs,
        clocks=parts.clocks,
        deliveries=parts.deliveries,
        forecasts=Forecasts(
            parts.storage,
            lambda: storage_for("memory:"),
            lambda storage: engine_over(storage, parts.settings),
        ),
        directory=parts.directory,
        recorder=parts.recorder,
        faults=parts.faults,
        look=look or Look(parts.public_url),
        board=parts.board,
        receivers=receivers_of(parts.settings),
        nudge=parts.post_office.nudge,
    )


async def serve(app: Asgi, host: str, port: int, ready: Callable[[], None] = lambda: None) -> None:
    """Listen until cancelled; raises AddressRefused."""
    # Loaded here, since only whoever listens needs it.
    from avtale.listening import Listener, take  # noqa: PLC0415

    listener = Listener(app, take(host, port))
    listener.start()
    ready()
    try:
        await listener.ended()
    finally:
        await listener.stop()


def require_safe_address(settings: Settings) -> None:
    """Refuse to listen where others can reach us while the public keys work (sandbox §2)."""
    if settings.environment != "test" or settings.expose or is_loopback(settings.host):
        return
    raise SettingRefused(
        f"{settings.host} can be reached from other machines, and the ready-made keys are public. "
        "Say --expose if that is what you want, or listen on 127.0.0.1."
    )


def storage_for(data: str, secret: bytes | None = None) -> Storage:
    """The storage that the setting `data` names, under a secret of its own unless it is given one."""
    if data.startswith(("postgresql://", "postgres://")):
        from avtale.storage.postgresql import PostgreSQLStorage  # noqa: PLC0415 -- only where used

        return PostgreSQLStorage(data, secret)
    from avtale.storage.sqlite import SQLiteStorage  # noqa: PLC0415 -- only where it is used

    return SQLiteStorage(None if data == "memory:" else data, secret)


def _any_of_eight() -> int:
    """Workers that look for due charges at the same moment seldom find the same batch."""
    return clock.seed()[0] % 8


async def seed(parts: Parts) -> None:
    """What a fresh test installation holds: a sales unit with public keys, and a payer (sandbox §2)."""
    if await parts.storage.select("sales_units"):
        return

    def decide(world: World, call: Call) -> None:
        add_sales_unit(
            world,
            call,
            parts.keys,
            merchant_serial_number=PUBLIC_UNIT,
            name="Nordic News",
            market="NO",
            features=Features(),
            rules={},
            credentials=PUBLIC_CREDENTIALS,
        )
        if world.find(Payer, PUBLIC_PAYER) is None:
            world.put(made_up_payer(PUBLIC_PAYER, "NO"))

    needs = Needs().of(SalesUnit, (PUBLIC_UNIT,)).of(Payer, (PUBLIC_PAYER,))
    decided = await parts.engine.submit(Command("seed", decide, needs))
    if decided.problem is not None and not isinstance(decided.problem, Conflict):
        raise decided.problem
