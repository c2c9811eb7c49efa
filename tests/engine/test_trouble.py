"""Trouble: a full queue, a row that was taken meanwhile, a database that is gone and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from avtale.engine.command import Call, Command
from avtale.engine.engine import StorageDown
from avtale.engine.world import Needs, World
from avtale.payers import Payer, made_up_payer
from avtale.problems import Unavailable
from avtale.server import storage_for
from avtale.storage.sqlite import SQLiteStorage
from tests.engine.motor import (
    KARI,
    OLA,
    Counting,
    arrives,
    looks,
    opens,
    outcomes,
    request,
    running,
    these_seeds,
)


def newcomer() -> Command[str]:
    """Somebody arrives whose number is drawn, so that nobody could look whether it is free."""

    def decide(world: World, call: Call) -> str:
        number = str(int.from_bytes(call.randomness.take(5), "big"))
        world.put(made_up_payer(number, "NO"))
        return number

    return Command("newcomer", decide, Needs())


def barges_in() -> Command[None]:
    """Somebody arrives under a number that was taken, and never looks."""
    kari = made_up_payer(KARI, "NO")
    return Command("barges_in", lambda world, _call: world.put(kari), Needs())


def fill_the_disk(storage: SQLiteStorage) -> None:
    """Leave room for two pages more, until somebody connects anew."""
    writer = storage._writer
    assert writer is not None
    [(pages,)] = writer.execute("PRAGMA page_count").fetchall()
    writer.execute(f"PRAGMA max_page_count = {pages + 2}")


# ── A full queue ─────────────────────────────────────────────────────────────────────────────────


async def test_a_full_queue_says_when_to_come_back() -> None:
    async with running(queue_size=2) as engine:
        taken = [asyncio.create_task(engine.submit(looks())) for _ in range(2)]
        await asyncio.sleep(0)
        if engine.queued < 2:
            pytest.fail("the queue was emptied before anybody could be refused")
        with pytest.raises(Unavailable) as refusal:
            await engine.submit(looks())
        assert refusal.value.retry_after_seconds == 1
        await asyncio.gather(*taken)
        assert (await engine.submit(looks())).unwrap() is None


# ── Taken ────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_taken_meanwhile_is_decided_again() -> None:
    async with running(seed=these_seeds(b"same", b"same")) as engine:
        first = (await engine.submit(newcomer())).unwrap()
        second = (await engine.submit(newcomer())).unwrap()
        assert first != second
        for number in (first, second):
            assert (await engine.submit(looks(number))).unwrap() is not None


async def test_a_batch_with_one_that_was_taken_is_decided_one_by_one() -> None:
    storage = Counting()
    async with running(storage, seed=these_seeds(b"same", b"same", b"same")) as engine:
        first = (await engine.submit(newcomer())).unwrap()
        before = storage.transactions
        second, third, ola = await asyncio.gather(
            engine.submit(newcomer()), engine.submit(newcomer()), engine.submit(arrives(OLA))
        )
        assert len({first, second.unwrap(), third.unwrap()}) == 3
        assert ola.unwrap().phone_number == OLA
        assert storage.transactions > before + 3


async def test_who_is_never_let_in_is_told_to_come_back_and_holds_nobody_up() -> None:
    async with running() as engine:
        await engine.submit(arrives())
        stubborn, ola = await outcomes(engine, barges_in(), arrives(OLA))
        assert isinstance(stubborn, Unavailable)
        assert not isinstance(ola, BaseException)
        assert (await engine.submit(looks(OLA))).unwrap() is not None


async def test_two_engines_on_one_database_let_the_first_one_win(database_url: str) -> None:
    async with running(storage_for(database_url)) as one, running(storage_for(database_url)) as two:
        await one.submit(opens())

        def counts(world: World, _call: Call) -> int:
            payer = world.find(Payer, KARI) or made_up_payer(KARI, "NO")
            payer = msgspec.structs.replace(payer, balance=(payer.balance or 0) + 1)
            world.put(payer)
            return payer.balance or 0

        needs = [Needs().of(Payer, (KARI,)) for _ in range(40)]
        engines = [one, two] * 20
        await asyncio.gather(
            *(
                engine.submit(Command("count", counts, need))
                for engine, need in zip(engines, needs, strict=True)
            )
        )
        kari = (await one.submit(looks())).unwrap()
        assert kari is not None
        assert kari.balance == 40


async def test_a_request_at_two_engines_at_once_is_done_once(database_url: str) -> None:
    async with running(storage_for(database_url)) as one, running(storage_for(database_url)) as two:
        await one.submit(opens())
        done: list[str] = []

        def work(_world: World, call: Call) -> str:
            number = call.randomness.take(8).hex()
            done.append(number)
            return number

        answers = await asyncio.gather(
            *(engine.submit(request(work)) for _ in range(16) for engine in (one, two))
        )
        assert len({decided.answer for decided in answers}) == 1
        assert sum(not decided.replayed for decided in answers) == 1


# ── The database is gone ─────────────────────────────────────────────────────────────────────────


async def test_a_database_that_is_gone_is_unavailable_and_fine_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "avtale.db"
    async with running(SQLiteStorage(str(path))) as engine:
        await engine.submit(arrives())
        away = path.rename(tmp_path / "elsewhere.db")
        answers = await outcomes(engine, arrives(OLA), looks())
        for answer in answers:
            assert isinstance(answer, Unavailable)
            assert answer.retry_after_seconds == 2
            assert str(tmp_path) not in answer.detail, "where the data is, is nobody's business"
        away.rename(path)
        assert (await engine.submit(looks())).unwrap() is not None
        assert (await engine.submit(looks(OLA))).unwrap() is None
        assert (await engine.submit(arrives(OLA))).unwrap().phone_number == OLA


async def test_a_disk_that_is_full_writes_nothing_of_a_batch(tmp_path: Path) -> None:
    storage = SQLiteStorage(str(tmp_path / "avtale.db"))
    async with running(storage) as engine:
        await engine.submit(arrives())
        fill_the_disk(storage)
        crowd = [f"47{number:08}" for number in range(200)]
        answers = await outcomes(engine, *map(arrives, crowd))
        assert {type(answer) for answer in answers} == {Unavailable}
        assert (await engine.submit(looks(crowd[0]))).unwrap() is None
        assert (await engine.submit(arrives(OLA))).unwrap().phone_number == OLA


async def test_a_request_that_met_a_database_that_was_gone_may_be_repeated(tmp_path: Path) -> None:
    path = tmp_path / "avtale.db"
    async with running(SQLiteStorage(str(path))) as engine:
        await engine.submit(opens())
        away = path.rename(tmp_path / "elsewhere.db")
        with pytest.raises(Unavailable):
            await engine.submit(request(lambda _world, _call: "done"))
        away.rename(path)
        again = await engine.submit(request(lambda _world, _call: "done"))
        assert (again.result, again.replayed) == ("done", False)


async def test_a_database_that_cannot_be_opened_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(StorageDown):
        await SQLiteStorage(str(tmp_path / "no" / "such" / "folder.db")).open()
