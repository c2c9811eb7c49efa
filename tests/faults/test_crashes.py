"""Processes are killed in the middle of their work; what they acknowledged stays, and no charge is lost or doubled."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from avtale.auditing import audit
from tests.conftest import fresh_database
from tests.faults.campaigns import TAKEN_OVER, UNDER_WAY, Campaign
from tests.faults.processes import Part, Process

DEATHS = 20
DEATHS_ON_POSTGRESQL = 20
STANDSTILLS_ON_POSTGRESQL = 2
GENTLE_ENDS = 5
LEASE_SECONDS = 1.0


async def test_a_server_that_is_killed_again_and_again_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    campaign = Campaign(str(tmp_path / "avtale.db"), seed=20261102)
    await campaign.prepare(charges=1_500, days=DEATHS // 2)
    left_behind = 0
    for death in range(DEATHS):
        await campaign.move_clock(death)
        enough = await campaign.payments() + campaign.random.randint(1, 160)
        with _process("up", campaign.data, tmp_path) as server:
            if death % 2:
                await asyncio.to_thread(server.answers)
                await campaign.call([server], acks=campaign.random.randint(5, 60))
            else:
                await campaign.until_payments(enough)
            server.kill()
        left_behind += await campaign.read(UNDER_WAY) != [0]
    assert left_behind >= 3, "the server was hardly ever killed in the middle of a payment"
    with _process("up", campaign.data, tmp_path) as server:
        await _end_well(campaign, server)


async def test_a_server_that_is_asked_to_end_finishes_what_it_has_begun(tmp_path: Path) -> None:
    campaign = Campaign(str(tmp_path / "avtale.db"), seed=20261103)
    await campaign.prepare(charges=800, days=GENTLE_ENDS)
    for end in range(GENTLE_ENDS):
        await campaign.move_clock(2 * end)
        enough = await campaign.payments() + campaign.random.randint(1, 160)
        with _process("up", campaign.data, tmp_path) as server:
            await asyncio.to_thread(server.answers)
            await campaign.call([server], acks=campaign.random.randint(5, 40))
            calling = asyncio.create_task(campaign.call([server], acks=10_000))
            await campaign.until_payments(enough)
            assert await asyncio.to_thread(server.end) == 0
            await calling
        assert await campaign.read(UNDER_WAY) == [0]
    with _process("up", campaign.data, tmp_path) as server:
        await _end_well(campaign, server)


async def test_workers_that_die_or_stand_still_are_stood_in_for_by_the_others(
    postgresql_url: str, tmp_path: Path
) -> None:
    with fresh_database(postgresql_url) as url, ExitStack() as stack:
        campaign = Campaign(url, seed=20261104)
        troubles = DEATHS_ON_POSTGRESQL + STANDSTILLS_ON_POSTGRESQL
        await campaign.prepare(charges=1_800, days=troubles)

        def begin(part: Part) -> Process:
            return stack.enter_context(_process(part, url, tmp_path, lease_seconds=LEASE_SECONDS))

        workers, server = [begin("worker"), begin("worker")], begin("api")
        await asyncio.to_thread(server.answers)
        for trouble in range(troubles):
            calling = asyncio.create_task(campaign.call([server], acks=10))
            enough = await campaign.payments() + campaign.random.randint(1, 70)
            await campaign.move_clock(2 * trouble)
            await campaign.until_payments(enough)
            first = workers.pop(0)
            if trouble % (troubles // STANDSTILLS_ON_POSTGRESQL):
                first.kill()
                workers.append(begin("worker"))
            else:
                # It only stands still, and wakes when another has done its work.
                first.stand_still()
                await asyncio.sleep(2 * LEASE_SECONDS)
                first.go_on()
                workers.append(first)
            await calling
        await _end_well(campaign, server)
        assert await campaign.read(TAKEN_OVER) != [0], (
            "nobody was killed in the middle of a payment"
        )
        await campaign.close()
        assert [await asyncio.to_thread(worker.end) for worker in workers] == [0, 0]


async def _end_well(campaign: Campaign, server: Process) -> None:
    await asyncio.to_thread(server.answers)
    await campaign.call([server], acks=0)
    await campaign.come_to_rest([server])
    await campaign.replay_all([server])
    assert len(campaign.acks) == len(campaign.asked) > 20
    assert await asyncio.to_thread(server.end) == 0
    await campaign.require_sound_books()
    report = await asyncio.to_thread(audit, campaign.data, quiescent=True)
    assert report.ok, "\n".join(map(str, report.violations))


@contextmanager
def _process(
    part: Part, data: str, folder: Path, *, lease_seconds: float = 30.0
) -> Iterator[Process]:
    """A process whose batches are small, so that there is much to be in the middle of."""
    log = folder / f"{uuid.uuid4()}.log"
    process = Process(
        part, data, log, lease_seconds=lease_seconds, tick_seconds=0.02, run_batch_size=20
    )
    try:
        yield process
    finally:
        process.kill()
    assert process.trouble() == []
