"""The checklist and the coach over HTTP: made of what was recorded, and of what people say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.sandbox.desk import Desk
from tests.support import House, Shop, refused


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
