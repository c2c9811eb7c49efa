"""Pages: numbers for agreements, continuation tokens for charges (api-facts 2.3).

A token is bound to the sales unit and the query, signed, and good for ten minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from avtale.instants import from_milliseconds, to_milliseconds
from avtale.keys import Keys
from avtale.problems import Fault, ValidationFailed

TOKEN_MINUTES = 10
_SEPARATOR = "\n"


class Place(NamedTuple):
    """Where a list of charges goes on: after this charge."""

    created_ms: int
    charge_id: str


BEGINNING = Place(-1, "")


def continuation_token(keys: Keys, bound_to: str, place: Place, now: datetime) -> str:
    """A token that leads to what comes after `place` in the list that `bound_to` names."""
    expires = to_milliseconds(now + timedelta(minutes=TOKEN_MINUTES))
    parts = (bound_to, str(expires), str(place.created_ms), place.charge_id)
    return keys.sealed("continuation", _SEPARATOR.join(parts))


def continued(keys: Keys, bound_to: str, token: str | None, now: datetime) -> Place:
    """The place that a token leads to; raises ValidationFailed where it leads nowhere."""
    if token is None:
        return BEGINNING
    parts = (keys.opened("continuation", token) or "").split(_SEPARATOR)
    if len(parts) != 4 or parts[0] != bound_to:
        raise ValidationFailed.of(
            "Continuation-Token", "is not one that this list was answered with"
        )
    if from_milliseconds(int(parts[1])) <= now:
        raise ValidationFailed.of("Continuation-Token", "is too old; begin again without it")
    return Place(int(parts[2]), parts[3])


def whole_number(name: str, text: str | None, smallest: int, largest: int, default: int) -> int:
    """A number of the query; raises ValidationFailed where it is none or out of bounds."""
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 19 and smallest <= int(text) <= largest:
        return int(text)
    raise ValidationFailed(Fault(name, f"must be a whole number from {smallest} to {largest}"))
