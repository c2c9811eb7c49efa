"""The control API without a server: the same answers, from a database that is named.

This is how `production`, where no server has a control API, gets its sales units.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
from msgspec.structs import replace

from avtale.cli.control import Control, Where, control_of
from avtale.cli.installation import settings_of, start
from avtale.cli.output import Failure


@contextlib.contextmanager
def control_for(data: str | None, where: Where) -> Iterator[Control]:
    """The control API over a database, where one is named or the installation is in production; else a server's."""
    settings = settings_of({} if data is None else {"data": data})
    if data is None and (where.url is not None or settings.environment == "test"):
        yield control_of(where)
        return
    if settings.data == "memory:":
        raise Failure("memory: is another process's; name a file or a PostgreSQL.", 2)
    from avtale import server

    with asyncio.Runner() as runner:
        # Opened as in production, where nothing is made that was not asked for: no public keys.
        parts = runner.run(start(replace(settings, environment="production"), work=False))
        transport = httpx.ASGITransport(app=server.application(parts, control=True))
        client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        try:
            yield Control(lambda *asked, **what: runner.run(client.request(*asked, **what)))
        finally:
            runner.run(client.aclose())
            runner.run(server.stop(parts))
