"""`avtale payers`: what payers have, and what they do, by command."""

from datetime import UTC, datetime, timedelta
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


def test_chooses_a_maximum_as_the_payer(
    merchant: Merchant, capsys: pytest.CaptureFixture[str]
) -> None:
    pricing = {"type": "VARIABLE", "suggestedMaxAmount": 500_00, "currency": "NOK"}
    agreement_id = merchant.draft(pricing=pricing)
    assert main(["payers", "approve", agreement_id]) == 0
    assert main(["payers", "max-amount", agreement_id, "70000"]) == 0
    assert f"{agreement_id} is ACTIVE.\n" in capsys.readouterr().out
    agreement = merchant.ask("GET", f"/agreements/{agreement_id}")
    assert agreement["pricing"]["maxAmount"] == 700_00


def test_scripts_and_attempts_a_charge(
    merchant: Merchant, capsys: pytest.CaptureFixture[str]
) -> None:
    agreement_id = merchant.draft()
    assert main(["payers", "approve", agreement_id]) == 0
    charge_id = merchant.charge(agreement_id, str(datetime.now(UTC).date() + timedelta(days=3)))
    assert main(["payers", "outcomes", charge_id, "insufficient_funds", "ok"]) == 0
    assert "its next attempts meet: insufficient_funds, ok." in capsys.readouterr().out
    assert main(["payers", "process", charge_id]) == 0
    assert f"{charge_id} is DUE.\n" in capsys.readouterr().out
    assert main(["payers", "process", charge_id]) == 0
    assert f"{charge_id} is CHARGED.\n" in capsys.readouterr().out


def test_shows_what_lies_on_the_phone(
    merchant: Merchant, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = "4790000006"
    assert main(["payers", "set", phone]) == 0
    agreement_id = merchant.draft()
    assert main(["payers", "approve", agreement_id, "--phone", phone]) == 0
    waiting = merchant.draft(phoneNumber=phone)
    charge_id = merchant.charge(agreement_id, str(datetime.now(UTC).date() + timedelta(days=3)))
    assert main(["payers", "outcomes", charge_id, "insufficient_funds"]) == 0
    assert main(["payers", "process", charge_id]) == 0
    capsys.readouterr()
    assert main(["payers", "show", phone]) == 0
    screen = capsys.readouterr().out
    shown = {
        heading: part.splitlines()[1:]
        for heading in ("Requests", "Agreements", "Payments", "Notifications")
        for part in [screen.partition(f"\n{heading}\n")[2].partition("\n\n")[0]]
    }
    assert shown["Requests"][0].startswith(waiting)
    assert shown["Agreements"][0].startswith(agreement_id)
    assert "499.00 NOK" in shown["Payments"][0]
    assert "DECLINED" in shown["Payments"][0]
    assert "attempt_failed" in shown["Notifications"][0]


def test_a_persona_is_a_name_a_file_or_nobody(
    server: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = "4790000007"
    assert main(["payers", "personas"]) == 0
    assert "payday" in capsys.readouterr().out
    mine = tmp_path / "mine.toml"
    mine.write_text('name = "Never pays"\nbalance = 0\n', encoding="utf-8")
    for said, name in (("payday", "Has money on the 5th"), (str(mine), "Never pays")):
        assert main(["payers", "set", phone, "--persona", said]) == 0
        assert server.ask("GET", f"/sandbox/payers/{phone}")["persona"]["name"] == name
    assert main(["payers", "set", phone, "--persona", "none"]) == 0
    assert server.ask("GET", f"/sandbox/payers/{phone}")["persona"] is None


@pytest.mark.parametrize(
    ("persona", "code", "says"),
    [
        ("nobody", 1, "payday"),
        ("./missing.toml", 2, "cannot be read"),
        ("./broken.toml", 2, "is no TOML"),
    ],
)
def test_a_persona_that_is_none_is_refused(
    persona: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.toml").write_text("name = ", encoding="utf-8")
    assert main(["payers", "set", "4790000007", "--persona", persona]) == code
    assert says in capsys.readouterr().err


def test_deletes_the_profile(
    merchant: Merchant, server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = "4790000008"
    agreement_id = merchant.draft()
    assert main(["payers", "approve", agreement_id, "--phone", phone]) == 0
    assert main(["payers", "delete", phone]) == 0
    assert phone in capsys.readouterr().out
    assert merchant.ask("GET", f"/agreements/{agreement_id}")["status"] == "STOPPED"
    assert main(["payers", "show", phone]) == 1
    assert "There is no payer" in capsys.readouterr().err
