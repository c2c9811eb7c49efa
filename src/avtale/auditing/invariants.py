"""The invariants: what must hold in every database of avtale, each with its id, a sentence and where it is looked for.

The ids are those of the reliability page; `PH` are its physical checks. An invariant holds where none of its
checks finds a row. Several invariants share a check where one pass over a table tells of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Invariant(msgspec.Struct, frozen=True):
    """One thing that must hold; `checks` are queries of `storage/queries/audit.sql`, or functions of that name."""

    id: str
    sentence: str
    checks: tuple[str, ...]
    quiescent: bool = False
    """Whether it holds only once faults have stopped and all work is done."""


def _invariant(id_: str, sentence: str, checks: str, *, quiescent: bool = False) -> Invariant:
    return Invariant(id_, sentence, tuple(checks.split()), quiescent)


INVARIANTS: Final[tuple[Invariant, ...]] = (
    # ── money ──
    _invariant(
        "M-1",
        "Amounts are whole, not negative, below 2^31, and in the one currency of the unit's market.",
        "audit_charges audit_lines audit_payments audit_payers",
    ),
    _invariant(
        "M-2",
        "No charge is refunded more than captured, nor captured and cancelled more than its amount; "
        "a reservation is of the whole amount, and nothing is captured without one.",
        "audit_charges",
    ),
    _invariant("M-3", "A charge's sums are those of its history.", "audit_histories"),
    _invariant("M-4", "A charge is reserved at most once.", "audit_histories"),
    _invariant(
        "M-5",
        "A DIRECT_CAPTURE charge is taken whole, in one capture, and never reserved apart.",
        "audit_histories",
    ),
    _invariant(
        "M-6",
        "A charge's status follows from its sums, its history and its open payment.",
        "audit_charges audit_histories audit_payments_of_charges",
    ),
    _invariant(
        "M-7", "A charge is not above the ceiling that held when it was created.", "audit_charges"
    ),
    _invariant(
        "M-8",
        "The gateway's books balance: what was taken from payers is held, captured or released, "
        "and no more is refunded than was captured.",
        "audit_gateway_books",
    ),
    # ── payments and the gateway ──
    _invariant(
        "R-1",
        "A payment's key is made of unit, charge, kind and sequence; sequences have no gaps, "
        "and charges count their payments and attempts.",
        "audit_payments audit_payments_of_charges audit_charges",
    ),
    _invariant(
        "R-2",
        "At most one payment is open on a charge, and it is the one that the charge names.",
        "audit_payments_of_charges",
    ),
    _invariant(
        "R-3",
        "A payment is begun only after the one before it is settled; an attempt or a release "
        "that went through has no successor.",
        "audit_payments_of_charges",
    ),
    _invariant(
        "R-4",
        "Every line of history that moved money has its OK payment of the same amount, and the other way round.",
        "audit_lines_and_payments audit_payments_of_charges",
    ),
    _invariant(
        "R-5",
        "What the gateway did under a key and what we say it did are the same.",
        "audit_gateway audit_gateway_extras",
    ),
    _invariant(
        "R-6",
        "No payment has a fence above its charge's, and an open one has exactly that.",
        "audit_payments",
    ),
    _invariant(
        "R-7",
        "A payment is written down before the gateway acts, and settled after.",
        "audit_payments audit_gateway",
    ),
    # ── history ──
    _invariant(
        "H-1",
        "History is numbered from 1 without gaps and begins with its one CREATE, of the whole amount.",
        "audit_histories audit_heads audit_agreements audit_agreements_without_history",
    ),
    _invariant("H-2", "Every line of a charge's history may follow the one before.", "audit_lines"),
    _invariant(
        "H-3",
        "History never goes back in time, and never ahead of the unit's clock.",
        "audit_lines audit_histories audit_heads audit_agreements audit_agreement_lines",
    ),
    _invariant(
        "H-4",
        "The triggers that keep history as it was written are in place, and no unit is left unprotected.",
        "history_triggers audit_erasing",
    ),
    _invariant(
        "H-5", "The chain of hashes over a charge's history is whole.", "audit_chain audit_heads"
    ),
    _invariant(
        "H-6",
        "Every line carries the key of the request that caused it, or the system's own.",
        "audit_lines_and_payments audit_agreement_lines",
    ),
    # ── idempotency ──
    _invariant(
        "I-1",
        "A stored answer is one that may be stored, under a key as it may be.",
        "audit_answers",
    ),
    _invariant(
        "I-2", "The trigger that keeps stored answers as they are is in place.", "answer_trigger"
    ),
    _invariant(
        "I-3",
        "What a request did and the answer it got tell of each other, once each.",
        "audit_causes audit_agreement_lines",
    ),
    _invariant(
        "I-5", "A key that waits for an outcome has a payment that will bring it.", "audit_answers"
    ),
    _invariant(
        "I-6",
        "An order id belongs to one charge of its unit.",
        "audit_orders audit_bulk_orders",
    ),
    _invariant(
        "I-7",
        "A key is kept as long as what it did, and no stored answer opens a landing page.",
        "audit_causes audit_agreement_lines audit_answers",
    ),
    # ── events ──
    _invariant(
        "E-1",
        "Every change that merchants are told of has its event, and every event that was spread "
        "a delivery to each registration from before that wants it.",
        "audit_events_of_charges audit_events_of_agreements audit_untold",
    ),
    _invariant(
        "E-2",
        "Every event tells of a change that was committed, and no two of the same; "
        "every delivery brings such an event.",
        "audit_events_of_charges audit_events_of_agreements audit_deliveries",
    ),
    _invariant(
        "E-3",
        "An event's id is the one that its change gives it; "
        "an event has one delivery to a registration, under one id.",
        "audit_event_ids audit_deliveries audit_delivered_twice",
    ),
    _invariant(
        "E-4",
        "Every delivery brings its event as it was written: the same bytes, name, agreement and charge.",
        "audit_deliveries",
    ),
    _invariant(
        "E-5",
        "Every attempt at a delivery is written down and counted, and what became of it follows from the last.",
        "audit_deliveries audit_attempts",
    ),
    # ── tenancy, state and time ──
    _invariant(
        "T-1",
        "Payments, events and initial charges belong to the unit and agreement of their charge, "
        "deliveries and attempts to the unit of their registration.",
        "audit_payments audit_events_of_charges audit_events_of_agreements audit_initial_charges "
        "audit_deliveries",
    ),
    _invariant(
        "T-5",
        "Nothing that should have ended with its agreement is left on one that is over.",
        "audit_stopped",
    ),
    _invariant("T-6", "No attempt is begun after its agreement is over.", "audit_payments"),
    _invariant(
        "T-7",
        "Attempts fall on the due day or a retry day, one a run; a charge fails only after the last.",
        "audit_payments audit_payments_of_charges audit_attempts_of_one_run audit_charges",
    ),
    _invariant(
        "T-8",
        "Due days, captures, refunds and waiting agreements keep to the times of the rulebook.",
        "audit_payments audit_charges audit_due_days audit_pending_agreements",
    ),
    _invariant(
        "T-9",
        "An agreement's status follows from its history and its initial charge.",
        "audit_agreements audit_initial_charges",
    ),
    _invariant(
        "T-10",
        "An open payment has a lease or a time to ask again, a settled one neither, and no lease is too long.",
        "audit_payments",
    ),
    # ── once everything has come to rest ──
    _invariant(
        "L-1", "No payment is being asked for, no bulk item waits.", "audit_waiting", quiescent=True
    ),
    _invariant("L-2", "No outcome is unclear.", "audit_waiting", quiescent=True),
    _invariant("L-3", "No charge is due past its last attempt.", "audit_charges", quiescent=True),
    _invariant("L-4", "No advance of a clock was cut off.", "audit_waiting", quiescent=True),
    _invariant(
        "L-5", "Nothing is still to be sent to anybody.", "audit_undelivered", quiescent=True
    ),
    _invariant("L-6", "No request waits for its answer.", "audit_waiting", quiescent=True),
    # ── the database itself ──
    _invariant("PH-1", "The database is intact.", "intact"),
    _invariant("PH-2", "Every reference leads to a row.", "references"),
    _invariant(
        "PH-3", "Tables, columns, constraints and indexes are those of the migrations.", "schema"
    ),
)

BEYOND: Final[Mapping[str, str]] = {
    "I-4": "needs the log of a client",
    "E-6": "needs the log of a receiver",
    "T-2": "no token is stored, and a grant that leads nowhere is for PH-2",
    "T-3": "no log of accesses is kept in the database",
    "T-4": "no continuation token is stored",
    "P-1": "profiles are made when they are asked for; none is stored per agreement",
    "P-2": "as P-1",
    "P-3": "as P-1",
    "P-4": "a search of files for planted values belongs to the tests",
}
"""Invariants of the reliability page that a database alone cannot answer, and why."""
