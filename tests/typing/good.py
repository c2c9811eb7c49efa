"""What users of the client write; a type checker has nothing to say to it, and knows what comes back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import assert_type

from avtale import AsyncClient, Client
from avtale.client import (
    BulkCharge,
    ChargeResult,
    InitialCharge,
    Interval,
    LegacyPricing,
    NoAnswer,
    Refused,
    Retries,
    VariablePricing,
)
from avtale.client.answers import Agreement, Charge, CreatedCharge, DraftedAgreement
from avtale.client.errors import ChargeDueTooSoon
from avtale.testing import Avtale, AvtaleTestCase, Unit
from avtale.webhooks import parse, verify

client = Client(
    base_url="http://127.0.0.1:8080",
    client_id="id",
    client_secret="secret",
    subscription_key="key",
    merchant_serial_number="123456",
    system_name="acme",
    timeout_seconds=5,
    retries=Retries(times=2),
)


def blocking() -> None:
    drafted = client.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(499_00, "NOK"),
        interval=Interval("MONTH", 1),
        merchant_redirect_url="https://shop.example/thanks",
        initial_charge=InitialCharge(amount=1_00, description="First"),
        idempotency_key="one",
    )
    assert_type(drafted, DraftedAgreement)
    assert_type(client.fetch_agreement(drafted.agreement_id), Agreement)
    created = client.create_charge(
        drafted.agreement_id, amount=499_00, description="January", due=date(2030, 1, 1)
    )
    assert_type(created, CreatedCharge)
    assert_type(client.stop_agreement("agr_1"), None)
    for agreement in client.agreements(status="ACTIVE", created_after=datetime.now(UTC)):
        assert_type(agreement, Agreement)
    for charge in client.charges("agr_1"):
        assert_type(charge, Charge)
    for result in client.charge_all(iter(()), progress=print):
        assert_type(result, ChargeResult)
    try:
        client.update_agreement("agr_1", price=599_00)
    except ChargeDueTooSoon as problem:
        assert_type(problem.status, int)
    except (Refused, NoAnswer) as error:
        assert_type(error.idempotency_key, str | None)


async def awaiting(client: AsyncClient) -> None:
    drafted = await client.draft_agreement(
        product_name="Power",
        pricing=VariablePricing(1500_00, "NOK"),
        merchant_redirect_url="https://shop.example/thanks",
    )
    assert_type(drafted, DraftedAgreement)
    async for agreement in client.agreements():
        assert_type(agreement, Agreement)
    bulk = BulkCharge(
        agreement_id="agr_1", amount=1, description="x", due=date(2030, 1, 1), order_id="o"
    )
    async for result in client.charge_all([bulk]):
        assert_type(result, ChargeResult)


def test_with(avtale: Avtale) -> None:
    unit = avtale.sales_unit(unscheduled=True)
    assert_type(unit, Unit)
    assert_type(unit.client, Client)
    unit.payer(balance=0).outcomes("insufficient_funds", "ok")


class TestWith(AvtaleTestCase):
    """The same for unittest."""

    def test_it(self) -> None:
        assert_type(self.avtale.sales_unit(), Unit)


def hook(body: bytes, headers: dict[str, str]) -> None:
    verify(body, headers, "secret", url="https://shop.example/hook")
    parse(body)
