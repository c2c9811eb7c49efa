"""What tests of processing look at: when each attempt was made, and what a charge went through."""

from __future__ import annotations

from datetime import datetime

from avtale.events import ChargeHappened
from tests.support import Shop


def facts(shop: Shop, charge_id: str) -> list[ChargeHappened]:
    """Everything that happened to a charge, in order."""
    return [
        fact
        for fact in shop.house.happened
        if isinstance(fact, ChargeHappened)
        and fact.charge.charge_id == charge_id
        and fact.charge.merchant_serial_number == shop.msn
    ]


def life(shop: Shop, charge_id: str) -> list[str]:
    """What a charge went through, in words."""
    return [fact.what for fact in facts(shop, charge_id)]


def when(shop: Shop, charge_id: str, what: str) -> list[datetime]:
    """When something happened to a charge, each time."""
    return [fact.occurred for fact in facts(shop, charge_id) if fact.what == what]


def local(shop: Shop, instants: list[datetime]) -> list[str]:
    """Instants as the wall clock of the market shows them: `11-04 09:00`."""
    return [f"{instant.astimezone(shop.market.zone):%m-%d %H:%M}" for instant in instants]


def attempts(shop: Shop, charge_id: str) -> list[str]:
    """When a charge was attempted, by the wall clock of the market."""
    return local(shop, when(shop, charge_id, "attempt begun"))
