"""What has happened, told: a fact as JSON, with a sentence for people (sandbox §4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET

from avtale.charges.charge import FAILURE_DESCRIPTIONS
from avtale.events import AgreementFact, AgreementHappened, ChargeFact, ChargeHappened, Happened
from avtale.instants import iso
from avtale.money import Money
from avtale.webhooks.catalogue import AGREEMENT_EVENTS, CHARGE_EVENTS
from avtale.wire.control import HappenedAnswer
from avtale.wire.members import to_the_second

_WHO = {
    "MERCHANT": "the merchant",
    "USER": "the payer",
    "ADMIN": "the payer's leaving",
    None: "nobody",
}


def told(happened: Iterable[Happened]) -> tuple[HappenedAnswer, ...]:
    """Facts as the control API answers them, in order."""
    return tuple(
        _agreement(fact) if isinstance(fact, AgreementHappened) else _charge(fact)
        for fact in happened
    )


def _agreement(fact: AgreementHappened) -> HappenedAnswer:
    return HappenedAnswer(
        occurred=to_the_second(fact.occurred),
        what=f"agreement {fact.what}",
        agreement_id=fact.agreement.agreement_id,
        event_type=AGREEMENT_EVENTS.get(fact.what, UNSET),
        detail=_agreement_sentence(fact),
    )


def _charge(fact: ChargeHappened) -> HappenedAnswer:
    return HappenedAnswer(
        occurred=to_the_second(fact.occurred),
        what=f"charge {fact.what}",
        agreement_id=fact.charge.agreement_id,
        charge_id=fact.charge.charge_id,
        event_type=CHARGE_EVENTS.get(fact.what, UNSET),
        detail=_charge_sentence(fact),
    )


_AGREEMENT_SENTENCES: Final[dict[AgreementFact, str]] = {
    "drafted": "{product} was drafted and waits for its payer.",
    "activated": "{product} was approved and is ACTIVE.",
    "rejected": "The payer said no to {product}, which is STOPPED.",
    "expired": "{product} EXPIRED{why}.",
    "updated": "{product} was changed by {who}.",
    "stopped": "{product} was STOPPED by {who}.",
}

_CHARGE_SENTENCES: Final[dict[ChargeFact, str]] = {
    "created": "{amount} was created, due on {due_day}.",
    "shown": "{amount} is DUE; the first attempt is at {next}.",
    "attempt begun": "Attempt {attempts} at {amount} began.",
    "attempt declined": "An attempt at {amount} was declined{why}; the next is at {next}.",
    "outcome unclear": "The gateway did not say what became of {amount}; it is asked again.",
    "reserved": "{amount} was reserved.",
    "captured": "{amount} was captured.",
    "cancelled": "{amount} was {called_off}.",
    "refunded": "{amount} was refunded.",
    "failed": "{amount} FAILED{why}.",
    "capture refused": "The gateway refused to capture {amount}{why}.",
    "release refused": "The gateway refused to release {amount}{why}.",
    "refund refused": "The gateway refused to refund {amount}{why}.",
    "creation failed": "{amount} could not be created{why}.",
}


def _agreement_sentence(fact: AgreementHappened) -> str:
    agreement = fact.agreement
    unpaid = ", since its initial charge could not be paid"
    return _AGREEMENT_SENTENCES[fact.what].format(
        product=f"“{agreement.product_name}”",
        who=_WHO[fact.actor],
        why=unpaid if agreement.payer is not None else " without a yes",
    )


def _charge_sentence(fact: ChargeHappened) -> str:
    charge = fact.charge
    money = Money(fact.amount, charge.currency).in_words()
    return _CHARGE_SENTENCES[fact.what].format(
        amount=f"{money} for “{charge.description}”",
        attempts=charge.attempts,
        due_day=charge.due_day,
        next="" if charge.wake_at is None else iso(charge.wake_at),
        why=_why(fact.reason),
        called_off="released to the payer" if charge.reserved else "called off",
    )


def _why(reason: str | None) -> str:
    if reason is None:
        return ""
    for known, words in FAILURE_DESCRIPTIONS.items():
        if reason == known:
            return f" ({words[0].lower()}{words[1:]})"
    return f": {reason.replace('_', ' ').rstrip('.')}"
