"""Every planted bug is found by a scenario, in seconds, and for a reason that has to do with it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.simulation.planted import BUGS
from tests.simulation.scenarios import all_played

FOUND = (AssertionError, sqlite3.IntegrityError)
"""A difference to the model, a violation of the audit, an impossible step, or the database's own refusal."""


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(
    name: str, loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BUGS[name].plant(monkeypatch)
    with pytest.raises(FOUND):
        all_played(loop, tmp_path)
