"""What is personal or secret meets the disk sealed, under the secret of the installation and no other."""

from __future__ import annotations

import json
from datetime import date

import pytest
from msgspec.structs import replace

from avtale.clients import Client
from avtale.engine.engine import StorageDown
from avtale.engine.world import Needs
from avtale.payers import Address, Payer, made_up_payer
from avtale.server import storage_for
from avtale.storage.installation import Installation
from avtale.storage.sealing import MARK, SEALED, Seal
from avtale.webhooks.registration import Registration
from tests.storage.handling import add, around, change, opened, seen
from tests.storage.samples import MONDAY, payer, unit

KARI = payer("4791234567", birth_date=date(1985, 5, 17))


async def test_a_profile_comes_back_as_it_was_written(database_url: str) -> None:
    async with opened(database_url) as storage:
        await add(storage, KARI)
        assert await seen(storage, KARI) == [KARI]
    async with opened(database_url) as again:
        assert await seen(again, KARI) == [KARI]
        assert await again.rows(Payer, "payer_by_phone", phone_number=KARI.phone_number) == [KARI]


async def test_nothing_of_it_can_be_read_in_the_database(database_url: str) -> None:
    async with opened(database_url) as storage:
        await add(storage, KARI)
        [(profile,)] = await around(database_url, "SELECT profile FROM payers")
        assert profile.startswith(MARK)


async def test_a_balance_that_changes_costs_no_new_sealing(database_url: str) -> None:
    async with opened(database_url) as storage:
        await add(storage, KARI)
        before = await around(database_url, "SELECT profile FROM payers")
        poorer = payer("4791234567", birth_date=date(1985, 5, 17), balance=1_00)
        await change(storage, poorer)
        assert await around(database_url, "SELECT profile FROM payers") == before
        assert await seen(storage, poorer) == [poorer]


async def test_the_secret_of_a_receiver_is_sealed_too(database_url: str) -> None:
    async with opened(database_url) as storage:
        shop = unit()
        await add(storage, Client("client-1", "MERCHANT", "Nordic News", "hash", MONDAY))
        receiver = Registration(
            "webhook-1",
            "client-1",
            shop.merchant_serial_number,
            "https://x.example",
            "hush",
            (),
            MONDAY,
        )
        await add(storage, shop, receiver)
        assert await seen(storage, receiver) == [receiver]
        [(secret,)] = await around(database_url, "SELECT secret FROM webhooks")
        assert secret.startswith(MARK)


async def test_another_secret_opens_nothing(database_url: str) -> None:
    first = storage_for(database_url, b"the right one")
    await first.open()
    await first.close()
    another = storage_for(database_url, b"another one")
    with pytest.raises(StorageDown, match="sealed under another secret"):
        await another.open()
    again = storage_for(database_url, b"the right one")
    await again.open()
    await again.close()


@pytest.mark.parametrize("was_sealed", [False, True])
async def test_a_profile_of_many_texts_is_sealed_as_one_when_the_database_is_opened(
    database_url: str, *, was_sealed: bool
) -> None:
    async with opened(database_url) as storage:
        await add(storage, *(made_up_payer(f"47{n:08}", "NO") for n in range(3)))
    kari = made_up_payer("4700000001", "NO").profile
    texts = [
        kari.given_name,
        kari.family_name,
        kari.email,
        kari.birth_date.isoformat(),
        '{"street_address":"Storgata 1","postal_code":"0150","region":"OSLO","country":"NO"}',
        kari.nin,
    ]
    if was_sealed:
        seal = Installation(storage.secret).seal
        texts = [seal.sealed(text) for text in texts]
    await around(
        database_url,
        "UPDATE payers SET profile = ? WHERE phone_number = ?",
        json.dumps(texts),
        "4700000001",
    )
    async with opened(database_url) as storage:
        world = await storage.look(Needs().of(Payer, ("4700000001",)))
        moved = Address("Storgata 1", "0150", "OSLO", "NO")
        assert world.get(Payer, "4700000001").profile == replace(kari, address=moved)
        records = await around(database_url, "SELECT profile FROM payers")
        assert all(profile.startswith(MARK) for (profile,) in records)


def test_the_same_text_is_sealed_differently_by_another_process() -> None:
    one, other = Seal(b"k" * 32), Seal(b"k" * 32)
    assert one.sealed("Kari") != other.sealed("Kari")
    assert one.sealed("Kari") == one.sealed("Kari")
    assert other.opened(one.sealed("Kari")) == "Kari"


def test_a_sealed_text_that_was_changed_is_not_opened() -> None:
    seal = Seal(b"k" * 32)
    sealed = seal.sealed("Kari")
    for place in range(len(sealed) - 4):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(StorageDown):
            seal.opened(changed)


def test_what_is_personal_is_named_among_the_sealed() -> None:
    open_ones = {
        "phone_number",
        "source",
        "balance",
        "outcomes",
        "generation",
        "deleted",
        "persona",
    }
    assert SEALED[Payer] | open_ones == set(Payer.__struct_fields__)
