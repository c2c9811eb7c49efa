"""What the guide to faults says can be typed, and it names all faults and statuses that there are."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from avtale.api.trouble import ERRORS
from avtale.faults import REQUEST_FAULTS, WEBHOOK_FAULTS
from avtale.testing.background import Background
from tests.cli.terminal import AVTALE, plain_environment

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "faults.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_every_command_can_be_typed(tmp_path: Path) -> None:
    text = GUIDE.read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 9
    server = Background()
    try:
        for line in lines:
            name, *words = shlex.split(line.replace("http://127.0.0.1:8080", server.url))
            command = [*AVTALE, *words] if name == "avtale" else [name, "-sS", "--fail", *words]
            ran = subprocess.run(
                command,
                cwd=tmp_path,
                env=plain_environment(AVTALE_URL=server.url),
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
    finally:
        server.stop()


def test_every_fault_is_explained() -> None:
    text = GUIDE.read_text("utf-8")
    explained = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    assert explained == [*REQUEST_FAULTS, *WEBHOOK_FAULTS]
    assert ", ".join(map(str, ERRORS)) in text
