"""Running `up`, `api` and `worker`: from settings to a server that answers, and back to a quiet end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from avtale import logs
from avtale.cli.output import Failure
from avtale.configuration import SettingRefused, Settings, load

if TYPE_CHECKING:
    from avtale.listening import Listener
    from avtale.server import Parts

Part = Literal["up", "api", "worker"]

STOP_SECONDS: Final = 10.0
"""How long work that is under way may take when the server stops."""

ANSWER_SECONDS: Final = 10.0

log = logs.get_logger("avtale.running")


def run(part: str, given: Mapping[str, Any], *, as_json: bool = False, quiet: bool = False) -> int:
    """Serve until told to stop; raises Failure with one sentence where that cannot be."""
    # Nothing that is made while starting is garbage; looking for some costs a tenth of the time.
    gc.disable()
    settings = settings_for(cast(Part, part), given)
    logs.configure(settings.log_level)
    try:
        from avtale import listening, server
    except ModuleNotFoundError as missing:
        raise Failure(
            f"Serving needs the package {missing.name}; install it with: pip install 'avtale[server]'"
        ) from missing
    if part != "worker":
        with _settings_refused():
            server.require_safe_address(settings)
    with _alone_on(settings.data), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            return runner.run(_serve(cast(Part, part), settings, as_json=as_json, quiet=quiet))
        except listening.AddressRefused as refused:
            raise Failure(str(refused)) from refused


def settings_for(part: Part, given: Mapping[str, Any]) -> Settings:
    """The settings of one part; raises Failure where they make no sense."""
    with _settings_refused():
        settings = load(given, defaults={"log_level": "info"} if part == "worker" else None)
    if part != "up" and not settings.data.startswith(("postgresql://", "postgres://")):
        raise Failure(
            f"`avtale {part}` shares its data with other processes, and {shown(settings.data)} "
            "belongs to one; use `avtale up`, or name a PostgreSQL: --data postgresql://…",
            2,
        )
    return settings


def shown(data: str) -> str:
    """Where data is, as it may be shown: a file with its folder, a server without its password."""
    if data == "memory:":
        return data
    if "://" not in data:
        return str(Path(data).absolute())
    scheme, _, rest = data.partition("://")
    user, at, where = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{where}"


async def _serve(part: Part, settings: Settings, *, as_json: bool, quiet: bool) -> int:
    from avtale import server
    from avtale.listening import Listener, take, url_of

    stopping = _stop_signals()
    if part == "worker":
        parts = await started(settings)
        log.info("worker started", data=shown(settings.data))
        await stopping.wait()
        return await _stop(parts)
    taken = take(settings.host, settings.port)
    url = url_of(taken)
    parts = await started(settings, public_url=url, work=part == "up")
    listener = Listener(server.application(parts), taken)
    listener.start()
    await _answers(url)
    if not quiet:
        from avtale.cli.announcement import announce

        await announce(parts, url, as_json=as_json)
    _settle_down()
    return await _until_stopped(listener, parts, stopping)


async def started(settings: Settings, **how: Any) -> Parts:
    """The parts, joined; raises Failure where the database cannot be opened."""
    from avtale import server
    from avtale.engine.engine import StorageDown

    try:
        return await server.start(settings, **how)
    except (StorageDown, OSError) as down:
        raise Failure(f"The data in {shown(settings.data)} cannot be used: {down}.") from down


async def _until_stopped(listener: Listener, parts: Parts, stopping: asyncio.Event) -> int:
    told, ended = (
        asyncio.ensure_future(stopping.wait()),
        asyncio.ensure_future(listener.ended()),
    )
    await asyncio.wait([told, ended], return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        log.error("the listener ended by itself")
    await listener.stop()
    code = await _stop(parts)
    return 1 if ended.done() and not told.done() else code


async def _stop(parts: Parts) -> int:
    from avtale import server

    try:
        await asyncio.wait_for(server.stop(parts), STOP_SECONDS)
    except TimeoutError:
        log.error("stopped before all work was done", seconds=STOP_SECONDS)
        return 1
    return 0


def _stop_signals() -> asyncio.Event:
    """An event that the first SIGINT or SIGTERM sets; a second one ends the process as it stands."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        stopping.set()
        for each in wanted:
            loop.remove_signal_handler(each)

    for each in wanted:
        loop.add_signal_handler(each, stop)
    return stopping


async def _answers(url: str) -> None:
    """Return once the server answers an HTTP request."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    request = f"GET /livez HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(request.encode())
        await reader.readline()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _settle_down() -> None:
    """What is here now stays: the garbage collector need not look at it again, and looks seldom."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@contextlib.contextmanager
def _settings_refused() -> Iterator[None]:
    try:
        yield
    except SettingRefused as refused:
        raise Failure(str(refused), 2) from refused


@contextlib.contextmanager
def _alone_on(data: str) -> Iterator[None]:
    """Keep a second server away from a database file; the lock goes with the process, however it ends."""
    if data == "memory:" or "://" in data or sys.platform == "win32":
        yield
        return
    import fcntl

    path = f"{data}-lock"
    try:
        held = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failure(f"The data in {shown(data)} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise Failure(
            f"Another avtale is running on {shown(data)}; stop it, "
            "or give this one data of its own with --data."
        ) from error
    try:
        yield
    finally:
        os.close(held)
