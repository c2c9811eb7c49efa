"""The record as JSON: requests, the timeline of an agreement, and why a charge is as it is (sandbox §8)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from avtale.record import Seen
from avtale.wire.members import Instant, to_the_second


class SentHeadersAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The five headers that identify a merchant's system, as far as they were sent."""

    merchant_serial_number: str | UnsetType = UNSET
    system_name: str | UnsetType = UNSET
    system_version: str | UnsetType = UNSET
    system_plugin_name: str | UnsetType = UNSET
    system_plugin_version: str | UnsetType = UNSET


class RequestAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One request of a merchant; `occurred` on the unit's clock, `received` in real time."""

    context_id: str
    occurred: Instant
    received: Instant
    method: str
    path: str
    operation: str
    status: int
    problem: str | UnsetType = UNSET
    milliseconds: float
    agreement_id: str | UnsetType = UNSET
    charge_id: str | UnsetType = UNSET
    idempotency_key: str | UnsetType = UNSET
    replayed: bool
    headers: SentHeadersAnswer
    remarks: tuple[str, ...] = ()
    """What was noticed of it: `unknown:` and `http:` with the name of a member, `nin-dropped`."""


TimelineKind = Literal["request", "agreement", "charge", "payment", "delivery"]


class TimelineEntryAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One thing that happened, in a sentence too; `by` is who caused it, where somebody did."""

    occurred: Instant
    kind: TimelineKind
    what: str
    detail: str
    by: Literal["merchant", "payer", "avtale"]
    charge_id: str | UnsetType = UNSET
    context_id: str | UnsetType = UNSET


class TimelineAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Everything that happened around an agreement, oldest first."""

    agreement_id: str
    merchant_serial_number: str
    status: str
    entries: tuple[TimelineEntryAnswer, ...]


class WhyAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What led to a charge's present status, in sentences, and what comes next by itself."""

    charge_id: str
    agreement_id: str
    merchant_serial_number: str
    status: str
    because: tuple[str, ...]
    next: str


class NoteItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a line of the checklist."""

    confirmed: bool = True
    comment: Annotated[str, msgspec.Meta(max_length=500)] = ""


def request_answer(seen: Seen) -> RequestAnswer:
    """A request as the control API answers it."""
    request = seen.request
    return RequestAnswer(
        context_id=request.context_id,
        occurred=to_the_second(seen.occurred),
        received=to_the_second(request.received),
        method=request.method,
        path=request.path,
        operation=request.operation,
        status=request.status,
        problem=request.problem or UNSET,
        milliseconds=request.microseconds / 1000,
        agreement_id=request.agreement_id or UNSET,
        charge_id=request.charge_id or UNSET,
        idempotency_key=request.idempotency_key or UNSET,
        replayed=request.replayed,
        headers=SentHeadersAnswer(
            merchant_serial_number=_sent(request.sent_serial_number),
            system_name=_sent(request.system_name),
            system_version=_sent(request.system_version),
            system_plugin_name=_sent(request.plugin_name),
            system_plugin_version=_sent(request.plugin_version),
        ),
        remarks=request.remarks,
    )


def _sent(value: str | None) -> str | UnsetType:
    return UNSET if value is None else value
