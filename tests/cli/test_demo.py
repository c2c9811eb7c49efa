"""`avtale demo` goes as told, whatever the time of day, and leaves nothing behind."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from avtale.cli import demo, main
from tests.cli.terminal import Merchant, Running, avtale

GUIDE = (
    "Get an access token",
    "Create a minimal agreement",
    "Create an agreement with an initial charge",
    "Create an agreement with a reserve capture",
    "Get a list of agreements",
    "Update an agreement",
    "Stop an agreement",
    "Create a charge",
    "Get a list of charges for an agreement",
    "Cancel a charge",
    "Refund a charge",
    "Capture reserved charge",
)
"""The headings of the guide; it shows userinfo besides, which is not here yet."""


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What it prints; neither the installation's settings nor its data are touched."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "avtale.toml").write_text("[server]\nprot = 1\n")
    ran = avtale("demo", folder=folder, AVTALE_ENVIRONMENT="production", AVTALE_DATA="/nowhere/x")
    assert (ran.code, ran.err) == (0, "")
    assert [path.name for path in folder.iterdir()] == ["avtale.toml"]
    return ran.out


def test_walks_through_every_heading_of_the_guide(screen: str) -> None:
    missing = [heading for heading in GUIDE if heading not in screen]
    assert not missing
    assert "Everything went as told" in screen
    assert "avtale up" in screen
    assert "\x1b" not in screen


def test_shows_each_request_its_answer_and_the_date_on_the_clock(screen: str) -> None:
    requests = re.findall(r"^    (?:GET|POST|PATCH|DELETE) +/\S+", screen, re.MULTILINE)
    answers = re.findall(r"^    2\d\d +\S", screen, re.MULTILINE)
    assert len(requests) == len(answers) == int(re.findall(r"(\d+) requests", screen)[0])
    steps = re.findall(r"^ ?\d+\. .* \w{3} \d\d \w{3} \d{4}, (\d\d:\d\d)$", screen, re.MULTILINE)
    assert len(steps) == int(re.findall(r"(\d+) steps", screen)[0])
    assert set(steps[1:]) == {"06:00"}


def test_a_charge_fails_twice_and_then_is_paid(screen: str) -> None:
    failing = screen[screen.index("fails twice") : screen.index("reserve capture")]
    assert failing.count("was declined") == 2
    assert failing.index("is DUE") < failing.index("was captured") < failing.index("is CHARGED")


def test_stops_where_it_does_not_go_as_told(
    server: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another demo has been here: there are more agreements than it knows of."""

    @contextmanager
    def this_server() -> Iterator[str]:
        yield server.url

    monkeypatch.setattr(demo, "_server", this_server)
    merchant = Merchant(server.url, server.told["keys"])
    agreement_id = merchant.draft()
    server.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", {})
    assert main(["demo"]) == 1
    said = capsys.readouterr()
    assert "the number of ACTIVE agreements is 3, not 2" in said.err
    assert "Everything went as told" not in said.out
