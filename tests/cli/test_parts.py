"""`avtale api` and `avtale worker`: the parts of `up`, on one PostgreSQL."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import Merchant, Running, avtale, serving
from tests.conftest import fresh_database

CLOCK = "/sandbox/sales-units/123456/clock"


@pytest.fixture
def database(postgresql_url: str) -> Iterator[str]:
    with fresh_database(postgresql_url) as url:
        yield url


def due_in_two_seconds(api: Running, merchant: Merchant) -> tuple[str, str]:
    """An agreement with a charge that is about to be attempted, by a clock that runs."""
    agreement_id = merchant.draft()
    api.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", {})
    now = datetime.fromisoformat(api.ask("GET", CLOCK)["now"])
    due = (now + timedelta(days=3)).date()
    charge_id = merchant.charge(agreement_id, f"{due}")
    [shown, begun, *_] = api.ask("GET", f"{CLOCK}/forecast?days=5")["happened"]
    assert (shown["what"], begun["what"]) == ("charge shown", "charge attempt begun")
    first_run = datetime.fromisoformat(begun["occurred"])
    to = (first_run - timedelta(seconds=2)).isoformat()
    api.ask("POST", f"{CLOCK}/advance", {"to": to})
    return agreement_id, charge_id


def becomes(read: Any, wanted: str) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if read() == wanted:
            return True
        time.sleep(0.1)
    return False


def test_what_the_api_takes_in_the_worker_does(database: str, tmp_path: Path) -> None:
    with serving("api", "--port", "0", "--data", database, folder=tmp_path) as api:
        merchant = Merchant(api.url, api.told["keys"])
        agreement_id, charge_id = due_in_two_seconds(api, merchant)
        time.sleep(4)
        # There is nobody yet who would do it.
        assert merchant.status(agreement_id, charge_id) == "DUE"
        with serving("worker", "--data", database, folder=tmp_path, tells=False) as worker:
            line = worker.next_line_of_log()
            assert (line["event"], line["level"]) == ("worker started", "info")
            assert becomes(lambda: merchant.status(agreement_id, charge_id), "CHARGED")
            stopped = worker.stop()
            assert stopped.code == 0
            assert '"worker stopped"' in stopped.err
        assert api.stop().code == 0


def test_two_of_each_charge_once(database: str, tmp_path: Path) -> None:
    with (
        serving("api", "--port", "0", "--data", database, folder=tmp_path) as one,
        serving("api", "--port", "0", "--data", database, folder=tmp_path) as other,
        serving("worker", "--data", database, folder=tmp_path, tells=False) as first,
        serving("worker", "--data", database, folder=tmp_path, tells=False) as second,
    ):
        assert {first.next_line_of_log()["event"], second.next_line_of_log()["event"]} == {
            "worker started"
        }
        merchant = Merchant(one.url, one.told["keys"])
        agreement_id, charge_id = due_in_two_seconds(one, merchant)
        elsewhere = Merchant(other.url, other.told["keys"])
        assert becomes(lambda: elsewhere.status(agreement_id, charge_id), "CHARGED")
        charge = merchant.ask("GET", f"/agreements/{agreement_id}/charges/{charge_id}")
        captured = [entry for entry in charge["history"] if entry["event"] == "CAPTURE"]
        assert len(captured) == 1
    assert avtale("audit", database, folder=tmp_path).code == 0


def test_up_serves_a_postgresql_alone(database: str, tmp_path: Path) -> None:
    with serving("up", "--port", "0", "--data", database, folder=tmp_path) as up:
        merchant = Merchant(up.url, up.told["keys"])
        agreement_id, charge_id = due_in_two_seconds(up, merchant)
        assert becomes(lambda: merchant.status(agreement_id, charge_id), "CHARGED")
        assert up.stop(signal.SIGINT).code == 0


@pytest.mark.parametrize("part", ["api", "worker"])
@pytest.mark.parametrize("data", ["memory:", "avtale.db"])
def test_what_several_processes_cannot_share_is_refused(
    part: str, data: str, tmp_path: Path
) -> None:
    ran = avtale(part, "--data", data, folder=tmp_path)
    assert ran.code == 2
    assert "`avtale up`" in ran.err
    assert "postgresql://" in ran.err
    assert not list(tmp_path.iterdir())


def test_a_database_that_is_gone_is_refused_in_a_sentence(tmp_path: Path) -> None:
    ran = avtale("worker", "--data", "postgresql://nobody@127.0.0.1:1/avtale", folder=tmp_path)
    assert ran.code == 1
    assert "cannot be used" in ran.err
    assert "Traceback" not in ran.err
