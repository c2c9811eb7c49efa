"""The simulated gateway: payers with money and cards, amounts with a meaning, outcomes by script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from avtale.engine.command import Call, Command
from avtale.engine.world import Needs, World
from avtale.gateways.gateway import Ask, GatewayAnswer
from avtale.gateways.simulated import SimulatedGateway
from avtale.ledger import LedgerEntry, Script
from avtale.payers import Outcome, Payer, Source, made_up_payer
from tests.gateways.contract import KARI, NOW, Bank, Contract, ask
from tests.support import House, installation

HOUR = timedelta(hours=1)


class SimulatedBank(Bank):
    """The simulated gateway of an installation in this process."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.gateway = SimulatedGateway(house.parts.engine)

    async def gives(self, balance: int | None) -> None:
        await self.kari(balance=balance)

    async def balance(self) -> int | None:
        kari: Payer = await self.house.find(Payer, KARI)
        return kari.balance

    async def kari(self, **members: Any) -> None:
        """Kari, with some members changed."""
        found = await self.house.find(Payer, KARI) or made_up_payer(KARI, "NO")
        await self.house.put(found.described(**members), KARI)

    async def script(self, charge_id: str, *outcomes: Outcome) -> None:
        """What the next attempts on a charge will meet."""
        await self.house.put(Script("123456", charge_id, outcomes), "123456", charge_id)

    async def later(self, one: Ask, **by: int) -> GatewayAnswer:
        """Ask again under the same key."""
        return await self.answer(msgspec.structs.replace(one, at=one.at + timedelta(**by)))


@pytest.fixture
async def bank() -> AsyncIterator[SimulatedBank]:
    async with installation() as house:
        yield SimulatedBank(house)


class TestSimulated(Contract):
    """It keeps what every gateway promises."""


# ── Cards and accounts ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Source("CARD", "EXPIRED"), "card_expired"),
        (Source("CARD", "BLOCKED"), "card_blocked"),
        (Source("ACCOUNT", "REMOVED"), "card_blocked"),
        (Source("CARD", "OK", "2026-10"), "card_expired"),
    ],
)
async def test_a_source_that_does_not_pay_says_why(
    bank: SimulatedBank, source: Source, reason: str
) -> None:
    await bank.kari(source=source, balance=1000_00)
    answer = await bank.answer(ask())
    assert (answer.result, answer.reason) == ("DECLINED", reason)
    assert await bank.balance() == 1000_00


async def test_a_card_pays_through_its_last_month(bank: SimulatedBank) -> None:
    await bank.kari(source=Source("CARD", "OK", "2026-11"))
    last_moment = datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)
    assert (await bank.answer(ask(at=last_moment))).result == "OK"
    assert (await bank.answer(ask(at=last_moment + timedelta(seconds=1)))).result == "DECLINED"


async def test_a_source_that_does_not_pay_still_takes_money_back(bank: SimulatedBank) -> None:
    await bank.kari(source=Source("CARD", "BLOCKED"), balance=0)
    assert (await bank.answer(ask("REFUND", 100_00))).result == "OK"
    assert (await bank.answer(ask("CANCEL", 100_00))).result == "OK"
    assert await bank.balance() == 200_00


async def test_a_payer_whom_nobody_knows_pays_nothing(bank: SimulatedBank) -> None:
    answer = await bank.answer(ask(payer="4700000000"))
    assert (answer.result, answer.reason) == ("DECLINED", "payer_gone")


async def test_a_payer_who_is_gone_neither_pays_nor_is_refunded_but_reservations_end(
    bank: SimulatedBank,
) -> None:
    await bank.kari(deleted=NOW, balance=0)
    for kind in ("RESERVE", "DIRECT_CAPTURE", "REFUND"):
        assert (await bank.answer(ask(kind, 300))).reason == "payer_gone"
    assert (await bank.answer(ask("CANCEL", 300))).result == "OK"
    assert await bank.balance() == 300


async def test_a_payer_with_enough_of_it_never_runs_out(bank: SimulatedBank) -> None:
    await bank.gives(None)
    assert (await bank.answer(ask(amount=2**31 - 1))).result == "OK"
    assert await bank.balance() is None


# ── Amounts with a meaning ───────────────────────────────────────────────────────────────────────

MAGIC = {
    151: "insufficient_funds",
    182: "refused",
    183: "refused",
    184: "refused",
    186: "card_expired",
    187: "card_blocked",
    197: "refused",
    202: "refused",
}


@pytest.mark.parametrize("kind", ["RESERVE", "DIRECT_CAPTURE"])
@pytest.mark.parametrize(("amount", "reason"), MAGIC.items())
async def test_a_magic_amount_decides_an_attempt(
    bank: SimulatedBank, amount: int, reason: str, kind: Any
) -> None:
    answer = await bank.answer(ask(kind, amount))
    assert (answer.result, answer.reason) == ("DECLINED", reason)


@pytest.mark.parametrize("kind", ["CAPTURE", "CANCEL", "REFUND"])
@pytest.mark.parametrize("amount", MAGIC)
async def test_a_magic_amount_means_nothing_once_money_is_held(
    bank: SimulatedBank, amount: int, kind: Any
) -> None:
    assert (await bank.answer(ask(kind, amount))).result == "OK"


@pytest.mark.parametrize(("amount", "reason"), [(123, "payer_gone"), (124, "refused")])
async def test_two_magic_amounts_cannot_be_refunded(
    bank: SimulatedBank, amount: int, reason: str
) -> None:
    await bank.gives(0)
    answer = await bank.answer(ask("REFUND", amount))
    assert (answer.result, answer.reason) == ("DECLINED", reason)
    assert await bank.balance() == 0
    assert (await bank.answer(ask("DIRECT_CAPTURE", 125))).reason == "insufficient_funds"


async def test_201_is_unknown_for_exactly_an_hour_and_then_goes_through(
    bank: SimulatedBank,
) -> None:
    await bank.gives(1000)
    unknown = ask(amount=201)
    first = await bank.answer(unknown)
    assert (first.result, first.known_at) == ("UNCLEAR", NOW + HOUR)
    assert (await bank.later(unknown, minutes=59, seconds=59)).result == "UNCLEAR"
    assert await bank.balance() == 1000
    assert (await bank.later(unknown, hours=1)).result == "OK"
    assert (await bank.later(unknown, hours=2)).result == "OK"
    assert await bank.balance() == 799


async def test_201_that_finds_no_money_after_the_hour_is_declined(bank: SimulatedBank) -> None:
    await bank.gives(200)
    unknown = ask(amount=201)
    await bank.answer(unknown)
    assert (await bank.later(unknown, hours=1)).reason == "insufficient_funds"


async def test_amounts_mean_nothing_in_production() -> None:
    async with installation(environment="production") as house:
        bank = SimulatedBank(house)
        await bank.gives(None)
        for amount in (*MAGIC, 201):
            assert (await bank.answer(ask(amount=amount))).result == "OK"
        assert (await bank.answer(ask("REFUND", 123))).result == "OK"


# ── Scripts ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_script_of_a_payer_is_followed_once_and_then_used_up(bank: SimulatedBank) -> None:
    await bank.kari(outcomes=("insufficient_funds", "technical_error", "ok"))
    reasons = [(await bank.answer(ask())).reason for _ in range(4)]
    assert reasons == ["insufficient_funds", "technical_error", None, None]


async def test_a_script_of_a_charge_comes_before_that_of_its_payer(bank: SimulatedBank) -> None:
    await bank.kari(outcomes=("refused",))
    await bank.script("november-1", "card_expired")
    november = [ask(charge_id="november-1") for _ in range(2)]
    assert (await bank.answer(november[0])).reason == "card_expired"
    assert (await bank.answer(ask())).reason == "refused"
    assert (await bank.answer(november[1])).result == "OK"


async def test_a_script_comes_before_the_meaning_of_an_amount(bank: SimulatedBank) -> None:
    await bank.script("november-1", "ok")
    assert (await bank.answer(ask(charge_id="november-1", amount=151))).result == "OK"


async def test_a_script_that_says_ok_makes_no_money(bank: SimulatedBank) -> None:
    await bank.gives(0)
    await bank.script("november-1", "ok")
    assert (await bank.answer(ask(charge_id="november-1"))).reason == "insufficient_funds"


async def test_a_script_is_for_attempts_alone(bank: SimulatedBank) -> None:
    await bank.script("november-1", "refused")
    for kind in ("CAPTURE", "CANCEL", "REFUND"):
        answer = await bank.answer(ask(kind, charge_id="november-1"))
        assert answer.result == "OK"
    assert (await bank.answer(ask(charge_id="november-1"))).reason == "refused"


async def test_asking_again_uses_no_more_of_a_script(bank: SimulatedBank) -> None:
    await bank.script("november-1", "refused", "card_expired")
    once = ask(charge_id="november-1")
    for _ in range(3):
        assert (await bank.answer(once)).reason == "refused"
    assert (await bank.answer(ask(charge_id="november-1"))).reason == "card_expired"


# ── Too late ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_is_too_late_was_a_yes_all_along(bank: SimulatedBank) -> None:
    await bank.kari(outcomes=("timeout",), balance=1000)
    once = ask(amount=300)
    first = await bank.answer(once)
    assert (first.result, first.transaction_id) == ("UNCLEAR", None)
    assert await bank.balance() == 700, "the money has moved, only nobody was told"
    assert (await bank.later(once, minutes=1)).result == "OK"
    assert await bank.balance() == 700


async def test_an_answer_that_is_too_late_may_have_been_a_no(bank: SimulatedBank) -> None:
    await bank.kari(outcomes=("timeout",), balance=0)
    once = ask(amount=300)
    assert (await bank.answer(once)).result == "UNCLEAR"
    assert (await bank.later(once, minutes=1)).reason == "insufficient_funds"


# ── The books ────────────────────────────────────────────────────────────────────────────────────


async def test_the_books_say_what_was_done_under_which_key(bank: SimulatedBank) -> None:
    paid, refused = ask(amount=300), ask(amount=151)
    answers = await bank.answers(paid, refused)
    entries = [await bank.house.find(LedgerEntry, one.payment_key) for one in (paid, refused)]
    assert [entry.result for entry in entries] == ["OK", "DECLINED"]
    assert [entry.reason for entry in entries] == [None, "insufficient_funds"]
    assert entries[0].transaction_id == answers[0].transaction_id
    assert (entries[0].amount, entries[0].occurred, entries[0].payer) == (300, NOW, KARI)


async def test_what_was_answered_is_in_the_books_before_the_answer(bank: SimulatedBank) -> None:
    """A crash right after an answer must find the key known."""
    once = ask(amount=300)
    answer = await bank.answer(once)

    def look(world: World, _call: Call) -> str:
        return world.get(LedgerEntry, once.payment_key).transaction_id

    needs = Needs().of(LedgerEntry, (once.payment_key,))
    decided = await bank.house.parts.engine.submit(Command("look", look, needs))
    assert decided.unwrap() == answer.transaction_id
