"""What people write into fields, as they mean it: phone numbers, amounts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from avtale.rulebook import MarketCode
from avtale.wire.members import phone_number

COUNTRY_CODES: Final[Mapping[MarketCode, str]] = {"NO": "47", "DK": "45", "FI": "358"}
_LOCAL_DIGITS: Final = 8
_BETWEEN: Final = re.compile(r"[\s().\-/]+")
_AMOUNT: Final = re.compile(r"([0-9]{1,10})(?:[.,]([0-9]{1,2}))?")


def phone_number_in(text: str, market: MarketCode) -> str | None:
    """The number that somebody means: digits with the country's, or None.

    Spaces and the like are let be, and so is `+` or `00` in front; eight digits get the country code of the market
    (in Finland, where numbers have no fixed length, one that begins with 0).
    """
    digits = _BETWEEN.sub("", text[:40])
    if digits.startswith("+"):
        return phone_number(digits[1:])
    if digits.startswith("00"):
        return phone_number(digits[2:])
    if market == "FI" and digits.startswith("0"):
        return phone_number(COUNTRY_CODES[market] + digits[1:])
    if market != "FI" and len(digits) == _LOCAL_DIGITS:
        return phone_number(COUNTRY_CODES[market] + digits)
    return phone_number(digits)


def amount_in(text: str) -> int | None:
    """The amount that somebody means, in minor units: `499`, `499,50`, `1 499`; or None."""
    found = _AMOUNT.fullmatch("".join(text[:20].split()))
    if found is None:
        return None
    whole, hundredths = found[1], (found[2] or "").ljust(2, "0")
    return int(whole) * 100 + int(hundredths)
