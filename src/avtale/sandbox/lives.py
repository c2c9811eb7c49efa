"""Lives: everything that is written down around one agreement, put in one order (sandbox §8)."""

from __future__ import annotations

from typing import Final

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.charges.charge import ChargeEntry
from avtale.charges.payments import Payment
from avtale.sandbox import recorded
from avtale.sandbox.tools import Tools
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.wire.record import TimelineEntryAnswer
from avtale.wire.timeline import Recorded, timeline

MOST_ENTRIES: Final = 10_000
"""How much of each kind a timeline holds; the oldest, since a life is read from its beginning."""


async def timeline_of(tools: Tools, agreement: Agreement) -> tuple[TimelineEntryAnswer, ...]:
    """Requests, states, the payer's acts, attempts and deliveries around an agreement, oldest first."""
    await tools.recorder.flush()
    rows = tools.storage.rows
    whose = {"msn": agreement.merchant_serial_number, "agreement_id": agreement.agreement_id}
    all_of: dict[str, str | int | None] = {**whose, "most": MOST_ENTRIES}
    return timeline(
        Recorded(
            agreement.pricing.currency,
            await recorded.about_agreement(tools.storage, **whose, most=MOST_ENTRIES),
            await rows(AgreementEntry, "history_of_agreement", **whose),
            await rows(ChargeEntry, "history_of_charges", **all_of),
            await rows(Payment, "payments_about_agreement", **all_of),
            await rows(Delivery, "deliveries_about_agreement", **all_of),
            await rows(DeliveryAttempt, "attempts_about_agreement", **all_of),
        )
    )
