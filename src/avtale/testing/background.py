"""A server in the background of this process: in a thread of its own, in memory, on a port that is free."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final

STOP_SECONDS: Final = 5.0


class ServerMissing(RuntimeError):
    """There is no server to be had; the sentence says what would do."""


class Background:
    """One installation that lives as long as this process, or until `stop`.

    Raises ServerMissing where avtale is installed without its server.
    """

    def __init__(self) -> None:
        self.url = ""
        self._failed: BaseException | None = None
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="avtale", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Answer what is under way, and end."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._serve())
        except ImportError as error:
            self._failed = ServerMissing(
                f"The sandbox needs the server ({error.name} is missing): install avtale[server], "
                "or name one that runs with AVTALE_URL."
            )
        except BaseException as error:  # noqa: BLE001 -- it is raised again where the server was asked for
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        # Loaded here, since a test run that names a server needs none of it.
        from avtale import server  # noqa: PLC0415
        from avtale.configuration import Settings  # noqa: PLC0415
        from avtale.listening import Listener, take, url_of  # noqa: PLC0415

        # Not what the environment and `avtale.toml` say: tests are the same wherever they run.
        settings = Settings(data="memory:", port=0)
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        taken = take(settings.host, settings.port)
        url = url_of(taken)
        parts = await server.start(settings, public_url=url)
        listener = Listener(server.application(parts), taken)
        listener.start()
        self.url = url
        self._ready.set()
        await self._stopping.wait()
        parts.board.close()
        await listener.stop()
        await server.stop(parts)


def _loop_factory() -> Any:
    try:
        import uvloop  # noqa: PLC0415 -- where it is there
    except ImportError:
        return None
    return uvloop.new_event_loop
