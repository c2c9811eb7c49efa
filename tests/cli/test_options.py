"""The options of `up`, `api` and `worker` are the settings, however they are read."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avtale.cli import quick, serving
from avtale.configuration import Settings, described, load

PLAIN = [
    [],
    ["--json"],
    ["--quiet", "--port", "0"],
    ["--port=9000", "--data", "memory:"],
    ["--data", "postgresql://avtale@localhost/avtale?host=/run", "--expose"],
    ["--environment", "production", "--public-url", "https://pay.example.com"],
    ["--vendor-limits", "--log-level", "debug", "--tick-seconds", "0.25", "--batch-size", "10"],
]
NOT_PLAIN = [
    ["--help"],
    ["-h"],
    ["--no-expose"],
    ["--expose=true"],
    ["--prot", "9000"],
    ["--port"],
    ["--port", "--json"],
    ["--public_url", "https://pay.example.com"],
    ["--port", "1", "--port", "2"],
    ["--json", "--json"],
    ["9000"],
    ["--"],
]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], dict[str, Any]]:
    """What the library that reads command lines would have called `run` with."""
    calls: list[dict[str, Any]] = []

    def record(_part: str, given: dict[str, Any], **output: bool) -> int:
        calls.append({"settings": load(given, environment={}), **output})
        return 0

    monkeypatch.setattr(serving, "run", record)

    def call(words: list[str]) -> dict[str, Any]:
        serving.up(words, exit_on_error=False, result_action="return_value")
        return calls.pop()

    return call


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_plain_words_are_read_at_once_as_the_library_reads_them(
    words: list[str], called: Callable[[list[str]], dict[str, Any]]
) -> None:
    given = quick.read(words)
    assert given is not None
    assert called(words) == {
        "settings": load(given.settings, environment={}),
        "as_json": given.as_json,
        "quiet": given.quiet,
    }


@pytest.mark.parametrize("words", NOT_PLAIN, ids=" ".join)
def test_everything_else_is_left_to_the_library(words: list[str]) -> None:
    assert quick.read(words) is None


def test_no_takes_a_flag_back_that_the_environment_has_set(
    called: Callable[[list[str]], dict[str, Any]],
) -> None:
    assert called(["--no-expose"])["settings"] == Settings(expose=False)


def help_of(part: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "avtale", part, "--help"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "300"},
        check=True,
    )
    return ran.stdout


def test_help_teaches_every_setting_with_its_sentence_variable_and_default() -> None:
    page = help_of("up")
    for setting in described().values():
        assert setting.option in page
        assert setting.sentence in page
        assert f"[{setting.variable}]" in page
        if setting.default not in {None, False}:
            assert f"[default: {setting.default}]" in page


def test_a_part_offers_no_setting_that_it_does_not_use() -> None:
    assert "--port" not in help_of("worker")
    assert "[default: info]" in help_of("worker")
    assert "--tick-seconds" not in help_of("api")


def test_every_setting_can_be_read_from_each_of_its_places(tmp_path: Path) -> None:
    other: dict[str, Any] = {
        "environment": "production",
        "data": "other.db",
        "host": "127.0.0.2",
        "port": 9000,
        "public_url": "https://pay.example.com",
        "expose": True,
        "vendor_limits": True,
        "receiver_subnets": "10.1.0.0/16",
        "private_receivers": True,
        "record_days": 7,
        "secret": "correct horse battery staple",
        "log_level": "debug",
        "batch_size": 10,
        "queue_size": 20,
        "run_batch_size": 30,
        "tick_seconds": 0.5,
        "body_seconds": 5.0,
    }
    assert other.keys() == set(Settings.__struct_fields__), "say here what else it may be"
    for name, value in other.items():
        setting = described()[name]
        spelled = str(value).lower() if isinstance(value, bool) else str(value)
        in_file = f'"{value}"' if isinstance(value, str) else spelled
        (tmp_path / "avtale.toml").write_text(f"[server]\n{name} = {in_file}\n")
        wanted = Settings(**{name: value})
        assert load({}, {}, tmp_path) == wanted
        assert load({}, {setting.variable: spelled}, tmp_path / "elsewhere") == wanted
        assert load({name: spelled}, {}, tmp_path / "elsewhere") == wanted
