"""Processes are killed in the middle of their work; what they acknowledged stays, and no charge is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from avtale.auditing import audit
from tests.conftest import fresh_database
from tests.faults.campaigns import UNDER_WAY, Campaign
from tests.faults.processes import Part, Process

DEATHS = 20
DEATHS_ON_POSTGRESQL = 6
GENTLE_ENDS = 5


async def test_a_server_that_is_killed_again_and_again_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    campaign = Campaign(str(tmp_path / "avtale.db"), seed=20261102)
    await campaign.prepare(charges=1_500, days=DEATHS // 2)
    left_behind = 0
    for death in range(DEATHS):
        await campaign.move_clock(death)
        with _process("up", campaign.data, tmp_path, run_batch_size=20) as server:
            if death % 2:
                await asyncio.to_thread(server.answers)
                enough = len(campaign.acks) + campaign.random.randint(5, 60)
                await campaign.call_until(
                    [server], lambda enough=enough: len(campaign.acks) >= enough
                )
            else:
                more = campaign.random.randint(1, 160)
                await campaign.until_payments(more, patience_seconds=3)
            server.kill()
        [open_] = await campaign.read(UNDER_WAY)
        left_behind += open_ > 0
    assert left_behind >= 3, "the server was hardly ever killed in the middle of a payment"
    with _process("up", campaign.data, tmp_path) as server:
        await _end_well(campaign, server)


async def _end_well(campaign: Campaign, server: Process) -> None:
    await asyncio.to_thread(server.answers)
    await campaign.call_until([server], lambda: True)
    await campaign.come_to_rest([server])
    await campaign.replay_all([server])
    assert len(campaign.acks) == len(campaign.asked) > 100
    assert await asyncio.to_thread(server.end) == 0
    await campaign.require_sound_books()
    report = await asyncio.to_thread(audit, campaign.data, quiescent=True)
    assert report.ok, "\n".join(map(str, report.violations))


@contextmanager
def _process(
    part: Part, data: str, folder: Path, *, lease_seconds: float = 30.0, **settings: Any
) -> Iterator[Process]:
    process = Process(
        part,
        data,
        folder / f"{part}.log",
        lease_seconds=lease_seconds,
        tick_seconds=0.02,
        **settings,
    )
    try:
        yield process
    finally:
        process.kill()
    assert process.trouble() == []
