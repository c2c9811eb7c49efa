"""What merchants do to registrations: register one, delete one (api-facts 7.1, rulings §9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from avtale.clients import Client
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.identifiers import mint_uuid
from avtale.problems import ResourceNotFound, ValidationFailed
from avtale.sales_units import PARTNERS
from avtale.webhooks.catalogue import EventType
from avtale.webhooks.registration import Registration


def register_webhook(
    world: World,
    call: Call,
    client_id: str,
    url: str,
    events: tuple[EventType, ...],
    secret: str,
    units: Iterable[str] = (),
) -> Registration:
    """A registration for the unit of the command, or for all `units` of a partner.

    A unit has so many registrations for one event type at most, and a partner
    as many of its own.
    """
    msn = call.merchant_serial_number if call.sales_unit is not None else None
    limit = call.rules.webhooks_per_event if msn is not None else _PARTNERS_LIMIT
    if msn is not None:
        unit = world.unit(msn)
        world.put(replace(unit, webhooks=_more(unit.webhooks, events, limit)))
    else:
        client = world.get(Client, client_id)
        world.put(replace(client, webhooks=_more(client.webhooks, events, limit)))
        for each in units:
            unit = world.unit(each)
            if PARTNERS not in unit.webhooks:
                world.put(replace(unit, webhooks={**unit.webhooks, PARTNERS: 1}))
    registration = Registration(
        registration_id=mint_uuid(call.randomness),
        client_id=client_id,
        merchant_serial_number=msn,
        url=url,
        secret=secret,
        events=events,
        created=call.now,
    )
    world.put(registration)
    return registration


_PARTNERS_LIMIT = 25
"""A partner's own registrations for one event type (api-facts 7.1: a bucket apart, of the same size)."""


def delete_webhook(world: World, call: Call, registration: Registration) -> Registration:
    """The registration gone; what was still to be sent there is not sent.

    `registration` is as somebody saw it just now; raises ResourceNotFound where it is gone already.
    """
    found = world.find(Registration, registration.registration_id)
    if found is None or found.removed is not None:
        raise ResourceNotFound("There is no webhook with this id.")
    return remove(world, call, found.gone(call.now, "deleted"))


def remove(world: World, _call: Call, gone: Registration) -> Registration:
    """Write down that a registration is gone, and that its unit or partner has one fewer."""
    world.put(gone)
    msn = gone.merchant_serial_number
    if msn is not None:
        unit = world.unit(msn)
        world.put(replace(unit, webhooks=_fewer(unit.webhooks, gone.events)))
    elif world.knows(Client, gone.client_id):
        client = world.get(Client, gone.client_id)
        world.put(replace(client, webhooks=_fewer(client.webhooks, gone.events)))
    return gone


def _more(counts: Mapping[str, int], events: tuple[EventType, ...], limit: int) -> dict[str, int]:
    full = [event for event in events if counts.get(event, 0) >= limit]
    if full:
        raise ValidationFailed.of(
            "events", f"has {limit} registrations already, which is the most, for {', '.join(full)}"
        )
    return {**counts, **{event: counts.get(event, 0) + 1 for event in events}}


def _fewer(counts: Mapping[str, int], events: tuple[EventType, ...]) -> dict[str, int]:
    left = dict(counts)
    for event in events:
        left[event] = counts.get(event, 1) - 1
    return {event: count for event, count in left.items() if count > 0}
