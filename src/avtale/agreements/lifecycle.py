"""The life of an agreement as a table: status × what happens → status (api-facts 4.1, reliability T-9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

AgreementStatus = Literal["PENDING", "ACTIVE", "STOPPED", "EXPIRED"]
AgreementHappening = Literal["approved", "rejected", "expired", "stopped"]

LIFECYCLE: Mapping[AgreementStatus, Mapping[AgreementHappening, AgreementStatus]] = {
    "PENDING": {"approved": "ACTIVE", "rejected": "STOPPED", "expired": "EXPIRED"},
    "ACTIVE": {"stopped": "STOPPED"},
    "STOPPED": {},
    "EXPIRED": {},
}

AGREEMENT_STATUSES: tuple[AgreementStatus, ...] = tuple(LIFECYCLE)


class ImpossibleTransition(AssertionError):
    """The code tried a step that the table does not have; nothing of the command is written."""


def next_status(status: AgreementStatus, happening: AgreementHappening) -> AgreementStatus:
    """The status after `happening`; raises ImpossibleTransition where the table has no such step."""
    try:
        return LIFECYCLE[status][happening]
    except KeyError:
        raise ImpossibleTransition(f"an agreement that is {status} cannot be {happening}") from None
