"""Faults on command: each as a merchant meets it, on one sales unit and no other, in a sequence that repeats."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from avtale.api.routes import ROUTES
from avtale.api.trouble import ERRORS, OPERATIONS, hang_up
from avtale.faults import REQUEST_FAULTS, WEBHOOK_FAULTS
from tests.faults.processes import Merchant, Process, charge_body
from tests.sandbox.desk import Desk
from tests.support import House, Refusal, Shop, installation

SOON = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()


async def set_faults(desk: Desk, shop: Shop | str, *faults: Any) -> Any:
    """Set them; answers with how they are kept."""
    msn = shop if isinstance(shop, str) else shop.msn
    return await desk.ask("PUT", f"/sales-units/{msn}/faults", list(faults))


async def shown(desk: Desk, shop: Shop) -> Any:
    """The faults that are set."""
    return await desk.ask("GET", f"/sales-units/{shop.msn}/faults")


async def statuses(shop: Shop, requests: int) -> list[int]:
    """What so many requests are answered, one after another."""
    return [(await shop.send("GET", "/agreements")).status for _ in range(requests)]


async def elsewhere(house: House, shop: Shop) -> Shop:
    """The same shop, as another process serves it."""
    return Shop(house, await house.parts.directory.sales_unit(shop.msn), shop.credentials)


# ── Each as a merchant meets it ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ERRORS)
async def test_an_error_is_the_published_problem_of_its_status(
    desk: Desk, shop: Shop, status: int
) -> None:
    await set_faults(
        desk, shop, {"operation": "draftAgreement", "fault": "error", "status": status, "times": 1}
    )
    reply = await shop.send("POST", "/agreements", shop.draft_body(), key="one")
    assert reply.status == status
    problem = reply.json
    assert problem["status"] == status
    assert problem["title"]
    assert problem["contextId"]
    assert problem["instance"] == "/recurring/v3/agreements"
    assert f"/sandbox/sales-units/{shop.msn}/faults" in problem["detail"]
    # It is answered before anything is done, and nothing is kept under the key.
    assert await shop.agreements() == []
    again = await shop.send("POST", "/agreements", shop.draft_body(), key="one")
    assert again.status == 201
    assert "Idempotency-Replayed" not in again.headers


async def test_an_error_without_a_status_is_a_500(desk: Desk, shop: Shop) -> None:
    await set_faults(desk, shop, {"operation": "listAgreements", "fault": "error"})
    assert await statuses(shop, 2) == [500, 500]


async def test_latency_is_waited_for_and_the_answer_is_as_ever(desk: Desk, shop: Shop) -> None:
    await shop.token()
    await set_faults(
        desk,
        shop,
        {"operation": "listAgreements", "fault": "latency", "milliseconds": 150},
        {"operation": "*", "fault": "latency", "milliseconds": 100, "times": 1},
    )
    waits = []
    for _ in range(2):
        began = time.perf_counter()
        assert await statuses(shop, 1) == [200]
        waits.append(time.perf_counter() - began)
    assert 0.25 <= waits[0] < 1
    assert 0.15 <= waits[1] < waits[0]


async def test_whoever_is_rate_limited_is_told_when_to_come_back(desk: Desk, shop: Shop) -> None:
    await set_faults(desk, shop, {"operation": "listAgreements", "fault": "rate-limited"})
    reply = await shop.send("GET", "/agreements")
    assert (reply.status, reply.headers["Retry-After"]) == (429, "1")
    assert reply.json["title"] == "Too Many Requests"


async def test_an_outage_of_everything_is_one_of_the_token_endpoint_too(
    desk: Desk, shop: Shop
) -> None:
    await set_faults(desk, shop, {"operation": "*", "fault": "outage", "times": 3})
    keys = shop.credentials
    headers = {
        "client_id": keys.client_id,
        "client_secret": keys.client_secret,
        "Ocp-Apim-Subscription-Key": keys.subscription_key,
    }
    for _ in range(3):
        reply = await shop.raw("POST", "/accesstoken/get", headers=headers)
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert await statuses(shop, 1) == [200]


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Process]:
    """A process that listens."""
    process = Process("up", database_url, tmp_path / "log")
    try:
        await asyncio.to_thread(process.answers)
        yield process
        assert process.trouble() == []
    finally:
        process.kill()


async def test_a_lost_answer_is_of_work_that_was_done(server: Process) -> None:
    async with Merchant([server]) as merchant:
        agreement = (await merchant.active())["agreementId"]
        path = f"/recurring/v3/agreements/{agreement}/charges"
        fault = [{"operation": "createCharge", "fault": "lost-answer", "times": 1}]
        faults = "/sandbox/sales-units/123456/faults"
        assert (await merchant.call("PUT", faults, body=fault)).status == 200
        body = charge_body("november", SOON)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await merchant.call("POST", path, "the-key", body)
        # The charge is there; whoever asks again under the key is told so, and there is only one.
        [charge] = (await merchant.call("GET", path)).json
        assert charge["id"] == "november"
        reply = await merchant.call("POST", path, "the-key", body)
        assert (reply.status, reply.is_replay) == (201, True)
        assert len((await merchant.call("GET", path)).json) == 1


async def test_where_there_is_no_connection_to_end_the_answer_is_lost_in_between(
    desk: Desk, shop: Shop
) -> None:
    await set_faults(desk, shop, {"operation": "draftAgreement", "fault": "lost-answer"})
    assert (await shop.send("POST", "/agreements", shop.draft_body())).status == 502
    assert len(await shop.agreements("?status=PENDING")) == 1
    assert not hang_up({"client": None})


# ── One unit and no other ────────────────────────────────────────────────────────────────────────


async def test_faults_of_one_unit_never_touch_another(house: House, desk: Desk) -> None:
    struck, other = await house.shop(), await house.shop()
    await struck.token()
    await set_faults(desk, struck, {"operation": "*", "fault": "error", "status": 500})
    assert await statuses(other, 3) == [200, 200, 200]
    assert await shown(desk, other) == []
    [fault] = await shown(desk, struck)
    assert (fault["drawn"], fault["struck"]) == (0, 0)
    assert await statuses(struck, 1) == [500]


async def test_only_the_operation_that_is_named_is_struck(desk: Desk, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    await set_faults(desk, shop, {"operation": "fetchAgreement", "fault": "outage"})
    assert (await shop.send("GET", f"/agreements/{agreement_id}")).status == 503
    assert await statuses(shop, 1) == [200]


async def test_an_operation_goes_by_any_of_its_names(desk: Desk, shop: Shop) -> None:
    names = ["createCharge", "create_charge", "CreateChargeV3"]
    told = await set_faults(desk, shop, *({"operation": name, "fault": "outage"} for name in names))
    assert [each["operation"] for each in told] == ["createCharge"] * 3
    assert set(OPERATIONS.values()) == {"*", *(route.operation for route in ROUTES)}


async def test_every_operation_can_be_struck(house: House, desk: Desk) -> None:
    shop = await house.shop()
    await shop.token()
    await set_faults(desk, shop, {"operation": "*", "fault": "outage"})
    headers = await shop.headers()
    for route in ROUTES:
        path = route.template.replace("{agreement_id}", "agr_1").replace("{charge_id}", "c")
        path = path.replace("{sub}", "s").replace("{webhook_id}", "w")
        reply = await shop.raw(route.method, path, headers=headers, content=b"{}")
        assert reply.status == 503, route


# ── How often, and in which sequence ─────────────────────────────────────────────────────────────


async def test_one_seed_is_one_sequence(house: House, desk: Desk) -> None:
    fault = {"operation": "listAgreements", "fault": "error", "probability": 0.5, "seed": 42}
    one, other, third = [await house.shop() for _ in range(3)]
    await set_faults(desk, one, fault)
    await set_faults(desk, other, fault)
    await set_faults(desk, third, {**fault, "seed": 43})
    first = await statuses(one, 24)
    assert first == await statuses(other, 24)
    assert first != await statuses(third, 24)
    assert 6 <= first.count(500) <= 18
    assert set(first) == {200, 500}
    # Set again, it begins again.
    await set_faults(desk, one, fault)
    assert first == await statuses(one, 24)


async def test_a_seed_that_is_made_up_is_told_so_that_it_can_be_used_again(
    desk: Desk, shop: Shop
) -> None:
    fault = {"operation": "listAgreements", "fault": "error", "probability": 0.5}
    [told] = await set_faults(desk, shop, fault)
    first = await statuses(shop, 12)
    await set_faults(desk, shop, {**fault, "seed": told["seed"]})
    assert first == await statuses(shop, 12)


async def test_it_strikes_so_many_times_and_no_more(desk: Desk, shop: Shop) -> None:
    await shop.token()
    await set_faults(desk, shop, {"operation": "*", "fault": "rate-limited", "times": 2})
    assert await statuses(shop, 4) == [429, 429, 200, 200]
    [fault] = await shown(desk, shop)
    assert (fault["times"], fault["struck"], fault["drawn"]) == (2, 2, 2)


async def test_a_probability_of_nothing_never_strikes(desk: Desk, shop: Shop) -> None:
    await set_faults(desk, shop, {"operation": "*", "fault": "error", "probability": 0})
    assert await statuses(shop, 8) == [200] * 8


async def test_processes_share_the_sequence(database_url: str) -> None:
    async with installation(database_url) as house, installation(database_url) as twin:
        shop = await house.shop()
        there = await elsewhere(twin, shop)
        await there.token()
        fault = {"operation": "listAgreements", "fault": "error", "probability": 0.5, "seed": 7}
        desk = Desk(house)
        await set_faults(desk, shop, fault)
        alone = await statuses(shop, 16)
        await set_faults(desk, shop, fault)
        twin.parts.faults.forget()
        together = []
        for _ in range(8):
            together += await statuses(shop, 1)
            together += await statuses(there, 1)
        assert together == alone


# ── Setting them ─────────────────────────────────────────────────────────────────────────────────


async def test_faults_are_shown_as_they_were_set_until_they_are_taken_away(
    desk: Desk, shop: Shop
) -> None:
    told = await set_faults(
        desk,
        shop,
        {"operation": "createCharge", "fault": "error", "status": 409, "seed": 1},
        {"webhook": "delay", "milliseconds": 5000, "probability": 0.25, "times": 3, "seed": 2},
    )
    assert told == [
        {
            "operation": "createCharge",
            "fault": "error",
            "status": 409,
            "probability": 1.0,
            "seed": 1,
            "drawn": 0,
            "struck": 0,
        },
        {
            "webhook": "delay",
            "milliseconds": 5000,
            "probability": 0.25,
            "times": 3,
            "seed": 2,
            "drawn": 0,
            "struck": 0,
        },
    ]
    assert await shown(desk, shop) == told
    assert (await desk.send("DELETE", f"/sales-units/{shop.msn}/faults")).status == 204
    assert await shown(desk, shop) == []


async def test_a_reset_takes_them_away(desk: Desk, shop: Shop) -> None:
    await set_faults(desk, shop, {"operation": "*", "fault": "outage"})
    await desk.ask("POST", f"/sales-units/{shop.msn}/reset")
    assert await shown(desk, shop) == []
    assert (await shop.send("GET", "/agreements")).status == 200


GOOD = {"operation": "createCharge", "fault": "error"}


@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        (GOOD, "body", "must be an array of faults, in [ ] even for one alone"),
        ([GOOD] * 21, "body", "must hold at most 20 faults"),
        (["error"], "0", "must be an object"),
        ([{"operation": "*"}], "0", "must have either `operation` and `fault`, or `webhook`"),
        ([{**GOOD, "webhook": "drop"}], "0", "must have either `operation` and `fault`, or"),
        ([{"fault": "error"}], "0.operation", "is required"),
        ([GOOD, {**GOOD, "fault": "eror"}], "1.fault", "must be error, latency, lost-answer"),
        ([{**GOOD, "operation": "makeCharge"}], "0.operation", "must be *, acceptAgreement, "),
        ([{**GOOD, "status": 418}], "0.status", "must be 400, 401, 403, 404, 409, 429, 500"),
        ([{**GOOD, "status": "500"}], "0.status", "must be a whole number"),
        ([{**GOOD, "fault": "outage", "status": 500}], "0.status", "is for error only"),
        ([{**GOOD, "fault": "latency"}], "0.milliseconds", "is required for latency"),
        ([{**GOOD, "milliseconds": 5}], "0.milliseconds", "is for latency only, not for error"),
        (
            [{**GOOD, "fault": "latency", "milliseconds": 60_001}],
            "0.milliseconds",
            "must be at most 60000",
        ),
        ([{**GOOD, "probability": 1.5}], "0.probability", "must be at most 1"),
        ([{**GOOD, "probability": "often"}], "0.probability", "must be a number"),
        ([{**GOOD, "times": 0}], "0.times", "must be at least 1"),
        ([{**GOOD, "seed": -1}], "0.seed", "must be at least 0"),
        ([{**GOOD, "sometimes": True}], "0.sometimes", "is not known here"),
        ([{"webhook": "vanish"}], "0.webhook", "must be bad-signature, delay, drop, dup"),
        ([{"webhook": "delay"}], "0.milliseconds", "is required for delay"),
        ([{"webhook": "drop", "milliseconds": 5}], "0.milliseconds", "is for delay and reorder"),
        ([{"webhook": "drop", "status": 500}], "0.status", "is not known here"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    desk: Desk, shop: Shop, body: Any, name: str, reason: str
) -> None:
    await set_faults(desk, shop, GOOD)
    with pytest.raises(Refusal) as refusal:
        await desk.ask("PUT", f"/sales-units/{shop.msn}/faults", body)
    assert refusal.value.reply.status == 400
    [told] = refusal.value.reply.json["extraDetails"]
    assert told["name"] == name
    assert reason in told["reason"]
    assert len(await shown(desk, shop)) == 1


async def test_everything_that_is_wrong_is_told_at_once(desk: Desk, shop: Shop) -> None:
    body = [{**GOOD, "times": 0, "status": 7}, {"webhook": "drop", "seed": "x"}]
    reply = await desk.send("PUT", f"/sales-units/{shop.msn}/faults", body)
    assert [each["name"] for each in reply.json["extraDetails"]] == ["0.times", "1.seed"]


async def test_a_unit_that_is_not_there_has_no_faults(desk: Desk) -> None:
    for method, body in (("GET", None), ("PUT", []), ("DELETE", None)):
        assert (await desk.send(method, "/sales-units/999999/faults", body)).status == 404


async def test_nothing_goes_wrong_on_command_in_production(database_url: str) -> None:
    async with installation(database_url) as house:
        shop, desk = await house.shop(), Desk(house)
        await shop.token()
        await set_faults(desk, shop, {"operation": "*", "fault": "outage"})
        serious = house.with_settings(environment="production")
        there = await elsewhere(serious, shop)
        assert await statuses(there, 2) == [200, 200]
        reply = await Desk(serious).send("GET", f"/sales-units/{shop.msn}/faults")
        assert reply.status == 404


def test_every_fault_is_tried_somewhere() -> None:
    here = Path(__file__).read_text()
    there = (Path(__file__).parents[1] / "webhooks" / "test_faults.py").read_text()
    assert [each for each in REQUEST_FAULTS if f'"{each}"' not in here] == []
    assert [each for each in WEBHOOK_FAULTS if f'"{each}"' not in there] == []
