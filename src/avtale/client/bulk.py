"""Any number of charges in bulks: how they are cut, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from avtale.client.answers import Bulk
from avtale.client.bodies import BulkCharge
from avtale.client.calls import MOST_IN_A_BULK
from avtale.client.errors import Refused

Progress = Callable[[int], None]
"""Told after each bulk how many charges have been sent so far."""


class ChargeResult(NamedTuple):
    """What became of one charge of many."""

    charge: BulkCharge
    errors: tuple[str, ...] = ()
    """Why it was refused; empty where it will be created."""

    @property
    def is_accepted(self) -> bool:
        """Whether it will be created."""
        return not self.errors


def bulks(charges: Iterable[BulkCharge], size: int = MOST_IN_A_BULK) -> Iterator[list[BulkCharge]]:
    """The charges in bulks of `size`; no more than one bulk is held at a time."""
    if not 1 <= size <= MOST_IN_A_BULK:
        raise ValueError(f"A bulk holds 1 to {MOST_IN_A_BULK} charges, not {size}.")
    left = iter(charges)
    while bulk := list(islice(left, size)):
        yield bulk


def results(sent: Sequence[BulkCharge], answer: Bulk) -> Iterator[ChargeResult]:
    """What the answer says of each charge, in the order in which they were sent."""
    why: dict[object, tuple[str, ...]] = {}
    for each in answer.invalid_charges:
        why[each.charge_batch_item_dto.get("orderId")] = each.errors or ("refused",)
    accepted = set(answer.valid_charges)
    for charge in sent:
        if charge.order_id in why and charge.order_id not in accepted:
            yield ChargeResult(charge, why[charge.order_id])
        else:
            yield ChargeResult(charge)


def refusals(sent: Sequence[BulkCharge], refused: Refused) -> Iterator[ChargeResult]:
    """All of a bulk that was refused as a whole."""
    reasons = tuple(f"{name}: {reason}" for name, reason in refused.extra_details)
    for charge in sent:
        yield ChargeResult(charge, reasons or (str(refused),))
