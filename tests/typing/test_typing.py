"""Users' own code is checked by their type checkers: the client tells them what it takes and what it gives."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYRIGHT = HERE / "node_modules" / ".bin" / "pyright"


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


def pyright(name: str) -> list[str]:
    """What pyright says of a file."""
    checked = subprocess.run(
        [str(PYRIGHT), "--pythonpath", sys.executable, name],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [line for line in checked.stdout.splitlines() if " - error:" in line]


CHECKERS = [
    mypy,
    pytest.param(
        pyright,
        marks=pytest.mark.skipif(
            not PYRIGHT.exists(), reason="pyright is not here: it comes with Node.js and npm"
        ),
    ),
]


@pytest.mark.parametrize("checker", CHECKERS)
def test_good_code_is_good(checker: Callable[[str], list[str]]) -> None:
    assert checker("good.py") == []


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_mistake_is_found_on_its_line(checker: Callable[[str], list[str]]) -> None:
    lines = (HERE / "bad.py").read_text("utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    found = {
        int(match[1]) for line in checker("bad.py") if (match := re.search(r"bad\.py:(\d+):", line))
    }
    assert found == wrong
