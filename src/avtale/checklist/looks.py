"""What the coach looks for: each look answers with how many there are, and the newest of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from avtale.agreements.agreement import Agreement
from avtale.checklist.evidence import (
    MOST_PROOFS,
    Evidence,
    Proof,
    proof_of_agreement,
    proof_of_charge,
    proofs_of,
)
from avtale.record import RecordedRequest, Seen
from avtale.rulebook import Market
from avtale.webhooks.delivery import DROPPED, FORGED

LONGEST_HEADER: Final = 30
MOST_TOKENS: Final = 3
"""Tokens within `TOKENS_WITHIN` from which on somebody fetches one per call; one is good for an hour or more."""
TOKENS_WITHIN: Final = timedelta(minutes=10)
FIRST_POLL: Final = timedelta(seconds=4.5)
NEXT_POLL: Final = timedelta(seconds=1.8)
"""The advice is five seconds and then every two; a little less is forgiven."""
FAST_POLLS: Final = 3
BURST: Final = 10
BURST_WITHIN: Final = timedelta(minutes=1)
SAME_AGAIN: Final = 5
"""How often the same refusal comes, without a success in between, until nobody seems to look."""
ABOUT_TO_LAPSE: Final = timedelta(days=7)
RETRIED_WITHIN: Final = timedelta(minutes=5)
SLOW_MILLISECONDS: Final = 5_000
LATEST_ATTEMPTS: Final = 20

_WRITES: Final = frozenset(
    {
        "draft_agreement",
        "update_agreement",
        "create_charge",
        "create_charges",
        "cancel_charge",
        "capture_charge",
        "refund_charge",
    }
)
_FINAL: Final = frozenset({"ACTIVE", "STOPPED", "EXPIRED"})
_LOOKS_AT_CHARGES: Final = ("fetch_charge", "fetch_charge_by_id", "list_charges")
_FAILED: Final = "recurring.charge-failed.v1"
_NEEDS_APPROVAL: Final = "unsupported-feature"


Found = tuple[int, tuple[Proof, ...]]
"""How many requests, agreements, charges or deliveries there are, and the newest of them."""


def _seen(seen: Sequence[Seen]) -> Found:
    return len(seen), proofs_of(seen)


# ── Headers, tokens, keys ────────────────────────────────────────────────────────────────────────


def system_headers(request: RecordedRequest) -> tuple[str | None, ...]:
    """The four headers that name the merchant's system, and the serial number."""
    return (
        request.sent_serial_number,
        request.system_name,
        request.system_version,
        request.plugin_name,
        request.plugin_version,
    )


def headers_missing(evidence: Evidence) -> Found:
    """Requests without all five identifying headers."""
    return _seen([each for each in evidence.requests if None in system_headers(each.request)])


def headers_too_long(evidence: Evidence) -> Found:
    """Requests with a header that is longer than it may be."""

    def too_long(request: RecordedRequest) -> bool:
        return any(len(value or "") > LONGEST_HEADER for value in system_headers(request)[1:])

    return _seen([each for each in evidence.requests if too_long(each.request)])


def token_per_call(evidence: Evidence) -> Found:
    """Tokens that came too soon after others."""
    tokens = evidence.done("fetch_token")
    soon = [
        later
        for earlier, later in zip(tokens, tokens[MOST_TOKENS - 1 :], strict=False)
        if later.request.received - earlier.request.received <= TOKENS_WITHIN
    ]
    return _seen(soon)


def without_key(evidence: Evidence) -> Found:
    """Requests that were refused for want of a key."""
    return _seen(
        [each for each in evidence.refused if each.request.problem == "idempotency-key-header"]
    )


def key_with_another_body(evidence: Evidence) -> Found:
    """Requests whose key had been used for something else."""
    return _seen(
        [each for each in evidence.refused if each.request.problem == "idempotency-conflict"]
    )


def new_key_for_a_retry(evidence: Evidence) -> Found:
    """Repetitions of failed requests under another key."""
    found: list[Seen] = []
    failed: dict[tuple[str, str], RecordedRequest] = {}
    for each in evidence.requests:
        request = each.request
        if request.operation not in _WRITES:
            continue
        before = failed.pop((request.method, request.path), None)
        if (
            before is not None
            and before.idempotency_key != request.idempotency_key
            and request.received - before.received <= RETRIED_WITHIN
        ):
            found.append(each)
        if request.status >= 500 or request.status == 429:
            failed[request.method, request.path] = request
    return _seen(found)


# ── Knowing what became of an agreement ──────────────────────────────────────────────────────────


def _looked_at(evidence: Evidence) -> set[str | None]:
    return {each.request.agreement_id for each in evidence.done("fetch_agreement")}


def never_looked_at(evidence: Evidence) -> Iterator[Proof]:
    """Agreements that were drafted and decided, and that nobody fetched afterwards."""
    looked_at = _looked_at(evidence)
    drafted = {each.request.agreement_id for each in evidence.done("draft_agreement")}
    for agreement in evidence.agreements:
        if (
            agreement.status in _FINAL
            and agreement.agreement_id in drafted
            and agreement.agreement_id not in looked_at
        ):
            yield proof_of_agreement(evidence, agreement)


def no_polling(evidence: Evidence) -> Found:
    """Agreements that nobody looked at, and that were not charged either."""
    charged = {charge.agreement_id for charge in evidence.charges}
    return _first([each for each in never_looked_at(evidence) if each.agreement_id not in charged])


def redirect_alone(evidence: Evidence) -> Found:
    """Agreements that nobody looked at, and that were charged."""
    charged = {charge.agreement_id for charge in evidence.charges if charge.type != "INITIAL"}
    return _first([each for each in never_looked_at(evidence) if each.agreement_id in charged])


def _first(proofs: Sequence[Proof]) -> Found:
    return len(proofs), tuple(proofs[:MOST_PROOFS])


def polls_too_fast(evidence: Evidence) -> Found:
    """Requests for an agreement that came before their time, where there are several."""
    drafted = {each.request.agreement_id: each for each in evidence.done("draft_agreement")}
    polls: defaultdict[str, list[Seen]] = defaultdict(list)
    for each in evidence.done("fetch_agreement"):
        polls[each.request.agreement_id or ""].append(each)
    fast: list[Seen] = []
    for agreement_id, seen in polls.items():
        begun = [drafted[agreement_id], *seen] if agreement_id in drafted else seen
        gaps = [
            (b, b.request.received - a.request.received, FIRST_POLL if a is begun[0] else NEXT_POLL)
            for a, b in pairwise(begun)
        ]
        too_fast = [each for each, gap, least in gaps if gap < least]
        if len(too_fast) >= FAST_POLLS:
            fast += too_fast
    return _seen(fast)


# ── Agreements and charges ───────────────────────────────────────────────────────────────────────


def is_a_place_of_its_own(url: str | None) -> bool:
    """Whether a `merchantAgreementUrl` may lead to the subscription itself: https, and not a front page."""
    if url is None:
        return False
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.path.strip("/") or parts.query)


def bare_url(evidence: Evidence) -> Found:
    """Agreements whose `merchantAgreementUrl` leads to no page of their own."""
    return _first(
        [
            proof_of_agreement(evidence, agreement)
            for agreement in evidence.agreements
            if not is_a_place_of_its_own(agreement.merchant_agreement_url)
        ]
    )


def few_retry_days(evidence: Evidence) -> Found:
    """Charges that give the payer one day."""
    return _first(
        [
            proof_of_charge(evidence, charge)
            for charge in evidence.charges
            if charge.type == "RECURRING" and charge.retry_days < 2
        ]
    )


def created_late(evidence: Evidence) -> Found:
    """Charges that were created on the last day that is allowed."""
    market = evidence.rules.market
    return _first(
        [
            proof_of_charge(evidence, charge)
            for charge in evidence.charges
            if charge.type == "RECURRING"
            and charge.due_day - market.day_of(charge.created) < timedelta(days=2)
        ]
    )


def about_to_lapse(evidence: Evidence) -> Found:
    """Reservations that will soon be released."""
    lapses_after = timedelta(days=evidence.rules.capture_days) - ABOUT_TO_LAPSE
    return _first(
        [
            proof_of_charge(evidence, charge)
            for charge in evidence.charges
            if charge.status == "RESERVED"
            and charge.reserved_at is not None
            and evidence.now - charge.reserved_at >= lapses_after
        ]
    )


def silent_agreements(evidence: Evidence) -> Found:
    """ACTIVE agreements with an interval behind them and no charge in it."""
    market = evidence.rules.market
    today = market.day_of(evidence.now)
    last: dict[str, date] = {}
    for charge in evidence.charges:
        last[charge.agreement_id] = max(
            charge.due_day, last.get(charge.agreement_id, charge.due_day)
        )
    return _first(
        [
            proof_of_agreement(evidence, agreement)
            for agreement in evidence.agreements
            if is_silent(agreement, last.get(agreement.agreement_id), today, market)
        ]
    )


def is_silent(agreement: Agreement, last_due: date | None, today: date, market: Market) -> bool:
    """Whether an ACTIVE agreement has a whole interval behind it since its last charge was due, or since it began."""
    if agreement.status != "ACTIVE" or agreement.interval is None or agreement.start is None:
        return False
    return agreement.interval.after(last_due or market.day_of(agreement.start)) < today


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────


def bursts(evidence: Evidence) -> Found:
    """Refusals at the end of a burst of them."""
    refused = evidence.refused
    ends = [
        later
        for earlier, later in zip(refused, refused[BURST - 1 :], strict=False)
        if later.request.received - earlier.request.received <= BURST_WITHIN
    ]
    return _seen(ends)


def never_mended(evidence: Evidence) -> Found:
    """Refusals of operations that have not succeeded since."""
    again: defaultdict[str, list[Seen]] = defaultdict(list)
    for each in evidence.requests:
        request = each.request
        if request.status < 300:
            again[request.operation].clear()
        elif request.status < 500:
            again[request.operation].append(each)
    return _seen(
        [each for of_one in again.values() if len(of_one) >= SAME_AGAIN for each in of_one]
    )


def failures_unnoticed(evidence: Evidence) -> Found:
    """FAILED charges of which nobody was told, and at which nobody has looked since."""
    looked: dict[str | None, datetime] = {}
    for occurred, request in evidence.done(*_LOOKS_AT_CHARGES):
        # Whoever asks for one charge looks at it alone; whoever asks for a list, at all of its agreement.
        looked[request.charge_id or request.agreement_id] = occurred
    return _first(
        [
            proof_of_charge(evidence, charge)
            for charge in evidence.charges
            if charge.status == "FAILED"
            and not any(
                each.wants(_FAILED, charge.merchant_serial_number)
                for each in evidence.registrations
            )
            and not any(
                at >= (charge.changed or charge.created)
                for at in (looked.get(charge.charge_id), looked.get(charge.agreement_id))
                if at is not None
            )
        ]
    )


def needs_approval(evidence: Evidence) -> Found:
    """Requests for what the sales unit is not approved for."""
    return _seen([each for each in evidence.refused if each.request.problem == _NEEDS_APPROVAL])


# ── Webhooks ─────────────────────────────────────────────────────────────────────────────────────


def no_webhooks(evidence: Evidence) -> Found:
    """1 where there are agreements, and nobody is told of them."""
    if evidence.registrations or not evidence.agreements:
        return 0, ()
    return 1, ()


def failing_webhooks(evidence: Evidence) -> Found:
    """Failed deliveries, where they are at least half of the latest."""
    meant = [each for each in evidence.attempts if each.error not in {DROPPED, FORGED}]
    latest = meant[:LATEST_ATTEMPTS]
    bad = [each for each in latest if each.status is None or not 200 <= each.status < 300]
    return (len(bad) if len(bad) * 2 >= len(latest) else 0), ()


def unverified_webhooks(evidence: Evidence) -> Found:
    """Deliveries that were signed with another secret, on command, and taken in all the same."""
    taken = [
        each
        for each in evidence.attempts
        if each.error == FORGED and each.status is not None and each.status < 300
    ]
    return len(taken), ()


def slow_webhooks(evidence: Evidence) -> Found:
    """Slow answers, where they are at least half of the latest."""
    latest = evidence.attempts[:LATEST_ATTEMPTS]
    slow = [each for each in latest if each.milliseconds >= SLOW_MILLISECONDS and each.status]
    return (len(slow) if len(slow) * 2 >= len(latest) else 0), ()
