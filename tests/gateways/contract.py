"""What every gateway promises; a suite for a new one derives from `Contract` and brings the gateway along."""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from avtale.charges.payments import PaymentKind
from avtale.gateways.gateway import Ask, Gateway, GatewayAnswer

NOW = datetime(2026, 11, 4, 8, tzinfo=UTC)
KARI = "4791234567"

_numbers = itertools.count(1)


def ask(kind: PaymentKind = "DIRECT_CAPTURE", amount: int = 499_00, **members: Any) -> Ask:
    """An ask for Kari's money, under a key of its own."""
    number = next(_numbers)
    made = Ask(
        payment_key=f"123456:charge-{number}:{kind}:1",
        merchant_serial_number="123456",
        charge_id=f"charge-{number}",
        kind=kind,
        amount=amount,
        currency="NOK",
        payer=KARI,
        at=NOW,
    )
    return msgspec.structs.replace(made, **members)


class Bank(ABC):
    """A gateway, and what a test may know of the people whose money it moves."""

    gateway: Gateway

    @abstractmethod
    async def gives(self, balance: int | None) -> None:
        """Kari has this much money; None for enough."""

    @abstractmethod
    async def balance(self) -> int | None:
        """How much Kari has left."""

    async def answers(self, *asks: Ask) -> list[GatewayAnswer]:
        """What the gateway says to asks of one batch."""
        return await self.gateway.ask(asks)

    async def answer(self, one: Ask) -> GatewayAnswer:
        """What it says to one."""
        [answer] = await self.answers(one)
        return answer


class Contract:
    """The promises; `bank` is a fixture of the suite that derives from this."""

    async def test_an_attempt_takes_the_payers_money(self, bank: Bank) -> None:
        await bank.gives(1000_00)
        for kind in ("DIRECT_CAPTURE", "RESERVE"):
            answer = await bank.answer(ask(kind, 300_00))
            assert (answer.result, answer.reason) == ("OK", None)
        assert await bank.balance() == 400_00

    async def test_a_capture_moves_what_was_reserved_and_takes_nothing_more(
        self, bank: Bank
    ) -> None:
        await bank.gives(1000_00)
        await bank.answer(ask("RESERVE", 300_00))
        assert (await bank.answer(ask("CAPTURE", 300_00))).result == "OK"
        assert await bank.balance() == 700_00

    @pytest.mark.parametrize("kind", ["CANCEL", "REFUND"])
    async def test_what_is_cancelled_or_refunded_returns(
        self, bank: Bank, kind: PaymentKind
    ) -> None:
        await bank.gives(1000_00)
        await bank.answer(ask("RESERVE", 300_00))
        assert (await bank.answer(ask(kind, 100_00))).result == "OK"
        assert await bank.balance() == 800_00

    async def test_money_that_is_not_there_is_not_taken(self, bank: Bank) -> None:
        await bank.gives(300_00)
        answer = await bank.answer(ask(amount=300_01))
        assert (answer.result, answer.transaction_id) == ("DECLINED", None)
        assert answer.reason == "insufficient_funds"
        assert await bank.balance() == 300_00
        assert (await bank.answer(ask(amount=300_00))).result == "OK"
        assert await bank.balance() == 0

    async def test_asked_twice_under_one_key_it_acts_once(self, bank: Bank) -> None:
        await bank.gives(1000_00)
        once = ask(amount=300_00)
        first = await bank.answer(once)
        assert await bank.answer(once) == first
        assert await bank.balance() == 700_00

    async def test_asked_twice_in_one_batch_it_acts_once(self, bank: Bank) -> None:
        await bank.gives(1000_00)
        once = ask(amount=300_00)
        first, second = await bank.answers(once, once)
        assert first == second
        assert await bank.balance() == 700_00

    async def test_asked_twice_at_the_same_moment_it_acts_once(self, bank: Bank) -> None:
        await bank.gives(1000_00)
        once = ask(amount=300_00)
        answers = await asyncio.gather(*(bank.answer(once) for _ in range(8)))
        assert len({answer.transaction_id for answer in answers}) == 1
        assert await bank.balance() == 700_00

    async def test_a_refusal_stands_under_its_key_though_money_has_come(self, bank: Bank) -> None:
        await bank.gives(0)
        once = ask(amount=300_00)
        assert (await bank.answer(once)).result == "DECLINED"
        await bank.gives(1000_00)
        assert (await bank.answer(once)).result == "DECLINED"
        assert await bank.balance() == 1000_00
        assert (await bank.answer(ask(amount=300_00))).result == "OK", "another key, another try"

    async def test_a_key_stands_although_it_is_asked_under_later(self, bank: Bank) -> None:
        await bank.gives(1000_00)
        once = ask(amount=300_00)
        first = await bank.answer(once)
        next_year = msgspec.structs.replace(once, at=NOW.replace(year=2027))
        assert await bank.answer(next_year) == first
        assert await bank.balance() == 700_00

    async def test_answers_come_in_the_order_of_the_asks(self, bank: Bank) -> None:
        await bank.gives(600_00)
        asks = [ask(amount=300_00), ask(amount=400_00), ask(amount=300_00), ask("CAPTURE", 1)]
        answers = await bank.answers(*asks)
        assert [answer.payment_key for answer in answers] == [one.payment_key for one in asks]
        assert [answer.result for answer in answers] == ["OK", "DECLINED", "OK", "OK"]

    async def test_nothing_asked_is_nothing_answered(self, bank: Bank) -> None:
        assert await bank.answers() == []

    async def test_every_transaction_has_a_number_of_its_own_of_ten_digits_or_more(
        self, bank: Bank
    ) -> None:
        await bank.gives(None)
        answers = await bank.answers(*(ask(amount=1_00) for _ in range(100)))
        numbers = [answer.transaction_id or "" for answer in answers]
        assert len(set(numbers)) == 100
        assert all(number.isdigit() and len(number) >= 10 for number in numbers)
