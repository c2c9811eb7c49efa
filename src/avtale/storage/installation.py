"""The installation behind a database: its secret, and the seal that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Final, Protocol

import msgspec

from avtale.engine import clock
from avtale.engine.engine import StorageDown
from avtale.keys import Keys
from avtale.payers import Address, Profile
from avtale.storage.columns import Shapes, shapes_under, written_as_json
from avtale.storage.sealing import MARK, Seal

SECRET: Final = "secret"  # noqa: S105 -- the name of a row
KEY_ID: Final = "sealed under"


class Queries(Protocol):
    """What opening an installation needs of its database."""

    async def select(self, query: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        ...

    async def execute(
        self, statements: Sequence[tuple[str, Mapping[str, str | int | None]]]
    ) -> None:
        """Named statements, in one transaction."""
        ...


class Installation:
    """A secret, and what is derived from it for a storage."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.seal = Seal(Keys(secret).derived("rest"))
        self.sealed_late = 0
        """Payers whose profile became one sealed text when the database was opened."""

    @cached_property
    def shapes(self) -> Shapes:
        """How rows are written and read here."""
        return shapes_under(self.seal)


class OfInstallation:
    """A storage's side of its installation, which is there once it is open."""

    _installation: Installation | None = None

    @property
    def secret(self) -> bytes:
        """The installation's secret, as it was given or as the database keeps it."""
        return self._opened.secret

    @property
    def _opened(self) -> Installation:
        if self._installation is None:
            raise StorageDown("the database is not open")
        return self._installation

    @property
    def _shapes(self) -> Shapes:
        return self._opened.shapes


async def open_installation(database: Queries, given: bytes | None) -> Installation:
    """The installation of a database that is open: its secret as given, or kept there, made on the first start.

    What was written in plain text before there were seals is sealed. Raises StorageDown where the
    database was sealed under another secret.
    """
    secret = given
    if secret is None:
        secret = bytes.fromhex(await _kept(database, SECRET, clock.seed().hex()))
    installation = Installation(secret)
    key_id = installation.seal.key_id
    if await _kept(database, KEY_ID, key_id) != key_id:
        raise StorageDown(
            "the database was sealed under another secret; "
            "start avtale with the secret that it was made with (AVTALE_SECRET)"
        )
    installation.sealed_late = await _seal_payers(database, installation.seal)
    return installation


async def _kept(database: Queries, name: str, at_first: str) -> str:
    """A value of the installation; the first process to look makes it."""
    found = await database.select("installation_value", name=name)
    if not found:
        await database.execute([("set_installation_value", {"name": name, "value": at_first})])
        found = await database.select("installation_value", name=name)
    value: str = found[0][0]
    return value


async def _seal_payers(database: Queries, seal: Seal) -> int:
    """Seal each profile that is not one sealed text yet; answers with how many there were."""
    count = 0
    while found := await database.select("payers_unsealed", most=500):
        count += len(found)
        await database.execute(
            [
                (
                    "seal_payer",
                    {"phone_number": phone_number, "profile": seal.sealed(_profile(texts, seal))},
                )
                for phone_number, texts in found
            ]
        )
    return count


def _profile(texts: str, seal: Seal) -> str:
    """A profile in plain text; from a list of what were columns of their own (migration 0004), if it is one."""
    if not texts.startswith("["):
        return texts
    given_name, family_name, email, birth_date, address, nin = (
        seal.opened(text) if text.startswith(MARK) else text
        for text in msgspec.json.decode(texts, type=list[str])
    )
    home = msgspec.json.decode(address, type=Address)
    born = date.fromisoformat(birth_date)
    return written_as_json(Profile(given_name, family_name, email, born, home, nin))
