"""What lies on a payer's phone: requests, agreements, charges, payments, and what the phone has said by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine.world import Needs
from avtale.notifications import Notification, told_as_coming
from avtale.payers import Payer
from avtale.problems import ResourceNotFound
from avtale.rulebook import MARKETS
from avtale.sales_units import SalesUnit
from avtale.storage.storage import Storage, Value
from avtale.wire.payers import NotificationAnswer, coming_answer, notification_answer

MOST_ITEMS = 500
"""How much of each kind a phone shows, newest first."""


@dataclass(frozen=True)
class Phone:
    """A payer's phone at one moment; every list newest first, times on the clocks of the units."""

    payer: Payer
    requests: list[Agreement]
    """Those that lie on the phone, and those whose link nobody has followed yet (`sent_to` None)."""
    agreements: list[Agreement]
    charges: list[Charge]
    payments: list[Payment]
    notifications: list[NotificationAnswer]
    units: dict[str, SalesUnit]
    """The sales units of all these, by merchant serial number."""

    def now(self, msn: str, real_now: datetime) -> datetime:
        """What the clock of one of the units shows."""
        return self.units[msn].now(real_now)


async def find_payer(storage: Storage, phone_number: str) -> Payer:
    """The payer with this number; raises ResourceNotFound where there is none, or the profile is gone."""
    world = await storage.look(Needs().of(Payer, (phone_number,)))
    payer = world.find(Payer, phone_number)
    if payer is None or payer.deleted is not None:
        raise ResourceNotFound("There is no payer with this phone number.")
    return payer


async def look_at_phone(
    storage: Storage, phone_number: str, real_now: datetime, *, most: int = MOST_ITEMS
) -> Phone:
    """All that the phone shows, at most so much of each kind; raises ResourceNotFound as `find_payer`."""
    payer = await find_payer(storage, phone_number)
    named: dict[str, Value] = {"phone_number": phone_number, "size": most}
    requests = await storage.rows(Agreement, "latest_requests_for_phone", **named)
    agreements = await storage.rows(Agreement, "latest_agreements_of_payer", **named)
    charges = await storage.rows(Charge, "latest_charges_of_payer", **named)
    payments = await storage.rows(Payment, "latest_payments_of_payer", **named)
    notifications = await storage.rows(Notification, "latest_notifications_of_phone", **named)
    msns = {agreement.merchant_serial_number for agreement in (*requests, *agreements)}
    msns |= {notification.merchant_serial_number for notification in notifications}
    world = await storage.look(Needs().of(SalesUnit, *((msn,) for msn in msns)))
    units = {msn: unit for msn in msns if (unit := world.find(SalesUnit, msn)) is not None}
    said = [notification_answer(each) for each in notifications]
    said += _coming(charges, units, real_now)
    said.sort(key=lambda each: each.occurred, reverse=True)
    return Phone(payer, requests, agreements, charges, payments, said[:most], units)


def _coming(
    charges: list[Charge], units: dict[str, SalesUnit], real_now: datetime
) -> list[NotificationAnswer]:
    """What was said of payments of the next day; a row would have to be written for every charge there is."""
    found = []
    for charge in charges:
        unit = units.get(charge.merchant_serial_number)
        if unit is None:
            continue
        told = told_as_coming(charge, unit.now(real_now), MARKETS[unit.market])
        if told is not None:
            found.append(coming_answer(charge, told))
    return found
