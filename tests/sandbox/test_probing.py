"""The coach tries the merchant's own pages where it is told to, and only then."""

from __future__ import annotations

import pytest

from tests.outbound.zoo import Visitor, receiver
from tests.sandbox.desk import Desk
from tests.support import House, Shop, refused


async def my_page(visitor: Visitor) -> None:
    """A page at /me, and nothing else."""
    while True:
        request = await visitor.reader.readuntil(b"\r\n\r\n")
        visitor.cage.requests.append(request)
        status = "200 OK" if request.split()[1] == b"/me" else "404 Not Found"
        await visitor.say(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())


async def test_pages_are_tried_on_demand_and_those_that_do_not_answer_are_told(
    desk: Desk, shop: Shop
) -> None:
    async with receiver(my_page) as cage:
        here, gone = (f"http://127.0.0.1:{cage.port}/{page}" for page in ("me", "gone"))
        await shop.draft(merchantAgreementUrl=here)
        await shop.draft(merchantAgreementUrl=f"{here}#stop")
        forgotten = await shop.agreed(merchantAgreementUrl=gone)
        stopped = await shop.agreed(merchantAgreementUrl=f"{gone}/too")
        await shop.send("PATCH", f"/agreements/{stopped}", {"status": "STOPPED"})
        path = f"/sales-units/{shop.msn}/remarks"
        without = await desk.ask("GET", path)
        assert not cage.requests
        found = await desk.ask("GET", f"{path}?probe=true")
    assert "probed" not in without
    assert found["probed"] == {gone: "404", f"{here}#stop": "200", here: "200"}
    (dead,) = (each for each in found["remarks"] if each["code"] == "agreement-url-dead")
    assert dead["count"] == 1
    assert [(each["agreementId"], each["detail"]) for each in dead["proofs"]] == [
        (forgotten, f"{gone}: 404")
    ]
    others = [each for each in found["remarks"] if each is not dead]
    assert others == without["remarks"]


async def test_a_page_that_answers_again_is_not_told_any_more(desk: Desk, shop: Shop) -> None:
    async with receiver(my_page) as cage:
        here = f"http://127.0.0.1:{cage.port}"
        agreement_id = await shop.agreed(merchantAgreementUrl=f"{here}/gone")
        path = f"/sales-units/{shop.msn}/remarks?probe=true"
        before = await desk.ask("GET", path)
        moved = {"merchantAgreementUrl": f"{here}/me"}
        await shop.send("PATCH", f"/agreements/{agreement_id}", moved)
        after = await desk.ask("GET", path)
    assert [
        "agreement-url-dead" in {each["code"] for each in found["remarks"]}
        for found in (before, after)
    ] == [True, False]


async def test_a_unit_without_agreements_has_no_pages_to_try(desk: Desk, shop: Shop) -> None:
    found = await desk.ask("GET", f"/sales-units/{shop.msn}/remarks?probe=true")
    assert (found["remarks"], found["probed"]) == ([], {})


@pytest.mark.parametrize("probe", ["yes", "1", "TRUE"])
async def test_probe_is_true_or_false(house: House, shop: Shop, probe: str) -> None:
    with refused("validation-error", status=400):
        await Desk(house).ask("GET", f"/sales-units/{shop.msn}/remarks?probe={probe}")
