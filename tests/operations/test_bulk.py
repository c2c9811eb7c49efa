"""A bulk is judged item by item at once, and becomes charges one after another in the background."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge, ChargeEntry
from avtale.engine.rows import BulkItem
from avtale.operations.charges import create_bulk_item, create_charges
from avtale.problems import InvalidSaleUnit
from avtale.webhooks.catalogue import Event
from avtale.wire.charges import BulkCharge
from tests.operations.workbench import ID, MSN, PRICE, Bench

ITEM: dict[str, Any] = {
    "agreementId": ID,
    "amount": PRICE,
    "description": "November",
    "transactionType": "DIRECT_CAPTURE",
    "due": "2026-11-04",
    "retryDays": 2,
    "orderId": "november-1",
}


def item(bench: Bench, **members: Any) -> BulkCharge:
    bulk_charge = msgspec.convert({**ITEM, **members}, BulkCharge)
    bench.needs.of(Charge, (MSN, bulk_charge.order_id))
    bench.needs.of(Agreement, (MSN, bulk_charge.agreement_id))
    return bulk_charge


def judged(bench: Bench, *items: BulkCharge | list[str]) -> list[list[str]]:
    return create_charges(bench.world, bench.call(), items, "batch-1")


def carried_out(bench: Bench, position: int = 0) -> None:
    create_bulk_item(bench.world, bench.call(""), "batch-1", position)


# ── Judged at once ───────────────────────────────────────────────────────────────────────────────


def test_a_good_item_waits_in_its_place() -> None:
    bench = Bench()
    bench.agreement()
    verdicts = judged(bench, item(bench), item(bench, orderId="november-2"))
    assert verdicts == [[], []]
    waiting = bench.written(BulkItem)
    assert [(each.position, each.order_id) for each in waiting] == [
        (0, "november-1"),
        (1, "november-2"),
    ]
    assert {each.state for each in waiting} == {"WAITING"}
    assert bench.written(Charge) == [], "nothing is created yet"
    assert bench.told == []


def test_each_bad_item_is_told_what_is_wrong_with_it_and_the_good_ones_wait() -> None:
    bench = Bench()
    bench.agreement()
    bench.agreement("STOPPED", agreement_id="agr_stopped")
    bench.charge("CHARGED", charge_id="taken")
    verdicts = judged(
        bench,
        item(bench, orderId="a", retryDays=15, amount=1),
        ["amount: is required"],
        item(bench, orderId="b", agreementId="agr_stopped"),
        item(bench, orderId="c", agreementId="agr_nowhere"),
        item(bench, orderId="d", due="2026-11-02"),
        item(bench, orderId="e", due="2030-01-01"),
        item(bench, orderId="f", amount=5 * PRICE + 1),
        item(bench, orderId="taken"),
        item(bench, orderId="g"),
    )
    assert [len(errors) for errors in verdicts] == [2, 1, 1, 1, 1, 1, 1, 1, 0]
    assert verdicts[1] == ["amount: is required"]
    words = ["STOPPED", "not found", "2026-11-03", "2028-11-02", str(5 * PRICE), "orderId"]
    for errors, word in zip(verdicts[2:8], words, strict=True):
        assert word in errors[0]
    assert [each.order_id for each in bench.written(BulkItem)] == ["g"]


def test_an_order_id_may_be_used_once_in_a_bulk() -> None:
    bench = Bench()
    bench.agreement()
    verdicts = judged(bench, item(bench), item(bench))
    assert verdicts[0] == []
    assert "earlier item" in verdicts[1][0]


def test_an_order_id_of_a_bad_item_is_free_for_a_later_one() -> None:
    bench = Bench()
    bench.agreement()
    assert judged(bench, item(bench, amount=1), item(bench))[1] == []


def test_a_unit_without_the_product_creates_nothing() -> None:
    with pytest.raises(InvalidSaleUnit):
        judged(Bench(recurring=False))


# ── Carried out in the background ────────────────────────────────────────────────────────────────


def test_a_waiting_item_becomes_a_charge_under_the_key_of_the_request() -> None:
    bench = Bench()
    bench.agreement()
    judged(bench, item(bench, externalId="INV-1", processingMode="SINGLE_ATTEMPT", retryDays=0))
    carried_out(bench)
    charge = bench.find(Charge, MSN, "november-1")
    assert (charge.status, charge.type, charge.external_id) == ("PENDING", "RECURRING", "INV-1")
    assert charge.processing_mode == "SINGLE_ATTEMPT"
    [entry] = bench.written(ChargeEntry)
    assert entry.idempotency_key == "key-1"
    assert bench.find(BulkItem, MSN, "batch-1", 0).state == "CREATED"
    assert bench.told == ["created"]


def test_an_item_is_carried_out_once() -> None:
    bench = Bench()
    bench.agreement()
    judged(bench, item(bench))
    carried_out(bench)
    carried_out(bench)
    assert bench.told == ["created"]


def test_an_item_that_has_become_impossible_is_told_by_an_event_and_leaves_no_charge() -> None:
    bench = Bench()
    bench.agreement(external_id="sub-1")
    judged(bench, item(bench, externalId="INV-1"))
    bench.agreement("STOPPED", external_id="sub-1")
    carried_out(bench)
    failed = bench.find(BulkItem, MSN, "batch-1", 0)
    assert failed.state == "FAILED"
    assert "STOPPED" in failed.reason
    assert bench.find(Charge, MSN, "november-1") is None
    [event] = bench.written(Event)
    assert event.event_type == "recurring.charge-creation-failed.v1"
    body = msgspec.json.decode(event.body)
    assert body["chargeId"] == "november-1"
    assert body["agreementExternalId"] == "sub-1"
    assert body["chargeExternalId"] == "INV-1"
    assert body["amount"] == PRICE
    assert (body["amountCaptured"], body["amountCanceled"], body["amountRefunded"]) == (0, 0, 0)


def test_items_of_two_bulks_with_one_order_id_fail_each_with_an_event_of_its_own() -> None:
    bench = Bench()
    bench.agreement()
    for batch in ("batch-1", "batch-2", "batch-3"):
        create_charges(bench.world, bench.call(), [item(bench)], batch)
    for batch in ("batch-1", "batch-2", "batch-3"):
        create_bulk_item(bench.world, bench.call(""), batch, 0)
    assert bench.told == ["created", "creation failed", "creation failed"]
    ids = {event.event_id for event in bench.written(Event)}
    assert len(ids) == 2
