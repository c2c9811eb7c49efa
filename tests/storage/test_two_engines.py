"""Two processes at one database: neither loses what the other did, and nobody acts twice."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from avtale.charges.charge import Charge
from avtale.engine.command import Call, Command
from avtale.engine.world import World
from avtale.storage.storage import Storage
from tests.storage.handling import (
    add,
    count_up,
    create_charge,
    engine_on,
    needs_of,
    opened,
    seen,
)
from tests.storage.samples import (
    MSN,
    agreement,
    charge,
    unit,
)


async def test_two_engines_lose_no_update(storage: Storage, database_url: str) -> None:
    """Reliability 2C-51: what one decided on is still so when it is written."""
    await add(storage, unit())
    counted = []
    async with opened(database_url) as another:
        engines = [engine_on(storage), engine_on(another)]
        for _ in range(20):
            both = await asyncio.gather(*(engine.submit(count_up()) for engine in engines))
            counted += [one.unwrap() for one in both]
    assert sorted(counted) == list(range(1, 41))
    [shop_now] = await seen(storage, unit())
    assert shop_now.clock_offset_ms == 40


async def test_two_engines_act_once_on_one_key(storage: Storage, database_url: str) -> None:
    """Reliability 2A-1: one acts, the other answers with the same bytes."""
    await add(storage, unit(), agreement())
    async with opened(database_url) as another:
        engines = [engine_on(storage), engine_on(another)]
        for n in range(20):
            commands = [create_charge(f"key-{n}", f"chr-{n}-{who}") for who in ("one", "two")]
            both = await asyncio.gather(
                *(engine.submit(command) for engine, command in zip(engines, commands, strict=True))
            )
            answers = {one.answer for one in both}
            assert len(answers) == 1, answers
            charges = await seen(storage, charge(f"chr-{n}-one"), charge(f"chr-{n}-two"))
            assert charges.count(None) == 1


async def test_two_engines_give_one_order_to_one_charge(
    storage: Storage, database_url: str
) -> None:
    """Reliability 2A-13: two keys, one order id; the second is told that it is taken."""
    await add(storage, unit(), agreement())
    async with opened(database_url) as another:
        engines = [engine_on(storage), engine_on(another)]
        for n in range(20):
            both = await asyncio.gather(
                *(
                    engine.submit(create_charge(f"key-{n}-{who}", f"chr-{n}"))
                    for who, engine in enumerate(engines)
                )
            )
            problems = [one.problem for one in both]
            assert sorted(type(problem).__name__ for problem in problems) == [
                "Conflict",
                "NoneType",
            ]


async def test_opposite_orders_are_no_deadlock_to_anyone(
    storage: Storage, database_url: str
) -> None:
    """Reliability 2C-49: rows are locked in one order, whoever asks for them in which."""
    many = [charge(f"chr-{n}") for n in range(8)]
    await add(storage, unit(), agreement(), *many)
    async with opened(database_url) as another:
        engines = [engine_on(storage), engine_on(another)]
        decided = await asyncio.gather(
            *(engines[n % 2].submit(touch(many, backwards=n % 3 == 0)) for n in range(60))
        )
    assert [one.problem for one in decided] == [None] * 60
    assert [one.attempts for one in await seen(storage, *many)] == [60] * 8


def touch(charges: list[Charge], *, backwards: bool) -> Command[None]:
    """One more attempt on each charge; some are named, the others come with their agreement."""
    named = charges[::-1] if backwards else charges[::2]

    def decide(world: World, call: Call) -> None:
        for one in world.open_charges(MSN, "agr_PremierL"):
            world.put(replace(one, attempts=one.attempts + 1))

    return Command("touch", decide, needs_of(*named).open_charges(MSN, "agr_PremierL"), MSN)
