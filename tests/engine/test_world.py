"""The world of a batch: what was loaded can be seen and changed, what was not cannot, and all can be taken back."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import CHARGE_STATUSES, OPEN
from avtale.engine.rows import TABLES
from avtale.engine.world import Needs, NotLoaded, World
from avtale.events import AgreementHappened
from avtale.payers import Payer, made_up_payer
from avtale.sales_units import SalesUnit
from avtale.webhooks.catalogue import Event
from tests.operations.workbench import ID, MSN, NOW, Bench, created, drafted, open_payment_of

KARI = made_up_payer("4791234567", "NO")
OLA = made_up_payer("4799999999", "NO")


def world_of(*payers: Payer) -> World:
    needs = Needs().of(Payer, (KARI.phone_number,), (OLA.phone_number,))
    world = World(needs)
    world.take_in(Payer, payers)
    return world


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────


def test_what_was_asked_for_and_is_not_there_is_none() -> None:
    world = world_of(KARI)
    assert world.find(Payer, KARI.phone_number) == KARI
    assert world.find(Payer, OLA.phone_number) is None


def test_what_was_not_asked_for_is_a_mistake_of_ours() -> None:
    world = world_of(KARI)
    with pytest.raises(NotLoaded, match="payers"):
        world.find(Payer, "4700000000")
    with pytest.raises(NotLoaded, match="sales_units"):
        world.unit(MSN)
    with pytest.raises(NotLoaded, match=ID):
        world.open_charges(MSN, ID)


def test_what_must_be_there_and_is_not_is_a_mistake_of_ours() -> None:
    with pytest.raises(NotLoaded, match="does not exist"):
        world_of().get(Payer, KARI.phone_number)


def test_what_was_written_can_be_seen_though_nobody_asked_for_it() -> None:
    world = World(Needs())
    world.put(KARI)
    assert world.get(Payer, KARI.phone_number) == KARI
    assert world.knows(Payer, KARI.phone_number)
    assert not world.knows(Payer, OLA.phone_number)


def test_needs_that_are_joined_are_all_there() -> None:
    one = Needs().of(Payer, ("1",)).open_charges(MSN, ID)
    one.join(Needs().of(Payer, ("2",)).of(SalesUnit, (MSN,)).open_charges(MSN, "agr_2"))
    assert one.keys == {Payer: {("1",), ("2",)}, SalesUnit: {(MSN,)}}
    assert one.open_charges_of == {(MSN, ID), (MSN, "agr_2")}


def test_joining_leaves_what_a_command_needs_as_it_was() -> None:
    needs = Needs().of(Payer, ("1",))
    batch = Needs()
    batch.join(needs)
    batch.join(Needs().of(Payer, ("2",)))
    assert needs.keys == {Payer: {("1",)}}


def test_open_charges_are_those_in_which_money_may_still_move_oldest_first() -> None:
    bench = Bench()
    bench.agreement()
    for age, status in enumerate(reversed(CHARGE_STATUSES)):
        since = bench.now + timedelta(minutes=age)
        bench.charge(status, charge_id=f"c{9 - age}", created=since)
    bench.charge("DUE", charge_id="elsewhere", agreement_id="agr_another")
    bench.charge("DUE", charge_id="of-another-unit", merchant_serial_number="654321")
    found = bench.world.open_charges(MSN, ID)
    assert {charge.status for charge in found} == OPEN
    assert [charge.created for charge in found] == sorted(charge.created for charge in found)
    assert len(found) == len(OPEN)


def test_a_charge_that_was_settled_in_this_batch_is_no_longer_open() -> None:
    bench = Bench()
    bench.agreement()
    charge = bench.charge("DUE")
    bench.world.put(charge.cancel(NOW, "key")[0])
    assert bench.world.open_charges(MSN, ID) == []


# ── Going back ───────────────────────────────────────────────────────────────────────────────────


def test_going_back_forgets_new_rows_and_returns_changed_ones() -> None:
    world = world_of(KARI)
    mark = world.mark()
    world.put(OLA)
    world.put(msgspec.structs.replace(KARI, balance=1))
    world.put(msgspec.structs.replace(KARI, balance=2))
    world.undo_to(mark)
    assert world.find(Payer, OLA.phone_number) is None
    assert world.get(Payer, KARI.phone_number) == KARI
    assert not world.is_changed


def test_going_back_stops_at_the_mark() -> None:
    world = world_of(KARI)
    world.put(msgspec.structs.replace(KARI, balance=1))
    mark = world.mark()
    world.put(msgspec.structs.replace(KARI, balance=2))
    world.undo_to(mark)
    assert world.get(Payer, KARI.phone_number).balance == 1
    assert world.is_changed


def test_going_back_forgets_what_has_happened_and_what_was_begun() -> None:
    bench = Bench()
    agreement = bench.agreement()
    charge = bench.charge("PROCESSING")
    mark = bench.world.mark()
    bench.world.tell(AgreementHappened("stopped", NOW, agreement, "USER"))
    bench.world.begin(open_payment_of(bench, charge))
    assert bench.written(Event) != []
    bench.world.undo_to(mark)
    assert bench.world.happened == []
    assert bench.world.begun == []
    assert bench.written(Event) == []


# ── Storing ──────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_new_or_changed_once_with_its_last_value() -> None:
    world = world_of(KARI)
    for balance in (1, 2, 3):
        world.put(msgspec.structs.replace(KARI, balance=balance))
        world.put(msgspec.structs.replace(OLA, balance=balance))
    [(table, new, changed)] = world.changes()
    assert table.name == "payers"
    assert [payer.balance for payer in new] == [3]
    assert [payer.phone_number for payer in new] == [OLA.phone_number]
    assert [payer.phone_number for payer in changed] == [KARI.phone_number]


def test_parents_are_stored_before_their_children() -> None:
    bench = Bench()
    world = World(Needs())
    world.keep(created(bench).created_with("key"))
    world.keep(drafted(bench).drafted(NOW, "key"))
    world.put(bench.unit)
    order = [table.row for table in TABLES]
    stored = [table.row for table, _, _ in world.changes()]
    assert stored == sorted(stored, key=order.index)
    assert stored.index(SalesUnit) < stored.index(Agreement) < stored.index(Charge)


def test_a_row_is_kept_together_with_its_line_of_history() -> None:
    world = World(Needs())
    agreement = world.keep(drafted(Bench()).drafted(NOW, "key"))
    assert world.get(Agreement, MSN, ID) == agreement
    entry = world.get(AgreementEntry, MSN, ID, agreement.history_length)
    assert entry.event == "CREATE"


def test_nothing_is_stored_of_what_was_forgotten() -> None:
    world = world_of()
    mark = world.mark()
    world.put(OLA)
    world.undo_to(mark)
    assert list(world.changes()) == []
