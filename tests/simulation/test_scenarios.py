"""Every scenario agrees with the reference model, and together they walk every step of both lives."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from avtale.agreements import lifecycle as of_agreements
from avtale.charges import lifecycle as of_charges
from tests.conftest import fresh_database
from tests.simulation.books import OnServer
from tests.simulation.scenarios import SCENARIOS, Scenario, all_played, played
from tests.simulation.walking import Step, walking


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_real_thing_and_the_model_agree(
    scenario: Scenario, loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    played(scenario, loop, tmp_path)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_they_agree_on_postgresql_too(
    scenario: Scenario,
    loop: asyncio.AbstractEventLoop,
    tmp_path: Path,
    postgresql_url: str,
) -> None:
    with fresh_database(postgresql_url) as url:
        played(scenario, loop, tmp_path, OnServer(url))


def test_every_step_of_both_lives_is_walked(
    loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: set[Step] = {
        (status, happening)
        for lives in (of_agreements.LIFECYCLE, of_charges.LIFECYCLE)
        for status, ways in lives.items()
        for happening in ways
    }
    walked = walking(monkeypatch)
    all_played(loop, tmp_path)
    assert walked == steps
