"""`avtale faults`: trouble by command."""

import json

import pytest

from avtale.cli import main
from tests.cli.terminal import Merchant, Running

pytestmark = pytest.mark.usefixtures("speaking_to_the_server")


def test_sets_shows_and_clears(
    server: Running, unit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["createCharge", "error", "--status", "409", "--times", "2", "--seed", "7"]
    assert main(["faults", "set", *words, "--msn", unit]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == [
        *("About", "Fault", "Status", "Probability", "Times", "Seed", "Drawn", "Struck")
    ]
    assert row.split() == ["createCharge", "error", "409", "1.0", "2", "7", "0", "0"]
    assert main(["faults", "show", "--msn", unit, "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert told == server.ask("GET", f"/sandbox/sales-units/{unit}/faults")[0]
    assert main(["faults", "clear", "--msn", unit]) == 0
    assert capsys.readouterr().out == f"Nothing goes wrong on command for {unit}.\n"
    assert server.ask("GET", f"/sandbox/sales-units/{unit}/faults") == []


def test_another_takes_the_place_of_the_first_unless_it_is_added(
    server: Running, unit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def kinds() -> list[str]:
        told = server.ask("GET", f"/sandbox/sales-units/{unit}/faults")
        return [each.get("fault") or each["webhook"] for each in told]

    of = ["--msn", unit]
    assert main(["faults", "set", "*", "latency", "--milliseconds", "5", *of]) == 0
    assert main(["faults", "set", "*", "outage", "--probability", "0.5", *of]) == 0
    assert kinds() == ["outage"]
    assert (
        main(["faults", "set", "webhooks", "delay", "--milliseconds", "60000", "--add", *of]) == 0
    )
    assert kinds() == ["outage", "delay"]
    assert "webhooks" in capsys.readouterr().out


def test_what_is_set_is_met(merchant: Merchant, server: Running) -> None:
    msn = merchant.serial_number
    assert (
        main(["faults", "set", "draftAgreement", "latency", "--milliseconds", "1", "--msn", msn])
        == 0
    )
    assert merchant.draft()
    [told] = server.ask("GET", f"/sandbox/sales-units/{msn}/faults")
    assert (told["drawn"], told["struck"]) == (1, 1)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["set", "createCharge", "eror"], 2, "'eror' is no fault of requests; say error, latency"),
        (["set", "webhooks", "error"], 2, "'error' is no fault of webhooks; say duplicate"),
        (["set", "makeCharge", "error"], 1, "operation: must be *, acceptAgreement"),
        (["set", "*", "error", "--status", "418"], 1, "status: must be 400"),
        (["set", "*", "latency"], 1, "milliseconds: is required for latency"),
        (["set", "*", "error", "--probability", "often"], 2, "often"),
        (["set", "*", "error", "--msn", "999999"], 1, "There is no sales unit 999999"),
        (["set", "*"], 2, "FAULT"),
        (["show", "--msn", "999999"], 1, "There is no sales unit 999999"),
        (["clear", "--msn", "999999"], 1, "There is no sales unit 999999"),
    ],
)
def test_what_cannot_be_is_refused(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faults", *words]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
