"""Commands that wait together share a transaction: each sees what came before it, and fails alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement
from avtale.engine.command import Call, Command, Decided
from avtale.engine.world import Needs, NotLoaded, World
from avtale.events import AgreementHappened
from avtale.payers import made_up_payer
from avtale.problems import Conflict, Refused, Unavailable
from tests.engine.motor import (
    KARI,
    MSN,
    NOW,
    OLA,
    Counting,
    arrives,
    earns,
    looks,
    of_payer,
    opens,
    outcomes,
    running,
)
from tests.operations.workbench import Bench, drafted


def refuses(world: World, _call: Call) -> None:
    """Write something, and think better of it."""
    world.put(made_up_payer(OLA, "NO"))
    raise Refused("No.")


def breaks(world: World, _call: Call) -> None:
    """Write something, and break."""
    world.put(made_up_payer(OLA, "NO"))
    raise RuntimeError("a mistake of ours")


def contradicts(world: World, _call: Call) -> None:
    """Write what the database does not take."""
    world.put(msgspec.structs.replace(made_up_payer(OLA, "NO"), balance=-1))


def log_of(storage: Counting) -> int:
    """How many bytes the database's log has."""
    return Path(f"{storage.path}-wal").stat().st_size


# ── Together ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_command_alone_is_one_transaction() -> None:
    storage = Counting()
    async with running(storage) as engine:
        decided = await engine.submit(arrives())
        assert decided.unwrap().phone_number == KARI
        assert storage.transactions == 1


async def test_commands_that_wait_together_share_a_transaction() -> None:
    storage = Counting()
    async with running(storage) as engine:
        await asyncio.gather(*(engine.submit(arrives(f"47{n:08}")) for n in range(200)))
        assert storage.transactions == 1


async def test_no_batch_is_larger_than_its_size() -> None:
    storage = Counting()
    async with running(storage, batch_size=64) as engine:
        await asyncio.gather(*(engine.submit(arrives(f"47{n:08}")) for n in range(200)))
        assert storage.transactions == 4


async def test_a_later_command_sees_what_an_earlier_one_did() -> None:
    async with running() as engine:
        answers = await asyncio.gather(
            engine.submit(looks()),
            engine.submit(arrives()),
            engine.submit(earns(100)),
            engine.submit(earns(20)),
        )
        assert answers[0].unwrap() is None
        assert [answer.unwrap() for answer in answers[2:]] == [100, 120]
        kari = (await engine.submit(looks())).unwrap()
        assert kari is not None
        assert kari.balance == 120


async def test_a_refusal_undoes_only_itself() -> None:
    async with running() as engine:
        _, refused, earned = await asyncio.gather(
            engine.submit(arrives()),
            engine.submit(of_payer(refuses, OLA)),
            engine.submit(earns(100)),
        )
        assert isinstance(refused.problem, Refused)
        with pytest.raises(Refused):
            refused.unwrap()
        assert earned.unwrap() == 100
        assert (await engine.submit(looks(OLA))).unwrap() is None


async def test_an_exception_fails_only_its_own_command() -> None:
    async with running() as engine:
        first, broken, last = await outcomes(engine, arrives(), of_payer(breaks, OLA), earns(100))
        assert isinstance(first, Decided)
        assert isinstance(broken, RuntimeError)
        assert isinstance(last, Decided)
        assert last.unwrap() == 100
        assert (await engine.submit(looks(OLA))).unwrap() is None


async def test_what_the_database_does_not_take_fails_only_its_own_command() -> None:
    async with running() as engine:
        first, broken, last = await outcomes(
            engine, arrives(), of_payer(contradicts, OLA), earns(100)
        )
        assert isinstance(first, Decided)
        assert isinstance(broken, Exception)
        assert isinstance(last, Decided)
        assert last.unwrap() == 100


async def test_a_command_that_did_not_say_what_it_needs_fails_alone() -> None:
    def forgetful(world: World, _call: Call) -> Any:
        return world.find(Agreement, MSN, "agr_1")

    async with running() as engine:
        broken, fine = await outcomes(engine, of_payer(forgetful), arrives())
        assert isinstance(broken, NotLoaded)
        assert isinstance(fine, Decided)


# ── When it is answered ──────────────────────────────────────────────────────────────────────────


async def test_nothing_is_answered_before_it_is_committed(tmp_path: Path) -> None:
    storage = Counting(str(tmp_path / "avtale.db"))
    async with running(storage) as engine:

        async def ask(phone_number: str) -> None:
            await engine.submit(arrives(phone_number))
            storage.log.append("answered")

        await asyncio.gather(ask(KARI), ask(OLA))
        assert storage.log == ["committed", "answered", "answered"]


async def test_a_command_goes_through_though_nobody_waits_for_it_any_more() -> None:
    async with running() as engine:
        impatient = asyncio.create_task(engine.submit(arrives()))
        await asyncio.sleep(0)
        impatient.cancel()
        await engine.drain()
        assert (await engine.submit(looks())).unwrap() is not None


async def test_each_command_is_told_what_happened_in_it_and_nothing_else() -> None:
    agreement = drafted(Bench())

    def tells(_world: World, _call: Call) -> None:
        _world.happened.append(AgreementHappened("updated", NOW, agreement, "MERCHANT"))

    def tells_and_refuses(world: World, call: Call) -> None:
        tells(world, call)
        raise Conflict("No.")

    heard: list[Decided[Any]] = []
    async with running() as engine:
        engine.listeners.append(heard.extend)
        one, none, two = await asyncio.gather(
            engine.submit(of_payer(tells)),
            engine.submit(of_payer(tells_and_refuses)),
            engine.submit(of_payer(tells)),
        )
        assert [len(each.happened) for each in (one, none, two)] == [1, 0, 1]
        assert heard == [one, none, two], "listeners hear of a batch in its order"


# ── What a command is given ──────────────────────────────────────────────────────────────────────


async def test_a_command_is_given_the_time_of_its_unit_and_real_time_beside_it() -> None:
    in_a_year = NOW + timedelta(days=365)
    async with running() as engine:
        await engine.submit(opens(at=in_a_year))
        command = Command("test", lambda _world, call: (call.now, call.real_now), Needs(), MSN)
        assert (await engine.submit(command)).unwrap() == (in_a_year, NOW)
        without_unit = of_payer(lambda _world, call: (call.now, call.real_now))
        assert (await engine.submit(without_unit)).unwrap() == (NOW, NOW)


async def test_a_command_of_a_batch_sees_the_clock_that_an_earlier_one_has_moved() -> None:
    in_a_year = NOW + timedelta(days=365)
    async with running() as engine:
        _, answer = await asyncio.gather(
            engine.submit(opens(at=in_a_year)),
            engine.submit(Command("test", lambda _world, call: call.now, Needs(), MSN)),
        )
        assert answer.unwrap() == in_a_year


async def test_no_two_commands_of_a_batch_draw_the_same_randomness() -> None:
    draws = of_payer(lambda _world, call: call.randomness.take(16))
    async with running() as engine:
        drawn = await asyncio.gather(*(engine.submit(draws) for _ in range(100)))
        assert len({each.unwrap() for each in drawn}) == 100


async def test_a_command_of_a_unit_that_is_gone_is_unavailable() -> None:
    async with running() as engine:
        with pytest.raises(Unavailable, match=MSN):
            await engine.submit(Command("test", lambda _world, _call: None, Needs(), MSN))


async def test_a_batch_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    storage = Counting(str(tmp_path / "avtale.db"))
    async with running(storage) as engine:
        await engine.submit(arrives())
        before = log_of(storage)
        await asyncio.gather(*(engine.submit(looks()) for _ in range(10)))
        assert log_of(storage) == before
        await engine.submit(earns(100))
        assert log_of(storage) > before
