"""`avtale clock`: time by command."""

from pathlib import Path

import pytest

from avtale.cli import main
from tests.cli.terminal import Merchant, Running, avtale

pytestmark = pytest.mark.usefixtures("speaking_to_the_server")


@pytest.fixture
def frozen(server: Running, unit: str) -> str:
    """A unit whose clock stands at ten in Oslo on 17 May 2031, a Saturday."""
    at = {"at": "2031-05-17T08:00:00Z"}
    server.ask("POST", f"/sandbox/sales-units/{unit}/clock/freeze", at)
    return unit


def test_shows_what_the_clock_says(frozen: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clock", "show", "--msn", frozen]) == 0
    assert capsys.readouterr().out == "2031-05-17T08:00:00Z frozen\n"


def test_speaks_of_the_ready_made_unit_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["clock", "show"]) == 0
    assert capsys.readouterr().out.endswith("running\n")


@pytest.mark.parametrize(
    ("words", "then"),
    [
        (["1d12h"], "2031-05-18T20:00:00Z"),
        (["2w"], "2031-05-31T08:00:00Z"),
        (["90m"], "2031-05-17T09:30:00Z"),
        (["--to", "2031-12-24T17:00:00+01:00"], "2031-12-24T16:00:00Z"),
    ],
)
def test_advances_by_a_duration_or_to_an_instant(
    frozen: str, words: list[str], then: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clock", "advance", *words, "--msn", frozen]) == 0
    assert capsys.readouterr().out == (
        f"2031-05-17T08:00:00Z → {then}\nNothing was due on the way.\n"
    )


def test_tells_what_happened_on_the_way(
    server: Running, merchant: Merchant, capsys: pytest.CaptureFixture[str]
) -> None:
    msn = merchant.serial_number
    server.ask("POST", f"/sandbox/sales-units/{msn}/clock/freeze", {"at": "2031-05-17T08:00:00Z"})
    agreement_id = merchant.draft()
    server.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", {})
    charge_id = merchant.charge(agreement_id, "2031-05-20")
    assert main(["clock", "forecast", "5d", "--msn", msn]) == 0
    foreseen = capsys.readouterr().out.splitlines()
    assert main(["clock", "advance", "5d", "--msn", msn]) == 0
    came = capsys.readouterr().out.splitlines()
    assert came[0] == "2031-05-17T08:00:00Z → 2031-05-22T08:00:00Z"
    assert came[1:] == foreseen
    assert came[1].split() == ["When", "What", "Agreement", "Charge", "Detail"]
    assert [row.split()[0] for row in came[2:]] == [
        "2031-05-19T22:00:00Z",
        "2031-05-20T07:00:00Z",
        "2031-05-20T07:00:00Z",
    ]
    assert "charge captured" in came[-1]
    assert charge_id in came[-1]


def test_freezes_and_resumes(unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    of = ["--msn", unit]
    assert main(["clock", "freeze", "--at", "2031-05-17T08:00:00Z", *of]) == 0
    assert capsys.readouterr().out == "2031-05-17T08:00:00Z frozen\n"
    assert main(["clock", "resume", *of]) == 0
    assert capsys.readouterr().out.endswith("running\n")
    assert main(["clock", "freeze", *of]) == 0
    assert capsys.readouterr().out.endswith("frozen\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["advance"], "how far (15d)"),
        (["advance", "15d", "--to", "2031-05-17T08:00:00Z"], "one of them"),
        (["advance", "a fortnight"], "15d, 36h or 1d12h"),
        (["advance", "--to", "christmas"], "2026-12-24T09:00:00Z"),
        (["advance", "--to", "2031-05-17T08:00:00"], "time zone"),
        (["forecast", "36h"], "whole days"),
        (["forecast", "soon"], "15d"),
        (["freeze", "--at", "noon"], "is no instant"),
        (["wind"], "wind"),
    ],
)
def test_what_is_not_said_well_is_a_usage_error(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clock", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err


def test_backwards_is_refused_with_the_problem(
    frozen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clock", "advance", "--to", "2020-01-01T00:00:00Z", "--msn", frozen]) == 1
    said = capsys.readouterr().err
    assert "only moves forward" in said
    assert "(400)" in said


def test_a_unit_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clock", "show", "--msn", "999999"]) == 1
    assert "There is no sales unit 999999" in capsys.readouterr().err


def test_answers_programs_in_json(server: Running, frozen: str, tmp_path: Path) -> None:
    def run(*words: str) -> object:
        of = ("--msn", frozen, "--json")
        return avtale("clock", *words, *of, folder=tmp_path, AVTALE_URL=server.url).json

    assert run("show") == {"now": "2031-05-17T08:00:00Z", "mode": "frozen"}
    moved = {"from": "2031-05-17T08:00:00Z", "to": "2031-05-18T08:00:00Z", "happened": []}
    assert run("forecast", "1d") == moved
    assert run("advance", "1d") == moved
    assert run("freeze") == {"now": "2031-05-18T08:00:00Z", "mode": "frozen"}


def test_ten_years_go_by_in_one_command(frozen: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clock", "advance", "3652d", "--msn", frozen]) == 0
    assert "→ 2041-05-16" in capsys.readouterr().out
