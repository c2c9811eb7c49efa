"""`avtale units`: tenants by command, from a server or straight from a database."""

from pathlib import Path

import pytest

from avtale.cli import main
from tests.cli.terminal import Merchant, Running, avtale, serving

pytestmark = pytest.mark.usefixtures("speaking_to_the_server")


def keys_on(screen: str) -> dict[str, str]:
    lines = (line.split() for line in screen.splitlines() if line.startswith("  "))
    return {line[0]: line[1] for line in lines}


def test_lists_the_units_with_what_their_clocks_say(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    server.ask(
        "POST", "/sandbox/sales-units", {"merchantSerialNumber": "778899", "name": "Nordic Fitness"}
    )
    clock = "/sandbox/sales-units/778899/clock"
    server.ask("POST", f"{clock}/freeze", {"at": "2031-05-17T10:00:00Z"})
    assert main(["units", "list"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["MSN", "Name", "Market", "Clock", "Features", "Rules"]
    [row] = [row for row in rows if row.startswith("778899")]
    assert "Nordic Fitness" in row
    assert "2031-05-17T10:00:00Z (frozen)" in row
    assert any(row.startswith("123456  Nordic News") for row in rows)


def test_adds_a_unit_whose_printed_keys_work(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["units", "add", "Nordic Fitness", "--market", "DK", "--feature", "unscheduled"]
    assert main([*words, "--rule", "leadDays=2", "--rule", "visibleDays=30"]) == 0
    screen = capsys.readouterr().out
    assert "Nordic Fitness, DK" in screen
    keys = keys_on(screen)
    Merchant(server.url, keys)
    unit = server.ask("GET", f"/sandbox/sales-units/{keys['Merchant-Serial-Number']}")
    assert unit["features"]["unscheduled"] is True
    assert unit["rules"] == {"leadDays": 2, "visibleDays": 30}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--msn", "123456"], 1, "There is a sales unit 123456 already"),
        (["--msn", "12"], 1, "merchantSerialNumber: must be 4 to 10 digits"),
        (["--rule", "tomorrow=1"], 1, "rules.tomorrow: cannot be set"),
        (["--rule", "leadDays"], 2, "leadDays=2"),
        (["--market", "SE"], 2, "SE"),
        (["--feature", "free"], 2, "free"),
    ],
)
def test_a_unit_that_makes_no_sense_is_refused(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["units", "add", *words]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err


def test_reset_empties_a_unit_and_leaves_its_keys(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["units", "add", "--msn", "445566"]) == 0
    keys = keys_on(capsys.readouterr().out)
    Merchant(server.url, keys).draft()
    assert main(["units", "reset", "445566"]) == 0
    assert "445566 is empty" in capsys.readouterr().out
    assert Merchant(server.url, keys).ask("GET", "/agreements?status=PENDING") == []


def test_reset_of_a_unit_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["units", "reset", "999999"]) == 1
    assert "There is no sales unit 999999" in capsys.readouterr().err


def test_answers_programs_in_json(tmp_path: Path, server: Running) -> None:
    made = avtale("units", "add", "--json", folder=tmp_path, AVTALE_URL=server.url).json
    msn = made["merchantSerialNumber"]
    assert len(made["clientSecret"]) >= 22
    listed = avtale("units", "list", "--json", folder=tmp_path, AVTALE_URL=server.url).json
    assert msn in {unit["merchantSerialNumber"] for unit in listed}
    assert all("clientSecret" not in unit for unit in listed)
    reset = avtale("units", "reset", msn, "--json", folder=tmp_path, AVTALE_URL=server.url).json
    assert reset["merchantSerialNumber"] == msn


# ── Straight from a database ─────────────────────────────────────────────────────────────────────


def test_production_gets_its_units_straight_into_the_database(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "avtale.toml").write_text(
        f"[server]\nenvironment = 'production'\ndata = '{database_url}'\n"
    )
    assert avtale("units", "list", "--json", folder=tmp_path).json == []
    made = avtale("units", "add", "Nordic News", folder=tmp_path)
    assert made.code == 0, made.err
    with serving("up", "--port", "0", folder=tmp_path) as up:
        Merchant(up.url, keys_on(made.out))
        # It may be added to while it serves, too.
        second = avtale("units", "add", "Second", folder=tmp_path)
        Merchant(up.url, keys_on(second.out))
    names = [unit["name"] for unit in _listed(database_url, tmp_path)]
    assert names == ["Nordic News", "Second"]


def test_naming_a_database_brings_no_public_keys_into_it(tmp_path: Path) -> None:
    assert avtale("units", "add", "Only", "--data", "fresh.db", folder=tmp_path).code == 0
    assert [unit["name"] for unit in _listed("fresh.db", tmp_path)] == ["Only"]


def test_a_refusal_of_the_database_reads_as_one_of_a_server(tmp_path: Path) -> None:
    words = ("units", "add", "--msn", "445566", "--data", "fresh.db")
    assert avtale(*words, folder=tmp_path).code == 0
    ran = avtale(*words, folder=tmp_path)
    assert (ran.code, "There is a sales unit 445566 already" in ran.err) == (1, True)


def test_memory_is_no_database_that_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["units", "list", "--data", "memory:"]) == 2
    assert "memory:" in capsys.readouterr().err


def _listed(data: str, folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = avtale(
        "units", "list", "--data", data, "--json", folder=folder
    ).json
    return found
