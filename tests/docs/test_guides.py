"""What the guides say can be typed: commands are run, and Python is run, as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from avtale.testing.background import Background
from avtale.webhooks.samples import SAMPLES
from avtale.webhooks.signing import signed_headers
from avtale.webhooks.verification import NotVerified
from tests.cli.terminal import AVTALE, plain_environment

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = DOCS / "guides"
DEFAULT = "http://127.0.0.1:8080"


def blocks(name: str, language: str) -> list[str]:
    text = (GUIDES / name).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A fresh sandbox, with the public keys that the guides use."""
    server = Background()
    yield server.url
    server.stop()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_every_command_of_approving_can_be_typed(url: str, tmp_path: Path) -> None:
    lines = [line for block in blocks("approving.md", "sh") for line in block.splitlines()]
    assert len(lines) > 10
    agreement_id = ""
    for line in lines:
        words = shlex.split(line.replace("agr_…", agreement_id).replace(DEFAULT, url))
        if "approve" in line and "curl" in line:
            # The one that was approved by command was stopped by command; here comes the next.
            agreement_id = drafted(url, tmp_path)
            words = shlex.split(line.replace("agr_…", agreement_id).replace(DEFAULT, url))
        elif "reject" in line:
            agreement_id = drafted(url, tmp_path)
            words = shlex.split(line.replace("agr_…", agreement_id).replace(DEFAULT, url))
        said = run(words, url, tmp_path)
        if found := re.search(r"agr_\w+", said):
            agreement_id = found[0]
    assert agreement_id


def drafted(url: str, folder: Path) -> str:
    (first, *_) = blocks("approving.md", "sh")
    found = re.search(r"agr_\w+", run(shlex.split(first), url, folder))
    assert found is not None
    return found[0]


def run(words: list[str], url: str, folder: Path) -> str:
    command = [*AVTALE, *words[1:]] if words[0] == "avtale" else [*words, "--fail-with-body"]
    ran = subprocess.run(
        command,
        cwd=folder,
        env=plain_environment(AVTALE_URL=url),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
    return ran.stdout


TESTS = [
    "testing.md",
    "retries.md",
    "amounts.md",
    "reserving.md",
    "snapshots.md",
    "../tutorial.md",
]


def test_the_tests_in_the_guides_pass(tmp_path: Path) -> None:
    written = 0
    for page in TESTS:
        for block in blocks(page, "python"):
            (tmp_path / f"test_{written}.py").write_text(block, "utf-8")
            written += 1
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert written == 8


@pytest.mark.parametrize("page", ["../tutorial.md", "going-live.md", "snapshots.md", "webhooks.md"])
def test_the_commands_of_a_guide_can_be_typed(page: str, url: str, tmp_path: Path) -> None:
    agreement_id = ""
    due = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
    for line in (line for block in blocks(page, "sh") for line in block.splitlines()):
        words = shlex.split(
            line.replace("agr_…", agreement_id).replace("DAY", due).replace(DEFAULT, url)
        )
        if found := re.search(r"agr_\w+", run(words, url, tmp_path)):
            agreement_id = found[0]


def test_the_python_of_the_client_runs(url: str, tmp_path: Path) -> None:
    script = "\n".join(blocks("client.md", "python")).replace(DEFAULT, url)
    # What is not drawn out there is not due either.
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "/landing?" in ran.stdout
    assert "400" in ran.stdout or "404" in ran.stdout


@pytest.mark.parametrize(
    "page", ["../tutorial.md", *sorted(path.name for path in GUIDES.glob("*.md"))]
)
def test_every_picture_and_page_that_a_guide_names_is_there(page: str) -> None:
    text = (GUIDES / page).read_text("utf-8")
    targets = re.findall(r'src="([^"]+)"', text) + re.findall(r"\]\(([^)#]+)", text)
    for target in targets:
        if not target.startswith("http"):
            assert ((GUIDES / page).parent / target).exists(), target


def test_the_receiver_of_the_guide_takes_in_what_is_signed_and_nothing_else() -> None:
    receiver: dict[str, Any] = {}
    exec("\n".join(blocks("webhooks.md", "python")), receiver)
    at = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    event = next(iter(SAMPLES.values()))
    url, sent = "https://shop.example/hook", event.body.encode()
    headers = signed_headers(url, sent, "secret", at, webhook_id="1")
    assert receiver["received"](sent, headers, "secret") == event.event_type
    with pytest.raises(NotVerified):
        receiver["received"](sent, headers, "another")
