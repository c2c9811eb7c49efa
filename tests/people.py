"""The people of a test: payers with a phone in the hand, and the clock on the wall."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.engine.command import Call
from avtale.engine.world import Needs, World
from avtale.operations import approvals
from avtale.operations.agreements import stop_agreement
from avtale.payers import Outcome, Payer, Source, made_up_payer
from avtale.processing.clocks import Advanced
from avtale.sales_units import SalesUnit

if TYPE_CHECKING:
    from tests.shops import Shop


class Person:
    """A payer, with a phone in the hand."""

    def __init__(self, shop: Shop, phone_number: str) -> None:
        self._shop = shop
        self._house = shop.house
        self.phone_number = phone_number

    async def approves(self, agreement_id: str, max_amount: int | None = None) -> None:
        """Say yes."""

        def decide(world: World, call: Call) -> None:
            approvals.approve_agreement(
                world, call, agreement_id, self.phone_number, max_amount=max_amount
            )

        await self._act(agreement_id, decide)

    async def rejects(self, agreement_id: str) -> None:
        """Say no."""
        await self._act(
            agreement_id,
            lambda world, call: approvals.reject_agreement(world, call, agreement_id),
        )

    async def stops(self, agreement_id: str) -> None:
        """Stop an agreement in the app."""
        await self._act(
            agreement_id,
            lambda world, call: stop_agreement(world, call, agreement_id, "USER"),
        )

    async def sets_maximum(self, agreement_id: str, max_amount: int) -> None:
        """Choose another maximum for a VARIABLE agreement."""
        await self._act(
            agreement_id,
            lambda world, call: approvals.set_max_amount(world, call, agreement_id, max_amount),
        )

    async def is_described(self, **members: Any) -> None:
        """Be somebody in particular: a balance, a source, a birth date."""
        found = await self._house.find(Payer, self.phone_number)
        payer = found or made_up_payer(self.phone_number, self._shop.market.code)
        await self._house.put(payer.described(**members), self.phone_number)

    async def has(self, balance: int | None) -> None:
        """Have this much money; None for enough."""
        await self.is_described(balance=balance)

    async def pays_with(self, **source: Any) -> None:
        """Pay with another source."""
        await self.is_described(source=Source(**source))

    async def will_meet(self, *outcomes: Outcome) -> None:
        """Script what the next attempts on this payer will meet."""
        await self.is_described(outcomes=outcomes)

    async def leaves(self) -> None:
        """Delete the profile."""
        reply = await self._shop.raw("DELETE", f"/sandbox/payers/{self.phone_number}")
        assert reply.status == 204, reply.body

    async def balance(self) -> int | None:
        """How much money is left."""
        payer: Payer | None = await self._house.find(Payer, self.phone_number)
        assert payer is not None
        return payer.balance

    async def _act(self, agreement_id: str, decide: Callable[[World, Call], Any]) -> None:
        msn = self._shop.msn
        needs = Needs().of(Agreement, (msn, agreement_id)).of(Payer, (self.phone_number,))
        needs.open_charges(msn, agreement_id)
        agreement = await self._house.find(Agreement, msn, agreement_id)
        if agreement is not None and agreement.initial_charge_id is not None:
            needs.of(Charge, (msn, agreement.initial_charge_id))
        await self._house.do(decide, needs, msn)


class Clock:
    """The clock of one sales unit; it stands still between advances."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def now(self) -> datetime:
        """What it shows."""
        unit = await self._shop.house.parts.clocks.show(self._shop.msn)
        return unit.now(self._shop.house.parts.engine.real_now())

    async def advance(self, days: int = 0, **by: float) -> Advanced:
        """Let time pass: `days` of the market, then `hours`, `minutes`, `seconds`, `milliseconds`."""
        return await self._shop.house.parts.clocks.advance(
            self._shop.msn, days=days, by=timedelta(**by)
        )

    async def reaches(self, local: str) -> Advanced:
        """Let time pass until it is `yyyy-MM-dd HH:mm` in the market."""
        to = datetime.fromisoformat(local).replace(tzinfo=self._shop.market.zone).astimezone(UTC)
        return await self._shop.house.parts.clocks.advance(self._shop.msn, to=to)

    async def lets_work_be_done(self) -> None:
        """Do what is due this very moment, as the processing loop would."""
        await self._shop.house.parts.runs.catch_up(self._shop.msn, await self.now())

    async def jumps(self, **by: float) -> None:
        """Move it without doing anything on the way, as after a night in which nobody worked."""
        at = await self.now() + timedelta(**by)

        def decide(world: World, _call: Call) -> None:
            world.put(world.unit(self._shop.msn).frozen_at(at))

        await self._shop.house.do(decide, Needs().of(SalesUnit, (self._shop.msn,)))
