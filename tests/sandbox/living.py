"""Units with something in every table, and every row of a database, to be compared."""

from __future__ import annotations

import re
from typing import Any

from avtale.storage.statements import queries
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.webhooks.registration import Registration
from tests.sandbox.desk import Desk
from tests.support import INITIAL, KARI, MONDAY, House, Shop

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
}


async def ask(house: House, name: str, text: str) -> list[tuple[Any, ...]]:
    """The rows of a query of the test's own."""
    queries().setdefault(name, text)
    return await house.parts.storage.select(name)


async def everything(house: House) -> dict[str, set[str]]:
    """Every row of every table that there is, as text."""
    dialect = house.parts.storage.dialect
    await house.parts.recorder.flush()
    tables = [name for (name,) in await ask(house, f"tables_of_{dialect}", _TABLES[dialect])]
    return {
        table: {repr(row) for row in await ask(house, f"all_{table}", f"SELECT * FROM {table}")}
        for table in tables
    }


def of(unit: str, rows: dict[str, set[str]]) -> dict[str, set[str]]:
    """The rows that speak of a unit."""
    # An instant in milliseconds may well hold the digits of a number.
    named = re.compile(rf"(?<!\d){unit}(?!\d)")
    found = {table: {row for row in each if named.search(row)} for table, each in rows.items()}
    return {table: each for table, each in found.items() if each}


async def lived_in(house: House) -> Shop:
    """A shop with something in every table that a unit can have rows in."""
    shop = await house.shop(unscheduled=True)
    desk = Desk(house)
    await desk.ask("PUT", f"/sales-units/{shop.msn}/checklist/design_guidelines", {})
    await shop.draft(phoneNumber=KARI)
    await desk.put_payer(KARI, persona="leaves-on-day-12")
    agreement_id = await shop.agreed(initialCharge=INITIAL)
    await desk.put_payer(KARI, persona=None)
    charged = await shop.charge(agreement_id)
    await shop.charge(agreement_id, due="2026-11-05", amount=201)
    await shop.charge(agreement_id, due="2026-11-06", transactionType="RESERVE_CAPTURE")
    scripted = await shop.charge(agreement_id, due="2026-11-07", retryDays=5)
    await shop.next_attempts(scripted, "refused", "timeout", "ok")
    await shop.bulk(
        {
            "agreementId": agreement_id,
            "orderId": "bulk-1",
            "amount": 100_00,
            "description": "December",
            "transactionType": "DIRECT_CAPTURE",
            "due": "2026-12-01",
            "retryDays": 0,
        }
    )
    await desk.advance(shop, days=4, hours=8)
    await shop.refund(agreement_id, charged, 100_00)
    await shop.stop(await shop.agreed())
    await _told(house, shop, agreement_id)
    never = {"operation": "*", "fault": "outage", "probability": 0}
    await desk.ask("PUT", f"/sales-units/{shop.msn}/faults", [never])
    return shop


async def _told(house: House, shop: Shop, agreement_id: str) -> None:
    """Let one receiver be told of one event."""
    receiver = Registration(
        registration_id=f"webhook-{shop.msn}",
        client_id=shop.credentials.client_id,
        merchant_serial_number=shop.msn,
        url="https://news.example/hook",
        secret="sealed",
        events=("recurring.charge-captured.v1",),
        created=MONDAY,
    )
    delivery = Delivery(
        delivery_id=f"delivery-{shop.msn}",
        merchant_serial_number=shop.msn,
        registration_id=receiver.registration_id,
        place=1,
        event_id=f"event-{shop.msn}",
        event_type="recurring.charge-captured.v1",
        agreement_id=agreement_id,
        charge_id=None,
        body="{}",
        created=MONDAY,
    ).delivered(MONDAY)
    attempt = DeliveryAttempt(delivery.delivery_id, 1, shop.msn, MONDAY, 200, None, "", 3)
    await house.put(receiver, receiver.registration_id)
    await house.put(delivery, delivery.delivery_id)
    await house.put(attempt, delivery.delivery_id, 1)
