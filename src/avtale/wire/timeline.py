"""The timeline: requests, states, attempts and deliveries around one agreement, in one order (sandbox §8).

A clock may stand still, and then everything has one instant. So what a request caused stands behind it,
found by its idempotency key or context id, and what nobody asked for stands behind what came before it
in the life of the same agreement or charge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import UNSET

from avtale.agreements.agreement import Actor, AgreementEntry, AgreementEvent
from avtale.charges.charge import ChargeEntry, HistoryEvent
from avtale.charges.payments import Payment, PaymentKind
from avtale.money import Currency, Money
from avtale.record import Seen
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.wire.members import to_the_second
from avtale.wire.record import TimelineEntryAnswer, TimelineKind

_WHO: Final[Mapping[Actor | None, str]] = {
    "MERCHANT": "merchant",
    "USER": "payer",
    "ADMIN": "payer",
    None: "avtale",
}
_AGREEMENT_SENTENCES: Final[Mapping[AgreementEvent, str]] = {
    "CREATE": "The merchant drafted the agreement.",
    "ACTIVATE": "The payer said yes: the agreement is ACTIVE.",
    "REJECT": "The payer said no: the agreement is STOPPED.",
    "EXPIRE": "Time was up without a yes: the agreement EXPIRED.",
    "UPDATE": "The {who} changed the agreement.",
    "STOP": "The {who} stopped the agreement.",
}
_CHARGE_SENTENCES: Final[Mapping[HistoryEvent, tuple[str, str]]] = {
    "CREATE": ("The charge of {amount} was created.", "The charge of {amount} was not created."),
    "RESERVE": ("{amount} was reserved.", "{amount} could not be reserved."),
    "CAPTURE": ("{amount} was captured.", "{amount} could not be captured."),
    "REFUND": ("{amount} was refunded.", "{amount} could not be refunded."),
    "CANCEL": ("{amount} was cancelled.", "{amount} could not be cancelled."),
    "FAIL": ("{amount} FAILED.", "{amount} FAILED."),
}
_ASKED: Final[Mapping[PaymentKind, str]] = {
    "DIRECT_CAPTURE": "take {amount} from the payer",
    "RESERVE": "reserve {amount} of the payer's",
    "CAPTURE": "capture {amount}",
    "CANCEL": "release {amount}",
    "REFUND": "return {amount}",
}
_ABOUT_AGREEMENTS: Final = frozenset({"draft_agreement", "update_agreement", "accept_agreement"})
_BY_THE_MERCHANT: Final = frozenset({"CAPTURE", "CANCEL", "REFUND"})


class Recorded(NamedTuple):
    """What is written down around an agreement; each sequence in its own order."""

    currency: Currency
    requests: Sequence[Seen]
    history: Sequence[AgreementEntry]
    charges: Sequence[ChargeEntry]
    payments: Sequence[Payment]
    deliveries: Sequence[Delivery]
    attempts: Sequence[DeliveryAttempt]


class _Step(IntEnum):
    """In which order things stand that one request caused at one instant."""

    REQUEST = 0
    CREATED = 1
    ASKED = 2
    DECLINED = 3
    CHANGED = 4
    TOLD = 5


class _Placed(NamedTuple):
    """An entry and where it stands among those of its instant."""

    at: datetime
    behind: int
    """The number of the request that it stands behind, or that it is."""
    step: _Step
    entry: TimelineEntryAnswer


def timeline(recorded: Recorded) -> tuple[TimelineEntryAnswer, ...]:
    """Everything, oldest first."""
    causes = _Causes(recorded.requests)
    placed = [
        *_requests(recorded),
        *_agreement(recorded, causes),
        *_charges(recorded, causes),
        *_payments(recorded, causes),
        *_deliveries(recorded, causes),
    ]
    return tuple(each.entry for each in sorted(placed, key=lambda each: each[:3]))


class _Causes:
    """Which request is behind what; whatever has none of its own is behind the last one of its subject.

    A subject is a charge by its id, or the agreement by an empty word. The same key may have been used for
    another operation, so one that was used for the same subject comes first.
    """

    def __init__(self, requests: Iterable[Seen]) -> None:
        self._by_word: dict[tuple[str | None, str], int] = {}
        self._lives: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
        """What each subject stood behind from when on; numbers never get smaller in a life."""
        self.of_payments: dict[str, int] = {}
        """What the lines of history stand behind that payments led to."""
        for number, (_, request) in enumerate(requests):
            of_agreement = request.operation in _ABOUT_AGREEMENTS
            subject = "" if of_agreement else request.charge_id or ""
            for word in (request.idempotency_key, request.context_id):
                if word is not None:
                    self._by_word.setdefault((subject, word), number)
                    self._by_word.setdefault((None, word), number)

    def behind(self, at: datetime, subject: str, *words: str | None) -> int:
        """The number of the request that `words` name, or of the last that was named for the subject until then."""
        places = [(each, word) for word in words if word is not None for each in (subject, None)]
        found = [self._by_word[place] for place in places if place in self._by_word]
        number = max([*found[:1], self.follow(at, subject)])
        self._lives[subject].append((at, number))
        return number

    def follow(self, at: datetime, *subjects: str) -> int:
        """What stands behind whatever stood last, at that instant, in the lives of these subjects."""
        seen = (number for each in subjects for since, number in self._lives[each] if since <= at)
        return max(seen, default=-1)


def _requests(recorded: Recorded) -> Iterator[_Placed]:
    for number, (came, request) in enumerate(recorded.requests):
        # What a request does is written down in whole milliseconds, and is not to stand before it.
        occurred = came.replace(microsecond=came.microsecond // 1000 * 1000)
        refused = f" ({request.problem})" if request.problem else ""
        again = ", as before" if request.replayed else ""
        entry = _entry(
            occurred,
            "request",
            request.operation,
            f"{request.method} {request.path} was answered {request.status}{refused}{again}.",
            "merchant",
            request.charge_id,
            request.context_id,
        )
        yield _Placed(occurred, number, _Step.REQUEST, entry)


def _agreement(recorded: Recorded, causes: _Causes) -> Iterator[_Placed]:
    for line in recorded.history:
        by = _WHO[line.actor]
        if line.event == "CREATE":
            by = "merchant"
        elif line.event in {"ACTIVATE", "REJECT"}:
            by = "payer"
        sentence = _AGREEMENT_SENTENCES[line.event].format(who=by)
        entry = _entry(line.occurred, "agreement", line.event, sentence, by)
        behind = causes.behind(line.occurred, "", line.idempotency_key)
        yield _Placed(line.occurred, behind, _step(line.event), entry)


def _charges(recorded: Recorded, causes: _Causes) -> Iterator[_Placed]:
    asked_in = {payment.payment_key: payment.context_id for payment in recorded.payments}
    for line in recorded.charges:
        good, bad = _CHARGE_SENTENCES[line.event]
        amount = Money(line.amount, recorded.currency).in_words()
        context_id = asked_in.get(line.payment_key or "")
        behind = causes.behind(line.occurred, line.charge_id, context_id, line.idempotency_key)
        if line.payment_key is not None:
            causes.of_payments[line.payment_key] = behind
        entry = _entry(
            line.occurred,
            "charge",
            line.event if line.success else f"{line.event} refused",
            (good if line.success else bad).format(amount=amount),
            "merchant" if line.event == "CREATE" or context_id is not None else "avtale",
            line.charge_id,
        )
        yield _Placed(line.occurred, behind, _step(line.event), entry)


def _payments(recorded: Recorded, causes: _Causes) -> Iterator[_Placed]:
    for payment in recorded.payments:
        subject = f"payment {payment.payment_key}"
        behind = causes.behind(payment.asked, subject, payment.context_id)
        if behind < 0:
            follows = causes.follow(payment.asked, "", payment.charge_id)
            behind = causes.of_payments.get(payment.payment_key, follows)
        amount = Money(payment.amount, payment.currency).in_words()
        asked = _ASKED[payment.kind].format(amount=amount)
        by = "merchant" if payment.kind in _BY_THE_MERCHANT else "avtale"
        entry = _entry(
            payment.asked,
            "payment",
            f"{payment.kind} asked",
            f"The gateway was asked to {asked}.",
            by,
            payment.charge_id,
        )
        yield _Placed(payment.asked, behind, _Step.ASKED, entry)
        if payment.settled is not None and payment.status == "DECLINED":
            reason = (payment.reason or "no reason given").replace("_", " ")
            said = f"The gateway declined to {asked}: {reason}."
            entry = _entry(
                payment.settled,
                "payment",
                f"{payment.kind} declined",
                said,
                "avtale",
                payment.charge_id,
            )
            yield _Placed(payment.settled, behind, _Step.DECLINED, entry)


def _deliveries(recorded: Recorded, causes: _Causes) -> Iterator[_Placed]:
    by_id = {delivery.delivery_id: delivery for delivery in recorded.deliveries}
    for attempt in recorded.attempts:
        delivery = by_id.get(attempt.delivery_id)
        if delivery is None:
            continue
        came = f"was answered {attempt.status}" if attempt.status else f"failed: {attempt.error}"
        entry = _entry(
            attempt.occurred,
            "delivery",
            delivery.event_type,
            f"Attempt {attempt.attempt} to deliver {delivery.event_type} {came}.",
            "avtale",
            delivery.charge_id,
        )
        behind = causes.follow(attempt.occurred, delivery.charge_id or "", "")
        yield _Placed(attempt.occurred, behind, _Step.TOLD, entry)


def _step(event: AgreementEvent | HistoryEvent) -> _Step:
    return _Step.CREATED if event == "CREATE" else _Step.CHANGED


def _entry(
    occurred: datetime,
    kind: TimelineKind,
    what: str,
    detail: str,
    by: str,
    charge_id: str | None = None,
    context_id: str | None = None,
) -> TimelineEntryAnswer:
    return TimelineEntryAnswer(
        occurred=to_the_second(occurred),
        kind=kind,
        what=what,
        detail=detail,
        by="merchant" if by == "merchant" else "payer" if by == "payer" else "avtale",
        charge_id=charge_id or UNSET,
        context_id=context_id or UNSET,
    )
