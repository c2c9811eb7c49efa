"""What a payer is notified of: attempts that failed, payments where asked for, a merchant's stop (api-facts 4.4).

Phones exist in the test environment only; elsewhere nothing is written.
"""

from __future__ import annotations

from datetime import datetime

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge, FailureReason
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.identifiers import mint_uuid
from avtale.notifications import Notification, NotificationKind


def notify_of_failure(
    world: World,
    call: Call,
    agreement: Agreement,
    charge: Charge,
    reason: FailureReason,
    next_attempt: datetime | None,
) -> None:
    """An attempt failed: it will be made again at `next_attempt`, or was the last one."""
    kind: NotificationKind = "payment_failed" if next_attempt is None else "attempt_failed"
    _notify(world, call, agreement, kind, charge, reason=reason, next_attempt=next_attempt)


def notify_of_payment(world: World, call: Call, agreement: Agreement, charge: Charge) -> None:
    """A payment went through; the payer is told where the switch of the agreement is on."""
    if agreement.notifies:
        _notify(world, call, agreement, "payment_made", charge)


def notify_of_stop(world: World, call: Call, agreement: Agreement) -> None:
    """The merchant stopped the agreement."""
    _notify(world, call, agreement, "agreement_stopped")


def _notify(
    world: World,
    call: Call,
    agreement: Agreement,
    kind: NotificationKind,
    charge: Charge | None = None,
    *,
    reason: FailureReason | None = None,
    next_attempt: datetime | None = None,
) -> None:
    if call.environment != "test" or agreement.payer is None:
        return
    world.put(
        Notification(
            notification_id=mint_uuid(call.randomness),
            phone_number=agreement.payer,
            merchant_serial_number=agreement.merchant_serial_number,
            agreement_id=agreement.agreement_id,
            charge_id=charge.charge_id if charge is not None else None,
            kind=kind,
            occurred=call.now,
            amount=charge.amount if charge is not None else None,
            reason=reason,
            next_attempt=next_attempt,
        )
    )
