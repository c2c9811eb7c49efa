"""What a merchant does, by command: every step of the guide can be typed as its heading says."""

from __future__ import annotations

import csv
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from avtale.cli import importing, main
from avtale.client import Client
from avtale.client.bulk import bulks
from tests.cli.terminal import Running, free_port

URLS = (
    *("--redirect-url", "https://news.example/thanks"),
    *("--agreement-url", "https://news.example/account/1"),
)


@pytest.fixture(autouse=True)
def _keys(speaking_to_the_server: None, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sales unit of this test's own, known from the environment."""
    made = server.ask("POST", "/sandbox/sales-units", {})
    monkeypatch.setenv("AVTALE_CLIENT_ID", made["clientId"])
    monkeypatch.setenv("AVTALE_CLIENT_SECRET", made["clientSecret"])
    monkeypatch.setenv("AVTALE_SUBSCRIPTION_KEY", made["subscriptionKey"])
    monkeypatch.setenv("AVTALE_MERCHANT_SERIAL_NUMBER", made["merchantSerialNumber"])


class Terminal:
    """Runs commands, and reads what they say."""

    def __init__(self, capsys: pytest.CaptureFixture[str], msn: str) -> None:
        self._capsys = capsys
        self.msn = msn

    def says(self, *words: str, code: int = 0) -> str:
        assert main(list(words)) == code, self._capsys.readouterr()
        shown = self._capsys.readouterr()
        return shown.out if code == 0 else shown.out + shown.err

    def json(self, *words: str) -> Any:
        return json.loads(self.says(*words, "--json"))

    def agreed(self) -> str:
        drafted = self.json("agreements", "draft", "Premier League", "--price", "49900", *URLS)
        agreement_id: str = drafted["agreementId"]
        self.says("payers", "approve", agreement_id)
        return agreement_id

    def due(self) -> str:
        now = self.json("clock", "show", "--msn", self.msn)["now"]
        return f"{datetime.fromisoformat(now) + timedelta(days=3):%Y-%m-%d}"


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], _keys: None) -> Terminal:
    return Terminal(capsys, os.environ["AVTALE_MERCHANT_SERIAL_NUMBER"])


# ── The guide ────────────────────────────────────────────────────────────────────────────────────


def test_the_guide_from_token_to_refund(terminal: Terminal) -> None:
    assert terminal.says("token").count(".") == 2
    shown = terminal.says(
        *("agreements", "draft", "Premier League", "--price", "49900", "--every", "month"),
        *("--initial", "100", "--description", "Every match", *URLS),
    )
    agreement_id, initial, link = shown.split("\n")[:3]
    assert initial.startswith("initial charge ")
    assert "/landing?" in link
    terminal.says("payers", "approve", agreement_id)
    page = terminal.says("agreements", "get", agreement_id)
    assert "ACTIVE" in page
    assert "499.00 NOK" in page
    assert "ACTIVATE by USER" in page
    assert agreement_id in terminal.says("agreements", "list")
    words = ("--amount", "49900", "--description", "January", "--due", terminal.due())
    charge_id = terminal.says("charges", "create", agreement_id, *words, "--reserve").strip()
    off = terminal.json("charges", "create", agreement_id, *words, "--order-id", "off")["chargeId"]
    terminal.says("charges", "cancel", agreement_id, off)
    terminal.says("clock", "advance", "4d", "--msn", terminal.msn)
    assert "RESERVED" in terminal.says("charges", "find", charge_id)
    terminal.says("charges", "capture", agreement_id, charge_id, "--amount", "49900")
    terminal.says(
        *("charges", "refund", agreement_id, charge_id, "--amount", "9900"),
        *("--description", "Half a match"),
    )
    page = terminal.says("charges", "get", agreement_id, charge_id)
    assert "PARTIALLY_REFUNDED" in page
    assert "499.00 / 99.00 / 0.00" in page
    assert off in terminal.says("charges", "list", agreement_id, "--status", "CANCELLED")
    terminal.says("agreements", "update", agreement_id, "--price", "59900", "--product-name", "Cup")
    terminal.says("agreements", "stop", agreement_id)
    stopped = terminal.says("agreements", "list", "--status", "STOPPED")
    assert "599.00 NOK" in stopped
    assert "Cup" in stopped


def test_prices_that_vary_and_agreements_without_one(terminal: Terminal) -> None:
    words = ("agreements", "draft", "Power", *URLS)
    power = terminal.json(*words, "--max-amount", "150000")["agreementId"]
    terminal.says("agreements", "accept", power, "--phone", "4791234567")
    terminal.says("agreements", "update", power, "--max-amount", "160000", "--every", "2 weeks")
    shown = terminal.says("agreements", "get", power)
    assert "up to 1600.00 NOK, the payer's limit 1500.00" in shown
    free = terminal.json(*words, "--flexible")["agreementId"]
    assert "flexible" in terminal.says("agreements", "get", free)


def test_a_profile_that_was_shared_is_shown(terminal: Terminal) -> None:
    words = ("agreements", "draft", "News", "--price", "49900", "--scope", "name email", *URLS)
    agreement_id = terminal.json(*words)["agreementId"]
    terminal.says("payers", "approve", agreement_id)
    shown = terminal.says("agreements", "userinfo", agreement_id)
    assert "name  Kari Nordmann" in shown
    assert "birthdate" not in shown
    sub = terminal.json("agreements", "get", agreement_id)["sub"]
    assert terminal.json("agreements", "userinfo", sub)["given_name"] == "Kari"
    other = terminal.agreed()
    assert "--scope" in terminal.says("agreements", "userinfo", other, code=1)


def test_a_key_that_is_given_repeats_what_was_asked(terminal: Terminal) -> None:
    agreement_id = terminal.agreed()
    words = ("charges", "create", agreement_id, "--amount", "49900", "--description", "January")
    both = [terminal.says(*words, "--due", terminal.due(), "--key", "once") for _ in range(2)]
    assert both[0] == both[1]


def test_receivers_come_and_go(terminal: Terminal) -> None:
    assert "Nobody is told" in terminal.says("webhooks", "list")
    made = terminal.json("webhooks", "register", "http://127.0.0.1:9/hook")
    assert made["secret"]
    assert "all" in terminal.says("webhooks", "list")
    one = ("--event", "recurring.charge-failed.v1")
    shown = terminal.says("webhooks", "register", "http://127.0.0.1:9/other", *one)
    assert "secret " in shown
    terminal.says("webhooks", "delete", made["id"])
    (left,) = terminal.json("webhooks", "list")
    assert left["events"] == ["recurring.charge-failed.v1"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["agreements", "get", "agr_nobody"], 1, "404"),
        (["agreements", "draft", "X", *URLS], 2, "--price, --max-amount, --flexible"),
        (["agreements", "draft", "X", *URLS, "--price", "1"], 1, "at least 100"),
        (["agreements", "draft", "X", *URLS, "--price", "100", "--every", "often"], 2, "interval"),
        (["agreements", "draft", "X", *URLS, "--price", "100", "--every", "40 days"], 2, "31"),
        (["charges", "create", "agr_1", "--amount", "1", "--description", "x"], 2, "--unscheduled"),
        (
            ["charges", "create", "agr_1", "--amount", "1", "--description", "x", "--due", "soon"],
            2,
            "2026-12-01",
        ),
        (["charges", "find", "chr-nobody"], 1, "Charge not found"),
        (["charges", "import", "missing.csv"], 2, "cannot be read"),
    ],
)
def test_a_refusal_says_what_was_wrong(
    terminal: Terminal, words: list[str], code: int, says: str
) -> None:
    assert says in terminal.says(*words, code=code)


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_says_anything_and_it_is_the_sandbox(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SUBSCRIPTION_KEY", "MERCHANT_SERIAL_NUMBER"):
        monkeypatch.delenv(f"AVTALE_{name}")
    assert terminal.says("token")


def test_some_keys_are_not_enough(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AVTALE_CLIENT_SECRET")
    said = terminal.says("token", code=2)
    assert "AVTALE_CLIENT_SECRET" in said
    assert "avtale.toml" in said


def test_the_vendors_service_wants_keys_of_ones_own(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SUBSCRIPTION_KEY"):
        monkeypatch.delenv(f"AVTALE_{name}")
    assert "keys of your own" in terminal.says("token", "--url", "production", code=2)


def test_profiles_come_from_the_file(
    terminal: Terminal, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = server.ask("POST", "/sandbox/sales-units", {})
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SUBSCRIPTION_KEY", "MERCHANT_SERIAL_NUMBER"):
        monkeypatch.delenv(f"AVTALE_{name}")
    Path("avtale.toml").write_text(
        f"""
        [client]
        system_name = "acme"
        [client.shop]
        client_id = "{made["clientId"]}"
        client_secret = "{made["clientSecret"]}"
        subscription_key = "{made["subscriptionKey"]}"
        merchant_serial_number = "{made["merchantSerialNumber"]}"
        """
    )
    assert terminal.json("agreements", "list", "--profile", "shop") == []
    path = f"/sandbox/sales-units/{made['merchantSerialNumber']}/requests"
    assert {each["headers"]["systemName"] for each in server.ask("GET", path)} == {"acme"}
    assert "no [client.bakery]" in terminal.says("token", "--profile", "bakery", code=2)
    Path("avtale.toml").write_text('[client]\ncolour = "red"\n')
    assert "colour" in terminal.says("token", code=2)


# ── Importing ────────────────────────────────────────────────────────────────────────────────────

HEADING = "agreementId,amount,description,due,orderId"


def written(*rows: str, heading: str = HEADING, name: str = "charges.csv") -> Path:
    path = Path(name)
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


def outcomes(path: str = "charges.result.csv") -> dict[str, str]:
    with Path(path).open(encoding="utf-8") as file:
        return {row["orderId"]: row["outcome"] for row in csv.DictReader(file)}


def test_charges_come_from_a_file_and_a_second_run_doubles_nothing(terminal: Terminal) -> None:
    agreement_id, due = terminal.agreed(), terminal.due()
    rows = [f"{agreement_id},49900,January,{due},order-{i}" for i in range(5)]
    written(*rows, f"agr_nobody,49900,January,{due},order-x")
    said = terminal.says("charges", "import", "charges.csv", code=1)
    assert "5 charges accepted, 1 refused" in said
    assert outcomes() == {**{f"order-{i}": "accepted" for i in range(5)}, "order-x": "refused"}
    terminal.says("charges", "import", "charges.csv", code=1)
    assert len(terminal.json("charges", "list", agreement_id)) == 5


def test_a_run_that_broke_off_is_run_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreement_id, due = terminal.agreed(), terminal.due()
    written(*(f"{agreement_id},49900,January,{due},order-{i}" for i in range(6)))
    monkeypatch.setattr(importing, "bulks", lambda charges: bulks(charges, 2))
    sent = 0
    create = Client.create_charges

    def breaks_off(client: Client, *args: Any, **kwargs: Any) -> Any:
        nonlocal sent
        sent += 1
        if sent == 2:
            raise KeyboardInterrupt
        return create(client, *args, **kwargs)

    monkeypatch.setattr(Client, "create_charges", breaks_off)
    with pytest.raises(SystemExit) as interrupted:
        terminal.says("charges", "import", "charges.csv")
    assert interrupted.value.code == 130
    terminal.says("charges", "import", "charges.csv")
    assert set(outcomes().values()) == {"accepted"}
    terminal.says("clock", "advance", "1m", "--msn", terminal.msn)
    assert len(terminal.json("charges", "list", agreement_id)) == 6


def test_all_rows_are_checked_before_one_is_sent(terminal: Terminal) -> None:
    agreement_id, due = terminal.agreed(), terminal.due()
    written(
        f"{agreement_id},49900,January,{due},good",
        f"{agreement_id},499.00,January,{due},fraction",
        f"{agreement_id},49900,,01.12.2026,",
        f"{agreement_id},49900,January,{due},good",
    )
    said = terminal.says("charges", "import", "charges.csv", code=1)
    assert "line 3: amount is '499.00', and must be a whole number" in said
    assert "description is missing; orderId is missing; due is '01.12.2026'" in said
    assert "orderId good is in line 2 too" in said
    assert "3 of 4 rows are wrong; nothing was sent" in said
    assert terminal.json("charges", "list", agreement_id) == []
    assert not Path("charges.result.csv").exists()


def test_a_file_can_be_checked_alone(terminal: Terminal) -> None:
    written(
        "agr_1;49900;January;2030-01-01;order-1;RESERVE_CAPTURE;3",
        heading=HEADING.replace(",", ";") + ";transactionType;retryDays",
    )
    assert "1 rows" in terminal.says("charges", "import", "charges.csv", "--check")


@pytest.mark.parametrize(
    ("heading", "says"),
    [
        ("agreementId,amount", "lacks the column description"),
        (HEADING + ",colour", "'colour' that is not known"),
    ],
)
def test_columns_are_known_or_refused(terminal: Terminal, heading: str, says: str) -> None:
    written("a,b,c,d,e,f", heading=heading)
    assert says in terminal.says("charges", "import", "charges.csv", code=2)


def test_no_spreadsheet_takes_a_cell_for_a_formula(terminal: Terminal) -> None:
    due = terminal.due()
    written(f"=agr,49900,January,{due},-1")
    terminal.says("charges", "import", "charges.csv", code=1)
    assert "'-1,'=agr,refused" in Path("charges.result.csv").read_text(encoding="utf-8")


# ── Checklist and coach ──────────────────────────────────────────────────────────────────────────


def test_the_checklist_is_told_and_fails_where_it_is_told_to(terminal: Terminal) -> None:
    terminal.agreed()
    words = ("checklist", "--msn", terminal.msn)
    shown = terminal.says(*words, "--markdown", "checklist.md")
    assert "✓ Agreement: create an agreement" in shown
    assert "– Charge: refund a charge" in shown
    assert Path("checklist.md").read_text(encoding="utf-8").startswith("# Recurring API")
    terminal.says(*words, "--fail-on", "missing", code=1)
    terminal.says(*words, "--fail-on", "never")
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    assert "– Agreement: create" in terminal.says(*words, "--since", tomorrow)


def test_the_checklist_is_printed_to_be_sent(terminal: Terminal) -> None:
    terminal.agreed()
    above = ("--partner", "Blåbær AS", "--description", "News & more")
    terminal.says("checklist", "--msn", terminal.msn, "--pdf", "checklist.pdf", *above)
    pdf = PdfReader("checklist.pdf")
    fields = pdf.get_form_text_fields()
    assert (fields["partner"], fields["description"]) == ("Blåbær AS", "News & more")
    assert terminal.msn in pdf.pages[0].extract_text()
    terminal.says("checklist", "--msn", terminal.msn, "--markdown", "checklist.md", *above)
    assert "Partner: Blåbær AS" in Path("checklist.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["pdf", "markdown"])
def test_where_nothing_can_be_written_the_command_says_so(terminal: Terminal, kind: str) -> None:
    nowhere = str(Path("no") / "folder")
    said = terminal.says("checklist", "--msn", terminal.msn, f"--{kind}", nowhere, code=2)
    assert f"{nowhere} cannot be written: No such file or directory." in said


def test_a_label_limits_to_what_one_version_did(terminal: Terminal) -> None:
    terminal.agreed()
    for command in ("checklist", "remarks"):
        words = (command, "--msn", terminal.msn, "--label")
        everything = terminal.json(*words[:-1])
        assert terminal.json(*words, "avtale") == everything
        assert terminal.json(*words, "3.1.2") != everything
        assert "1 to 64 characters" in terminal.says(*words, "", code=1)


def test_the_coach_speaks(terminal: Terminal) -> None:
    words = ("remarks", "--msn", terminal.msn)
    assert "Nothing to remark" in terminal.says(*words)
    terminal.agreed()
    assert "Nobody is told of events" in terminal.says(*words)
    assert terminal.json(*words)["remarks"]


def test_the_coach_tries_pages_where_it_is_told_to(terminal: Terminal) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/me"
    urls = ("--redirect-url", "https://news.example/thanks", "--agreement-url", nowhere)
    terminal.says("agreements", "draft", "Premier League", "--price", "49900", *urls)
    words = ("remarks", "--msn", terminal.msn)
    assert "does not answer" not in terminal.says(*words)
    said = terminal.says(*words, "--probe")
    assert f"{nowhere}: could not connect\n" in said
    assert "merchantAgreementUrl does not answer (1)" in said
