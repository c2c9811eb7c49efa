"""Payers as the control API writes and reads them, with what their phones show.

Source: sandbox §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import Pricing
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.notifications import Notification
from avtale.payers import Outcome, Payer, Source, SourceKind, SourceStatus
from avtale.personas import Persona
from avtale.problems import Fault
from avtale.rulebook import MarketCode, Rulebook
from avtale.wire.control import MOST_OUTCOMES
from avtale.wire.members import Instant, to_the_second

_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*\Z"
_TEXT = {"reason": "must not contain control characters"}

LARGEST_BALANCE = 10**12
BORN_AFTER = date(1899, 12, 31)

Text = Annotated[str, Meta(min_length=1, max_length=100, pattern=_NO_CONTROLS, extra=_TEXT)]
FullName = Annotated[
    str,
    Meta(
        max_length=100,
        pattern=r"^[^\x00-\x20\x7f-\x9f]+(?: [^\x00-\x20\x7f-\x9f]+)+\Z",
        extra={"reason": "must be a given name and a family name, with a space between"},
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[^@\x00-\x20\x7f-\x9f]+@[^@\x00-\x20\x7f-\x9f]+\Z",
        extra={"reason": "must be an address with one @"},
    ),
]
NationalId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Za-z+-]{4,20}\Z",
        extra={"reason": "must be 4 to 20 digits, letters, + or -"},
    ),
]
Month = Annotated[
    str,
    Meta(pattern=r"^[0-9]{4}-(?:0[1-9]|1[0-2])\Z", extra={"reason": "must be a month, yyyy-MM"}),
]
Balance = Annotated[int, Meta(ge=0, le=LARGEST_BALANCE)]


class AddressChanges(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What shall be different about an address."""

    street_address: Text | None = None
    postal_code: Text | None = None
    region: Text | None = None
    country: MarketCode | None = None


class SourceChanges(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What shall be different about where the money comes from; `expires` null: never."""

    kind: SourceKind | None = None
    status: SourceStatus | None = None
    expires: Month | UnsetType | None = UNSET


class PutPayer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What shall be so of a payer; what is not given stays, or is made up. `balance` null: enough."""

    name: FullName | None = None
    email: Email | None = None
    birth_date: date | None = None
    address: AddressChanges | None = None
    nin: NationalId | None = None
    balance: Balance | UnsetType | None = UNSET
    source: SourceChanges | None = None
    outcomes: Annotated[tuple[Outcome, ...], Meta(max_length=MOST_OUTCOMES)] | None = None
    persona: Persona | str | UnsetType | None = UNSET
    """What the payer does by itself, or the name of a persona that comes along; null: nothing."""

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """A birth date of somebody who cannot be alive, and habits that make no sense."""
        found = []
        if self.birth_date is not None and self.birth_date <= BORN_AFTER:
            found.append(Fault("birthDate", f"must be after {BORN_AFTER}"))
        if isinstance(self.persona, Persona):
            # What has not the shape is missing here, and told of elsewhere.
            reasons = [habit.fault() for habit in self.persona.habits or ()]
            found += [
                Fault(f"persona.habits.{i}", reason)
                for i, reason in enumerate(reasons)
                if reason is not None
            ]
        return found

    def applied_to(self, payer: Payer) -> Payer:
        """The payer with these changes."""
        changes: dict[str, Any] = {
            name: value
            for name in ("email", "birth_date", "nin", "outcomes")
            if (value := getattr(self, name)) is not None
        }
        if self.name is not None:
            changes["given_name"], _, changes["family_name"] = self.name.rpartition(" ")
        if self.balance is not UNSET:
            changes["balance"] = self.balance
        if self.address is not None:
            changes["address"] = _changed(payer.profile.address, self.address)
        if self.source is not None:
            changes["source"] = _changed(payer.source, self.source)
            if self.source.expires is not UNSET:
                changes["source"] = replace(changes["source"], expires=self.source.expires)
        if not isinstance(self.persona, UnsetType | str):
            changes |= self._taken_on(changes.get("source", payer.source), self.persona)
        return payer.described(**changes)

    def _taken_on(self, source: Source, persona: Persona | None) -> dict[str, Any]:
        """What changes with the persona; what was said of money besides it counts for more."""
        changes: dict[str, Any] = {"persona": persona}
        if persona is None:
            return changes
        if persona.balance is not None and self.balance is UNSET:
            changes["balance"] = persona.balance
        if persona.source_expires is not None and self.source is None:
            changes["source"] = replace(source, expires=persona.source_expires)
        return changes


def _changed(value: Any, changes: AddressChanges | SourceChanges) -> Any:
    found = {name: getattr(changes, name) for name in changes.__struct_fields__}
    return replace(
        value, **{name: new for name, new in found.items() if new is not None and new is not UNSET}
    )


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────


class AddressAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A postal address."""

    street_address: str
    postal_code: str
    region: str
    country: str


class SourceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a payer's money comes from."""

    kind: SourceKind
    status: SourceStatus
    expires: str | None


class PayerAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One payer; `balance` in minor units, null for enough."""

    phone_number: str
    name: str
    email: str
    birth_date: date
    address: AddressAnswer
    nin: str
    balance: int | None
    source: SourceAnswer
    outcomes: tuple[Outcome, ...]
    persona: Persona | None


class PayersAgreementAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An agreement as the payer sees it; a request has `expires`, an answered one `start`."""

    agreement_id: str
    merchant_serial_number: str
    status: str
    product_name: str
    pricing: Pricing
    interval: Interval | None
    created: Instant
    expires: Instant | UnsetType = UNSET
    start: Instant | UnsetType = UNSET
    stop: Instant | UnsetType = UNSET


class PayersPaymentAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One ask of the payer's money; amounts in minor units."""

    charge_id: str
    agreement_id: str
    merchant_serial_number: str
    kind: Literal["DIRECT_CAPTURE", "RESERVE", "CAPTURE", "CANCEL", "REFUND"]
    amount: int
    currency: str
    status: Literal["ASKED", "UNCLEAR", "OK", "DECLINED"]
    reason: str | None
    transaction_id: str | None
    asked: Instant


class NotificationAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the phone said by itself; `amount` in minor units."""

    kind: Literal[
        "attempt_failed", "payment_failed", "payment_made", "agreement_stopped", "payment_coming"
    ]
    occurred: Instant
    agreement_id: str
    merchant_serial_number: str
    charge_id: str | UnsetType = UNSET
    amount: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    next_attempt: Instant | UnsetType = UNSET


class PhoneAnswer(PayerAnswer, frozen=True, rename="camel", kw_only=True):
    """A payer, and what the phone shows, newest first."""

    requests: tuple[PayersAgreementAnswer, ...]
    agreements: tuple[PayersAgreementAnswer, ...]
    payments: tuple[PayersPaymentAnswer, ...]
    notifications: tuple[NotificationAnswer, ...]


def payer_answer(payer: Payer) -> PayerAnswer:
    """A payer as the control API answers it."""
    return PayerAnswer(**_members(payer))


def phone_answer(
    payer: Payer,
    requests: Sequence[Agreement],
    agreements: Sequence[Agreement],
    payments: Sequence[Payment],
    notifications: Sequence[NotificationAnswer],
) -> PhoneAnswer:
    """A payer with what waits for an answer, what was answered and paid, and what the phone said."""
    return PhoneAnswer(
        **_members(payer),
        requests=tuple(map(_payers_agreement, requests)),
        agreements=tuple(map(_payers_agreement, agreements)),
        payments=tuple(map(_payers_payment, payments)),
        notifications=tuple(notifications),
    )


def _members(payer: Payer) -> dict[str, Any]:
    profile = payer.profile
    return {
        "phone_number": payer.phone_number,
        "name": payer.name,
        "email": profile.email,
        "birth_date": profile.birth_date,
        "address": AddressAnswer(**msgspec.structs.asdict(profile.address)),
        "nin": profile.nin,
        "balance": payer.balance,
        "source": SourceAnswer(**msgspec.structs.asdict(payer.source)),
        "outcomes": payer.outcomes,
        "persona": payer.persona,
    }


def notification_answer(notification: Notification) -> NotificationAnswer:
    """A notification that was written down."""
    return NotificationAnswer(
        kind=notification.kind,
        occurred=to_the_second(notification.occurred),
        agreement_id=notification.agreement_id,
        merchant_serial_number=notification.merchant_serial_number,
        charge_id=notification.charge_id or UNSET,
        amount=UNSET if notification.amount is None else notification.amount,
        reason=notification.reason or UNSET,
        next_attempt=_instant(notification.next_attempt),
    )


def coming_answer(charge: Charge, told: datetime) -> NotificationAnswer:
    """The notification of a payment of the next day, which is worked out when somebody looks."""
    return NotificationAnswer(
        kind="payment_coming",
        occurred=to_the_second(told),
        agreement_id=charge.agreement_id,
        merchant_serial_number=charge.merchant_serial_number,
        charge_id=charge.charge_id,
        amount=charge.amount,
    )


def _payers_agreement(agreement: Agreement) -> PayersAgreementAnswer:
    return PayersAgreementAnswer(
        agreement_id=agreement.agreement_id,
        merchant_serial_number=agreement.merchant_serial_number,
        status=agreement.status,
        product_name=agreement.product_name,
        pricing=agreement.pricing,
        interval=agreement.interval,
        created=to_the_second(agreement.created),
        expires=_instant(agreement.wake_at),
        start=_instant(agreement.start),
        stop=_instant(agreement.stop),
    )


def _payers_payment(payment: Payment) -> PayersPaymentAnswer:
    return PayersPaymentAnswer(
        charge_id=payment.charge_id,
        agreement_id=payment.agreement_id,
        merchant_serial_number=payment.merchant_serial_number,
        kind=payment.kind,
        amount=payment.amount,
        currency=payment.currency,
        status=payment.status,
        reason=payment.reason,
        transaction_id=payment.transaction_id,
        asked=to_the_second(payment.asked),
    )


def _instant(instant: datetime | None) -> datetime | UnsetType:
    return UNSET if instant is None else to_the_second(instant)
