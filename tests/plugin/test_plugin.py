"""Tests of a merchant's own: a unit for each, told of on failure, whoever runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from avtale.client import LegacyPricing
from avtale.testing import Avtale, AvtaleTestCase, ControlRefused, Unit
from avtale.testing.background import Background, ServerMissing

MONDAY = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)


def agreed(unit: Unit) -> str:
    drafted = unit.client.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(499_00, "NOK"),
        merchant_redirect_url="https://news.example/thanks",
        merchant_agreement_url="https://news.example/account/1",
    )
    unit.payer().approve(drafted.agreement_id)
    return drafted.agreement_id


def charged(unit: Unit, agreement_id: str) -> str:
    return unit.client.create_charge(
        agreement_id,
        amount=499_00,
        description="January",
        due=unit.clock.today() + timedelta(days=3),
        retry_days=2,
    ).charge_id


# ── Units, clocks, payers ────────────────────────────────────────────────────────────────────────


def test_a_renewal(avtale: Avtale) -> None:
    unit = avtale.sales_unit()
    charge_id = charged(unit, agreed(unit))
    happened = unit.clock.advance(days=4)
    assert [each.what for each in happened][-1] == "charge captured"
    assert unit.client.fetch_charge_by_id(charge_id).status == "CHARGED"
    assert unit.inbox.events() == [
        "recurring.agreement-activated.v1",
        "recurring.charge-captured.v1",
    ]
    assert unit.inbox.events(about=charge_id) == ["recurring.charge-captured.v1"]
    (body,) = unit.inbox.bodies("recurring.charge-captured.v1")
    assert body["amountCaptured"] == 499_00
    assert unit.inbox.deliveries() == []
    assert unit.why(charge_id).status == "CHARGED"


def test_a_unit_sees_nothing_of_another(avtale: Avtale) -> None:
    first, second = avtale.sales_unit(), avtale.sales_unit(market="DK")
    agreed(first)
    assert list(second.client.agreements()) == []
    assert first.payer().phone_number != second.payer().phone_number
    assert second.payer().phone_number.startswith("45")
    first.clock.advance(days=10)
    assert second.clock.now() < first.clock.now()


def test_a_clock_stands_where_it_is_told_and_runs_on(avtale: Avtale) -> None:
    unit = avtale.sales_unit(at=MONDAY)
    assert unit.clock.now() == MONDAY
    unit.clock.advance(hours=2)
    assert unit.clock.now() == MONDAY + timedelta(hours=2)
    unit.clock.freeze(at=MONDAY + timedelta(days=1))
    assert unit.clock.today() == datetime(2030, 1, 8).date()
    unit.clock.advance(to=MONDAY + timedelta(days=2))
    unit.clock.resume()
    assert unit.clock.forecast(days=3) == ()
    with pytest.raises(ValueError, match="time zone"):
        unit.clock.freeze(at=datetime(2030, 1, 9))
    with pytest.raises(ControlRefused, match="forward"):
        unit.clock.advance(days=-1)


def test_payers_and_charges_do_as_told(avtale: Avtale) -> None:
    unit = avtale.sales_unit(unscheduled=True)
    unit.payer().has(100_00)
    agreement_id = agreed(unit)
    charge_id = charged(unit, agreement_id)
    unit.outcomes(charge_id, "insufficient_funds", "ok")
    assert unit.process(charge_id).status == "DUE"
    unit.payer().has(None)
    assert unit.process(charge_id).status == "CHARGED"
    unit.payer().outcomes("card_expired")
    second = charged(unit, agreement_id)
    unit.process(second)
    assert unit.client.fetch_charge_by_id(second).status == "DUE"
    phone = unit.payer(name="Ida Berg").phone()
    assert phone.name == "Ida Berg"
    assert [each.agreement_id for each in phone.agreements] == [agreement_id]
    unit.payer().stop(agreement_id)
    assert unit.client.fetch_agreement(agreement_id).status == "STOPPED"
    other = unit.another_payer(balance=0)
    assert other.phone_number != unit.payer().phone_number
    other.leave()


def test_a_unit_can_be_changed_and_emptied(avtale: Avtale) -> None:
    unit = avtale.sales_unit(name="Nordic News", rules={"leadDays": 1})
    assert unit.name == "Nordic News"
    unit.change(name="Daily", skip_landing_page=True)
    agreed(unit)
    unit.reset()
    assert list(unit.client.agreements()) == []


async def test_tests_that_await_have_a_client_too(avtale: Avtale) -> None:
    unit = avtale.sales_unit()
    assert [each async for each in unit.async_client.agreements()] == []
    await unit.async_client.close()


def test_a_fresh_unit_costs_less_than_five_milliseconds(avtale: Avtale) -> None:
    costs = []
    for _ in range(20):
        begin = time.perf_counter()
        avtale.sales_unit()
        costs.append(time.perf_counter() - begin)
    # The best of them: what the machine does besides is not the plugin's doing.
    assert min(costs) < 0.005


# ── On failure ───────────────────────────────────────────────────────────────────────────────────

FAILING = """
from avtale.client import LegacyPricing

def test_that_fails(avtale):
    unit = avtale.sales_unit()
    drafted = unit.client.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(499_00, "NOK"),
        merchant_redirect_url="https://news.example/thanks",
        merchant_agreement_url="https://news.example/account/1",
    )
    unit.payer().approve(drafted.agreement_id)
    assert not "on purpose"

def test_that_needs_nothing():
    pass

def test_that_passes(avtale):
    avtale.sales_unit()
"""


def run(folder: Path, *arguments: str, **variables: str) -> str:
    """What pytest says of the tests in a folder."""
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **variables},
    )
    return found.stdout + found.stderr


def test_a_failure_tells_what_became_of_its_unit(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(FAILING)
    said = run(tmp_path)
    assert "1 failed, 2 passed" in said
    assert re.search(r"-+ avtale -+", said)
    assert "draft_agreement 201" in said
    assert "The payer said yes: the agreement is ACTIVE." in said


def test_workers_side_by_side_do_not_meet(tmp_path: Path) -> None:
    test = "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_one(avtale, n):\n"
    test += "    unit = avtale.sales_unit()\n    unit.clock.advance(days=n)\n"
    test += "    assert list(unit.client.agreements()) == []\n"
    (tmp_path / "test_many.py").write_text(test)
    assert "6 passed" in run(tmp_path, "-n", "2")


def test_a_server_that_runs_can_be_used_instead(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(FAILING)
    server = Background()
    try:
        said = run(tmp_path, AVTALE_URL=server.url)
        assert "1 failed, 2 passed" in said
        avtale = Avtale(server.url)
        names = [
            unit["merchantSerialNumber"]
            for unit in avtale.control.ask(list[dict[str, object]], "GET", "sales-units")
        ]
        # The public one, and that of the test that failed, so that it can be looked at.
        assert len(names) == 2
        avtale.close()
    finally:
        server.stop()


def test_a_server_that_does_not_run_is_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(FAILING)
    said = run(tmp_path, "--avtale-url", "http://127.0.0.1:9")
    assert "No avtale answers at http://127.0.0.1:9" in said


def test_without_the_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "avtale.listening", None)
    with pytest.raises(ServerMissing, match=r"avtale\[server\]"):
        Background()


# ── unittest ─────────────────────────────────────────────────────────────────────────────────────


def test_unittest_has_the_same() -> None:
    class Shop(AvtaleTestCase):
        def test_a_renewal(self) -> None:
            unit = self.avtale.sales_unit()
            agreed(unit)
            assert list(unit.client.agreements()) == []

        def test_that_is_skipped(self) -> None:
            self.skipTest("not today")

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Shop).run(result)
    assert (result.testsRun, len(result.failures), len(result.skipped)) == (2, 1, 1)
    assert "The payer said yes: the agreement is ACTIVE." in result.failures[0][1]
