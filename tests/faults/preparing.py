"""A database with many charges that are due tomorrow, made by the operations themselves, as fast as they go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from avtale.agreements.agreement import Agreement
from avtale.api.answers import json_answer, no_content
from avtale.api.links import LANDING_MARK
from avtale.charges.charge import Charge
from avtale.engine.command import Answer, Asked, Command
from avtale.engine.world import Needs
from avtale.operations.agreements import draft_agreement
from avtale.operations.approvals import accept_agreement
from avtale.operations.charges import create_charge
from avtale.operations.sales_units import PUBLIC_UNIT
from avtale.payers import Outcome, Payer, made_up_payer
from avtale.sales_units import SalesUnit
from avtale.wire.agreements import DraftAgreement, DraftAgreementAnswer
from avtale.wire.charges import CreateCharge, CreateChargeAnswer
from avtale.wire.terms import PricingRequest
from tests.support import House, installation

OSLO = ZoneInfo("Europe/Oslo")
TODAY = date(2026, 11, 2)
AT_ONCE = 2000


class Due(NamedTuple):
    """A charge to be made: which agreement's, so many days after TODAY, and how it goes."""

    agreement: int
    days: int
    amount: int
    transaction_type: str = "DIRECT_CAPTURE"
    retry_days: int = 0


class Person(NamedTuple):
    """A payer to be made, who has one agreement."""

    balance: int
    outcomes: tuple[Outcome, ...] = ()


async def prepare(data: str, people: Sequence[Person], charges: Sequence[Due]) -> list[str]:
    """Make it all, the clock standing at noon of TODAY; answers with the ids of the agreements, a person each."""
    async with installation(data, batch_size=AT_ONCE) as house:
        await set_clock(house, TODAY, 12)
        ids = [await _agreement(house, number, person) for number, person in enumerate(people)]
        for first in range(0, len(charges), AT_ONCE):
            chosen = enumerate(charges[first : first + AT_ONCE], first)
            await asyncio.gather(
                *(_create(house, ids[due.agreement], number, due) for number, due in chosen)
            )
        return ids


async def set_clock(house: House, day: date, hour: int, *, later: timedelta = timedelta()) -> None:
    """Let the clock stand at a wall time; nothing is done on the way."""
    at = datetime(day.year, day.month, day.day, hour, tzinfo=OSLO) + later
    needs = Needs().of(SalesUnit, (PUBLIC_UNIT,))
    await house.do(
        lambda world, call: world.put(world.unit(PUBLIC_UNIT).frozen_at(at)), needs, None
    )


async def move_clock(data: str, day: date, hour: int, *, later: timedelta = timedelta()) -> None:
    """The same, from outside of whoever serves the data."""
    async with installation(data) as house:
        await set_clock(house, day, hour, later=later)


async def _agreement(house: House, number: int, person: Person) -> str:
    phone = f"479000{number:04}"
    payer = msgspec.structs.replace(
        made_up_payer(phone, "NO"), balance=person.balance, outcomes=person.outcomes
    )
    await house.put(payer, phone)
    body = DraftAgreement(
        pricing=PricingRequest(type="FLEXIBLE", currency="NOK"),
        merchant_redirect_url="https://nordic.example/thanks",
        merchant_agreement_url="https://nordic.example/me",
        product_name="Premier League",
    )
    drafted: list[str] = []

    def answer(agreement: Agreement) -> Answer:
        drafted.append(agreement.agreement_id)
        url = f"https://nordic.example/landing?v=2&token={LANDING_MARK}"
        return json_answer(
            201, DraftAgreementAnswer(agreement.agreement_id, agreement.uuid, url, None)
        )

    await house.parts.engine.submit(
        Command(
            "draft_agreement",
            lambda world, call: draft_agreement(world, call, body),
            Needs(),
            PUBLIC_UNIT,
            asked=_asked("POST", "/recurring/v3/agreements", f"draft-{number}"),
            answer=answer,
        )
    )
    [agreement_id] = drafted
    decided = await house.parts.engine.submit(
        Command(
            "accept_agreement",
            lambda world, call: accept_agreement(world, call, agreement_id, phone),
            Needs().of(Agreement, (PUBLIC_UNIT, agreement_id)).of(Payer, (phone,)),
            PUBLIC_UNIT,
            asked=_asked("PATCH", f"/recurring/v3/agreements/{agreement_id}/accept", "accept"),
            answer=no_content,
        )
    )
    decided.unwrap()
    return agreement_id


async def _create(house: House, agreement_id: str, number: int, due: Due) -> None:
    body = msgspec.convert(
        {
            "amount": due.amount,
            "description": "November",
            "transactionType": due.transaction_type,
            "due": (TODAY + timedelta(days=due.days)).isoformat(),
            "retryDays": due.retry_days,
            "orderId": f"order-{number}",
        },
        CreateCharge,
    )
    needs = Needs().of(Agreement, (PUBLIC_UNIT, agreement_id))
    path = f"/recurring/v3/agreements/{agreement_id}/charges"
    decided = await house.parts.engine.submit(
        Command(
            "create_charge",
            lambda world, call: create_charge(world, call, agreement_id, body),
            needs.of(Charge, (PUBLIC_UNIT, f"order-{number}")),
            PUBLIC_UNIT,
            asked=_asked("POST", path, f"create-{number}"),
            answer=lambda charge: json_answer(201, CreateChargeAnswer(charge.charge_id)),
        )
    )
    decided.unwrap()


def _asked(method: str, path: str, key: str) -> Asked:
    return Asked(method, path, key, "", "prepared", "prepared")
