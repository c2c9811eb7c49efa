"""The kinds of members that bodies are made of, and what is said of one that is wrong.

A reason is the second half of a sentence that begins with the member's name: `amount is required`.
Source: rulings §5, api-facts 3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Protocol, TypeVar

from msgspec import Meta

from avtale.agreements.intervals import LARGEST_COUNT, SMALLEST_COUNT
from avtale.problems import Fault
from avtale.rulebook import Rulebook
from avtale.wire.urls import check_web_url

T = TypeVar("T")

_PHONE_DIGITS = "[0-9]{8,15}"
_PHONE_NUMBER = re.compile(_PHONE_DIGITS)

# `^` and `\Z`: msgspec searches where we mean the whole, and `$` lets a last newline through.
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*\Z"
_WITHOUT_CONTROLS = {"reason": "must not contain control characters"}
_SCOPE_WORD = "(?:name|address|email|phoneNumber|birthDate|nin)"
_COUNTS = "|".join(str(count) for count in range(SMALLEST_COUNT, LARGEST_COUNT + 1))

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""A whole number as the API publishes it; what makes sense is said by the rules of each body."""

Price = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""An amount in minor units that may be nothing at all, as in a campaign."""

ShortText = Annotated[
    str, Meta(min_length=1, max_length=15, pattern=_NO_CONTROLS, extra=_WITHOUT_CONTROLS)
]
ProductName = Annotated[
    str, Meta(min_length=1, max_length=45, pattern=_NO_CONTROLS, extra=_WITHOUT_CONTROLS)
]
ProductDescription = Annotated[
    str, Meta(max_length=100, pattern=_NO_CONTROLS, extra=_WITHOUT_CONTROLS)
]
Description = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=_NO_CONTROLS, extra=_WITHOUT_CONTROLS)
]
ExternalId = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=_NO_CONTROLS, extra=_WITHOUT_CONTROLS)
]
OrderId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9-]*\Z",
        extra={"reason": "must contain only A–Z, a–z, 0–9 and -"},
    ),
]
AgreementId = Annotated[
    str,
    Meta(
        pattern=r"^agr_[A-Za-z0-9]{1,32}\Z",
        extra={"reason": "must be agr_ and 1 to 32 letters and digits"},
    ),
]
PhoneNumber = Annotated[
    str,
    Meta(
        pattern=rf"^{_PHONE_DIGITS}\Z",
        extra={"reason": "must be 8 to 15 digits, the country code first, without +"},
    ),
]
Scope = Annotated[
    str,
    Meta(
        pattern=rf"^ *(?:{_SCOPE_WORD}(?: +{_SCOPE_WORD})* *)?\Z",
        extra={
            "reason": "must be words from name address email phoneNumber birthDate nin,"
            " with spaces between"
        },
    ),
]
Count = Annotated[
    Annotated[int, Meta(ge=SMALLEST_COUNT, le=LARGEST_COUNT)]
    | Annotated[str, Meta(max_length=10, pattern=rf"^0*(?:{_COUNTS})\Z")],
    Meta(extra={"reason": f"must be a whole number from {SMALLEST_COUNT} to {LARGEST_COUNT}"}),
]
"""How many units; real clients send it as a string of digits too (rulings §5)."""


Instant = Annotated[datetime, Meta(tz=True)]
"""A moment in an answer: in UTC and without fractions, so that it reads `yyyy-MM-ddTHH:mm:ssZ`."""


def to_the_second(instant: datetime) -> datetime:
    """An aware instant as answers carry it."""
    return instant.replace(microsecond=0)


def phone_number(text: str | None) -> str | None:
    """`text` where it is a phone number, else None."""
    return text if text is not None and _PHONE_NUMBER.fullmatch(text) else None


class Judged(Protocol):
    """A part of a body that has rules beyond its shape."""

    def faults(self, rules: Rulebook) -> list[Fault]:
        """Everything about the part alone that the shape cannot say."""
        ...


def faults_in(name: str, part: Judged | None, rules: Rulebook) -> list[Fault]:
    """The faults of a part of a body, under the part's name; none where it is not there."""
    if part is None:
        return []
    return [Fault(f"{name}.{fault.name}", fault.reason) for fault in part.faults(rules)]


def given(name: str, value: object) -> list[Fault]:
    """A fault where a member that is needed here is missing."""
    return [Fault(name, "is required")] if value is None else []


def not_given(name: str, value: object, why: str) -> list[Fault]:
    """A fault where a member is there that does not belong."""
    return [] if value is None else [Fault(name, f"must not be given {why}")]


def payable(name: str, amount: int | None, rules: Rulebook) -> list[Fault]:
    """A fault where an amount is less than the smallest payment of the market."""
    if amount is None or amount >= rules.smallest_payment:
        return []
    currency = rules.market.currency
    reason = f"must be at least {rules.smallest_payment} (minor units of {currency})"
    return [Fault(name, reason)]


def something(name: str, amount: int | None) -> list[Fault]:
    """A fault where nothing, or less, is to be captured or refunded."""
    return [] if amount is None or amount >= 1 else [Fault(name, "must be at least 1")]


def web_url(
    name: str, url: str | None, longest: int, rules: Rulebook, *, app_link_allowed: bool = False
) -> list[Fault]:
    """A fault where a URL is not one that a payer's browser or phone may be sent to."""
    if url is None:
        return []
    reason = check_web_url(
        url, environment=rules.environment, app_link_allowed=app_link_allowed, longest=longest
    )
    return [] if reason is None else [Fault(name, reason)]


def in_range_of_utc(name: str, instant: datetime | None) -> list[Fault]:
    """A fault where an instant with an offset is before year 1 or after year 9999 in UTC."""
    if instant is not None:
        try:
            instant.astimezone(UTC)
        except OverflowError:
            return [Fault(name, "must be within the years 1 to 9999 in UTC")]
    return []


def once_checked(value: T | None) -> T:
    """A member that `faults` has found to be there; asking before that is a mistake of ours."""
    if value is None:
        raise ValueError("A body is converted only after its faults were asked for.")
    return value


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: `YEAR, MONTH, WEEK or DAY`."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"
