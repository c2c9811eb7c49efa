"""Pricing: what an agreement costs, and how much one charge under it may take."""

from typing import assert_never

import msgspec

from avtale.money import Currency
from avtale.rulebook import Rulebook


class LegacyPricing(msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="LEGACY"):
    """One price per interval, in minor units."""

    amount: int
    currency: Currency


class VariablePricing(
    msgspec.Struct,
    frozen=True,
    rename="camel",
    tag_field="type",
    tag="VARIABLE",
    omit_defaults=True,
):
    """A price that moves below a maximum: the merchant suggests one, the payer may choose another.

    `max_amount` is absent until the payer has chosen. Amounts are in minor units.
    """

    suggested_max_amount: int
    currency: Currency
    max_amount: int | None = None


class FlexiblePricing(
    msgspec.Struct, frozen=True, rename="camel", tag_field="type", tag="FLEXIBLE"
):
    """No price and no maximum: each charge says its own."""

    currency: Currency


Pricing = LegacyPricing | VariablePricing | FlexiblePricing


def charge_ceiling(pricing: Pricing, rulebook: Rulebook) -> int | None:
    """The largest charge that may be created, in minor units; None where there is no ceiling.

    It is for RECURRING and UNSCHEDULED charges; an initial charge has none (api-facts 5.4).
    """
    match pricing:
        case LegacyPricing():
            return rulebook.legacy_ceiling(pricing.amount)
        case VariablePricing():
            return max(pricing.suggested_max_amount, pricing.max_amount or 0)
        case FlexiblePricing():
            return None
        case _:
            assert_never(pricing)


def payer_limit(pricing: Pricing) -> int | None:
    """The most that the payer lets one attempt take, in minor units; None where all is allowed.

    A charge between this limit and the ceiling is created and attempted, and fails unless the
    payer raises the maximum in time (rulings §8).
    """
    match pricing:
        case VariablePricing():
            chosen = pricing.max_amount
            return pricing.suggested_max_amount if chosen is None else chosen
        case LegacyPricing() | FlexiblePricing():
            return None
        case _:
            assert_never(pricing)
