"""Faults set for a sales unit, and drawn for: by requests, and by events on their way (sandbox §7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.faults import FaultsOfUnit, Misfortune, WebhookFault
from avtale.identifiers import mint_uuid
from avtale.webhooks.delivery import DROPPED, Delivery, DeliveryAttempt

UNKNOWN_TYPE: Final = "recurring.agreement-renamed.v9"
"""The name of an event that does not exist (yet): a receiver does well to take it in and do nothing."""


HELD_BACK_MS: Final = 60_000
"""How long a reordered event waits for another to overtake it, unless the fault says."""


class Struck(NamedTuple):
    """What a request is struck by: how long it has to wait first, and what becomes of it then."""

    milliseconds: int = 0
    by: Misfortune | None = None


class Parcel(NamedTuple):
    """A delivery as it is to be sent."""

    delivery: Delivery
    is_doubled: bool = False
    is_forged: bool = False
    stranger: Delivery | None = None
    """What is sent before it: an event of a type that nobody knows."""


def set_faults(world: World, call: Call, faults: Iterable[Misfortune]) -> FaultsOfUnit:
    """These faults and no others; all begin anew. One without a seed (below 0) is given one."""
    seeded = tuple(
        each
        if each.seed >= 0
        else replace(each, seed=int.from_bytes(call.randomness.take(4), "big"))
        for each in faults
    )
    row = FaultsOfUnit(call.merchant_serial_number, seeded)
    world.put(row)
    return row


def draw_for_request(world: World, call: Call, operation: str) -> Struck:
    """What becomes of one request; the first fault that ends it is the last that is drawn for."""
    row = world.find(FaultsOfUnit, call.merchant_serial_number)
    struck, faults = Struck(), list(row.faults if row is not None else ())
    for index, fault in enumerate(faults):
        if not fault.is_about(operation):
            continue
        faults[index], strikes = fault.draw()
        if not strikes:
            continue
        if fault.fault != "latency":
            struck = struck._replace(by=fault)
            break
        struck = struck._replace(milliseconds=struck.milliseconds + (fault.milliseconds or 0))
    _keep(world, row, faults)
    return struck


def draw_for_deliveries(world: World, call: Call, deliveries: Sequence[str]) -> list[Parcel]:
    """What is to be sent of deliveries that are due at one receiver, and how, in their new order.

    Each is drawn for once, before its first attempt. One that is dropped or put off is so when this is committed.
    """
    row = world.find(FaultsOfUnit, call.merchant_serial_number)
    faults = list(row.faults if row is not None else ())
    parcels: list[Parcel] = []
    held: Parcel | None = None
    for delivery_id in deliveries:
        delivery = world.find(Delivery, delivery_id)
        if delivery is None or delivery.status != "WAITING":
            continue
        struck = _drawn(faults, delivery)
        if _is_kept_from_going(world, call, delivery, struck):
            continue
        parcel = Parcel(
            delivery,
            is_doubled="duplicate" in struck,
            is_forged="bad-signature" in struck,
            stranger=_stranger(call, delivery) if "unknown-type" in struck else None,
        )
        if held is not None:
            parcels += [parcel, held]
            held = None
        elif "reorder" in struck:
            held = parcel
        else:
            parcels.append(parcel)
    if held is not None:
        _hold_back(world, call, held.delivery, faults)
    _keep(world, row, faults)
    return parcels


def _drawn(faults: list[Misfortune], delivery: Delivery) -> dict[WebhookFault, Misfortune]:
    """By what a delivery is struck; nothing where it was attempted or put off before."""
    if delivery.attempts or delivery.wake_at != delivery.created:
        return {}
    struck: dict[WebhookFault, Misfortune] = {}
    for index, fault in enumerate(faults):
        if fault.webhook is None:
            continue
        faults[index], strikes = fault.draw()
        if strikes:
            struck.setdefault(fault.webhook, fault)
    return struck


def _is_kept_from_going(
    world: World, call: Call, delivery: Delivery, struck: dict[WebhookFault, Misfortune]
) -> bool:
    if "drop" in struck:
        world.put(delivery.refused(call.now, None))
        world.put(_attempt(delivery, call.now))
        return True
    if "delay" in struck:
        world.put(_put_off(delivery, call.now, struck["delay"].milliseconds or 0))
        return True
    return False


def _hold_back(world: World, call: Call, delivery: Delivery, faults: list[Misfortune]) -> None:
    """Nothing is behind it that could go first; it waits for something."""
    given = [each.milliseconds for each in faults if each.webhook == "reorder"]
    milliseconds = next((each for each in given if each is not None), HELD_BACK_MS)
    world.put(_put_off(delivery, call.now, milliseconds))


def _put_off(delivery: Delivery, now: datetime, milliseconds: int) -> Delivery:
    return replace(delivery, wake_at=now + timedelta(milliseconds=milliseconds))


def _attempt(delivery: Delivery, now: datetime) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery_id=delivery.delivery_id,
        attempt=delivery.attempts + 1,
        merchant_serial_number=delivery.merchant_serial_number,
        occurred=now,
        status=None,
        error=DROPPED,
        excerpt="",
        milliseconds=0,
    )


def _stranger(call: Call, delivery: Delivery) -> Delivery:
    """An event beside a real one, as if the API had learnt to tell something new."""
    body: dict[str, Any] = msgspec.json.decode(delivery.body)
    told = msgspec.json.encode({**body, "eventType": UNKNOWN_TYPE}).decode()
    return replace(delivery, delivery_id=mint_uuid(call.randomness), body=told)


def _keep(world: World, row: FaultsOfUnit | None, faults: Sequence[Misfortune]) -> None:
    if row is not None and tuple(faults) != row.faults:
        world.put(replace(row, faults=tuple(faults)))
