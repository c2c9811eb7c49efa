"""The life of a charge as a table: status × what happens → status.

Every status change of every charge goes through `LIFECYCLE`; the diagram in the documentation is printed from it.
Source: api-facts 5.1, rulings §8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

ChargeStatus = Literal[
    "PENDING",
    "DUE",
    "PROCESSING",
    "RESERVED",
    "PARTIALLY_CAPTURED",
    "CHARGED",
    "PARTIALLY_REFUNDED",
    "REFUNDED",
    "FAILED",
    "CANCELLED",
]

Happening = Literal[
    "shown",
    "attempted",
    "declined",
    "failed",
    "cancelled",
    "reserved",
    "paid",
    "captured in part",
    "settled",
    "settled after refund",
    "settled after full refund",
    "released",
    "refunded in part",
    "refunded in full",
]

LIFECYCLE: Mapping[ChargeStatus, Mapping[Happening, ChargeStatus]] = {
    "PENDING": {
        "shown": "DUE",
        "attempted": "PROCESSING",
        "cancelled": "CANCELLED",
        "failed": "FAILED",
    },
    "DUE": {
        "attempted": "PROCESSING",
        "declined": "DUE",
        "cancelled": "CANCELLED",
        "failed": "FAILED",
    },
    "PROCESSING": {
        "reserved": "RESERVED",
        "paid": "CHARGED",
        "declined": "DUE",
        "failed": "FAILED",
        "cancelled": "CANCELLED",
    },
    "RESERVED": {
        "captured in part": "PARTIALLY_CAPTURED",
        "settled": "CHARGED",
        "released": "CANCELLED",
    },
    "PARTIALLY_CAPTURED": {
        "captured in part": "PARTIALLY_CAPTURED",
        "refunded in part": "PARTIALLY_CAPTURED",
        "refunded in full": "PARTIALLY_CAPTURED",
        "settled": "CHARGED",
        "settled after refund": "PARTIALLY_REFUNDED",
        "settled after full refund": "REFUNDED",
    },
    "CHARGED": {
        "refunded in part": "PARTIALLY_REFUNDED",
        "refunded in full": "REFUNDED",
    },
    "PARTIALLY_REFUNDED": {
        "refunded in part": "PARTIALLY_REFUNDED",
        "refunded in full": "REFUNDED",
    },
    "REFUNDED": {},
    "FAILED": {},
    "CANCELLED": {},
}

CHARGE_STATUSES: tuple[ChargeStatus, ...] = tuple(LIFECYCLE)

OPEN: frozenset[ChargeStatus] = frozenset(
    {"PENDING", "DUE", "PROCESSING", "RESERVED", "PARTIALLY_CAPTURED"}
)
"""The statuses in which money may still move towards the merchant, so that a stop has work to do."""


class ImpossibleTransition(AssertionError):
    """The code tried a step that the table does not have; nothing of the command is written."""


def next_status(status: ChargeStatus, happening: Happening) -> ChargeStatus:
    """The status after `happening`; raises ImpossibleTransition where the table has no such step."""
    try:
        return LIFECYCLE[status][happening]
    except KeyError:
        raise ImpossibleTransition(f"a charge that is {status} cannot be {happening}") from None
