"""What a phone shows, in words: requests as cards, agreements with their payments, notices (api-facts 4.4, 10.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from avtale.agreements.agreement import Agreement
from avtale.agreements.pricing import LegacyPricing, VariablePricing, payer_limit
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import ChargeStatus
from avtale.operations.requests import request_closes_at
from avtale.pages.words import Words
from avtale.rulebook import Environment, Rulebook
from avtale.sales_units import SalesUnit
from avtale.sandbox.phones import Phone
from avtale.wire.payers import NotificationAnswer

COMING: Final[frozenset[ChargeStatus]] = frozenset({"PENDING", "DUE", "PROCESSING"})
MOST_PAST: Final = 40
"""Payments of one agreement that are listed, newest first."""

MOST_NOTICES: Final = 50

_BADGES: Final[Mapping[ChargeStatus, str]] = {
    "FAILED": "bad",
    "CANCELLED": "wait",
    "DUE": "wait",
    "PROCESSING": "wait",
}


@dataclass(frozen=True)
class RequestShown:
    """A request as a card."""

    agreement: Agreement
    shop: str
    price: str
    campaign: str | None
    pay_now: str | None
    pay_now_for: str | None
    """What the first payment is for, where it is not simply the price."""
    amounts: tuple[tuple[int, str], ...]
    """The maxima to choose from, the suggestion among them; none where the price is fixed."""
    suggested: int
    shares: tuple[str, ...]
    left: timedelta
    left_in_words: str
    runs: bool
    """Whether the sales unit's clock runs."""

    @property
    def key(self) -> str:
        """What tells it from other requests on the same page."""
        return f"{self.agreement.merchant_serial_number}-{self.agreement.agreement_id}"

    @property
    def path(self) -> str:
        """Behind the phone's own path."""
        return f"/requests/{self.agreement.merchant_serial_number}/{self.agreement.agreement_id}"


@dataclass(frozen=True)
class PaymentShown:
    """One payment of an agreement."""

    amount: str
    description: str
    when: str
    status: str
    badge: str
    note: str | None


@dataclass(frozen=True)
class AgreementShown:
    """One agreement with what was paid and what is coming."""

    agreement: Agreement
    shop: str
    price: str
    campaign: str | None
    since: str
    coming: PaymentShown | None
    coming_at: datetime | None
    above_maximum: str | None
    """The maximum, where the coming payment is above it."""
    past: tuple[PaymentShown, ...]
    maximum: str | None

    @property
    def path(self) -> str:
        """Behind the phone's own path."""
        return f"/agreements/{self.agreement.merchant_serial_number}/{self.agreement.agreement_id}"

    @property
    def is_active(self) -> bool:
        """Whether payments may still come of it."""
        return self.agreement.status == "ACTIVE"


@dataclass(frozen=True)
class NoticeShown:
    """One thing that the phone has said by itself."""

    title: str
    text: str
    when: str
    is_bad: bool
    link: str | None
    """Where something can be done about it, behind the phone's own path."""
    link_text: str | None


class Showing:
    """Puts one phone into the words of one language."""

    def __init__(
        self, phone: Phone, words: Words, environment: Environment, real_now: datetime
    ) -> None:
        self._phone = phone
        self._t = words
        self._environment: Environment = environment
        self._real_now = real_now
        self._agreements = {_key(agreement): agreement for agreement in phone.agreements}
        self._charges: defaultdict[tuple[str, str], list[Charge]] = defaultdict(list)
        for charge in phone.charges:
            self._charges[_key(charge)].append(charge)

    # ── requests ──

    def requests(self, initial: Mapping[tuple[str, str], Charge]) -> list[RequestShown]:
        """Those that lie on the phone and can be answered; `initial` are their first charges, by agreement."""
        found = [
            self._request(agreement, initial.get(_key(agreement)))
            for agreement in self._phone.requests
            if agreement.sent_to is not None
        ]
        return [request for request in found if request.left > timedelta()]

    @property
    def waiting(self) -> int:
        """How many requests can be answered."""
        return len(self.requests({}))

    def links(self) -> list[Agreement]:
        """Requests whose link nobody has followed yet, although the merchant named this phone."""
        return [
            agreement
            for agreement in self._phone.requests
            if agreement.sent_to is None and self._left(agreement) > timedelta()
        ]

    def _left(self, agreement: Agreement) -> timedelta:
        unit, rules = self._unit(agreement), self._rules(agreement)
        return request_closes_at(agreement, rules) - unit.now(self._real_now)

    def _request(self, agreement: Agreement, initial: Charge | None) -> RequestShown:
        t, unit = self._t, self._unit(agreement)
        pricing, left = agreement.pricing, self._left(agreement)
        pay_now = pay_now_for = None
        if initial is not None:
            pay_now = t.money(initial.amount, initial.currency)
            same = isinstance(pricing, LegacyPricing) and pricing.amount == initial.amount
            pay_now_for = None if same else initial.description
        return RequestShown(
            agreement=agreement,
            shop=unit.name,
            price=t.price(pricing, agreement.interval),
            campaign=self._campaign(agreement, unit.now(self._real_now)),
            pay_now=pay_now,
            pay_now_for=pay_now_for,
            amounts=self._amounts(agreement),
            suggested=pricing.suggested_max_amount if isinstance(pricing, VariablePricing) else 0,
            shares=tuple(t(f"scope.{word}") for word in (agreement.scope or "").split()),
            left=left,
            left_in_words=t.left(left),
            runs=unit.clock_mode == "running",
        )

    def _amounts(self, agreement: Agreement) -> tuple[tuple[int, str], ...]:
        """The suggestion, and round amounts around it that the rules let through."""
        pricing, rules = agreement.pricing, self._rules(agreement)
        if not isinstance(pricing, VariablePricing):
            return ()
        suggested = pricing.suggested_max_amount
        around = {suggested, *(_round(suggested * part // 4) for part in (2, 6, 8))}
        within = range(rules.smallest_payment, rules.suggested_max_ceiling + 1)
        return tuple(
            (amount, self._t.money(amount, pricing.currency))
            for amount in sorted(around)
            if amount in within
        )

    # ── agreements ──

    def agreements(self) -> list[AgreementShown]:
        """All that were ever the payer's, newest first."""
        return [self.agreement(agreement) for agreement in self._phone.agreements]

    def find(self, msn: str, agreement_id: str) -> AgreementShown | None:
        """One of them."""
        agreement = self._agreements.get((msn, agreement_id))
        return self.agreement(agreement) if agreement is not None else None

    def agreement(self, agreement: Agreement) -> AgreementShown:
        """One agreement in words."""
        t, market = self._t, self._rules(agreement).market
        charges = self._charges[_key(agreement)]
        coming = [each for each in charges if each.status in COMING]
        first = min(coming, key=lambda each: (each.due_day, each.created), default=None)
        limit = payer_limit(agreement.pricing)
        is_above = first is not None and limit is not None and first.amount > limit
        currency = agreement.pricing.currency
        if agreement.status == "ACTIVE" or agreement.stop is None:
            begun = market.day_of(agreement.start or agreement.created)
            since = t("agreements.since", day=t.day(begun))
        else:
            since = t("agreements.stopped_on", day=t.day(market.day_of(agreement.stop)))
        return AgreementShown(
            agreement=agreement,
            shop=self._unit(agreement).name,
            price=t.price(agreement.pricing, agreement.interval),
            campaign=self._campaign(agreement, agreement.start or agreement.created),
            since=since,
            coming=self._payment(first) if first is not None else None,
            coming_at=market.start_of_day(first.due_day) if first is not None else None,
            above_maximum=t.money(limit, currency) if is_above and limit is not None else None,
            past=tuple(self._payment(each) for each in charges if each.status not in COMING)[
                :MOST_PAST
            ],
            maximum=t.money(limit, currency) if limit is not None else None,
        )

    def _payment(self, charge: Charge) -> PaymentShown:
        t, market = self._t, self._rules(charge).market
        note = None
        if charge.failure_reason is not None and charge.status == "DUE" and charge.wake_at:
            note = t("status.tried", moment=t.moment(charge.wake_at, market.zone))
        elif charge.refunded:
            note = t("status.refunded", amount=t.money(charge.refunded, charge.currency))
        return PaymentShown(
            amount=t.money(charge.amount, charge.currency),
            description=charge.description,
            when=t.day(charge.due_day),
            status=t(f"status.{charge.status}"),
            badge=_BADGES.get(charge.status, ""),
            note=note,
        )

    # ── notices ──

    def notices(self) -> list[NoticeShown]:
        """What the phone has said, newest first."""
        found = [self._notice(each) for each in self._phone.notifications[:MOST_NOTICES]]
        return [notice for notice in found if notice is not None]

    def _notice(self, said: NotificationAnswer) -> NoticeShown | None:
        t = self._t
        agreement = self._agreements.get((said.merchant_serial_number, said.agreement_id))
        if agreement is None:
            return None
        unit, currency = self._unit(agreement), agreement.pricing.currency
        zone = self._rules(agreement).market.zone
        named = {"shop": unit.name, "product": agreement.product_name}
        if isinstance(said.amount, int):
            named["amount"] = t.money(said.amount, currency)
        reason = t(f"notices.{said.reason}") if isinstance(said.reason, str) else ""
        link, link_text, more = None, None, {"reason": reason}
        key = f"notices.{said.kind}_more"
        if said.kind == "attempt_failed" and isinstance(said.next_attempt, datetime):
            key, more["moment"] = "notices.attempt_failed_next", t.moment(said.next_attempt, zone)
        limit = payer_limit(agreement.pricing)
        is_above = limit is not None and isinstance(said.amount, int) and said.amount > limit
        if said.kind == "payment_coming" and is_above and limit is not None:
            key, more["maximum"] = "notices.payment_coming_above", t.money(limit, currency)
        path = f"/agreements/{said.merchant_serial_number}/{said.agreement_id}"
        if is_above and agreement.status == "ACTIVE":
            link, link_text = path, t("notices.raise_maximum")
        elif said.reason == "user_action_required":
            link, link_text = "/me", t("notices.look_at_source")
        return NoticeShown(
            title=t(f"notices.{said.kind}", **named),
            text=t(key, **named, **more),
            when=t.moment(said.occurred, zone),
            is_bad=said.kind in {"attempt_failed", "payment_failed"},
            link=link,
            link_text=link_text,
        )

    # ── what all need ──

    def _campaign(self, agreement: Agreement, start: datetime) -> str | None:
        pricing = agreement.pricing
        if agreement.campaign is None or not isinstance(pricing, LegacyPricing):
            return None
        market = self._rules(agreement).market
        return self._t.campaign(agreement.campaign, pricing, start, market)

    def _unit(self, owned: Agreement | Charge) -> SalesUnit:
        return self._phone.units[owned.merchant_serial_number]

    def _rules(self, owned: Agreement | Charge) -> Rulebook:
        return self._unit(owned).rulebook(self._environment)


def _key(owned: Agreement | Charge) -> tuple[str, str]:
    return owned.merchant_serial_number, owned.agreement_id


def _round(amount: int) -> int:
    """A round amount near this one: whole tens of kroner or euros, whole ones where it is small."""
    step = 10_00 if amount >= 50_00 else 1_00
    return max(step, amount // step * step)
