"""Users' own code is checked by their type checkers: the client tells them what it takes and what it gives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def mypy(name: str) -> list[str]:
    """What mypy says of a file, strictly."""
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--no-error-summary", name],
        cwd=HERE,
        env={"MYPYPATH": "", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.stderr == ""
    return [line for line in checked.stdout.splitlines() if ": error:" in line]


def test_good_code_is_good() -> None:
    assert mypy("good.py") == []


def test_every_mistake_is_found_on_its_line() -> None:
    lines = (HERE / "bad.py").read_text("utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    found = {
        int(match[1]) for line in mypy("bad.py") if (match := re.match(r"bad\.py:(\d+):", line))
    }
    assert found == wrong
