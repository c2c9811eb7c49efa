"""The checklist and the coach over HTTP: made of what was recorded, and of what people say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.desk import Desk
from tests.support import CHARGE, House, Shop, refused


class Build(Shop):
    """The same merchant, whose system says more of itself in the headers."""

    def __init__(self, shop: Shop, **labels: str) -> None:
        vars(self).update(vars(shop))
        self._labels = labels

    async def headers(self, **changes: str | None) -> dict[str, str]:
        return await super().headers(**{**self._labels, **changes})


async def verdict(desk: Desk, shop: Shop, item: str, query: str = "") -> str:
    found = await desk.ask("GET", f"/sales-units/{shop.msn}/checklist{query}")
    return next(line["verdict"] for line in found["lines"] if line["item"] == item)


async def test_a_line_passes_when_its_endpoint_was_called(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    assert await verdict(desk, shop, "create_charge") == "not yet"
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    found = await desk.ask("GET", f"/sales-units/{shop.msn}/checklist")
    line = next(line for line in found["lines"] if line["item"] == "create_charge")
    assert line["verdict"] == "passed"
    assert line["proofs"][0]["orderId"] == charge_id
    assert found["counts"]["passed"] == sum(each["verdict"] == "passed" for each in found["lines"])
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert await verdict(desk, shop, "create_charge", f"?since={tomorrow}") == "not yet"


async def test_a_persons_word_is_kept(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    path = f"/sales-units/{shop.msn}/checklist/design_guidelines"
    assert (await desk.ask("PUT", path, {"comment": "first"}))["verdict"] == "passed"
    line = await desk.ask("PUT", path, {"confirmed": False, "comment": "not yet, says Ida"})
    assert (line["verdict"], line["comment"]) == ("to be confirmed", "not yet, says Ida")
    await desk.ask("PUT", path, {})
    assert await verdict(desk, shop, "design_guidelines") == "passed"
    await desk.ask("POST", f"/sales-units/{shop.msn}/reset")
    assert await verdict(desk, shop, "design_guidelines") == "to be confirmed"


async def test_a_line_that_is_not_there_cannot_be_confirmed(desk: Desk, shop: Shop) -> None:
    with refused("resource-not-found", 404, "no line"):
        await desk.ask("PUT", f"/sales-units/{shop.msn}/checklist/looks_nice", {})


async def test_a_time_that_is_none_is_refused(desk: Desk, shop: Shop) -> None:
    for since in ("yesterday", "2026-11-02T09:30:00"):
        reply = await desk.send("GET", f"/sales-units/{shop.msn}/checklist?since={since}")
        assert (reply.status, list(reply.faults)) == (400, ["since"])


async def test_the_page_is_markdown(desk: Desk, shop: Shop) -> None:
    await shop.agreed()
    reply = await desk.send("GET", f"/sales-units/{shop.msn}/checklist.md")
    assert reply.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert reply.body.decode().startswith("# Recurring API: checklist\n")


async def test_the_coach_tells_what_it_sees(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    await shop.charge(await shop.agreed(), retryDays=0)
    found = await desk.ask("GET", f"/sales-units/{shop.msn}/remarks")
    codes = {remark["code"] for remark in found["remarks"]}
    # The shop of these tests sends one of the four headers, looks at nothing and hears of nothing.
    assert codes == {
        "system-headers-missing",
        "few-retry-days",
        "redirect-trusted",
        "webhooks-not-registered",
    }


async def test_a_label_limits_to_one_build_and_what_it_made(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    old = await shop.charge(await shop.agreed())
    build = Build(shop, Vipps_System_Version="build 42")
    agreement_id = await build.agreed()
    new = await build.charge(agreement_id)
    unit = f"/sales-units/{shop.msn}/checklist"
    everything = await desk.ask("GET", unit)
    mine = await desk.ask("GET", f"{unit}?label=build%2042")
    assert {old, new} <= set(order_ids(everything, "create_charge"))
    assert order_ids(mine, "create_charge") == [new]
    [proof] = line_of(mine, "agreement_active")["proofs"]
    assert proof["agreementId"] == agreement_id
    nobodys = await desk.ask("GET", f"{unit}?label=build%2043")
    assert line_of(nobodys, "agreement_active")["verdict"] == "not yet"
    remarks = f"/sales-units/{shop.msn}/remarks"
    assert (await desk.ask("GET", f"{remarks}?label=build%2043"))["remarks"] == []


async def test_charges_of_a_bulk_are_of_the_run_that_asked_for_them(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    agreement_id = await shop.agreed()
    for version, order_id in (("7.0.1", "from-a-bulk"), ("7.0.2", "from-the-next")):
        build = Build(shop, Vipps_System_Plugin_Version=version)
        await build.bulk(
            {"agreementId": agreement_id, **CHARGE, "orderId": order_id, "retryDays": 3}
        )
        await desk.ask("POST", f"/sales-units/{shop.msn}/runs")
    found = await desk.ask("GET", f"/sales-units/{shop.msn}/checklist?label=7.0.2")
    assert order_ids(found, "retry_days") == ["from-the-next"]
    assert line_of(found, "agreement_active")["proofs"][0]["agreementId"] == agreement_id


async def test_since_leaves_out_what_was_made_before(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    await shop.charge(await shop.agreed())
    unit = f"/sales-units/{shop.msn}/checklist"
    assert line_of(await desk.ask("GET", unit), "agreement_active")["verdict"] == "passed"
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = await desk.ask("GET", f"{unit}?since={later}")
    assert line_of(found, "agreement_active")["verdict"] == "not yet"
    assert line_of(found, "retry_days")["verdict"] == "not yet"


@pytest.mark.parametrize("label", ["", "x" * 65])
@pytest.mark.parametrize("what", ["remarks", "checklist", "checklist.md"])
async def test_a_label_that_no_header_could_hold_is_refused(
    desk: Desk, shop: Shop, what: str, label: str
) -> None:
    reply = await desk.send("GET", f"/sales-units/{shop.msn}/{what}?label={label}")
    assert (reply.status, list(reply.faults)) == (400, ["label"])


def line_of(found: Any, item: str) -> Any:
    return next(line for line in found["lines"] if line["item"] == item)


def order_ids(found: Any, item: str) -> list[str]:
    return [proof["orderId"] for proof in line_of(found, item)["proofs"]]
