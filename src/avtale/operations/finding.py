"""What most operations begin with: finding the agreement or charge, and refusing for the unit."""

from __future__ import annotations

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge, TransactionType
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.identifiers import is_agreement_id
from avtale.problems import (
    InvalidAgreementId,
    InvalidSaleUnit,
    ResourceNotFound,
    UnsupportedFeature,
)
from avtale.sales_units import SalesUnit


def find_agreement(world: World, call: Call, agreement_id: str) -> Agreement:
    """The caller's agreement; somebody else's is as one that does not exist (rulings §3)."""
    require_agreement_id(agreement_id)
    agreement = world.find(Agreement, call.merchant_serial_number, agreement_id)
    if agreement is None:
        raise ResourceNotFound("Agreement not found.")
    return agreement


def find_own_agreement(world: World, call: Call, agreement_id: str, phone_number: str) -> Agreement:
    """The agreement of this very payer; somebody else's is as one that does not exist."""
    agreement = find_agreement(world, call, agreement_id)
    if agreement.payer != phone_number:
        raise ResourceNotFound("Agreement not found.")
    return agreement


def require_agreement_id(agreement_id: str) -> None:
    """Refuse what has not the form of an agreement id (rulings §6)."""
    if not is_agreement_id(agreement_id):
        raise InvalidAgreementId("An agreement id is agr_ and 1 to 32 letters or digits.")


def find_charge(world: World, call: Call, agreement_id: str, charge_id: str) -> Charge:
    """The caller's charge, which must be of the agreement in the path."""
    charge = world.find(Charge, call.merchant_serial_number, charge_id)
    if charge is None or charge.agreement_id != agreement_id:
        raise ResourceNotFound("Charge not found.")
    return charge


def require_product(unit: SalesUnit) -> None:
    """Refuse a sales unit that has not Recurring."""
    if not unit.features.recurring:
        raise InvalidSaleUnit(
            f"The sales unit {unit.merchant_serial_number} is not approved for recurring payments."
        )


def require_transaction_type(unit: SalesUnit, transaction_type: TransactionType) -> None:
    """Refuse direct capture where the sales unit may only reserve."""
    if transaction_type == "DIRECT_CAPTURE" and not unit.features.direct_capture:
        raise UnsupportedFeature(
            "The sales unit is not approved for DIRECT_CAPTURE; use RESERVE_CAPTURE.",
            forbidden=False,
        )
