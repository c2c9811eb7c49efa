"""Sales units and the keys of those who may act for them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from avtale.clients import Client, ClientKind, Grant, SubscriptionKey
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.identifiers import mint_uuid
from avtale.keys import Keys
from avtale.problems import Conflict, ResourceNotFound
from avtale.rulebook import MarketCode
from avtale.sales_units import Features, SalesUnit


class Credentials(NamedTuple):
    """API keys as they are handed out, once."""

    client_id: str
    client_secret: str
    subscription_key: str


PUBLIC_CREDENTIALS = Credentials(
    "fb492b5e-7907-4d83-bc20-c7fb60ca35de",
    "Y8Kteew6GE3ZmeycEt6egg==",
    "0f14ebcab0ec4b29ae0cb90d91b4a84a",
)
"""The ready-made keys of a fresh test installation; public on purpose (sandbox §2)."""

PUBLIC_UNIT = "123456"


def add_sales_unit(  # noqa: PLR0913 -- the members of a sales unit
    world: World,
    call: Call,
    keys: Keys,
    *,
    merchant_serial_number: str,
    name: str,
    market: MarketCode,
    features: Features,
    rules: dict[str, int],
    credentials: Credentials | None = None,
) -> tuple[SalesUnit, Credentials]:
    """A new sales unit, and its keys, which are shown this once."""
    if world.find(SalesUnit, merchant_serial_number) is not None:
        raise Conflict(f"There is a sales unit {merchant_serial_number} already.")
    unit = SalesUnit(
        merchant_serial_number=merchant_serial_number,
        name=name,
        market=market,
        created=call.now,
        features=features,
        rules=rules,
    )
    world.put(unit)
    credentials = credentials or minted_credentials(call)
    add_client(world, call, keys, "MERCHANT", name, [merchant_serial_number], credentials)
    return unit, credentials


def add_client(
    world: World,
    call: Call,
    keys: Keys,
    kind: ClientKind,
    name: str,
    serial_numbers: Sequence[str],
    credentials: Credentials,
) -> Client:
    """A client with its keys, kept as hashes, and what it may act for."""
    client = Client(
        client_id=credentials.client_id,
        kind=kind,
        name=name,
        secret_hash=keys.hashed("client secret", credentials.client_secret),
        created=call.now,
    )
    world.put(client)
    hashed = keys.hashed("subscription key", credentials.subscription_key)
    world.put(SubscriptionKey(hashed, client.client_id, call.now))
    for msn in serial_numbers:
        if world.find(SalesUnit, msn) is None:
            raise ResourceNotFound(f"There is no sales unit {msn}.")
        world.put(Grant(client.client_id, msn, call.now))
    return client


def change_sales_unit(
    world: World,
    msn: str,
    *,
    name: str | None,
    features: Features | None,
    rules: dict[str, int] | None,
) -> SalesUnit:
    """The unit with another name, features or rules."""
    unit = world.find(SalesUnit, msn)
    if unit is None:
        raise ResourceNotFound(f"There is no sales unit {msn}.")
    unit = msgspec.structs.replace(
        unit,
        name=unit.name if name is None else name,
        features=unit.features if features is None else features,
        rules=unit.rules if rules is None else rules,
    )
    world.put(unit)
    return unit


def minted_credentials(call: Call) -> Credentials:
    """New keys of 128 random bits each."""
    randomness = call.randomness
    return Credentials(
        mint_uuid(randomness),
        base64.b64encode(randomness.take(16)).decode(),
        randomness.take(16).hex(),
    )
