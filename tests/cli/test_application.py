"""The command line as a whole: help, versions, exit codes, and where commands find a server."""

import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from avtale import __version__
from avtale.cli import main, output
from avtale.cli.application import TABLE, application
from avtale.cli.progress import Progress
from tests.cli.terminal import Running, avtale, free_port

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

GROUPS = [
    "accounts",
    "units",
    "clock",
    "payers",
    "snapshots",
    "faults",
    "agreements",
    "charges",
    "postman",
    "webhooks",
]
COMMANDS = [entry.name for entries in TABLE.values() for entry in entries]


def test_the_commands_are_those_that_were_promised() -> None:
    running = ["up", "api", "worker", "demo", "wait", "migrate", "audit"]
    alone = ["checklist", "remarks", "token"]
    assert sorted(COMMANDS) == sorted([*running, *alone, *GROUPS])


def test_without_a_word_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    page = capsys.readouterr().out
    assert all(command in page for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    page = capsys.readouterr().out
    assert f"    avtale {command}" in page


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_of_a_group_teaches_by_example(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [name for name in application()[group] if not name.startswith("-")]
    assert commands
    for command in commands:
        assert main([group, command, "--help"]) == 0
        assert f"    avtale {group} {command}" in capsys.readouterr().out


def test_tells_its_version(tmp_path: Path) -> None:
    assert avtale("--version", folder=tmp_path) == (0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], 'Unknown command "nonsense"'),
        (["upp"], "Unknown command"),
        (["clock"], ""),
        (["units", "list", "--nonsense"], "Unknown option"),
        (["wait", "--timeout", "long"], "long"),
        (["demo", "now"], "now"),
    ],
)
def test_what_is_not_understood_is_a_usage_error(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(words)
    said = capsys.readouterr()
    if says:
        assert (code, said.out) == (2, "")
        assert says in said.err
        assert "--help" in said.err
    else:
        assert (code, said.err) == (0, "")


# ── Where commands find a server ─────────────────────────────────────────────────────────────────


def test_nobody_at_home_is_one_sentence_that_says_how_to_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert main(["clock", "show", "--url", url]) == 1
    assert capsys.readouterr().err == (
        f"avtale: No avtale answers at {url}. Start one with `avtale up`, "
        "or name another with --url.\n"
    )


def test_the_usual_place_is_where_up_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as usual:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            usual.bind(("127.0.0.1", 8080))
        except OSError:
            pytest.skip("somebody listens on port 8080")
    assert main(["payers", "list"]) == 1
    assert "http://127.0.0.1:8080" in capsys.readouterr().err


def test_an_option_wins_over_a_variable_and_a_variable_over_the_file(
    server: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    Path("avtale.toml").write_text(f'[client]\nurl = "{server.url}/"\n')
    assert main(["clock", "show"]) == 0
    monkeypatch.setenv("AVTALE_URL", nobody)
    assert main(["clock", "show"]) == 1
    assert main(["clock", "show", "--url", server.url]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8080", "http://", "http://[::"])
def test_what_is_no_url_is_a_usage_error(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clock", "show", "--url", url]) == 2
    assert "is no URL" in capsys.readouterr().err


def test_somebody_else_at_home_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        other = threading.Thread(target=answer)
        other.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert main(["clock", "show", "--url", url]) == 1
        other.join()
    assert "answered 404" in capsys.readouterr().err


# ── What is printed ──────────────────────────────────────────────────────────────────────────────


def test_a_value_from_outside_steers_no_terminal(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    server.ask("PUT", "/sandbox/payers/4790000009", {"name": "Kari \u202enna\u2028mdroN"})
    assert main(["payers", "list", "--url", server.url]) == 0
    out = capsys.readouterr().out
    assert "4790000009" in out
    assert not {"\u202e", "\u2028"} & set(out)


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([], {"name": "Name"}, none="There is nobody.")
    assert capsys.readouterr().out == "There is nobody.\n"


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "Kari", "paid": True},
        {"name": "Bartholomeus", "paid": None},
    ]
    output.table(rows, {"name": "Name", "paid": "Paid"}, none="")
    assert capsys.readouterr().out == "Name          Paid\nKari          yes\nBartholomeus\n"


def test_a_terminal_is_painted_unless_it_wants_no_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda _stream=None: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.bold("Clock") == "\x1b[1mClock\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.bold("Clock") == "Clock"


def test_long_work_says_how_far_it_has_come_on_plain_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("avtale.cli.progress.LINE_SECONDS", 0)
    with Progress("Time passes") as progress:
        progress.moved(0.25, "2027-02-01")
        progress.moved(2.0)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Time passes: 25% 2027-02-01\nTime passes: 100%\n"


def test_a_reader_who_has_had_enough_is_no_error(server: Running) -> None:
    program = f"{sys.executable} -m avtale payers list --url {server.url} | head -c 1; "
    program += 'echo " ${PIPESTATUS[0]}"'
    ran = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "P 0\n"
    assert ran.stderr == ""


def test_the_shell_can_complete_every_command() -> None:
    script = application().generate_completion(shell="bash")
    assert all(command in script for command in COMMANDS)
    assert "forecast" in script
    assert "--tick-seconds" in script
