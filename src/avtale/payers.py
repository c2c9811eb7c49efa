"""Payers: people with a phone, a profile, and money or not; made up where nobody described them.

The national ids are of the kind that test registers hand out and can belong to nobody;
phone numbers are the caller's. Source: sandbox §5, api-facts 9.2.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import date, datetime
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from avtale.identifiers import SUB_NAMESPACE
from avtale.personas import Persona
from avtale.rulebook import MarketCode

SourceKind = Literal["CARD", "ACCOUNT"]
SourceStatus = Literal["OK", "EXPIRED", "BLOCKED", "REMOVED"]
Outcome = Literal[
    "ok",
    "insufficient_funds",
    "card_expired",
    "card_blocked",
    "refused",
    "technical_error",
    "timeout",
]


NOBODY_BORN = date(1900, 1, 1)
"""What stands for the birth date of a payer who is forgotten."""

PUBLIC_PAYER = "4791234567"
"""The phone of Kari Nordmann, who is there in every fresh test installation (sandbox §2)."""


class Source(msgspec.Struct, frozen=True, omit_defaults=False):
    """Where a payer's money comes from; `expires` is the last month a card is good, `yyyy-MM`."""

    kind: SourceKind = "CARD"
    status: SourceStatus = "OK"
    expires: str | None = None

    def refusal_on(self, day: date) -> Outcome | None:
        """Why the source pays nothing on `day`, or None when it does."""
        if self.status == "EXPIRED":
            return "card_expired"
        if self.status in {"BLOCKED", "REMOVED"}:
            return "card_blocked"
        if self.expires is not None and f"{day:%Y-%m}" > self.expires:
            return "card_expired"
        return None


class Address(msgspec.Struct, frozen=True):
    """A postal address."""

    street_address: str
    postal_code: str
    region: str
    country: str


class Profile(msgspec.Struct, frozen=True):
    """What is personal about a payer, and can be shared with sales units."""

    given_name: str
    family_name: str
    email: str
    birth_date: date
    address: Address
    nin: str


class Payer(msgspec.Struct, frozen=True):
    """One person; `balance` in minor units, None for enough of it."""

    phone_number: str
    profile: Profile
    source: Source = Source()
    balance: int | None = None
    outcomes: tuple[Outcome, ...] = ()
    """What the next attempts on this payer will meet, first one first."""
    generation: int = 1
    """Grows when a deleted profile is made again, and changes every `sub`."""
    deleted: datetime | None = None
    persona: Persona | None = None
    """What the payer does by itself."""

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.profile.given_name} {self.profile.family_name}"

    def described(self, **members: Any) -> Payer:
        """The payer with other members, those of the profile among them."""
        personal = {name: members.pop(name) for name in _PERSONAL & members.keys()}
        return replace(self, profile=replace(self.profile, **personal), **members)

    def age_on(self, day: date) -> int:
        """Whole years on `day`."""
        born = self.profile.birth_date
        before_birthday = (day.month, day.day) < (born.month, born.day)
        return day.year - born.year - before_birthday

    def sub(self, merchant_serial_number: str) -> str:
        """The payer's id towards one sales unit; another unit gets another (rulings §7)."""
        name = f"{merchant_serial_number}/{self.phone_number}/{self.generation}"
        return str(uuid.uuid5(SUB_NAMESPACE, name))

    def forgotten(self, at: datetime) -> Payer:
        """The profile is deleted: of the person nothing is left but the number that agreements name, and money."""
        nowhere = Address("", "", "", self.profile.address.country)
        return replace(
            self,
            profile=Profile("", "", "", NOBODY_BORN, nowhere, nin=""),
            outcomes=(),
            persona=None,
            deleted=at,
        )

    def made_again(self) -> Payer:
        """Somebody new at the same number, made up for the same market; every sales unit sees another `sub`."""
        country = self.profile.address.country
        market: MarketCode = "DK" if country == "DK" else "FI" if country == "FI" else "NO"
        anew = made_up_payer(self.phone_number, market)
        return replace(
            anew, balance=self.balance, source=self.source, generation=self.generation + 1
        )

    def next_outcome(self) -> tuple[Outcome | None, Payer]:
        """The first scripted outcome, and the payer with one fewer."""
        if not self.outcomes:
            return None, self
        return self.outcomes[0], replace(self, outcomes=self.outcomes[1:])


_PERSONAL = frozenset(Profile.__struct_fields__)

_GIVEN = ("Ada", "Bjørn", "Carla", "Dina", "Emil", "Frida", "Georg", "Hanna", "Ivar", "Jenny")
_FAMILY: dict[MarketCode, tuple[str, ...]] = {
    "NO": ("Hansen", "Johansen", "Olsen", "Larsen", "Berg", "Haugen", "Solberg", "Moen"),
    "DK": ("Nielsen", "Jensen", "Pedersen", "Andersen", "Rasmussen", "Poulsen", "Friis", "Holm"),
    "FI": ("Korhonen", "Virtanen", "Nieminen", "Laine", "Heikkinen", "Koskinen", "Salo", "Rinne"),
}
_STREETS: dict[MarketCode, tuple[str, ...]] = {
    "NO": ("Storgata", "Kirkeveien", "Bjørkeveien", "Skolegata"),
    "DK": ("Nørregade", "Vestergade", "Skovvej", "Kirkegade"),
    "FI": ("Koulukatu", "Asemakatu", "Koivutie", "Puistotie"),
}
_TOWNS: dict[MarketCode, tuple[tuple[str, str], ...]] = {
    "NO": (("0150", "OSLO"), ("5003", "BERGEN"), ("7010", "TRONDHEIM"), ("9008", "TROMSØ")),
    "DK": (
        ("1050", "KØBENHAVN K"),
        ("8000", "AARHUS C"),
        ("5000", "ODENSE C"),
        ("9000", "AALBORG"),
    ),
    "FI": (("00100", "HELSINKI"), ("33100", "TAMPERE"), ("20100", "TURKU"), ("90100", "OULU")),
}


def made_up_payer(phone_number: str, market: MarketCode) -> Payer:
    """A payer who looks right for the market; the same number is always the same person."""
    if phone_number == PUBLIC_PAYER:
        return _kari_nordmann()
    digest = hashlib.sha256(phone_number.encode()).digest()
    given = _GIVEN[digest[0] % len(_GIVEN)]
    families, streets, towns = _FAMILY[market], _STREETS[market], _TOWNS[market]
    family = families[digest[1] % len(families)]
    postal_code, town = towns[digest[3] % len(towns)]
    born = date(1950 + digest[4] % 50, 1 + digest[5] % 12, 1 + digest[6] % 28)
    profile = Profile(
        given_name=given,
        family_name=family,
        email=_address_of(given, family, phone_number[-4:]),
        birth_date=born,
        address=Address(
            f"{streets[digest[2] % len(streets)]} {1 + digest[7] % 98}", postal_code, town, market
        ),
        nin=_test_nin(born, market, int.from_bytes(digest[8:12], "big")),
    )
    return Payer(phone_number, profile)


def _address_of(given: str, family: str, number: str) -> str:
    """A mail address that nobody has, in letters that every mail server takes."""
    plain = f"{given}.{family}.{number}".lower().translate(_PLAIN)
    return f"{plain}@example.com"


_PLAIN = str.maketrans({"ø": "o", "å": "a", "æ": "ae", "ä": "a", "ö": "o"})


def _kari_nordmann() -> Payer:
    born = date(1985, 5, 17)
    profile = Profile(
        given_name="Kari",
        family_name="Nordmann",
        email="kari.nordmann@example.com",
        birth_date=born,
        address=Address("Karl Johans gate 22", "0026", "OSLO", "NO"),
        nin=_test_nin(born, "NO", 412),
    )
    return Payer(PUBLIC_PAYER, profile)


def _test_nin(born: date, market: MarketCode, number: int) -> str:
    """A national id of the synthetic kind: no register ever gives it to a person.

    Norway: 80 is added to the month, as its synthetic test population has, and the control digits are right.
    Denmark: 60 is added to the day, as its test persons have. Finland: individual numbers 900–999.
    """
    if market == "NO":
        return _norwegian(f"{born.day:02}{born.month + 80:02}{born:%y}", number)
    if market == "DK":
        return f"{born.day + 60:02}{born.month:02}{born:%y}{number % 10_000:04}"
    individual = 900 + number % 100
    checked = int(f"{born:%d%m%y}{individual}") % 31
    sign = "-" if born.year < 2000 else "A"
    return f"{born:%d%m%y}{sign}{individual}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[checked]}"


_FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def _norwegian(day: str, number: int) -> str:
    """Eleven digits with both control digits; a number that has none gives way to the next."""
    individual = number % 500
    while True:
        digits = f"{day}{individual:03}"
        first = _control(digits, _FIRST_WEIGHTS)
        second = _control(f"{digits}{first}", _SECOND_WEIGHTS) if first < 10 else 10
        if second < 10:
            return f"{digits}{first}{second}"
        individual = (individual + 1) % 500


def _control(digits: str, weights: tuple[int, ...]) -> int:
    """The control digit modulo 11, or 10 where there is none."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return (11 - total % 11) % 11
