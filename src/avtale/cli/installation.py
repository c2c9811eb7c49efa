"""Which installation a command is about: its settings, its data, and a sentence for what is wrong with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avtale.cli.output import Failure
from avtale.configuration import SettingRefused, Settings, load

if TYPE_CHECKING:
    from avtale.server import Parts
    from avtale.storage.storage import Storage


def settings_of(given: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Settings:
    """The settings, `given` on the command line winning; raises Failure where they make no sense."""
    with settings_refused():
        return load(given, defaults=defaults)


async def start(settings: Settings, **how: Any) -> Parts:
    """The parts of a server, joined; raises Failure where the database cannot be opened."""
    from avtale import server

    with _data_refused(settings.data):
        return await server.start(settings, **how)


async def opened(settings: Settings) -> Storage:
    """The database alone, open and up to date; raises Failure where that cannot be."""
    from avtale import server

    data = settings.data
    storage = server.storage_for(data, settings.secret.encode() if settings.secret else None)
    with _data_refused(data):
        await storage.open()
    return storage


def is_file(data: str) -> bool:
    """Whether data is kept in a file of this machine."""
    return data != "memory:" and "://" not in data


def shown(data: str) -> str:
    """Where data is, as it may be shown: a file with its folder, a server without its password."""
    if is_file(data):
        return str(Path(data).absolute())
    scheme, separator, rest = data.partition("://")
    user, at, where = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{where}"


def unusable(data: str, reason: object) -> Failure:
    """The failure of data that cannot be opened."""
    sentence = str(reason).removeprefix(f"{data}: ").rstrip(".")
    return Failure(f"The data in {shown(data)} cannot be used: {sentence}.")


@contextlib.contextmanager
def settings_refused() -> Iterator[None]:
    """Settings that make no sense are a mistake of the command line's, or like one."""
    try:
        yield
    except SettingRefused as refused:
        raise Failure(str(refused), 2) from refused


@contextlib.contextmanager
def _data_refused(data: str) -> Iterator[None]:
    from avtale.engine.engine import StorageDown

    try:
        yield
    except (StorageDown, OSError) as down:
        raise unusable(data, down) from down
