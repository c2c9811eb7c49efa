"""Sales units, and the keys of those who may act for them."""

from __future__ import annotations

import pytest

from avtale.clients import Client, Grant, SubscriptionKey
from avtale.keys import Keys
from avtale.operations.sales_units import (
    PUBLIC_CREDENTIALS,
    Credentials,
    add_client,
    add_sales_unit,
    change_sales_unit,
    minted_credentials,
)
from avtale.problems import Conflict, ResourceNotFound
from avtale.sales_units import Features, SalesUnit
from tests.operations.workbench import MSN, NOW, Bench

KEYS = Keys(b"a secret of this test")


def add(
    bench: Bench, msn: str = "654321", credentials: Credentials | None = None
) -> tuple[SalesUnit, Credentials]:
    bench.needs.of(SalesUnit, (msn,))
    return add_sales_unit(
        bench.world,
        bench.call(),
        KEYS,
        merchant_serial_number=msn,
        name="Sports Weekly",
        market="DK",
        features=Features(unscheduled=True),
        rules={"lead_days": 3},
        credentials=credentials,
    )


def test_a_new_unit_has_the_features_of_a_fresh_real_one() -> None:
    assert Features() == Features(
        unscheduled=False,
        skip_landing_page=False,
        nin=False,
        late_capture=False,
        direct_capture=True,
        recurring=True,
    )


def test_a_new_unit_comes_with_keys_of_its_own() -> None:
    bench = Bench()
    unit, credentials = add(bench)
    assert (unit.name, unit.market, unit.created) == ("Sports Weekly", "DK", NOW)
    assert unit.features.unscheduled
    assert unit.rulebook("production").lead_days == 3
    [client] = bench.written(Client)
    assert (client.client_id, client.kind) == (credentials.client_id, "MERCHANT")
    [grant] = bench.written(Grant)
    assert (grant.client_id, grant.merchant_serial_number) == (client.client_id, "654321")


def test_secrets_are_kept_as_hashes_alone() -> None:
    bench = Bench()
    _, credentials = add(bench)
    [client], [key] = bench.written(Client), bench.written(SubscriptionKey)
    assert KEYS.matches("client secret", credentials.client_secret, client.secret_hash)
    assert KEYS.matches("subscription key", credentials.subscription_key, key.key_hash)
    kept = repr((client, key))
    assert credentials.client_secret not in kept
    assert credentials.subscription_key not in kept


def test_minted_keys_are_never_the_same() -> None:
    bench = Bench()
    minted = {minted_credentials(bench.call()) for _ in range(50)}
    assert len({credentials.client_secret for credentials in minted}) == 50
    assert len({credentials.subscription_key for credentials in minted}) == 50
    assert all(len(credentials.subscription_key) == 32 for credentials in minted)


def test_keys_may_be_given() -> None:
    _, credentials = add(Bench(), credentials=PUBLIC_CREDENTIALS)
    assert credentials == PUBLIC_CREDENTIALS


def test_a_serial_number_is_taken_once() -> None:
    with pytest.raises(Conflict, match=MSN):
        add(Bench(), MSN)


def test_a_partner_acts_for_many_units() -> None:
    bench = Bench()
    add(bench)
    credentials = minted_credentials(bench.call())
    add_client(
        bench.world, bench.call(), KEYS, "PARTNER", "Abo Partners", [MSN, "654321"], credentials
    )
    granted = [
        grant.merchant_serial_number
        for grant in bench.written(Grant)
        if grant.client_id == credentials.client_id
    ]
    assert granted == [MSN, "654321"]


def test_nobody_acts_for_a_unit_that_is_not_there() -> None:
    bench = Bench()
    bench.lacks(SalesUnit, "999999")
    with pytest.raises(ResourceNotFound, match="999999"):
        add_client(
            bench.world,
            bench.call(),
            KEYS,
            "PARTNER",
            "Abo Partners",
            ["999999"],
            minted_credentials(bench.call()),
        )


def test_a_unit_changes_only_where_something_is_given() -> None:
    bench = Bench()
    renamed = change_sales_unit(bench.world, MSN, name="Daily", features=None, rules=None)
    assert (renamed.name, renamed.features, renamed.rules) == ("Daily", bench.unit.features, {})
    changed = change_sales_unit(
        bench.world, MSN, name=None, features=Features(nin=True), rules={"visible_days": 30}
    )
    assert (changed.name, changed.features.nin) == ("Daily", True)
    assert changed.rules == {"visible_days": 30}


def test_a_unit_that_is_not_there_cannot_change() -> None:
    bench = Bench()
    bench.lacks(SalesUnit, "999999")
    with pytest.raises(ResourceNotFound, match="999999"):
        change_sales_unit(bench.world, "999999", name="Daily", features=None, rules=None)
