"""The simulated gateway: payers with money, broken cards, scripted outcomes and magic amounts.

It keeps its own ledger, in transactions of its own, and answers a key that it knows from there.
Source: sandbox §5, api-facts 11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from avtale.charges.payments import ATTEMPTS
from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.world import Needs, World
from avtale.gateways.gateway import Ask, GatewayAnswer
from avtale.ledger import LedgerEntry, LedgerResult, Script
from avtale.payers import Outcome, Payer

MAGIC_ATTEMPTS: dict[int, Outcome] = {
    151: "insufficient_funds",
    182: "refused",
    183: "refused",
    184: "refused",
    186: "card_expired",
    187: "card_blocked",
    197: "refused",
    202: "refused",
}
"""Amounts in minor units that decide an attempt in the test environment (api-facts 11)."""

UNKNOWN_FOR_AN_HOUR = 201
MAGIC_REFUNDS = {123: "payer_gone", 124: "refused"}

_EUROPE = ZoneInfo("Europe/Oslo")


class SimulatedGateway:
    """A gateway whose books are in avtale's own database, kept by the same engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ask(self, asks: Sequence[Ask]) -> list[GatewayAnswer]:
        """Answers in the order of the asks; all of them are in the ledger before this returns."""
        needs = Needs()
        needs.of(LedgerEntry, *((ask.payment_key,) for ask in asks))
        needs.of(Payer, *{(ask.payer,) for ask in asks})
        scripted = [ask for ask in asks if ask.kind in ATTEMPTS]
        needs.of(Script, *{(ask.merchant_serial_number, ask.charge_id) for ask in scripted})

        def decide(world: World, call: Call) -> list[GatewayAnswer]:
            magic = call.environment == "test"
            return [answer(world, ask, magic=magic) for ask in asks]

        decided = await self._engine.submit(Command("ask_gateway", decide, needs))
        return decided.unwrap()


def answer(world: World, ask: Ask, *, magic: bool) -> GatewayAnswer:
    """Do what is asked, unless the key is known; `magic` amounts count in the test environment."""
    entry = world.find(LedgerEntry, ask.payment_key)
    if entry is None:
        outcome = _outcome(world, ask, magic=magic)
        entry = _act(world, ask, outcome)
        world.put(entry)
    elif entry.result == "UNKNOWN" and entry.known_at is not None and entry.known_at <= ask.at:
        entry = _act(world, ask, "ok")
        world.put(entry)
    elif not entry.answered:
        entry = replace(entry, answered=True)
        world.put(entry)
    if entry.result == "UNKNOWN" or not entry.answered:
        return GatewayAnswer(ask.payment_key, "UNCLEAR", known_at=entry.known_at)
    if entry.result == "OK":
        return GatewayAnswer(ask.payment_key, "OK", transaction_id=entry.transaction_id)
    return GatewayAnswer(ask.payment_key, "DECLINED", reason=entry.reason)


def _outcome(world: World, ask: Ask, *, magic: bool) -> str:
    """What somebody scripted for this ask, or what its amount means, or `ok`."""
    if ask.kind == "REFUND":
        return MAGIC_REFUNDS.get(ask.amount, "ok") if magic else "ok"
    if ask.kind not in ATTEMPTS:
        return "ok"
    script = world.find(Script, ask.merchant_serial_number, ask.charge_id)
    if script is not None and script.outcomes:
        world.put(replace(script, outcomes=script.outcomes[1:]))
        return script.outcomes[0]
    payer = world.find(Payer, ask.payer)
    if payer is not None and payer.outcomes:
        scripted, rest = payer.next_outcome()
        world.put(rest)
        assert scripted is not None
        return scripted
    if magic and ask.amount == UNKNOWN_FOR_AN_HOUR:
        return "unknown"
    return MAGIC_ATTEMPTS.get(ask.amount, "ok") if magic else "ok"


def _act(world: World, ask: Ask, outcome: str) -> LedgerEntry:
    """The entry for an ask that meets `outcome`; money moves where the outcome lets it."""
    if outcome == "unknown":
        return _entry(ask, "UNKNOWN", None, known_at_hours=1)
    late = outcome == "timeout"
    refusal = None if outcome in {"ok", "timeout"} else outcome
    if refusal is None:
        refusal = _move(world, ask)
    entry = _entry(ask, "OK" if refusal is None else "DECLINED", refusal)
    return replace(entry, answered=False) if late else entry


def _move(world: World, ask: Ask) -> str | None:
    """Move the payer's money; answers with why not, or None."""
    payer = world.find(Payer, ask.payer)
    if ask.kind == "CAPTURE":
        return None
    if payer is None or (payer.deleted is not None and ask.kind != "CANCEL"):
        return "payer_gone"
    if ask.kind in ATTEMPTS:
        refusal = payer.source.refusal_on(ask.at.astimezone(_EUROPE).date())
        if refusal is not None:
            return refusal
        if payer.balance is not None and payer.balance < ask.amount:
            return "insufficient_funds"
    if payer.balance is not None:
        change = -ask.amount if ask.kind in ATTEMPTS else ask.amount
        world.put(replace(payer, balance=payer.balance + change))
    return None


def _entry(
    ask: Ask, result: LedgerResult, reason: str | None, *, known_at_hours: int | None = None
) -> LedgerEntry:
    digest = hashlib.sha256(ask.payment_key.encode()).digest()
    number = int.from_bytes(digest[:8], "big") % (9 * 10**15) + 10**15
    return LedgerEntry(
        payment_key=ask.payment_key,
        merchant_serial_number=ask.merchant_serial_number,
        charge_id=ask.charge_id,
        kind=ask.kind,
        amount=ask.amount,
        currency=ask.currency,
        payer=ask.payer,
        occurred=ask.at,
        transaction_id=str(number),
        result=result,
        reason=reason,
        known_at=ask.at + timedelta(hours=known_at_hours) if known_at_hours else None,
    )
