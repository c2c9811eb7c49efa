"""Charges as JSON: creating one or many, capturing and refunding, and how they are answered.

Source: api-facts 3.11–3.14; rulings §5, §8.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from avtale.charges.charge import (
    FAILURE_DESCRIPTIONS,
    Charge,
    ChargeEntry,
    ChargeType,
    FailureReason,
    HistoryEvent,
    ProcessingMode,
    TransactionType,
)
from avtale.charges.lifecycle import ChargeStatus
from avtale.money import Currency
from avtale.problems import Fault, ValidationFailed
from avtale.rulebook import Rulebook, rulebook_for
from avtale.wire import members
from avtale.wire.members import Instant, Int32, to_the_second
from avtale.wire.reading import read_json, shaped

BULK_LIMIT_BYTES = 2 * 1024 * 1024
_BULK_ITEMS = rulebook_for("production", "NO").bulk_items


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────


class CreateCharge(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The body of a new charge; `amount` in minor units of the agreement's currency."""

    amount: Int32
    description: members.Description
    transaction_type: TransactionType
    type: Literal["RECURRING", "UNSCHEDULED"] = "RECURRING"
    due: date | None = None
    retry_days: Int32 | None = None
    processing_mode: ProcessingMode | None = None
    order_id: members.OrderId | None = None
    external_id: members.ExternalId | None = None

    def faults(self, rules: Rulebook) -> list[Fault]:
        """Everything about the body alone that the shape cannot say."""
        found = members.payable("amount", self.amount, rules)
        if self.type == "RECURRING":
            found += members.given("due", self.due)
            found += members.given("retryDays", self.retry_days)
            found += retry_faults(self.retry_days, self.processing_mode, rules)
        elif self.type == "UNSCHEDULED":
            why = "where type is UNSCHEDULED"
            found += members.not_given("due", self.due, why)
            found += members.not_given("processingMode", self.processing_mode, why)
            if self.retry_days not in {None, 0}:
                found.append(Fault("retryDays", f"must be absent or 0 {why}"))
        return found


class BulkCharge(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One item of a bulk creation: always RECURRING, always with an order id."""

    agreement_id: members.AgreementId
    amount: Int32
    description: members.Description
    transaction_type: TransactionType
    due: date
    retry_days: Int32
    order_id: members.OrderId
    processing_mode: ProcessingMode | None = None
    external_id: members.ExternalId | None = None

    def faults(self, rules: Rulebook) -> list[Fault]:
        """Everything about the item alone that the shape cannot say."""
        return [
            *members.payable("amount", self.amount, rules),
            *retry_faults(self.retry_days, self.processing_mode, rules),
        ]

    def as_create_charge(self) -> CreateCharge:
        """The same charge as if it had been created on its own."""
        return CreateCharge(
            amount=self.amount,
            description=self.description,
            transaction_type=self.transaction_type,
            due=self.due,
            retry_days=self.retry_days,
            processing_mode=self.processing_mode,
            order_id=self.order_id,
            external_id=self.external_id,
        )


class CaptureCharge(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a capture, in full or in part; `description` is accepted and not kept."""

    amount: Int32
    description: members.Description | None = None

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """An amount. The last few øre of a reservation may be less than the smallest payment."""
        return members.something("amount", self.amount)


class RefundCharge(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a refund, in full or in part."""

    amount: Int32
    description: members.Description

    def faults(self, rules: Rulebook) -> list[Fault]:  # noqa: ARG002 -- one signature for all bodies
        """An amount. The last few øre of a capture may be less than the smallest payment."""
        return members.something("amount", self.amount)


def retry_faults(
    retry_days: int | None, processing_mode: ProcessingMode | None, rules: Rulebook
) -> list[Fault]:
    """Retry days out of bounds, or more than none where there is a single attempt."""
    if retry_days is None:
        return []
    if not 0 <= retry_days <= rules.max_retry_days:
        return [Fault("retryDays", f"must be from 0 to {rules.max_retry_days}")]
    if processing_mode == "SINGLE_ATTEMPT" and retry_days != 0:
        return [Fault("retryDays", "must be 0 where processingMode is SINGLE_ATTEMPT")]
    return []


# ── Bulk ─────────────────────────────────────────────────────────────────────────────────────────


def read_bulk(
    body: bytes, *, largest: int = _BULK_ITEMS, rules: Rulebook | None = None
) -> list[tuple[int, BulkCharge | list[Fault], object]]:
    """The items of a bulk creation: position, the charge or what is wrong with it, the raw item.

    `largest` is how many there may be. With `rules`, an item that has not the shape is told
    what else is wrong with it too. Raises InvalidJson and PayloadTooLarge as `read_json` does,
    and ValidationFailed where the whole is not an array of 1 to `largest` items.
    """
    items = read_json(body, BULK_LIMIT_BYTES)
    if not isinstance(items, list):
        raise ValidationFailed.of("body", "must be an array")
    if not 1 <= len(items) <= largest:
        raise ValidationFailed.of("body", f"must hold 1 to {largest} charges")
    return [(index, _bulk_item(item, rules), item) for index, item in enumerate(items)]


def _bulk_item(item: object, rules: Rulebook | None) -> BulkCharge | list[Fault]:
    try:
        return shaped(item, BulkCharge, rules)
    except ValidationFailed as refusal:
        return list(refusal.faults)


class BulkItemEcho(msgspec.Struct, frozen=True, rename="camel"):
    """An item that was refused, as far as it could be read; null where a member was not."""

    agreement_id: str | None
    due: str | None
    retry_days: int | None
    amount: int | None
    description: str | None
    transaction_type: str | None
    order_id: str | None
    processing_mode: str | UnsetType = UNSET
    external_id: str | UnsetType = UNSET


class InvalidCharge(msgspec.Struct, frozen=True, rename="camel"):
    """An item that was refused, and a sentence for each thing that is wrong with it."""

    charge_batch_item_dto: BulkItemEcho
    errors: tuple[str, ...]


def invalid_charge(item: object, errors: Sequence[str]) -> InvalidCharge:
    """A raw item of a bulk creation and what is wrong with it, as they are answered."""
    return InvalidCharge(_echo(item if isinstance(item, dict) else {}), tuple(errors))


def sentences(faults: Sequence[Fault]) -> list[str]:
    """Faults of one item as texts: `amount: must be at least 100 (minor units of NOK)`."""
    return [f"{fault.name}: {fault.reason}" for fault in faults]


def _echo(item: dict[str, Any]) -> BulkItemEcho:
    return BulkItemEcho(
        agreement_id=_text(item.get("agreementId")),
        due=_text(item.get("due")),
        retry_days=_whole(item.get("retryDays")),
        amount=_whole(item.get("amount")),
        description=_text(item.get("description")),
        transaction_type=_text(item.get("transactionType")),
        order_id=_text(item.get("orderId")),
        processing_mode=_text(item.get("processingMode")) or UNSET,
        external_id=_text(item.get("externalId")) or UNSET,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
        return value
    return None


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────


class CreateChargeAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What a new charge is answered with."""

    charge_id: str


class BulkAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What a bulk creation is answered with: the ids of what will be created, and the rest."""

    invalid_charges: tuple[InvalidCharge, ...]
    valid_charges: tuple[str, ...]


class SummaryAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the amount, in minor units."""

    captured: int
    refunded: int
    cancelled: int


class ChargeHistoryAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """One line of history; `transactionId` is absent where no payment was involved."""

    occurred: Instant
    event: HistoryEvent
    amount: int
    idempotency_key: str
    success: bool
    transaction_id: str | UnsetType = UNSET


class ChargeAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A charge as it is read and listed; every member is always there, null where there is none."""

    id: str
    agreement_id: str
    external_id: str | None
    external_agreement_id: str | None
    status: ChargeStatus
    type: ChargeType
    transaction_type: TransactionType
    amount: int
    currency: Currency
    description: str
    due: Instant
    retry_days: int
    processing_mode: ProcessingMode
    transaction_id: str | None
    failure_reason: FailureReason | None
    failure_description: str | None
    summary: SummaryAnswer
    history: tuple[ChargeHistoryAnswer, ...]


def charge_answer(
    charge: Charge, history: Sequence[ChargeEntry], *, agreement_external_id: str | None
) -> ChargeAnswer:
    """A charge and its history, oldest line first, as the API answers them (api-facts 3.13)."""
    reason = charge.failure_reason
    return ChargeAnswer(
        id=charge.charge_id,
        agreement_id=charge.agreement_id,
        external_id=charge.external_id,
        external_agreement_id=agreement_external_id,
        status=charge.status,
        type=charge.type,
        transaction_type=charge.transaction_type,
        amount=charge.amount,
        currency=charge.currency,
        description=charge.description,
        due=to_the_second(charge.due),
        retry_days=charge.retry_days,
        processing_mode=charge.processing_mode,
        transaction_id=charge.transaction_id,
        failure_reason=reason,
        failure_description=FAILURE_DESCRIPTIONS[reason] if reason else None,
        summary=SummaryAnswer(charge.captured, charge.refunded, charge.cancelled),
        history=tuple(
            ChargeHistoryAnswer(
                to_the_second(entry.occurred),
                entry.event,
                entry.amount,
                entry.idempotency_key,
                entry.success,
                entry.transaction_id or UNSET,
            )
            for entry in history
        ),
    )
