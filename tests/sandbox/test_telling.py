"""Everything that can happen is told in a sentence, under one name, with the event that merchants get."""

from typing import get_args

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.events import AgreementFact, AgreementHappened, ChargeFact, ChargeHappened
from avtale.webhooks.catalogue import AGREEMENT_EVENTS, CHARGE_EVENTS
from avtale.wire.telling import told
from tests.support import MONDAY, House, Shop


@pytest.fixture
async def agreement(house: House, shop: Shop) -> Agreement:
    """An ACTIVE agreement, as it is kept."""
    found: Agreement = await house.find(Agreement, shop.msn, await shop.agreed())
    return found


@pytest.fixture
async def charge(shop: Shop, agreement: Agreement) -> Charge:
    """A PENDING charge of it."""
    return await shop.stored_charge(await shop.charge(agreement.agreement_id))


@pytest.mark.parametrize("what", get_args(AgreementFact))
async def test_every_fact_about_an_agreement_is_told(
    what: AgreementFact, agreement: Agreement
) -> None:
    [fact] = told([AgreementHappened(what, MONDAY, agreement, "MERCHANT")])
    assert fact.what == f"agreement {what}"
    assert fact.agreement_id == agreement.agreement_id
    assert fact.charge_id is UNSET
    assert fact.event_type == AGREEMENT_EVENTS.get(what, UNSET)
    assert "“Premier League”" in fact.detail
    assert fact.detail.endswith(".")


@pytest.mark.parametrize("what", get_args(ChargeFact))
async def test_every_fact_about_a_charge_is_told(what: ChargeFact, charge: Charge) -> None:
    [fact] = told([ChargeHappened(what, MONDAY, charge, None, 250_00, reason="technical_error")])
    assert fact.what == f"charge {what}"
    assert (fact.agreement_id, fact.charge_id) == (charge.agreement_id, charge.charge_id)
    assert fact.event_type == CHARGE_EVENTS.get(what, UNSET)
    assert "250 kr for “November”" in fact.detail
    assert fact.detail.endswith(".")
    assert "{" not in fact.detail


async def test_an_expiry_says_whether_anybody_said_yes(agreement: Agreement) -> None:
    unpaid, unanswered = told(
        AgreementHappened("expired", MONDAY, each)
        for each in (agreement, replace(agreement, payer=None))
    )
    assert "could not be paid" in unpaid.detail
    assert "without a yes" in unanswered.detail


async def test_a_stop_says_by_whom(agreement: Agreement) -> None:
    by = [
        fact.detail
        for fact in told(
            AgreementHappened("stopped", MONDAY, agreement, actor)
            for actor in ("MERCHANT", "USER", "ADMIN")
        )
    ]
    assert [each.partition(" by ")[2] for each in by] == [
        "the merchant.",
        "the payer.",
        "the payer's leaving.",
    ]


async def test_a_cancelled_charge_says_whether_money_was_held(charge: Charge) -> None:
    called_off, released = told(
        ChargeHappened("cancelled", MONDAY, each, None, each.amount)
        for each in (charge, replace(charge, reserved=charge.amount))
    )
    assert "called off" in called_off.detail
    assert "released" in released.detail


async def test_a_description_with_braces_is_told_as_it_is(charge: Charge) -> None:
    [fact] = told(
        [ChargeHappened("captured", MONDAY, replace(charge, description="{x} 100%"), None, 1_00)]
    )
    assert fact.detail == "1 kr for “{x} 100%” was captured."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("user_action_required", "FAILED (user action required)."),
        ("charge_amount_too_high", "FAILED (charge amount too high)."),
        ("payer_gone", "FAILED: payer gone."),
        ("The orderId is taken.", "FAILED: The orderId is taken."),
        (None, "FAILED."),
    ],
)
async def test_a_reason_is_told_in_words(charge: Charge, reason: str | None, words: str) -> None:
    [fact] = told([ChargeHappened("failed", MONDAY, charge, None, charge.amount, reason=reason)])
    assert fact.detail.endswith(words)
