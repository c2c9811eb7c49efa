"""Money: whole minor units of one currency, never below zero, never mixed."""

from typing import Literal

import msgspec

Currency = Literal["NOK", "DKK", "EUR"]

# Every currency here has a hundred minor units (ører, cents) to the whole.
_MINOR_PER_WHOLE = 100


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were added, taken from each other or compared."""

    def __init__(self, one: Currency, other: Currency) -> None:
        self.one = one
        self.other = other
        super().__init__(f"{one} and {other} are different currencies and do not mix.")


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units of one currency: `Money(499_00, "NOK")` is 499 kroner.

    Construction and subtraction raise `ValueError` below zero; mixing raises `CurrencyMismatch`.
    Order is written by hand, so that 1 EUR is never silently "less" than 2 NOK.
    """

    minor_units: int
    currency: Currency

    def __post_init__(self) -> None:
        if self.minor_units < 0:
            raise ValueError(f"An amount is never below zero, and {self.minor_units} is.")

    def plus(self, other: "Money") -> "Money":
        """The sum of both amounts."""
        return Money(self.minor_units + self._same_currency(other), self.currency)

    def minus(self, other: "Money") -> "Money":
        """What is left when the other amount is taken away; `ValueError` if it is too much."""
        left = self.minor_units - self._same_currency(other)
        if left < 0:
            raise ValueError(f"{other.in_words()} is more than {self.in_words()}.")
        return Money(left, self.currency)

    def in_words(self) -> str:
        """The amount as people write it: `399 kr`, `399,50 kr`, `12.50 EUR`."""
        whole, minor = divmod(self.minor_units, _MINOR_PER_WHOLE)
        point, name = (".", "EUR") if self.currency == "EUR" else (",", "kr")
        fraction = f"{point}{minor:02}" if minor else ""
        return f"{whole}{fraction} {name}"

    def __lt__(self, other: "Money") -> bool:
        return self.minor_units < self._same_currency(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor_units <= self._same_currency(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor_units > self._same_currency(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor_units >= self._same_currency(other)

    def _same_currency(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.minor_units
