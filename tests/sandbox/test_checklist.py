"""The checklist and the coach over HTTP: made of what was recorded, and of what people say."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from tests.sandbox.desk import Desk
from tests.support import CHARGE, House, Shop, refused

PAGES = ("checklist", "checklist.md", "checklist.pdf", "checklist.html")


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


async def test_a_word_that_is_refused_is_not_kept(desk: Desk, shop: Shop) -> None:
    path = f"/sales-units/{shop.msn}/checklist/design_guidelines"
    assert (await desk.send("PUT", f"{path}?label=", {})).status == 400
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


async def test_the_pdf_has_the_run_and_what_was_said_in_the_query(stored_house: House) -> None:
    desk, shop = Desk(stored_house), await stored_house.shop()
    build = Build(shop, Vipps_System_Version="3.1.2")
    old = await shop.charge(await shop.agreed())
    new = await build.charge(await build.agreed())
    note = {"comment": "Checked by Ida Østby"}
    await desk.ask("PUT", f"/sales-units/{shop.msn}/checklist/design_guidelines", note)
    query = "label=3.1.2&partner=Bl%C3%A5b%C3%A6r+AS&description=A%20shop%20%26%20more"
    reply = await desk.send("GET", f"/sales-units/{shop.msn}/checklist.pdf?{query}")
    assert reply.headers["Content-Type"] == "application/pdf"
    assert f'filename="checklist-{shop.msn}.pdf"' in reply.headers["Content-Disposition"]
    pdf = PdfReader(BytesIO(reply.body))
    fields = pdf.get_form_text_fields()
    assert fields["partner"] == "Blåbær AS"
    assert fields["description"] == "A shop & more"
    assert fields["comment_design_guidelines"] == "Checked by Ida Østby"
    text = "".join(page.extract_text() for page in pdf.pages)
    assert new in text
    assert old not in text
    assert "Only requests labelled 3.1.2, and what they made or named." in text


async def test_the_page_shows_the_same_and_nothing_that_people_say_becomes_markup(
    desk: Desk, shop: Shop
) -> None:
    charge_id = await shop.charge(await shop.agreed())
    note = {"comment": "<script>alert(1)</script>"}
    await desk.ask("PUT", f"/sales-units/{shop.msn}/checklist/webhooks", note)
    path = f"/sales-units/{shop.msn}/checklist.html"
    reply = await desk.send(
        "GET", f"{path}?partner=%3Cb%3EAcme&description=%22a%22&since=2026-01-01T00:00:00Z"
    )
    page = reply.body.decode()
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;Acme" in page
    assert "<script" not in page
    assert "style=" not in page
    assert f"<code>{charge_id}</code>" in page
    assert "Only requests since 2026-01-01 00:00 UTC" in page
    found = await desk.ask("GET", f"/sales-units/{shop.msn}/checklist")
    assert f"{found['counts']['passed']} of {len(found['lines'])} lines passed" in page
    for line in found["lines"]:
        assert line["title"].partition(" (")[0] in page


async def test_the_page_loads_its_style_and_its_mark_and_nothing_else(
    desk: Desk, shop: Shop
) -> None:
    page = (await desk.send("GET", f"/sales-units/{shop.msn}/checklist.html")).body.decode()
    names = re.findall(r'<(?:link|img|script)[^>]* (?:href|src)="/assets/([^?"]*)', page)
    assert sorted(names) == ["checklist.css", "mark.svg"]


@pytest.mark.parametrize(("name", "most"), [("partner", 100), ("description", 300)])
@pytest.mark.parametrize("what", PAGES[1:])
async def test_words_that_are_too_long_are_refused(
    desk: Desk, shop: Shop, what: str, name: str, most: int
) -> None:
    path = f"/sales-units/{shop.msn}/{what}?{name}="
    assert (await desk.send("GET", path + "å" * most)).status == 200
    reply = await desk.send("GET", path + "å" * (most + 1))
    assert (reply.status, list(reply.faults)) == (400, [name])


@pytest.mark.parametrize("what", PAGES)
async def test_no_page_is_made_of_a_unit_that_is_not_there(desk: Desk, what: str) -> None:
    with refused("resource-not-found", 404):
        await desk.ask("GET", f"/sales-units/999999/{what}")


async def test_many_pages_are_printed_at_once(desk: Desk, shop: Shop) -> None:
    path = f"/sales-units/{shop.msn}/checklist.pdf?partner="
    replies = await asyncio.gather(*(desk.send("GET", f"{path}{n}") for n in range(8)))
    partners = [PdfReader(BytesIO(each.body)).get_form_text_fields()["partner"] for each in replies]
    assert partners == [str(n) for n in range(8)]


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
@pytest.mark.parametrize("what", ["remarks", *PAGES])
async def test_a_label_that_no_header_could_hold_is_refused(
    desk: Desk, shop: Shop, what: str, label: str
) -> None:
    reply = await desk.send("GET", f"/sales-units/{shop.msn}/{what}?label={label}")
    assert (reply.status, list(reply.faults)) == (400, ["label"])


def line_of(found: Any, item: str) -> Any:
    return next(line for line in found["lines"] if line["item"] == item)


def order_ids(found: Any, item: str) -> list[str]:
    return [proof["orderId"] for proof in line_of(found, item)["proofs"]]
