"""The lines of the vendor's checklist, each with what shows it (guide-checklist, api-facts 12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from avtale.agreements.lifecycle import AgreementStatus
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import ChargeStatus
from avtale.checklist import looks
from avtale.checklist.evidence import (
    MOST_PROOFS,
    Evidence,
    Proof,
    proof_of_agreement,
    proof_of_charge,
    proofs_of,
)
from avtale.record import Note, Seen

Section = Literal["Endpoints", "Quality assurance", "Pitfalls", "End states"]
Verdict = Literal["passed", "failed", "not yet", "to be confirmed"]


class Finding(NamedTuple):
    """What the evidence says of an item."""

    verdict: Verdict
    left_to_do: str = ""
    proofs: tuple[Proof, ...] = ()


class Item(NamedTuple):
    """One line of the checklist."""

    name: str
    section: Section
    title: str
    why: str
    check: Callable[[Evidence], Finding]


class Line(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One line as it stands."""

    item: str
    section: Section
    title: str
    why: str
    verdict: Verdict
    confirmed: bool
    """Whether it passes by a person's word."""
    stale: bool
    """Whether all that shows it is older than a month."""
    left_to_do: str
    proofs: tuple[Proof, ...]
    comment: str


def checklist(evidence: Evidence, notes: Mapping[str, Note]) -> tuple[Line, ...]:
    """Every line, in the order of the vendor's list; what a person confirmed counts where only a person can."""
    return tuple(_line(item, evidence, notes.get(item.name)) for item in ITEMS)


def _line(item: Item, evidence: Evidence, note: Note | None) -> Line:
    finding = item.check(evidence)
    confirmed = finding.verdict == "to be confirmed" and note is not None and note.confirmed
    if confirmed:
        finding = finding._replace(verdict="passed", left_to_do="")
    stale = finding.verdict == "passed" and evidence.is_stale(finding.proofs)
    left = finding.left_to_do
    if stale:
        left = "It is more than a month old: do it again."
    return Line(
        item=item.name,
        section=item.section,
        title=item.title,
        why=item.why,
        verdict=finding.verdict,
        confirmed=confirmed,
        stale=stale,
        left_to_do=left,
        proofs=finding.proofs,
        comment="" if note is None else note.comment,
    )


# ── What is checked ──────────────────────────────────────────────────────────────────────────────


def _endpoint(operation: str, call: str) -> Callable[[Evidence], Finding]:
    def check(evidence: Evidence) -> Finding:
        done = evidence.done(operation)
        if done:
            return Finding("passed", proofs=proofs_of(done))
        refused = evidence.asked(operation)
        if refused:
            told = f"All {len(refused)} calls of {call} were refused; the last one with {_why(refused)}."
            return Finding("failed", told, proofs_of(refused))
        return Finding("not yet", f"Call {call}.")

    return check


def _why(refused: Sequence[Seen]) -> str:
    last = refused[-1].request
    return last.problem or str(last.status)


def _errors(evidence: Evidence) -> Finding:
    count, proofs = looks.never_mended(evidence)
    if count:
        left = "An operation is refused every time; find out why, and mend it."
        return Finding("failed", left, proofs)
    if not evidence.refused:
        left = "No request was refused so far; provoke an error, and see that your logs and your users are told."
        return Finding("to be confirmed", left)
    left = "Confirm that errors are logged with their contextId and shown to people in words they understand."
    return Finding("to be confirmed", left, proofs_of(evidence.refused))


def _headers(evidence: Evidence) -> Finding:
    if not evidence.requests:
        return Finding("not yet", "Send a request with all five headers.")
    for look, words in (
        (looks.headers_missing, "lack one of the five headers"),
        (looks.headers_too_long, f"have a header of more than {looks.LONGEST_HEADER} characters"),
    ):
        count, proofs = look(evidence)
        if count:
            return Finding(
                "failed", f"{count} of {len(evidence.requests)} requests {words}.", proofs
            )
    return Finding("passed", proofs=proofs_of(evidence.requests))


def _polling(evidence: Evidence) -> Finding:
    never = list(looks.never_looked_at(evidence))
    if never:
        many = f"{len(never)} agreement{'s' * (len(never) != 1)}"
        return Finding("failed", f"Fetch {many} that nobody looked at.", tuple(never[:MOST_PROOFS]))
    polled = evidence.done("fetch_agreement")
    if not polled:
        return Finding("not yet", "Draft an agreement, and fetch it until it is decided.")
    if not evidence.registrations:
        return Finding(
            "failed", "Register a webhook too, and keep polling beside it.", proofs_of(polled)
        )
    count, _ = looks.failing_webhooks(evidence)
    if count:
        return Finding("failed", f"{count} of the latest deliveries failed.", proofs_of(polled))
    return Finding("passed", proofs=proofs_of(polled))


def _webhooks(evidence: Evidence) -> Finding:
    wanted = {event for each in evidence.registrations for event in each.events}
    for kind in ("agreement", "charge"):
        if not any(f"recurring.{kind}-" in event for event in wanted):
            return Finding("not yet", f"Register a webhook for the events of {kind}s.")
    if not any(each.status is not None and each.status < 300 for each in evidence.attempts):
        return Finding("not yet", "Answer a delivery with 2xx.")
    count, _ = looks.failing_webhooks(evidence)
    if count:
        return Finding("failed", f"{count} of the latest deliveries failed.")
    return Finding("passed", proofs=proofs_of(evidence.done("register_webhook")))


def _tools(evidence: Evidence) -> Finding:
    if not evidence.agreements:
        return Finding("not yet", "Draft an agreement with a merchantAgreementUrl.")
    count, proofs = looks.bare_url(evidence)
    if count:
        left = "Give a merchantAgreementUrl over https that leads to the subscription, not to a front page."
        return Finding("failed", left, proofs)
    stopped = evidence.done("update_agreement")
    left = "Confirm that payers can see and stop the subscription on the page that merchantAgreementUrl leads to."
    return Finding("to be confirmed", left, proofs_of(stopped))


def _design(_evidence: Evidence) -> Finding:
    left = "Confirm that logos, buttons and words follow the vendor's design guidelines."
    return Finding("to be confirmed", left)


def _support(_evidence: Evidence) -> Finding:
    left = "Confirm that customer service can look up, cancel, refund and stop in your own system."
    return Finding("to be confirmed", left)


def _retry_days(evidence: Evidence) -> Finding:
    recurring = [charge for charge in evidence.charges if charge.type == "RECURRING"]
    if not recurring:
        return Finding("not yet", "Create a charge with retryDays of 2 or more.")
    count, proofs = looks.few_retry_days(evidence)
    if count:
        left = f"{count} of {len(recurring)} charges have fewer than two retry days."
        return Finding("failed", left, proofs)
    return Finding("passed", proofs=_charges(evidence, recurring))


def _charges(evidence: Evidence, found: Sequence[Charge]) -> tuple[Proof, ...]:
    return tuple(proof_of_charge(evidence, charge) for charge in found[:MOST_PROOFS])


def _complete(evidence: Evidence) -> Finding:
    if not evidence.agreements:
        return Finding("not yet", "Draft an agreement with price, interval, name and description.")
    bare = [
        proof_of_agreement(evidence, agreement)
        for agreement in evidence.agreements
        if not agreement.product_description or agreement.interval is None
    ]
    if bare:
        left = "Give every agreement an interval and a productDescription."
        return Finding("failed", left, tuple(bare[:MOST_PROOFS]))
    return Finding(
        "to be confirmed", "Confirm that prices, intervals and texts are what payers get."
    )


def _agreement_in(status: AgreementStatus) -> Callable[[Evidence], Finding]:
    def check(evidence: Evidence) -> Finding:
        found = [each for each in evidence.agreements if each.status == status and each.payer]
        if not found:
            return Finding("not yet", f"Lead an agreement to {status}.")
        return Finding(
            "passed",
            proofs=tuple(proof_of_agreement(evidence, each) for each in found[:MOST_PROOFS]),
        )

    return check


def _charge_in(status: ChargeStatus) -> Callable[[Evidence], Finding]:
    def check(evidence: Evidence) -> Finding:
        found = [c for c in evidence.charges if c.status == status and c.type == "RECURRING"]
        if not found:
            return Finding("not yet", f"Lead a RECURRING charge to {status}.")
        return Finding("passed", proofs=_charges(evidence, found))

    return check


_AGREEMENTS: Final = "/recurring/v3/agreements"
_CHARGES: Final = _AGREEMENTS + "/{agreementId}/charges"
_ENDPOINTS: Final = (
    ("draft_agreement", "Agreement: create an agreement", f"POST {_AGREEMENTS}"),
    ("fetch_agreement", "Agreement: retrieve an agreement", f"GET {_AGREEMENTS}/{{agreementId}}"),
    ("update_agreement", "Agreement: update an agreement", f"PATCH {_AGREEMENTS}/{{agreementId}}"),
    ("list_charges", "Agreement: list charges", f"GET {_CHARGES}"),
    ("create_charge", "Charge: create a charge", f"POST {_CHARGES}"),
    ("fetch_charge", "Charge: retrieve a charge", f"GET {_CHARGES}/{{chargeId}}"),
    ("cancel_charge", "Charge: cancel a charge", f"DELETE {_CHARGES}/{{chargeId}}"),
    ("refund_charge", "Charge: refund a charge", f"POST {_CHARGES}/{{chargeId}}/refund"),
    (
        "capture_charge",
        "Charge: capture a reserved charge",
        f"POST {_CHARGES}/{{chargeId}}/capture",
    ),
)

ITEMS: Final[tuple[Item, ...]] = (
    *(
        Item(operation, "Endpoints", f"{title} ({call})", "", _endpoint(operation, call))
        for operation, title, call in _ENDPOINTS
    ),
    Item(
        "handle_errors",
        "Quality assurance",
        "Errors are handled",
        "An error that nobody sees becomes a payment that nobody gets.",
        _errors,
    ),
    Item(
        "standard_headers",
        "Quality assurance",
        "The standard headers are sent",
        "With them the vendor finds your requests; partners and platforms must send them.",
        _headers,
    ),
    Item(
        "webhooks",
        "Quality assurance",
        "Webhooks are received",
        "Payers stop agreements in the app, and charges fail; webhooks tell you at once.",
        _webhooks,
    ),
    Item(
        "polling",
        "Pitfalls",
        "The status of agreements is followed, by polling and webhooks",
        "The redirect back is not certain to come, and says nothing of the answer.",
        _polling,
    ),
    Item(
        "subscription_tools",
        "Pitfalls",
        "Payers can manage and stop the subscription",
        "merchantAgreementUrl must lead to this subscription, and a stop there must reach the agreement soon.",
        _tools,
    ),
    Item(
        "design_guidelines",
        "Pitfalls",
        "The design guidelines are followed",
        "Payers recognise what they know.",
        _design,
    ),
    Item(
        "customer_support",
        "Pitfalls",
        "Customer service has what it needs in your own system",
        "Nobody should need another portal for daily work.",
        _support,
    ),
    Item(
        "retry_days",
        "Pitfalls",
        "Charges have at least two retry days",
        "Most payments that fail on the first day succeed on one of the next.",
        _retry_days,
    ),
    Item(
        "complete_information",
        "Pitfalls",
        "Agreements tell payers everything",
        "Price, interval, name and description are what the payer says yes to.",
        _complete,
    ),
    Item(
        "agreement_active", "End states", "An agreement that is ACTIVE", "", _agreement_in("ACTIVE")
    ),
    Item(
        "agreement_stopped",
        "End states",
        "An agreement that was STOPPED",
        "",
        _agreement_in("STOPPED"),
    ),
    Item(
        "charge_charged",
        "End states",
        "A RECURRING charge that is CHARGED",
        "",
        _charge_in("CHARGED"),
    ),
    Item(
        "charge_refunded",
        "End states",
        "A RECURRING charge that is REFUNDED",
        "",
        _charge_in("REFUNDED"),
    ),
)
