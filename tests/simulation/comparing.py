"""How the real thing and the reference model are held against each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from avtale.engine.command import Answer
from avtale.instants import from_milliseconds, to_milliseconds
from avtale.problems import Problem
from tests.simulation.house import MSN, Dead
from tests.simulation.model import Died, Refusal

if TYPE_CHECKING:
    from tests.simulation.side_by_side import SideBySide

TAKEN = {"DIRECT_CAPTURE": 1, "RESERVE": 1, "CAPTURE": 0, "CANCEL": -1, "REFUND": -1}
"""What each kind does to the money that a payer is out of."""


def same(what: str, real: object, expected: object) -> None:
    """Both are alike, or the difference is told."""
    if isinstance(real, dict) and isinstance(expected, dict):
        wrong = {**real, **expected}.keys() - {k for k in real if real[k] == expected.get(k)}
        real = {key: real.get(key) for key in sorted(wrong)}
        expected = {key: expected.get(key) for key in sorted(wrong)}
    assert real == expected, f"{what}: {real!r}, not {expected!r}"


def outcome(act: Callable[[], object]) -> str:
    """Nothing, or by which name it was refused, or that the process died."""
    try:
        act()
    except (Dead, Died):
        return "died"
    except Refusal as refusal:
        return str(refusal)
    except Problem as problem:
        return problem.slug or "refused"
    return ""


def slug(answer: Answer) -> str:
    """The identifier of a refusal, nothing where the answer is a success."""
    if answer.status < 300:
        return ""
    return str(msgspec.json.decode(answer.body)["type"]).partition("#")[2] or "refused"


def compare(pair: SideBySide) -> None:
    """Everything that can be seen of both."""
    _agreements(pair)
    _charges(pair)
    _payments(pair)
    _money(pair)
    real = pair.house.run(pair.house.runs.next_moment(MSN))
    same("next moment", real, pair.model.next_moment())
    [(now,)] = pair.house.read("SELECT clock_at FROM sales_units")
    same("clock", from_milliseconds(now), pair.model.now)


def _agreements(pair: SideBySide) -> None:
    real = pair.house.read(
        "SELECT agreement_id, status, COALESCE(payer, ''), COALESCE(stopped_by, '') FROM agreements"
    )
    expected = {
        pair.ids[name]: (agreement.status, agreement.payer, agreement.stopped_by)
        for name, agreement in pair.model.agreements.items()
    }
    same("agreements", {agreement_id: tuple(rest) for agreement_id, *rest in real}, expected)


def _charges(pair: SideBySide) -> None:
    real = pair.house.read(
        "SELECT charge_id, status, reserved, captured, cancelled, refunded, failure_reason, "
        "wake_at, open_payment IS NOT NULL FROM charges"
    )
    expected = {
        name: (
            charge.status,
            charge.order.amount if charge.taken_at else 0,
            charge.sum("CAPTURE"),
            charge.sum("CANCEL"),
            charge.sum("REFUND"),
            charge.failure,
            to_milliseconds(charge.wake) if charge.wake else None,
            charge.payment is not None,
        )
        for name, charge in pair.model.charges.items()
    }
    same("charges", {charge_id: tuple(rest) for charge_id, *rest in real}, expected)
    histories: defaultdict[str, list[Any]] = defaultdict(list)
    for charge_id, *line in pair.house.read(
        "SELECT charge_id, event, amount, success FROM charge_history ORDER BY charge_id, sequence"
    ):
        histories[charge_id].append(tuple(line))
    told = {name: charge.history for name, charge in pair.model.charges.items()}
    same("histories", dict(histories), told)


def _payments(pair: SideBySide) -> None:
    model, read = pair.model, pair.house.read
    opened = [charge.payment for charge in model.charges.values() if charge.payment]
    same(
        "open payments",
        set(
            read(
                "SELECT payment_key, amount, lease_until IS NULL FROM payments "
                "WHERE status IN ('ASKED', 'UNCLEAR')"
            )
        ),
        {(_key(p.name, p.kind), p.amount, p.is_unclear) for p in opened},
    )
    books = read(
        "SELECT payment_key, amount, CASE result WHEN 'DECLINED' THEN reason ELSE result END, "
        "answered FROM gateway_ledger"
    )
    same(
        "the gateway's books",
        {key: tuple(rest) for key, *rest in books},
        {
            _key(name, entry.kind): (entry.amount, entry.result, entry.is_told)
            for name, entry in model.bank.books.items()
        },
    )


def _money(pair: SideBySide) -> None:
    """What payers have and what they are out of is what was paid in; twice, from two sets of books."""
    read = pair.house.read
    balances = dict(read("SELECT phone_number, balance FROM payers"))
    same("balances", balances, {n: p.balance for n, p in pair.model.bank.payers.items()})
    ledger = Counter[str]()
    under_way = Counter[str]()
    for kind, amount, is_open in read(
        "SELECT l.kind, l.amount, p.status IN ('ASKED', 'UNCLEAR') FROM gateway_ledger l "
        "JOIN payments p ON p.payment_key = l.payment_key WHERE l.result = 'OK'"
    ):
        ledger[kind] += amount
        under_way[kind] += amount if is_open else 0
    taken = sum(TAKEN[kind] * amount for kind, amount in ledger.items())
    same("money by the gateway's books", sum(balances.values()) + taken, pair.deposits)
    [(of_units, held)] = read(
        "SELECT COALESCE(SUM(captured - refunded), 0), COALESCE(SUM(CASE WHEN reserved > 0 "
        "THEN reserved - captured - cancelled END), 0) FROM charges"
    )
    moving = sum(TAKEN[kind] * amount for kind, amount in under_way.items())
    same("money by charges", sum(balances.values()) + of_units + held + moving, pair.deposits)


def _key(name: tuple[str, int], kind: str) -> str:
    return f"{MSN}:{name[0]}:{kind}:{name[1]}"
