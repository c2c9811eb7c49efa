"""What developers do: move the clock, confirm lines of the checklist, switch features, make payers."""

from __future__ import annotations

from avtale.sales_units import SalesUnit
from tests.dashboard.looking import Looking
from tests.support import House, Shop


async def test_the_clock_goes_on_and_says_what_happened(shop: Shop, looking: Looking) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    page = await looking.do("/clock", do="week")
    assert await shop.status(charge_id) == "CHARGED"
    assert "on the way:" in page.words
    assert "was captured" in page.words


async def test_a_forecast_changes_nothing(shop: Shop, looking: Looking) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    words = (await looking.at("/clock?days=7")).words
    assert "was captured" in words
    assert await shop.status(charge_id) == "PENDING"


async def test_the_clock_goes_to_a_moment_of_the_market(shop: Shop, looking: Looking) -> None:
    await looking.do("/clock", do="to", to="2026-12-24T09:00")
    assert (await shop.clock.now()).isoformat() == "2026-12-24T08:00:00+00:00"


async def test_a_clock_does_not_go_back(shop: Shop, looking: Looking) -> None:
    before = await shop.clock.now()
    page = await looking.do("/clock", do="to", to="2020-01-01T09:00")
    assert "only moves forward" in page.words
    page = await looking.do("/clock", do="to", to="tomorrow")
    assert "write a day and a time" in page.words
    assert await shop.clock.now() == before


async def test_the_clock_runs_and_stands_as_told(
    house: House, shop: Shop, looking: Looking
) -> None:
    assert "The clock runs." in (await looking.do("/clock", do="resume")).words
    assert (await house.find(SalesUnit, shop.msn)).clock_mode == "running"
    assert "stands still" in (await looking.do("/clock", do="freeze")).words
    assert (await house.find(SalesUnit, shop.msn)).clock_mode == "frozen"


async def test_features_are_switched_and_the_name_is_kept(
    house: House, shop: Shop, looking: Looking
) -> None:
    await looking.do("/settings", unscheduled="1", recurring="1", name="Nordic Weekly")
    unit = await house.find(SalesUnit, shop.msn)
    assert unit.name == "Nordic Weekly"
    assert (unit.features.unscheduled, unit.features.recurring) == (True, True)
    assert not unit.features.direct_capture


async def test_a_line_is_confirmed_with_a_comment(looking: Looking) -> None:
    page = await looking.do(
        "/checklist", item="design_guidelines", confirmed="1", comment="Seen by our designers"
    )
    line = page.text.partition('id="design_guidelines"')[2].partition("</li>")[0]
    assert "passed" in line
    assert "Seen by our designers" in line


async def test_a_payer_is_made_and_leads_to_a_phone(looking: Looking) -> None:
    page = await looking.do("/payers", phone="98 76 54 32")
    assert "is there." in page.words
    assert "/phone/4798765432" in page.text
    page = await looking.do("/payers", phone="none")
    assert "That is no phone number" in page.words


async def test_a_page_hears_when_it_would_look_different(
    house: House, shop: Shop, looking: Looking
) -> None:
    async def seen() -> str:
        text = (await looking.at("/charges")).text
        return text.partition('data-seen="')[2].partition('"')[0]

    before = await seen()
    agreement_id = await shop.agreed()
    assert await seen() == before
    await shop.charge(agreement_id)
    assert await seen() != before


async def test_a_snapshot_is_taken_gone_back_to_and_forgotten(shop: Shop, looking: Looking) -> None:
    agreement_id = await shop.agreed()
    page = await looking.do("/snapshots", do="take", name="before renewal")
    assert "“before renewal” is kept." in page.words
    await shop.stop(agreement_id)
    page = await looking.do("/snapshots", do="restore", name="before renewal")
    assert "Everything is as it was" in page.words
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"
    page = await looking.do("/snapshots", do="take", name="before renewal")
    assert "already" in page.words
    page = await looking.do("/snapshots", do="delete", name="before renewal")
    assert "None yet." in page.words
