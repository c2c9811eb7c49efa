"""Deliveries as whoever runs the installation sees them: found, shown with every attempt, sent once more."""

from __future__ import annotations

from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.operations.deliveries import resend_delivery
from avtale.problems import ResourceNotFound
from avtale.sandbox.tools import Tools
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.webhooks.registration import Registration
from avtale.wire.deliveries import DeliveryAnswer, delivery_answer


async def find_delivery(tools: Tools, delivery_id: str) -> Delivery:
    """One by its id; raises ResourceNotFound."""
    found = await tools.storage.rows(Delivery, "delivery_by_id", delivery_id=delivery_id)
    if not found:
        raise ResourceNotFound("There is no such delivery.")
    return found[0]


async def receivers_of(tools: Tools, msn: str) -> dict[str, Registration]:
    """Whoever the unit's deliveries go to, gone or not, by the registration's id."""
    found = await tools.storage.rows(Registration, "registrations_with_deliveries", msn=msn)
    return {each.registration_id: each for each in found}


async def answer_of(
    tools: Tools, delivery: Delivery, receivers: dict[str, Registration]
) -> DeliveryAnswer:
    """A delivery with every attempt at it, and what holds it back."""
    attempts = await tools.storage.rows(
        DeliveryAttempt, "attempts_at_delivery", delivery_id=delivery.delivery_id
    )
    blocked_by = await blocked_by_of(tools, delivery)
    return delivery_answer(delivery, receivers[delivery.registration_id], attempts, blocked_by)


async def blocked_by_of(tools: Tools, delivery: Delivery) -> str | None:
    """The delivery that has to succeed, or be given up, before this one."""
    if delivery.status != "WAITING":
        return None
    blocking: list[tuple[str]] = await tools.storage.select(
        "deliveries_blocked_by",
        registration_id=delivery.registration_id,
        agreement_id=delivery.agreement_id,
        place=delivery.place,
    )
    return blocking[0][0] if blocking else None


async def send_again(tools: Tools, delivery: Delivery) -> Delivery:
    """Send one once more, whatever became of it; raises Conflict where the receiver is gone."""
    delivery_id = delivery.delivery_id

    def decide(world: World, call: Call) -> Delivery:
        return resend_delivery(world, call, delivery_id)

    needs = Needs().of(Delivery, (delivery_id,)).of(Registration, (delivery.registration_id,))
    command = Command("resend_delivery", decide, needs, delivery.merchant_serial_number)
    sent = (await tools.engine.submit(command)).unwrap()
    tools.nudge()
    return sent
