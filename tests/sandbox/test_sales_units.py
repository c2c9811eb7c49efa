"""Sales units and partners are made with keys that work, changed by member, and listed in pages."""

import statistics
import time

import pytest

from avtale.operations.sales_units import Credentials
from avtale.sales_units import Features
from avtale.wire.control import RULE_FIELDS, FeatureChanges
from tests.sandbox.desk import Desk
from tests.support import House, Shop, refused

KEYS = {"clientId", "clientSecret", "subscriptionKey"}
MEMBERS = {"merchantSerialNumber", "name", "market", "features", "rules", "clock"}


async def shop_of(house: House, made: dict[str, str]) -> Shop:
    unit = await house.parts.directory.sales_unit(made["merchantSerialNumber"])
    keys = Credentials(made["clientId"], made["clientSecret"], made["subscriptionKey"])
    return Shop(house, unit, keys)


async def test_a_new_unit_needs_nothing_said(desk: Desk) -> None:
    reply = await desk.send("POST", "/sales-units")
    assert reply.status == 201
    made = reply.json
    assert made.keys() == MEMBERS | KEYS
    assert made["market"] == "NO"
    assert made["rules"] == {}
    assert made["features"] == {
        "unscheduled": False,
        "skipLandingPage": False,
        "nin": False,
        "lateCapture": False,
        "directCapture": True,
        "recurring": True,
    }
    assert made["clock"]["mode"] == "running"
    assert reply.headers["Cache-Control"] == "no-store"


async def test_a_minted_number_has_six_or_seven_digits_and_is_free(desk: Desk) -> None:
    minted = [(await desk.ask("POST", "/sales-units"))["merchantSerialNumber"] for _ in range(20)]
    assert len(set(minted)) == 20
    assert all(msn.isdigit() and 6 <= len(msn) <= 7 and msn[0] != "0" for msn in minted)


async def test_the_keys_of_a_new_unit_work_at_once(desk: Desk, house: House) -> None:
    made = await desk.ask(
        "POST", "/sales-units", {"name": "Aftonbladet", "market": "FI", "rules": {"leadDays": 3}}
    )
    shop = await shop_of(house, made)
    agreement_id = (await shop.draft(merchantAgreementUrl=None))["agreementId"]
    assert (await shop.agreement(agreement_id))["pricing"]["currency"] == "EUR"


async def test_keys_are_shown_once(desk: Desk) -> None:
    made = await desk.ask("POST", "/sales-units", {"name": "Dagens Nytt"})
    fetched = await desk.ask("GET", f"/sales-units/{made['merchantSerialNumber']}")
    assert fetched.keys() == MEMBERS
    listed = await desk.ask("GET", "/sales-units")
    assert [unit["name"] for unit in listed] == ["Nordic News", "Dagens Nytt"]
    assert all(unit.keys() == MEMBERS for unit in listed)


async def test_a_number_can_be_chosen_and_is_good_for_one_unit(desk: Desk) -> None:
    made = await desk.ask("POST", "/sales-units", {"merchantSerialNumber": "778899"})
    assert made["merchantSerialNumber"] == "778899"
    with refused("conflict", 409, "778899"):
        await desk.ask("POST", "/sales-units", {"merchantSerialNumber": "778899"})


async def test_every_fault_of_a_new_unit_is_told_at_once(desk: Desk) -> None:
    reply = await desk.send(
        "POST",
        "/sales-units",
        {
            "name": "",
            "market": "SE",
            "merchantSerialNumber": "12ab",
            "features": {"nin": "yes", "instalments": True},
            "rules": {"leadDays": "1", "leadDayz": 1},
            "colour": "red",
        },
    )
    assert (reply.status, reply.slug) == (400, "validation-error")
    assert reply.faults.keys() == {
        "name",
        "market",
        "merchantSerialNumber",
        "features.nin",
        "features.instalments",
        "rules.leadDays",
        "colour",
    }


async def test_an_unknown_rule_is_answered_with_those_that_can_be_set(desk: Desk) -> None:
    reply = await desk.send("PATCH", "/sales-units/123456", {"rules": {"leadDayz": 1}})
    assert reply.status == 400
    assert "leadDays" in reply.faults["rules.leadDayz"]
    assert "visibleDays" in reply.faults["rules.leadDayz"]
    assert "is_test" not in reply.faults["rules.leadDayz"]


@pytest.mark.parametrize(
    ("rules", "faults"),
    [
        ({"leadDays": -1, "visibleDays": 9999}, {"rules.leadDays", "rules.visibleDays"}),
        ({"pageItems": 3000}, {"rules.pageItems"}),
        ({"maxPageItems": 100}, {"rules.pageItems"}),
    ],
)
async def test_rules_that_make_no_sense_are_refused_by_name(
    desk: Desk, rules: dict[str, int], faults: set[str]
) -> None:
    reply = await desk.send("PATCH", "/sales-units/123456", {"rules": rules})
    assert reply.status == 400
    assert reply.faults.keys() == faults
    assert (await desk.ask("GET", "/sales-units/123456"))["rules"] == {}


async def test_rules_that_make_sense_only_together_are_taken(desk: Desk) -> None:
    rules = {"pageItems": 50, "maxPageItems": 100}
    changed = await desk.ask("PATCH", "/sales-units/123456", {"rules": rules})
    assert changed["rules"] == rules


async def test_features_and_rules_are_merged_by_member(desk: Desk) -> None:
    await desk.ask(
        "PATCH", "/sales-units/123456", {"rules": {"leadDays": 2}, "features": {"nin": True}}
    )
    changed = await desk.ask(
        "PATCH",
        "/sales-units/123456",
        {"name": "Nytt", "rules": {"visibleDays": 30}, "features": {"unscheduled": True}},
    )
    assert changed["name"] == "Nytt"
    assert changed["rules"] == {"leadDays": 2, "visibleDays": 30}
    assert changed["features"]["nin"]
    assert changed["features"]["unscheduled"]
    assert await desk.ask("GET", "/sales-units/123456") | {"clock": 0} == changed | {"clock": 0}


async def test_a_rule_that_is_null_goes_by_the_book_again(desk: Desk) -> None:
    await desk.ask("PATCH", "/sales-units/123456", {"rules": {"leadDays": 2, "visibleDays": 30}})
    changed = await desk.ask("PATCH", "/sales-units/123456", {"rules": {"leadDays": None}})
    assert changed["rules"] == {"visibleDays": 30}


async def test_a_changed_rule_holds_for_the_next_request(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    await desk.ask("PATCH", f"/sales-units/{shop.msn}", {"rules": {"leadDays": 5}})
    with refused("charge-due-too-soon", 400, "5"):
        await shop.charge(agreement_id, due="2026-11-06")


async def test_a_changed_feature_holds_for_the_next_request(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    unscheduled = {"type": "UNSCHEDULED", "due": None, "retryDays": None}
    with refused("unsupported-feature", 400):
        await shop.charge(agreement_id, **unscheduled)
    await desk.ask("PATCH", f"/sales-units/{shop.msn}", {"features": {"unscheduled": True}})
    assert await shop.charge(agreement_id, **unscheduled)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sales-units/999999"),
        ("PATCH", "/sales-units/999999"),
        ("DELETE", "/sales-units/999999"),
        ("POST", "/sales-units/999999/reset"),
        ("GET", "/sales-units/999999/clock"),
        ("POST", "/sales-units/999999/clock/advance"),
        ("POST", "/sales-units/999999/clock/freeze"),
        ("POST", "/sales-units/999999/clock/resume"),
        ("GET", "/sales-units/999999/clock/forecast"),
        ("POST", "/sales-units/999999/runs"),
    ],
)
async def test_a_unit_that_does_not_exist_is_not_found(desk: Desk, method: str, path: str) -> None:
    body = {"days": 1} if path.endswith("advance") else {} if method == "PATCH" else None
    reply = await desk.send(method, path, body)
    assert (reply.status, reply.slug) == (404, "resource-not-found")
    assert "999999" in reply.detail


async def test_units_are_listed_in_pages(desk: Desk) -> None:
    for number in range(5):
        await desk.ask("POST", "/sales-units", {"merchantSerialNumber": f"60000{number}"})
    second = await desk.ask("GET", "/sales-units?pageSize=2&pageNumber=2")
    assert [unit["merchantSerialNumber"] for unit in second] == ["600001", "600002"]
    with refused("validation-error", 400):
        await desk.ask("GET", "/sales-units?pageSize=100000")


async def test_a_partner_acts_for_its_units_and_no_other(desk: Desk, house: House) -> None:
    one, other, third = [await desk.unit() for _ in range(3)]
    reply = await desk.send("POST", "/partners", {"name": "Abo", "salesUnits": [one, other, one]})
    assert reply.status == 201
    made = reply.json
    assert made.keys() == {"name", "salesUnits"} | KEYS
    assert made["salesUnits"] == [one, other]
    for msn in (one, other):
        shop = await shop_of(house, made | {"merchantSerialNumber": msn})
        assert (await shop.draft())["agreementId"]
    with refused("invalid-sale-unit", 403):
        await (await shop_of(house, made | {"merchantSerialNumber": third})).draft()


async def test_a_partner_of_units_that_do_not_exist_is_told_which(desk: Desk) -> None:
    reply = await desk.send(
        "POST", "/partners", {"name": "Abo", "salesUnits": ["999998", "123456", "999999"]}
    )
    assert reply.status == 400
    assert reply.faults.keys() == {"salesUnits.0", "salesUnits.2"}
    with refused("validation-error", 400):
        await desk.ask("POST", "/partners", {"name": "Abo", "salesUnits": []})


async def test_a_unit_is_made_in_less_than_five_milliseconds(desk: Desk) -> None:
    """Every test of a suite can have one of its own."""
    seconds = []
    for _ in range(25):
        began = time.perf_counter()
        await desk.ask("POST", "/sales-units")
        seconds.append(time.perf_counter() - began)
    assert statistics.quantiles(seconds, n=10)[0] < 0.005, seconds


def test_every_feature_and_every_rule_can_be_named() -> None:
    assert FeatureChanges.__struct_fields__ == Features.__struct_fields__
    assert RULE_FIELDS["webhooksPerEvent"] == "webhooks_per_event"
