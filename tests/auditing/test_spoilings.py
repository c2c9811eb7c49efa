"""Each invariant is broken by hand, and exactly that one is named."""

from pathlib import Path

import pytest

from avtale.auditing import INVARIANTS, audit
from tests.auditing.spoilings import SPOILINGS, Spoiling, spoiled


@pytest.mark.parametrize("spoiling", SPOILINGS, ids=lambda each: f"{each.id}: {each.what}")
def test_what_is_broken_is_named_and_nothing_else(
    spoiling: Spoiling, good: Path, rested: Path, tmp_path: Path
) -> None:
    quiescent = "quiescent" in spoiling.how
    path = spoiled(rested if quiescent else good, spoiling, tmp_path / "spoiled.db")
    report = audit(str(path), quiescent=quiescent)
    assert [violation.id for violation in report.violations] == [spoiling.id], report.violations
    assert not report.ok
    assert report.violations[0].count >= len(report.violations[0].rows) >= 1


def test_every_invariant_has_been_broken_by_hand() -> None:
    # What waits is many things at once; the story itself leaves it so, see test_auditor.
    together = {"L-1", "L-2", "L-6"}
    assert {each.id for each in SPOILINGS} | together == {each.id for each in INVARIANTS}
