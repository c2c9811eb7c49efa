"""Work goes on to its end even where whoever asked for it has gone away."""

import asyncio

import pytest

from avtale.processing.lasting import see_through


async def test_the_result_comes_to_whoever_waits() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await see_through(work()) == "done"


async def test_an_error_comes_to_whoever_waits() -> None:
    async def work() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        await see_through(work())


async def test_work_that_nobody_waits_for_any_more_goes_on() -> None:
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await may_end.wait()
        ended.set()

    waiting = asyncio.create_task(see_through(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not ended.is_set()
    may_end.set()
    await asyncio.wait_for(ended.wait(), 1)


async def test_the_error_of_work_that_nobody_waits_for_is_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    may_end = asyncio.Event()

    async def work() -> None:
        await may_end.wait()
        raise LookupError("the unit was erased")

    waiting = asyncio.create_task(see_through(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_end.set()
    await asyncio.sleep(0.01)
    assert "the unit was erased" in capsys.readouterr().err
