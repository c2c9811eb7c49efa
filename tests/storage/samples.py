"""Rows for the storage tests: a shop with an agreement and its charges, and whatever hypothesis can think of."""

from __future__ import annotations

import itertools
import types
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import LegacyPricing
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.payments import Payment
from avtale.engine.rows import TABLES, BulkItem, StoredAnswer
from avtale.payers import Payer, made_up_payer
from avtale.personas import Appointment, Persona
from avtale.sales_units import SalesUnit
from avtale.sandbox.cast import cast
from avtale.webhooks.delivery import Delivery, DeliveryAttempt
from avtale.webhooks.registration import Registration

MSN = "123456"
MONDAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
AMOUNT = 499_00

# ── One shop ─────────────────────────────────────────────────────────────────────────────────────


def unit(msn: str = MSN, **members: Any) -> SalesUnit:
    """A shop in Norway."""
    return replace(SalesUnit(msn, "Football on Screen", "NO", MONDAY), **members)


def payer(phone_number: str = "4791234567", **members: Any) -> Payer:
    """Kari, or somebody else."""
    return made_up_payer(phone_number, "NO").described(**members)


def agreement(agreement_id: str = "agr_PremierL", **members: Any) -> Agreement:
    """An agreement that is ACTIVE."""
    drafted = Agreement(
        merchant_serial_number=MSN,
        agreement_id=agreement_id,
        uuid="0b1c2d3e-4f50-4a6b-8c7d-8e9fa0b1c2d3",
        created=MONDAY,
        merchant_redirect_url="https://example.com/thanks",
        is_app=False,
        phone_number=None,
        scope=None,
        skip_landing_page=False,
        blocked_sources=None,
        campaign=None,
        initial_charge_id=None,
        product_name="Premier League",
        product_description="All matches",
        merchant_agreement_url="https://example.com/me",
        external_id=None,
        pricing=LegacyPricing(AMOUNT, "NOK"),
        interval=Interval("MONTH", 1),
        status="ACTIVE",
        start=MONDAY,
        payer="4791234567",
        history_length=1,
        changed=MONDAY,
    )
    return replace(drafted, **members)


def agreement_entry(sequence: int = 1, **members: Any) -> AgreementEntry:
    """A line of the agreement's history."""
    entry = AgreementEntry(MSN, "agr_PremierL", sequence, MONDAY, "CREATE", "MERCHANT", "key-1")
    return replace(entry, **members)


def charge(charge_id: str = "chr-January", **members: Any) -> Charge:
    """A charge that is PENDING."""
    created = Charge(
        merchant_serial_number=MSN,
        charge_id=charge_id,
        agreement_id="agr_PremierL",
        external_id=None,
        type="RECURRING",
        transaction_type="RESERVE_CAPTURE",
        processing_mode="MULTIPLE_ATTEMPTS",
        amount=AMOUNT,
        currency="NOK",
        description="January",
        ceiling=5 * AMOUNT,
        due_day=date(2026, 12, 1),
        retry_days=5,
        created=MONDAY,
        due=MONDAY + timedelta(days=29),
        history_length=1,
        changed=MONDAY,
    )
    return replace(created, **members)


def charge_entry(sequence: int = 1, **members: Any) -> ChargeEntry:
    """A line of the charge's history."""
    entry = ChargeEntry(
        merchant_serial_number=MSN,
        charge_id="chr-January",
        sequence=sequence,
        occurred=MONDAY,
        event="CREATE",
        amount=AMOUNT,
        idempotency_key="key-1",
        success=True,
        transaction_id=None,
        payment_key=None,
        chain="",
    )
    return replace(entry, **members)


def payment(sequence: int = 1, **members: Any) -> Payment:
    """A payment that is being asked for."""
    asked = Payment(
        merchant_serial_number=MSN,
        payment_key=f"{MSN}:chr-January:RESERVE:{sequence}",
        charge_id="chr-January",
        agreement_id="agr_PremierL",
        kind="RESERVE",
        sequence=sequence,
        amount=AMOUNT,
        currency="NOK",
        payer="4791234567",
        run_at=MONDAY,
        cause="key-1",
        answers=None,
        context_id=None,
        asked=MONDAY,
    )
    return replace(asked, **members)


def stored_answer(idempotency_key: str = "key-1", **members: Any) -> StoredAnswer:
    """A key whose request is still being worked on."""
    answer = StoredAnswer(
        merchant_serial_number=MSN,
        method="POST",
        path="/recurring/v3/agreements/agr_PremierL/charges",
        idempotency_key=idempotency_key,
        variant="",
        fingerprint="f" * 64,
        context_id="context-1",
        created=MONDAY,
    )
    return replace(answer, **members)


def shop() -> list[Any]:
    """A sales unit, a payer, an agreement with one charge, and their histories."""
    return [unit(), payer(), agreement(), agreement_entry(), charge(), charge_entry()]


# ── All that could be ────────────────────────────────────────────────────────────────────────────

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
_BIG = st.integers(-(2**63), 2**63 - 1)
_INSTANT = st.integers(-(10**12), 4 * 10**12).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
_AMOUNT = st.integers(2, 2**31 - 1)
_COUNT = st.integers(1, 2**31 - 1)
_numbers = itertools.count(1)

Fit = Callable[[bool], dict[str, Any]]


def _charge_fit(filled: bool) -> dict[str, Any]:
    """Sums that the money rules allow, with the same amount before and after."""
    always = {
        "amount": st.just(AMOUNT),
        "transaction_type": st.just("RESERVE_CAPTURE"),
        "retry_days": _COUNT,
        "history_length": _COUNT,
    }
    if not filled:
        unpaid = {"reserved": 0, "captured": 0, "cancelled": 0, "refunded": 0}
        statuses = st.sampled_from(["PENDING", "DUE", "FAILED"])
        return always | {name: st.just(n) for name, n in unpaid.items()} | {"status": statuses}
    return always | {
        "ceiling": st.integers(AMOUNT, 2**63 - 1),
        "status": st.just("PARTIALLY_CAPTURED"),
        "reserved": st.just(AMOUNT),
        "captured": st.integers(100_00, AMOUNT - 1),
        "cancelled": st.just(0),
        "refunded": st.integers(0, 100_00),
    }


def _delivery_fit(filled: bool) -> dict[str, Any]:
    """Lost when everything is set, dropped before the first attempt when nothing is."""
    return {
        "status": st.just("WAITING" if filled else "DROPPED"),
        "attempts": st.just(3 if filled else 0),
        "tries": st.just(2 if filled else 0),
    }


# What the schema asks of columns together; by default a column is anything that its type allows.
_FITS: dict[type[Any], Fit] = {
    SalesUnit: lambda filled: {
        "clock_mode": st.sampled_from(["frozen", "advancing"]) if filled else st.just("running"),
        "clock_lease_until": _INSTANT if filled else st.none(),
    },
    Payer: lambda filled: {"balance": st.integers(0, 2**63 - 1) if filled else st.none()},
    StoredAnswer: lambda filled: {
        "idempotency_key": _TEXT.filter(bool),
        "state": st.just("DONE" if filled else "CLAIMED"),
        "status": st.sampled_from([201, 204, 400, 404, 409]) if filled else st.none(),
    },
    Agreement: lambda filled: {
        "status": st.just("STOPPED") if filled else st.sampled_from(["PENDING", "EXPIRED"]),
        "history_length": _COUNT,
    },
    AgreementEntry: lambda _: {"sequence": _COUNT},
    BulkItem: lambda _: {},
    Appointment: lambda _: {"kept": _COUNT},
    Registration: lambda _: {"fence": _COUNT},
    Delivery: _delivery_fit,
    DeliveryAttempt: lambda _: {"attempt": _COUNT, "milliseconds": _COUNT},
    Charge: _charge_fit,
    ChargeEntry: lambda _: {"sequence": _COUNT, "amount": _AMOUNT},
    Payment: lambda filled: {
        "amount": _AMOUNT,
        "status": st.just("OK") if filled else st.sampled_from(["ASKED", "UNCLEAR"]),
    },
}

# Optional in the rules, where a row is begun before its first line of history; never so in a table.
ALWAYS_SET = {(Agreement, "changed"), (Charge, "changed")}


@st.composite
def relatives(draw: st.DrawFn, *, filled: bool) -> list[Any]:
    """One row of every kind, parents first, whose nullable columns are all set or all null.

    Their keys are like nobody else's.
    """
    keys = _fresh_keys()
    return [draw(_row(table.row, keys, filled=filled)) for table in TABLES]


@st.composite
def before_and_after(draw: st.DrawFn) -> list[tuple[Any, Any]]:
    """Relatives, and each as if everything but its key and its parents had changed."""
    keys = _fresh_keys()
    pairs = []
    for table in TABLES:
        before = draw(_row(table.row, keys, filled=False))
        after = draw(_row(table.row, keys, filled=True))
        same = {name: getattr(before, name) for name in table.key}
        pairs.append((before, replace(after, **same)))
    return pairs


def _fresh_keys() -> dict[str, str]:
    n = next(_numbers)
    return {
        "merchant_serial_number": f"{n:06}",
        "agreement_id": f"agr_{n}",
        "charge_id": f"chr-{n}",
        "client_id": f"client-{n}",
        "key_hash": f"hash-{n}",
        "payment_key": f"payment-{n}",
        "event_id": f"event-{n}",
        "phone_number": f"47{n:08}",
        "notification_id": f"notification-{n}",
        "cause": f"notice:chr-{n}",
        "registration_id": f"registration-{n}",
        "delivery_id": f"delivery-{n}",
    }


def _row(row: type[Any], keys: dict[str, str], *, filled: bool) -> st.SearchStrategy[Any]:
    fit = _FITS[row](filled) if row in _FITS else {}
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, hint in typing.get_type_hints(row).items():
        if name in fit:
            fields[name] = fit[name]
        elif name in keys and hint is str:
            fields[name] = st.just(keys[name])
        elif (row, name) == (Registration, "merchant_serial_number"):
            # The only parent that a row may do without.
            fields[name] = st.just(keys[name]) if filled else st.none()
        else:
            fields[name] = _of(hint, filled=filled or (row, name) in ALWAYS_SET)
    return st.builds(row, **fields)


def _of(hint: Any, *, filled: bool | None = None) -> st.SearchStrategy[Any]:
    """Any value of a type; an optional one is set, or None, or either where `filled` is None."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        members = [_of(member) for member in arguments if member is not types.NoneType]
        if len(members) == len(arguments) or filled is True:
            return st.one_of(members)
        return st.none() if filled is False else st.one_of(st.none(), *members)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(_of(arguments[0]), _of(arguments[1]), max_size=3)
    share = st.floats(0, 1)
    plain = {
        bool: st.booleans(),
        int: _BIG,
        str: _TEXT,
        datetime: _INSTANT,
        date: st.dates(),
        float: share,
    }
    if hint in plain:
        return plain[hint]
    assert issubclass(hint, msgspec.Struct)
    if hint is Persona:
        return st.sampled_from(list(cast().values()))
    if hint is Interval:
        return st.builds(Interval, _of(typing.get_type_hints(Interval)["unit"]), st.integers(1, 31))
    hints = typing.get_type_hints(hint)
    return st.builds(hint, **{name: _of(inner) for name, inner in hints.items()})
