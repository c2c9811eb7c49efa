"""`avtale payers`: what payers have, and what they do, by command."""

from pathlib import Path

import pytest

from avtale.cli import main
from tests.cli.terminal import Merchant, Running, avtale

pytestmark = pytest.mark.usefixtures("speaking_to_the_server")


def test_lists_the_payers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["payers", "list"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["Phone", "Name"]
    assert any(row.startswith("4791234567  Kari Nordmann") for row in rows)


def test_sets_what_is_said_and_leaves_the_rest(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = "4790000001"
    said = ["--name", "Ola Nordmann", "--email", "ola@example.com", "--birth-date", "1990-02-28"]
    assert main(["payers", "set", phone, *said, "--balance", "12345"]) == 0
    assert "123.45" in capsys.readouterr().out
    source = ["--kind", "ACCOUNT", "--status", "BLOCKED", "--expires", "2031-05"]
    outcomes = ["--outcome", "insufficient_funds", "--outcome", "ok"]
    assert main(["payers", "set", phone, *source, *outcomes]) == 0
    screen = capsys.readouterr().out
    assert "ACCOUNT BLOCKED, until 2031-05" in screen
    assert "insufficient_funds, ok" in screen
    payer = server.ask("GET", f"/sandbox/payers/{phone}")
    assert (payer["name"], payer["email"]) == ("Ola Nordmann", "ola@example.com")
    assert (payer["birthDate"], payer["balance"]) == ("1990-02-28", 12345)
    assert payer["outcomes"] == ["insufficient_funds", "ok"]


def test_a_payer_can_have_enough_again(server: Running, capsys: pytest.CaptureFixture[str]) -> None:
    phone = "4790000002"
    assert main(["payers", "set", phone, "--balance", "0"]) == 0
    assert "0.00" in capsys.readouterr().out
    assert main(["payers", "set", phone, "--balance", "enough"]) == 0
    assert "enough" in capsys.readouterr().out
    assert server.ask("GET", f"/sandbox/payers/{phone}")["balance"] is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["set", "12"], 1, "phoneNumber: must be 8 to 15 digits"),
        (["set", "4790000003", "--name", "Kari"], 1, "name: must be a given name"),
        (["set", "4790000003", "--balance", "lots"], 2, "`enough`"),
        (["set", "4790000003", "--balance", "-1"], 2, "-1"),
        (["set", "4790000003", "--outcome", "luck"], 2, "luck"),
        (["set"], 2, "PHONE"),
        (["approve"], 2, "AGREEMENT"),
        (["approve", "agr_0000000"], 1, "Agreement not found"),
        (["reject", "agr_0000000"], 1, "Agreement not found"),
        (["stop", "agr_0000000"], 1, "Agreement not found"),
    ],
)
def test_what_cannot_be_is_refused(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["payers", *words]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err


def test_approves_as_the_payer(
    merchant: Merchant, server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    agreement_id = merchant.draft()
    assert main(["payers", "approve", agreement_id, "--phone", "4790000004"]) == 0
    screen = capsys.readouterr().out
    assert screen.startswith(f"{agreement_id} is ACTIVE.\n")
    assert "agreement activated" in screen
    assert merchant.ask("GET", f"/agreements/{agreement_id}")["status"] == "ACTIVE"
    phone = server.ask("GET", "/sandbox/payers/4790000004")
    assert [each["agreementId"] for each in phone["agreements"]] == [agreement_id]


def test_rejects_as_the_payer(merchant: Merchant, capsys: pytest.CaptureFixture[str]) -> None:
    agreement_id = merchant.draft()
    assert main(["payers", "reject", agreement_id]) == 0
    assert capsys.readouterr().out.startswith(f"{agreement_id} is STOPPED.\n")
    assert merchant.ask("GET", f"/agreements/{agreement_id}")["status"] == "STOPPED"


def test_stops_as_the_payer(merchant: Merchant, capsys: pytest.CaptureFixture[str]) -> None:
    agreement_id = merchant.draft()
    assert main(["payers", "approve", agreement_id]) == 0
    assert main(["payers", "stop", agreement_id]) == 0
    assert f"{agreement_id} is STOPPED.\n" in capsys.readouterr().out
    assert merchant.ask("GET", f"/agreements/{agreement_id}")["status"] == "STOPPED"


def test_answers_programs_in_json(server: Running, merchant: Merchant, tmp_path: Path) -> None:
    def run(*words: str) -> object:
        return avtale("payers", *words, "--json", folder=tmp_path, AVTALE_URL=server.url).json

    made = run("set", "4790000005", "--balance", "100")
    assert isinstance(made, dict)
    assert made["phoneNumber"] == "4790000005"
    listed = run("list")
    assert isinstance(listed, list)
    assert made in listed
    approved = run("approve", merchant.draft())
    assert isinstance(approved, dict)
    assert approved["status"] == "ACTIVE"
