"""Running `up`, `api` and `worker`: from settings to a server that answers, and back to a quiet end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from avtale import logs
from avtale.cli.installation import is_file, settings_of, settings_refused, shown, start, unusable
from avtale.cli.output import Failure, reader_is_gone

if TYPE_CHECKING:
    from avtale.configuration import Settings
    from avtale.listening import Listener
    from avtale.server import Parts

Part = Literal["up", "api", "worker"]

STOP_SECONDS: Final = 10.0
"""How long work that is under way may take when the server stops."""

ANSWER_SECONDS: Final = 10.0

log = logs.get_logger("avtale.running")


def run(part: str, given: Mapping[str, Any], *, as_json: bool = False, quiet: bool = False) -> int:
    """Serve until told to stop; raises Failure with one sentence where that cannot be."""
    settings = settings_for(cast(Part, part), given)
    logs.configure(settings.log_level)
    with _alone_on(settings.data), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        if part == "worker":
            return runner.run(_work(settings))
        return runner.run(_answer(settings, work=part == "up", as_json=as_json, quiet=quiet))


def settings_for(part: Part, given: Mapping[str, Any]) -> Settings:
    """The settings of one part; raises Failure where they make no sense."""
    settings = settings_of(given, {"log_level": "info"} if part == "worker" else None)
    if part != "up" and not settings.data.startswith(("postgresql://", "postgres://")):
        raise Failure(
            f"`avtale {part}` shares its data with other processes, and {shown(settings.data)} "
            "belongs to one; use `avtale up`, or name a PostgreSQL: --data postgresql://…",
            2,
        )
    return settings


async def _work(settings: Settings) -> int:
    """The worker: everything that is due, and no address."""
    stopping = _stop_signals()
    parts = await start(settings)
    log.info("worker started", data=shown(settings.data))
    _settle_down()
    await stopping.wait()
    code = await _stop(parts)
    log.info("worker stopped")
    return code


async def _answer(settings: Settings, *, work: bool, as_json: bool, quiet: bool) -> int:
    """An address, and with `work` everything that is due."""
    from avtale import server
    from avtale.listening import AddressRefused, Listener, take, url_of

    with settings_refused():
        server.require_safe_address(settings)
    stopping = _stop_signals()
    try:
        taken = take(settings.host, settings.port)
    except AddressRefused as refused:
        raise Failure(str(refused)) from refused
    url = url_of(taken)
    parts = await start(settings, public_url=url, work=work)
    listener = Listener(server.application(parts), taken)
    listener.start()
    await _answers(url)
    if not quiet:
        from avtale.cli.announcement import announce

        try:
            await announce(parts, url, as_json=as_json)
        except BrokenPipeError:
            reader_is_gone()
    _settle_down()
    return await _until_stopped(listener, parts, stopping)


async def _until_stopped(listener: Listener, parts: Parts, stopping: asyncio.Event) -> int:
    told, ended = (
        asyncio.ensure_future(stopping.wait()),
        asyncio.ensure_future(listener.ended()),
    )
    await asyncio.wait([told, ended], return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        log.error("the listener ended by itself")
    # Pages that listen would listen for ever.
    parts.board.close()
    await listener.stop()
    code = await _stop(parts)
    return 1 if ended.done() and not told.done() else code


async def _stop(parts: Parts) -> int:
    from avtale import server

    stopped = asyncio.ensure_future(server.stop(parts))
    await asyncio.wait([stopped], timeout=STOP_SECONDS)
    if not stopped.done():
        log.error("stopped before all work was done", seconds=STOP_SECONDS)
        return 1
    stopped.result()
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

    # Where there are none, Ctrl-C ends the process as it ends any other.
    with contextlib.suppress(NotImplementedError):
        for each in wanted:
            loop.add_signal_handler(each, stop)
    return stopping


async def _answers(url: str) -> None:
    """Return once the server answers an HTTP request; raises Failure where it does not."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    request = f"GET /livez HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.write(request.encode())
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
    except OSError as error:
        raise Failure(f"The server has started, but cannot be reached at {url}.") from error
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        raise Failure(f"The server has started, but does not answer at {url} as it should.")


def _settle_down() -> None:
    """What is here now stays: the garbage collector, off since the start, need not look at it again."""
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
def _alone_on(data: str) -> Iterator[None]:
    """Keep a second server away from a database file; the lock goes with the process, however it ends."""
    if not is_file(data) or sys.platform == "win32":
        yield
        return
    import fcntl

    path = f"{data}-lock"
    try:
        held = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(data, error.strerror) from error
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
