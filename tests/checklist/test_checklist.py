"""Whoever does everything right passes; whoever does one thing wrong is told of that thing and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from avtale.checklist.items import ITEMS, checklist
from avtale.checklist.remarks import CHECKS, remarks
from avtale.checklist.report import Cover, as_markdown
from avtale.record import Note, Seen
from avtale.webhooks.delivery import DROPPED, FORGED
from tests.checklist.merchant import (
    ACTIVE,
    CHARGED,
    MSN,
    NOON,
    REFUNDED,
    STOPPED,
    agreement,
    asked,
    attempt,
    charge,
    evidence,
    refused,
    requests,
)

BY_PEOPLE = {
    "handle_errors",
    "subscription_tools",
    "design_guidelines",
    "customer_support",
    "complete_information",
}


def verdicts(members: dict[str, Any] | None = None) -> dict[str, str]:
    return {line.item: line.verdict for line in checklist(evidence(**(members or {})), {})}


def without(*operations: str) -> list[Seen]:
    return [each for each in requests() if each.request.operation not in operations]


def with_headers(**headers: str | None) -> list[Seen]:
    first, *rest = requests()
    return [Seen(first.occurred, replace(first.request, **headers)), *rest]


# ── The checklist ────────────────────────────────────────────────────────────────────────────────


def test_whoever_does_everything_right_passes_all_that_a_machine_can_check() -> None:
    found = verdicts()
    assert {item for item, verdict in found.items() if verdict == "to be confirmed"} == BY_PEOPLE
    assert {verdict for item, verdict in found.items() if item not in BY_PEOPLE} == {"passed"}


def test_a_unit_that_did_nothing_has_everything_before_it() -> None:
    kinds = ("requests", "agreements", "charges", "registrations", "attempts")
    nothing: dict[str, Any] = {kind: [] for kind in kinds}
    assert set(verdicts(nothing).values()) == {"not yet", "to be confirmed"}


NINE = [item.name for item in ITEMS if item.section == "Endpoints"]


def test_there_are_nine_endpoints_and_four_end_states() -> None:
    assert len(NINE) == 9
    assert sum(item.section == "End states" for item in ITEMS) == 4


WRONG: dict[str, dict[str, Any]] = {
    **{name: {"requests": without(name)} for name in NINE if name != "fetch_agreement"},
    "standard_headers": {"requests": with_headers(system_version=None)},
    "retry_days": {
        "charges": [*evidence().charges, charge("chr-once", "PENDING", retry_days=1)],
    },
    "agreement_active": {"agreements": [agreement(STOPPED, "STOPPED")]},
    "agreement_stopped": {"agreements": [agreement(ACTIVE, "ACTIVE")]},
    "charge_charged": {"charges": [charge(REFUNDED, "REFUNDED")]},
    "charge_refunded": {"charges": [charge(CHARGED, "CHARGED")]},
    "webhooks": {"attempts": []},
    "subscription_tools": {
        "agreements": [
            agreement(STOPPED, "STOPPED"),
            agreement(ACTIVE, "ACTIVE", merchant_agreement_url="https://news.example/"),
        ]
    },
    "complete_information": {
        "agreements": [
            agreement(STOPPED, "STOPPED"),
            agreement(ACTIVE, "ACTIVE", product_description=None),
        ]
    },
    "handle_errors": {
        "requests": [*requests(), *(refused("fetch_charge", 200 + i, "x", 404) for i in range(5))]
    },
}


@pytest.mark.parametrize("item", WRONG)
def test_whoever_does_one_thing_wrong_fails_that_line_and_no_other(item: str) -> None:
    right, found = verdicts(), verdicts(WRONG[item])
    assert {name for name in found if found[name] != right[name]} == {item}
    line = next(line for line in checklist(evidence(**WRONG[item]), {}) if line.item == item)
    assert line.verdict in {"failed", "not yet"}
    assert line.left_to_do


def test_agreements_that_nobody_looked_at_fail_both_the_endpoint_and_the_polling() -> None:
    right, found = verdicts(), verdicts({"requests": without("fetch_agreement")})
    changed = {name for name in found if found[name] != right[name]}
    assert changed == {"fetch_agreement", "polling"}


def test_an_endpoint_that_only_ever_refused_has_failed() -> None:
    calls = [*without("refund_charge"), refused("refund_charge", 200, "operation-failed")]
    lines = checklist(evidence(requests=calls), {})
    line = next(line for line in lines if line.item == "refund_charge")
    assert line.verdict == "failed"
    assert "operation-failed" in line.left_to_do


def test_proof_names_order_ids_and_goes_stale_after_a_month() -> None:
    lines = {line.item: line for line in checklist(evidence(), {})}
    assert [proof.order_id for proof in lines["refund_charge"].proofs] == [REFUNDED]
    assert [proof.status for proof in lines["charge_refunded"].proofs] == ["REFUNDED"]
    assert not any(line.stale for line in lines.values())
    later = evidence(real_now=NOON + timedelta(days=32))
    stale = {line.item for line in checklist(later, {}) if line.stale}
    assert {*NINE, "agreement_active", "charge_refunded"} <= stale


def test_what_only_a_person_can_say_passes_with_a_persons_word() -> None:
    note = Note(MSN, "design_guidelines", confirmed=True, comment="checked by Ida", noted=NOON)
    line = next(line for line in checklist(evidence(), {note.item: note}) if line.item == note.item)
    assert (line.verdict, line.comment, line.left_to_do) == ("passed", "checked by Ida", "")


def test_no_persons_word_makes_a_machines_no_a_yes() -> None:
    note = Note(MSN, "refund_charge", confirmed=True, comment="we did!", noted=NOON)
    lines = checklist(evidence(requests=without("refund_charge")), {note.item: note})
    assert next(line.verdict for line in lines if line.item == note.item) == "not yet"


def test_the_page_to_be_sent_is_text_and_nothing_but_text() -> None:
    note = Note(MSN, "design_guidelines", confirmed=True, comment="a | b <b>*c*</b>\nd", noted=NOON)
    cover = Cover(unit=MSN, name="Nordic | News", at=NOON)
    page = as_markdown(checklist(evidence(), {note.item: note}), cover)
    assert "Nordic \\| News, Merchant Serial Number 123456." in page
    assert r"a \| b \<b\>\*c\*\</b\> d" in page
    assert f"`{REFUNDED}`" in page
    for item in ITEMS:
        assert item.title.split(" (")[0] in page


# ── The coach ────────────────────────────────────────────────────────────────────────────────────


def test_the_coach_has_nothing_to_say_to_whoever_does_everything_right() -> None:
    assert remarks(evidence()) == ()


def _again(operation: str, *seconds: float, **members: Any) -> list[Seen]:
    return [*requests(), *(asked(operation, each, **members) for each in seconds)]


def _retried(status: int) -> list[Seen]:
    first = asked("refund_charge", 300, path="/x", status=status, idempotency_key="one")
    second = asked("refund_charge", 302, path="/x", idempotency_key="two")
    return [*requests(), first, second]


def _unseen(*more: Seen) -> dict[str, Any]:
    """A third agreement that nobody looked at."""
    return {
        "requests": [*requests(), asked("draft_agreement", 200, agreement_id="agr_Unseen"), *more],
        "agreements": [*evidence().agreements, agreement("agr_Unseen", "ACTIVE")],
    }


def noticed(*words: str) -> list[Seen]:
    """Everything right, but of the last request something was noticed."""
    *others, last = requests()
    return [*others, Seen(last.occurred, replace(last.request, remarks=words))]


def failed(*seen: Seen, **members: Any) -> dict[str, Any]:
    """A charge FAILED a quarter of an hour after noon; `seen` is what was asked for besides."""
    late = NOON + timedelta(minutes=15)
    return {
        "requests": [*requests(), *seen],
        "charges": [*evidence().charges, charge("chr-lost", "FAILED", changed=late)],
        **members,
    }


CAUSES: dict[str, Callable[[], dict[str, Any]]] = {
    "system-headers-missing": lambda: {"requests": with_headers(plugin_name=None)},
    "system-headers-too-long": lambda: {"requests": with_headers(system_name="a" * 31)},
    "token-per-call": lambda: {"requests": _again("fetch_token", 200, 210)},
    "idempotency-key-missing": lambda: {
        "requests": [*requests(), refused("refund_charge", 200, "idempotency-key-header")]
    },
    "idempotency-key-reused": lambda: {
        "requests": [*requests(), refused("refund_charge", 200, "idempotency-conflict", 409)]
    },
    "idempotency-key-new-for-retry": lambda: {"requests": _retried(503)},
    "agreement-not-polled": _unseen,
    "redirect-trusted": lambda: {
        **_unseen(),
        "charges": [*evidence().charges, charge("chr-blind", "PENDING", agreement_id="agr_Unseen")],
    },
    "polling-too-fast": lambda: {
        "requests": _again("fetch_agreement", 200, 201, 202, 203, agreement_id=ACTIVE)
    },
    "agreement-url-bare": lambda: WRONG["subscription_tools"],
    "agreement-url-dead": lambda: {
        "unanswered": {"https://news.example/account/premier-league": "404"}
    },
    "http-urls": lambda: {"requests": noticed("http:merchantRedirectUrl")},
    "unknown-members": lambda: {"requests": noticed("unknown:recurrence", "unknown:pricing.price")},
    "nin-dropped": lambda: {"requests": noticed("nin-dropped")},
    "few-retry-days": lambda: WRONG["retry_days"],
    "charge-created-late": lambda: {
        "charges": [*evidence().charges, charge("chr-late", "PENDING", due_day=date(2026, 11, 3))]
    },
    "reservation-about-to-lapse": lambda: {
        "charges": [
            *evidence().charges,
            charge("chr-kept", "RESERVED", reserved_at=NOON - timedelta(days=175)),
        ]
    },
    "agreement-silent": lambda: {
        "agreements": [
            *evidence().agreements,
            agreement("agr_Forgotten", "ACTIVE", start=NOON - timedelta(days=40)),
        ]
    },
    "refusals-in-bursts": lambda: {
        "requests": [
            *requests(),
            *(refused("fetch_charge", 300 + i, "resource-not-found", 404) for i in range(10)),
            asked("fetch_charge", 311),
        ]
    },
    "refusals-never-mended": lambda: WRONG["handle_errors"],
    "failures-unnoticed": failed,
    "feature-not-approved": lambda: {
        "requests": [*requests(), refused("draft_agreement", 200, "unsupported-feature")]
    },
    "webhooks-not-registered": lambda: {"registrations": []},
    "webhooks-not-verified": lambda: {"attempts": [attempt(error=FORGED), attempt()]},
    "webhooks-failing": lambda: {"attempts": [attempt(500), attempt()]},
    "webhooks-slow": lambda: {"attempts": [attempt(milliseconds=6_000)]},
}


def test_who_refuses_a_false_signature_is_not_blamed_for_it() -> None:
    attempts = [attempt(401, error=FORGED), attempt(None, error=DROPPED), attempt()]
    assert remarks(evidence(attempts=attempts)) == ()


def test_every_remark_has_a_cause_here() -> None:
    assert set(CAUSES) == {check.code for check in CHECKS}


@pytest.mark.parametrize("code", CAUSES)
def test_whoever_does_one_thing_wrong_hears_of_it_and_of_nothing_else(code: str) -> None:
    found = remarks(evidence(**CAUSES[code]()))
    assert [remark.code for remark in found] == [code]
    assert found[0].count >= 1


def test_a_remark_says_what_it_was_that_was_noticed() -> None:
    found = remarks(evidence(requests=noticed("unknown:recurrence", "unknown:pricing.price")))
    assert [proof.detail for proof in found[0].proofs] == ["recurrence, pricing.price"]
    assert found[0].proofs[0].order_id == "chr-next"
    dead = remarks(evidence(**CAUSES["agreement-url-dead"]()))
    assert [(proof.agreement_id, proof.detail) for proof in dead[0].proofs] == [
        (ACTIVE, "https://news.example/account/premier-league: 404")
    ]


@pytest.mark.parametrize(
    "members",
    [
        failed(asked("fetch_charge", 901, agreement_id=ACTIVE, charge_id="chr-lost")),
        failed(asked("fetch_charge_by_id", 901, charge_id="chr-lost")),
        failed(asked("list_charges", 901, agreement_id=ACTIVE)),
        failed(
            registrations=[
                replace(evidence().registrations[0], events=("recurring.charge-failed.v1",))
            ]
        ),
    ],
)
def test_a_failure_that_somebody_heard_of_or_saw_is_none_to_remark(members: dict[str, Any]) -> None:
    assert remarks(evidence(**members)) == ()


@pytest.mark.parametrize(
    "seen",
    [
        asked("fetch_charge", 899, agreement_id=ACTIVE, charge_id="chr-lost"),
        asked("fetch_charge", 901, agreement_id=ACTIVE, charge_id="chr-paid"),
        asked("list_charges", 901, agreement_id=STOPPED),
        refused("fetch_charge_by_id", 901, "not-authorized", 401, charge_id="chr-lost"),
        asked("capture_charge", 901, agreement_id=ACTIVE, charge_id="chr-lost"),
    ],
)
def test_who_looked_too_early_or_elsewhere_has_not_seen_a_failure(seen: Seen) -> None:
    assert [each.code for each in remarks(evidence(**failed(seen)))] == ["failures-unnoticed"]


def test_the_newest_of_many_requests_stand_beside_what_was_noticed_of_each() -> None:
    many = [asked("draft_agreement", 200 + i, remarks=(f"unknown:x{i}",)) for i in range(7)]
    found = remarks(evidence(requests=[*requests(), *many]))
    assert (found[0].code, found[0].count) == ("unknown-members", 7)
    assert [proof.detail for proof in found[0].proofs] == ["x6", "x5", "x4", "x3", "x2"]
    assert found[0].proofs[0].context_id == "draft_agreement at 206"


@pytest.mark.parametrize(
    "members",
    [
        {"requests": _again("fetch_token", 1000)},
        {"requests": [*requests(), refused("draft_agreement", 200, "x", remarks=("http:url",))]},
        {"unanswered": {"https://news.example/gone": "404"}},
        {"requests": _again("fetch_agreement", 200, 201, agreement_id=ACTIVE)},
        {"requests": _retried(400)},
        {"attempts": [attempt(500), attempt(), attempt()]},
        {"requests": with_headers(system_name="a" * 30)},
    ],
)
def test_once_is_not_a_habit(members: dict[str, Any]) -> None:
    assert remarks(evidence(**members)) == ()
