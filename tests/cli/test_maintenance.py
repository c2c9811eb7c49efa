"""`avtale wait`, `migrate` and `audit`: what stands beside a server."""

import sqlite3
import time
from pathlib import Path

import pytest

from avtale import __version__
from tests.cli.terminal import Merchant, Running, avtale, free_port, serving

# ── wait ─────────────────────────────────────────────────────────────────────────────────────────


def test_wait_returns_once_the_server_is_ready(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = ("up", "--quiet", "--port", port, "--data", "memory:")
    with serving(*words, folder=tmp_path, tells=False):
        ran = avtale("wait", "--url", url, folder=tmp_path)
    assert ran == (0, f"{url} is ready.\n", "")


def test_wait_tells_programs_what_is_ready(server: Running, tmp_path: Path) -> None:
    told = avtale("wait", "--json", folder=tmp_path, AVTALE_URL=server.url).json
    assert (told["status"], told["version"], told["loop"]) == ("ready", __version__, "alive")


def test_wait_gives_up_after_its_time_and_says_why(tmp_path: Path) -> None:
    began = time.monotonic()
    url = f"http://127.0.0.1:{free_port()}"
    ran = avtale("wait", "--timeout", "0.5", "--url", url, folder=tmp_path)
    assert ran.code == 1
    assert "Not ready after 0.5 s" in ran.err
    assert "`avtale up`" in ran.err
    assert time.monotonic() - began < 5


# ── migrate ──────────────────────────────────────────────────────────────────────────────────────


def test_migrate_says_what_it_did_and_does_it_once(database_url: str, tmp_path: Path) -> None:
    first = avtale("migrate", database_url, folder=tmp_path)
    assert first.code == 0
    assert "applied 0001 foundation" in first.out
    assert first.out.endswith("is up to date.\n")
    second = avtale("migrate", database_url, folder=tmp_path)
    assert second.code == 0
    assert second.out.endswith("is up to date already.\n")
    assert "applied" not in second.out


def test_migrate_tells_programs(tmp_path: Path) -> None:
    first = avtale("migrate", "--json", folder=tmp_path)
    assert first.json["data"] == str(tmp_path / "avtale.db")
    assert first.json["applied"][0] == "0001 foundation"
    assert avtale("migrate", "--json", folder=tmp_path).json["applied"] == []


def test_migrate_refuses_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "diary.db").write_bytes(b"Dear diary, " * 100)
    ran = avtale("migrate", "diary.db", folder=tmp_path)
    assert (ran.code, "not a database" in ran.err) == (1, True)
    assert avtale("migrate", "memory:", folder=tmp_path).code == 2


# ── audit ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def charged(database_url: str, tmp_path: Path) -> str:
    """A database with one charge that was paid."""
    with serving("up", "--port", "0", "--data", database_url, folder=tmp_path) as up:
        merchant = Merchant(up.url, up.told["keys"])
        agreement_id = merchant.draft()
        up.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", {})
        now = up.ask("GET", "/sandbox/sales-units/123456/clock")["now"]
        charge_id = merchant.charge(agreement_id, f"{int(now[:4]) + 1}{now[4:10]}")
        up.ask("POST", "/sandbox/sales-units/123456/clock/advance", {"days": 367})
        assert merchant.status(agreement_id, charge_id) == "CHARGED"
        assert up.stop().code == 0
    return database_url


def test_audit_finds_nothing_wrong_with_what_avtale_wrote(charged: str, tmp_path: Path) -> None:
    ran = avtale("audit", charged, "--quiescent", folder=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert "1 charge" in ran.out
    assert "invariants hold" in ran.out
    told = avtale("audit", charged, "--json", folder=tmp_path).json
    assert (told["ok"], told["violations"], told["charges"]) == (True, [], 1)
    assert "M-1" in told["checked"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_audit_prints_each_violation_with_its_rows(charged: str, tmp_path: Path) -> None:
    spoiled = sqlite3.connect(charged)
    # Everything that would keep anybody from it has to be switched off first.
    spoiled.execute("PRAGMA ignore_check_constraints = ON")
    with spoiled:
        spoiled.execute("UPDATE charges SET status = 'RESERVED'")
    spoiled.close()
    ran = avtale("audit", charged, folder=tmp_path)
    assert ran.code == 1
    assert "M-6" in ran.out
    assert "merchant_serial_number=123456" in ran.out
    assert "do not hold" in ran.out
    told = avtale("audit", charged, "--json", folder=tmp_path)
    assert told.code == 1
    [violation] = [each for each in told.json["violations"] if each["id"] == "M-6"]
    assert violation["count"] == 1
    assert violation["rows"][0]["merchant_serial_number"] == "123456"
    assert told.json["ok"] is False


def test_audit_refuses_what_is_not_there(tmp_path: Path) -> None:
    ran = avtale("audit", "nowhere.db", folder=tmp_path)
    assert ran.code == 1
    assert "There is no file" in ran.err
    assert not list(tmp_path.iterdir())
