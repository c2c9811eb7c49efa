"""Whoever listens to a unit's stream is told what happens there, in order and as it happens; others cost nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import falcon.asgi
import httpx
import pytest

from avtale import server
from avtale.client import LegacyPricing
from avtale.operations.sales_units import PUBLIC_UNIT
from avtale.pages.streams import LOOK_SECONDS, MOST_STREAMS
from avtale.sandbox import stream
from avtale.sandbox.stream import Stream
from avtale.testing import Avtale, Unit
from tests.cli.terminal import Running, serving
from tests.sandbox.desk import Desk
from tests.support import House, Shop, installation

MONDAY = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)


class Told(NamedTuple):
    """One event of a stream."""

    event: str
    data: dict[str, Any]

    @property
    def what(self) -> str:
        """In a word or two."""
        word = {"request": "operation", "change": "what", "delivery": "eventType"}.get(self.event)
        return self.event if word is None else str(self.data[word])


class Reader:
    """Somebody with `curl -N`."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.greeting = next(lines)
        assert next(lines) == ""

    def next(self) -> Told:
        """The next event; comments are passed over."""
        for line in self._lines:
            if line.startswith("event: "):
                data = next(self._lines)
                assert data.startswith("data: ")
                assert next(self._lines) == ""
                return Told(line.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        raise AssertionError("the stream has ended")

    def until(self, what: str) -> list[Told]:
        """All that is told up to this and with it."""
        heard = [self.next()]
        while heard[-1].what != what:
            heard.append(self.next())
        return heard


@contextmanager
def listening(unit: Unit) -> Iterator[Reader]:
    """Listen to a unit."""
    with httpx.stream("GET", path_of(unit.url, unit.msn), trust_env=False, timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        yield Reader(answer.iter_lines())


def path_of(url: str, msn: str) -> str:
    return f"{url}/sandbox/sales-units/{msn}/stream"


def drafted(unit: Unit) -> str:
    return unit.client.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(499_00, "NOK"),
        merchant_redirect_url="https://news.example/thanks",
        merchant_agreement_url="https://news.example/account/1",
    ).agreement_id


def charged(unit: Unit, agreement_id: str) -> str:
    return unit.client.create_charge(
        agreement_id,
        amount=499_00,
        description="January",
        due=unit.clock.today() + timedelta(days=3),
        retry_days=2,
    ).charge_id


# ── What is told ─────────────────────────────────────────────────────────────────────────────────


def test_requests_changes_and_deliveries_are_told_in_the_order_in_which_they_happen(
    avtale: Avtale,
) -> None:
    unit = avtale.sales_unit(at=MONDAY)
    with listening(unit) as reader:
        assert unit.msn in reader.greeting
        inbox = f"{unit.url}/sandbox/inbox/{unit.msn}"
        unit.client.register_webhook(url=inbox, events=["recurring.charge-captured.v1"])
        agreement_id = drafted(unit)
        unit.payer().approve(agreement_id)
        charge_id = charged(unit, agreement_id)
        happened = unit.clock.advance(days=4)
        unit.client.fetch_charge(agreement_id, charge_id)
        heard = reader.until("fetch_charge")
    assert [each.what for each in heard] == [
        "fetch_token",
        "register_webhook",
        "agreement drafted",
        "draft_agreement",
        "agreement activated",
        "charge created",
        "create_charge",
        "charge shown",
        "charge attempt begun",
        "charge captured",
        "recurring.charge-captured.v1",
        "fetch_charge",
    ]
    assert [each.data["detail"] for each in heard[7:10]] == [each.detail for each in happened]
    assert {each.data["occurred"] for each in heard[:7]} == {"2030-01-07T09:00:00Z"}
    (attempt,) = heard[10].data["attempts"]
    assert (heard[10].data["chargeId"], attempt["status"]) == (charge_id, 200)
    assert heard[10].data["status"] == "DELIVERED"
    assert heard[11].data["occurred"] == "2030-01-11T09:00:00Z"
    assert heard[11].data == as_recorded(unit)


def as_recorded(unit: Unit) -> dict[str, Any]:
    """The newest request, as the record has it."""
    path = f"{unit.url}/sandbox/sales-units/{unit.msn}/requests?limit=1"
    newest: dict[str, Any] = httpx.get(path, trust_env=False).json()[0]
    return newest


def test_a_failed_attempt_is_told_with_what_the_receiver_said(avtale: Avtale) -> None:
    unit = avtale.sales_unit(at=MONDAY)
    gone = f"{unit.url}/nobody-is-here"
    unit.client.register_webhook(url=gone, events=["recurring.agreement-rejected.v1"])
    with listening(unit) as reader:
        unit.payer().reject(drafted(unit))
        unit.clock.run()
        told = reader.until("recurring.agreement-rejected.v1")[-1].data
    assert (told["status"], told["attempts"][0]["status"]) == ("WAITING", 404)
    assert "resource-not-found" in told["attempts"][0]["answer"]
    assert told["nextAttempt"] > told["created"]


def test_what_happens_in_another_unit_is_not_told(avtale: Avtale) -> None:
    ours, theirs = avtale.sales_unit(), avtale.sales_unit()
    with listening(ours) as reader:
        theirs.payer().approve(drafted(theirs))
        agreement_id = drafted(ours)
        heard = reader.until("draft_agreement")
    assert [each.what for each in heard] == ["fetch_token", "agreement drafted", "draft_agreement"]
    assert heard[-1].data["agreementId"] == agreement_id


def test_a_large_advance_says_where_it_stands_until_it_is_done(
    avtale: Avtale, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if each step took longer than the time between two words of progress.
    monkeypatch.setattr(stream, "PROGRESS_SECONDS", 0)
    unit = avtale.sales_unit(at=MONDAY)
    agreement_id = drafted(unit)
    unit.payer().approve(agreement_id)
    due = unit.clock.today() + timedelta(days=3)
    for number in range(12):
        unit.client.create_charge(
            agreement_id,
            amount=1_00,
            description=f"{number}",
            due=due + timedelta(days=3 * number),
            retry_days=2,
        )
    with listening(unit) as reader:
        happened = unit.clock.advance(days=60)
        drafted(unit)
        heard = reader.until("draft_agreement")
    progress = [each.data for each in heard if each.event == "progress"]
    assert len(progress) > 3 * 12
    assert {each["to"] for each in progress[:-1]} == {"2030-03-08T09:00:00Z"}
    assert [each["at"] for each in progress] == sorted(each["at"] for each in progress)
    assert [each["count"] for each in progress] == sorted(each["count"] for each in progress)
    assert progress[-1]["at"] == progress[-1]["to"]
    assert progress[-1]["count"] == len(happened) == 3 * 12
    changes = [each.data for each in heard if each.event == "change"]
    assert len(changes) == 3 * 12 + 1


# ── Who reads ────────────────────────────────────────────────────────────────────────────────────


async def spoken(events: Any) -> list[Told]:
    """What is told next, in one go; nothing where it is a comment."""
    text = (await anext(events)).serialize().decode()
    assert text.endswith("\n\n")
    told = (each.partition("\n") for each in text.split("\n\n") if each.startswith("event: "))
    return [
        Told(event.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for event, _, data in told
    ]


async def test_whoever_reads_too_slowly_loses_the_oldest_and_is_told_how_many(
    house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_WAITING", 3)
    agreement_id = await shop.agreed()
    async with aclosing(await opened(house, shop)) as events:
        await anext(events)
        for _ in range(5):
            await shop.send("GET", f"/agreements/{agreement_id}")
        await shop.send("GET", f"/agreements/{agreement_id}/charges")
        missed, *others = await spoken(events)
        assert missed == ("missed", {"count": 3})
        assert [each.what for each in others] == [
            "fetch_agreement",
            "fetch_agreement",
            "list_charges",
        ]
        await shop.send("GET", f"/agreements/{agreement_id}")
        assert [each.what for each in await spoken(events)] == ["fetch_agreement"]


async def test_much_is_told_in_several_goes_in_which_others_are_served(
    house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_AT_ONCE", 2)
    async with aclosing(await opened(house, shop)) as events:
        await anext(events)
        for _ in range(3):
            await shop.send("GET", "/agreements")
        told = [[each.what for each in await spoken(events)] for _ in range(2)]
    assert told == [["fetch_token", "list_agreements"], ["list_agreements", "list_agreements"]]


async def opened(house: House, shop: Shop) -> Any:
    """A stream of the shop's unit, read by hand."""
    resp = falcon.asgi.Response()
    unit = await house.parts.directory.sales_unit(shop.msn)
    Stream(server.tools(house.parts)).open(resp, unit)
    assert resp.sse is not None
    return resp.sse


async def test_where_nobody_listens_nothing_is_told_to_anybody(house: House, shop: Shop) -> None:
    parts = house.parts
    told = (
        parts.recorder.listeners,
        parts.engine.listeners,
        parts.deliveries.listeners,
        parts.clocks.listeners,
        parts.clocks.release_listeners,
    )
    before = [list(each) for each in told]
    first, second = await opened(house, shop), await opened(house, shop)
    await anext(first)
    await anext(second)
    assert [len(each) for each in told] == [len(each) + 2 for each in before]
    await first.aclose()
    await second.aclose()
    assert [list(each) for each in told] == before
    assert not before[0]


async def test_a_quiet_stream_says_now_and_then_that_it_is_there(house: House, shop: Shop) -> None:
    async with aclosing(await opened(house, shop)) as events:
        begun = time.monotonic()
        assert (await spoken(events), await spoken(events)) == ([], [])
    assert LOOK_SECONDS * 0.9 < time.monotonic() - begun < LOOK_SECONDS + 2


async def test_a_unit_that_is_reset_or_put_back_tells_its_own_time_at_once(
    desk: Desk, house: House, shop: Shop
) -> None:
    unit = f"/sales-units/{shop.msn}"
    async with aclosing(await opened(house, shop)) as events:
        await anext(events)
        await desk.ask("POST", f"{unit}/snapshots", {"name": "monday"})
        await desk.advance(shop, days=7)
        await shop.send("GET", "/agreements")
        later = await spoken(events)
        await desk.ask("POST", f"{unit}/snapshots/monday/restore")
        await shop.send("GET", "/agreements")
        restored = await spoken(events)
        await desk.ask("POST", f"{unit}/reset")
        await shop.send("GET", "/agreements")
        reset = await spoken(events)
    assert [each[-1].data["occurred"] for each in (later, restored)] == [
        "2026-11-09T09:30:00Z",
        "2026-11-02T09:30:00Z",
    ]
    assert reset[-1].data["occurred"] == reset[-1].data["received"]


async def test_the_stream_of_a_unit_that_is_erased_ends(
    desk: Desk, house: House, shop: Shop
) -> None:
    async with aclosing(await opened(house, shop)) as events:
        await anext(events)
        waiting = asyncio.create_task(spoken(events))
        await asyncio.sleep(0)
        await desk.ask("DELETE", f"/sales-units/{shop.msn}")
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(waiting, LOOK_SECONDS / 2)


async def test_requests_are_told_where_none_are_written_down() -> None:
    async with installation(record_days=0) as house:
        shop = await house.shop()
        async with aclosing(await opened(house, shop)) as events:
            await anext(events)
            await shop.send("GET", "/agreements")
            found = await spoken(events)
    assert [each.what for each in found] == ["fetch_token", "list_agreements"]


def test_nobody_can_listen_to_a_unit_that_is_not_there(avtale: Avtale) -> None:
    assert httpx.get(path_of(avtale.url, "nobody"), trust_env=False).status_code == 404


# ── A server of its own ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A server that keeps nothing."""
    with serving("up", "--port", "0", "--data", "memory:", folder=tmp_path) as started:
        yield started


def test_streams_that_were_left_make_room_for_others(running: Running) -> None:
    url = path_of(running.url, PUBLIC_UNIT)
    limits = httpx.Limits(max_connections=None)
    with ExitStack() as open_streams, httpx.Client(trust_env=False, limits=limits) as http:
        for _ in range(MOST_STREAMS):
            answer = open_streams.enter_context(http.stream("GET", url))
            assert answer.status_code == 200
        refused = http.get(url)
        assert refused.status_code == 503
        assert "Retry-After" in refused.headers
    give_up = time.monotonic() + 5 * LOOK_SECONDS
    while True:
        with httpx.stream("GET", url, trust_env=False) as answer:
            if answer.status_code == 200:
                return
        assert time.monotonic() < give_up, "nobody has noticed that the readers are gone"
        time.sleep(0.1)


def test_a_server_that_stops_ends_its_streams_quietly(running: Running) -> None:
    with httpx.stream("GET", path_of(running.url, PUBLIC_UNIT), trust_env=False) as answer:
        lines = answer.iter_lines()
        assert PUBLIC_UNIT in next(lines)
        begun = time.monotonic()
        ended = running.stop()
        assert time.monotonic() - begun < 2
        assert list(lines)[-1] == ""
    assert (ended.code, ended.err) == (0, "")
