"""An answer is stored with its effect, and is the answer ever after (rulings §4)."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest

from avtale.charges.payments import Payment
from avtale.engine.command import Answer, Call, InProgress
from avtale.engine.rows import StoredAnswer
from avtale.engine.world import Needs, World
from avtale.payers import Payer, made_up_payer
from avtale.problems import ChargeCreationFailed, IdempotencyConflict
from avtale.storage.sqlite import SQLiteStorage
from tests.engine.motor import KARI, MSN, Counting, looks, opens, request, running
from tests.operations.workbench import Bench, created, open_payment_of

_count = itertools.count(1)


def counts(_world: World, _call: Call) -> int:
    """Another number each time it is really done."""
    return next(_count)


def a_payment() -> Payment:
    bench = Bench()
    return open_payment_of(bench, created(bench).claimed(f"{MSN}:november-1:CAPTURE:1"))


def waits(_world: World, _call: Call) -> InProgress:
    """The outcome is the gateway's to give."""
    return InProgress(a_payment())


async def test_the_same_request_is_done_once_and_answered_alike() -> None:
    async with running() as engine:
        await engine.submit(opens())
        first = await engine.submit(request(counts))
        again = await engine.submit(request(counts))
        assert first.answer == again.answer
        assert (first.replayed, again.replayed) == (False, True)
        assert again.happened == []


async def test_two_at_the_same_moment_are_one() -> None:
    storage = Counting()
    async with running(storage) as engine:
        await engine.submit(opens())
        answers = await asyncio.gather(*(engine.submit(request(counts)) for _ in range(64)))
        assert len({decided.answer for decided in answers}) == 1
        assert [decided.replayed for decided in answers] == [False] + [True] * 63
        assert storage.transactions == 2


async def test_the_same_key_with_another_body_is_a_conflict_and_changes_nothing() -> None:
    async with running() as engine:
        await engine.submit(opens())
        first = await engine.submit(request(counts, body="one"))
        other = await engine.submit(request(counts, body="two"))
        assert isinstance(other.problem, IdempotencyConflict)
        assert other.answer is None
        assert (await engine.submit(request(counts, body="one"))).answer == first.answer


@pytest.mark.parametrize(
    "different",
    [{"key": "key-2"}, {"path": "/y"}, {"method": "PATCH"}, {"variant": "v"}, {"msn": "654321"}],
)
async def test_a_key_is_known_within_unit_method_and_path(different: dict[str, Any]) -> None:
    async with running() as engine:
        await engine.submit(opens())
        await engine.submit(opens("654321"))
        first = await engine.submit(request(counts))
        second = await engine.submit(request(counts, body="two", **different))
        assert second.answer is not None
        assert second.answer != first.answer


async def test_a_refusal_is_stored_as_the_answer() -> None:
    world_changed = False

    def refuses_at_first(_world: World, _call: Call) -> str:
        if not world_changed:
            raise ChargeCreationFailed("The agreement is PENDING.")
        return "fine now"

    async with running() as engine:
        await engine.submit(opens())
        first = await engine.submit(request(refuses_at_first))
        assert first.answer is not None
        assert first.answer.status == 400
        world_changed = True
        again = await engine.submit(request(refuses_at_first))
        assert (again.answer, again.replayed) == (first.answer, True)
        fresh = await engine.submit(request(refuses_at_first, key="key-2"))
        assert fresh.answer == Answer(201, "fine now")


async def test_a_refusal_keeps_its_answer_and_nothing_of_its_work() -> None:
    def refuses_late(world: World, _call: Call) -> None:
        world.put(made_up_payer(KARI, "NO"))
        raise ChargeCreationFailed("No.")

    async with running() as engine:
        await engine.submit(opens())
        refused = await engine.submit(request(refuses_late, needs=Needs().of(Payer, (KARI,))))
        assert refused.answer is not None
        assert (await engine.submit(looks())).unwrap() is None


async def test_an_exception_is_not_stored_so_that_the_request_may_be_repeated() -> None:
    is_broken = True

    def breaks_at_first(_world: World, _call: Call) -> str:
        if is_broken:
            raise RuntimeError("a mistake of ours")
        return "fine now"

    async with running() as engine:
        await engine.submit(opens())
        with pytest.raises(RuntimeError):
            await engine.submit(request(breaks_at_first))
        is_broken = False
        again = await engine.submit(request(breaks_at_first))
        assert (again.answer, again.replayed) == (Answer(201, "fine now"), False)


async def test_the_effect_is_not_there_without_its_answer() -> None:
    def stores(world: World, _call: Call) -> str:
        world.put(made_up_payer(KARI, "NO"))
        return "done"

    def breaks(_result: Any) -> Answer:
        raise RuntimeError("the answer cannot be written")

    needs = Needs().of(Payer, (KARI,))
    async with running() as engine:
        await engine.submit(opens())
        with pytest.raises(RuntimeError):
            await engine.submit(request(stores, needs=needs, answer=breaks))
        assert (await engine.submit(looks())).unwrap() is None


# ── Answers that wait for the gateway ────────────────────────────────────────────────────────────


async def test_an_answer_that_waits_for_the_gateway_is_claimed() -> None:
    storage = SQLiteStorage(None)
    async with running(storage) as engine:
        await engine.submit(opens())
        first = await engine.submit(request(waits))
        assert first.claimed
        assert first.answer is None
        again = await engine.submit(request(counts))
        assert (again.claimed, again.answer, again.result) == (True, None, None)
        scope = (MSN, "POST", "/x", "key-1", "")
        stored = (await storage.look(Needs().of(StoredAnswer, scope))).get(StoredAnswer, *scope)
        assert (stored.state, stored.status, stored.body) == ("CLAIMED", None, None)


async def test_another_body_is_a_conflict_while_the_answer_waits_too() -> None:
    async with running() as engine:
        await engine.submit(opens())
        await engine.submit(request(waits, body="one"))
        other = await engine.submit(request(waits, body="two"))
        assert isinstance(other.problem, IdempotencyConflict)


async def test_whoever_waits_gets_the_answer_once_it_is_there() -> None:
    scope = (MSN, "POST", "/x", "key-1", "")

    def settles(world: World, _call: Call) -> None:
        stored = world.get(StoredAnswer, *scope)
        world.put(msgspec.structs.replace(stored, state="DONE", status=204, body=""))

    async with running() as engine:
        await engine.submit(opens())
        command = request(waits)
        await engine.submit(command)
        await engine.submit(request(settles, key="key-2", needs=Needs().of(StoredAnswer, scope)))
        final = await engine.submit(command)
        assert (final.claimed, final.answer) == (False, Answer(204, ""))
        assert not final.replayed, "it is the first time that this request is answered"
        assert (await engine.submit(request(waits))).replayed


async def test_the_command_knows_the_scope_of_its_waiting_answer() -> None:
    async with running() as engine:
        await engine.submit(opens())
        scope = await engine.submit(request(lambda _world, call: call.answers, path="/a/b"))
        assert scope.result == f"{MSN}\nPOST\n/a/b\nkey-1\n"
