"""The control API as JSON: sales units, partners, clocks, and what happened.

Source: sandbox §3–5.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from avtale.payers import Outcome
from avtale.problems import Fault
from avtale.rulebook import OVERRIDABLE, MarketCode, Rulebook
from avtale.sales_units import Features, SalesUnit
from avtale.wire.members import (
    Instant,
    Int32,
    PhoneNumber,
    in_range_of_utc,
    listed,
    not_given,
    to_the_second,
)

SerialNumber = Annotated[
    str, Meta(pattern=r"^[0-9]{4,10}\Z", extra={"reason": "must be 4 to 10 digits"})
]
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z",
        extra={"reason": "must not contain control characters"},
    ),
]

MOST_FAULTS = 100
MOST_UNITS = 1000
MOST_OUTCOMES = 100


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


RULE_FIELDS = {_camel(field): field for field in OVERRIDABLE}
"""The rules that may be set for a sales unit, as JSON calls them and as the rulebook does."""


# ── Sales units and partners ─────────────────────────────────────────────────────────────────────


class FeatureChanges(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the sales unit is approved for from now on; what is not given stays."""

    unscheduled: bool | None = None
    skip_landing_page: bool | None = None
    nin: bool | None = None
    late_capture: bool | None = None
    direct_capture: bool | None = None
    recurring: bool | None = None

    def applied_to(self, features: Features) -> Features:
        """The features with these changes."""
        changes = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(features, **changes)


class ChangeSalesUnit(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What shall be different about a sales unit; a rule that is null goes by the book again."""

    name: Name | None = None
    features: FeatureChanges | None = None
    rules: dict[str, int | None] | None = None

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """Rules that nobody may set."""
        if self.rules is None:
            return []
        unknown = [name for name in self.rules if name not in RULE_FIELDS][:MOST_FAULTS]
        reason = f"cannot be set; {listed(sorted(RULE_FIELDS)).replace(' or ', ' and ')} can"
        return [Fault(f"rules.{name[:64]}", reason) for name in unknown]

    def rules_applied_to(self, rules: dict[str, int]) -> dict[str, int]:
        """A unit's own rules, by field of the rulebook, with these changes."""
        merged = dict(rules)
        for name, value in (self.rules or {}).items():
            field = RULE_FIELDS[name]
            if value is None:
                merged.pop(field, None)
            else:
                merged[field] = value
        return merged


class NewSalesUnit(ChangeSalesUnit, frozen=True, rename="camel", kw_only=True):
    """A sales unit to be; all of it may be left out."""

    merchant_serial_number: SerialNumber | None = None
    market: MarketCode | None = None


class NewPartner(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A partner to be, and the sales units it may act for."""

    name: Name
    sales_units: Annotated[tuple[SerialNumber, ...], Meta(min_length=1, max_length=MOST_UNITS)]


class ClockAnswer(msgspec.Struct, frozen=True):
    """What a clock shows; a clock that is being advanced reads as it did before."""

    now: Instant
    mode: Literal["running", "frozen"]


class CredentialsAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """API keys, as they are shown once."""

    client_id: str
    client_secret: str
    subscription_key: str


class SalesUnitAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A sales unit; its keys only in the answer to its creation."""

    merchant_serial_number: str
    name: str
    market: MarketCode
    features: Features
    rules: dict[str, int]
    clock: ClockAnswer
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    subscription_key: str | UnsetType = UNSET


class PartnerAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A partner with its keys, which are shown this once."""

    name: str
    sales_units: tuple[str, ...]
    client_id: str
    client_secret: str
    subscription_key: str


def clock_answer(unit: SalesUnit, real_now: datetime) -> ClockAnswer:
    """What the unit's clock shows at the real instant `real_now`."""
    shown = to_the_second(unit.now(real_now))
    return ClockAnswer(shown, "frozen" if unit.clock_mode == "frozen" else "running")


def sales_unit_answer(
    unit: SalesUnit, real_now: datetime, keys: CredentialsAnswer | None = None
) -> SalesUnitAnswer:
    """A sales unit as the control API answers it."""
    return SalesUnitAnswer(
        merchant_serial_number=unit.merchant_serial_number,
        name=unit.name,
        market=unit.market,
        features=unit.features,
        rules={
            name: unit.rules[field] for name, field in RULE_FIELDS.items() if field in unit.rules
        },
        clock=clock_answer(unit, real_now),
        client_id=UNSET if keys is None else keys.client_id,
        client_secret=UNSET if keys is None else keys.client_secret,
        subscription_key=UNSET if keys is None else keys.subscription_key,
    )


# ── Clocks ───────────────────────────────────────────────────────────────────────────────────────


class AdvanceClock(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How far a clock shall go: by days of the market and exact time, or to an instant."""

    days: Int32 | None = None
    hours: Int32 | None = None
    minutes: Int32 | None = None
    seconds: Int32 | None = None
    to: Instant | None = None

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """Neither or both ways to say it, and steps backwards."""
        steps = {name: getattr(self, name) for name in ("days", "hours", "minutes", "seconds")}
        found = [
            Fault(name, "must be at least 0, since clocks only move forward")
            for name, value in steps.items()
            if value is not None and value < 0
        ]
        found += in_range_of_utc("to", self.to)
        if all(value is None for value in steps.values()):
            why = "is required, unless days, hours, minutes or seconds are given"
            return found + ([Fault("to", why)] if self.to is None else [])
        return found + not_given("to", self.to, "together with days, hours, minutes or seconds")

    @property
    def exact(self) -> timedelta:
        """The part that is exact time."""
        return timedelta(
            hours=self.hours or 0, minutes=self.minutes or 0, seconds=self.seconds or 0
        )


class FreezeClock(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Where a clock shall stand still; at once where nothing is said."""

    at: Instant | None = None

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """An instant that is none in UTC."""
        return in_range_of_utc("at", self.at)


class HappenedAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One thing that happened, in a sentence too; `event_type` where merchants are told of it."""

    occurred: Instant
    what: str
    agreement_id: str
    charge_id: str | UnsetType = UNSET
    event_type: str | UnsetType = UNSET
    detail: str


class RunAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What was done; where that is too much to list, its beginning and how much it was."""

    happened: tuple[HappenedAnswer, ...]
    truncated: Literal[True] | UnsetType = UNSET
    count: int | UnsetType = UNSET


class AdvanceAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What an advance did, or would do."""

    begin: Instant = msgspec.field(name="from")
    to: Instant
    happened: tuple[HappenedAnswer, ...]
    truncated: Literal[True] | UnsetType = UNSET
    count: int | UnsetType = UNSET


class ProgressAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How far an advance has come, and how much has happened on the way; it is done where `at` is `to`."""

    at: Instant
    to: Instant
    count: int


class MissedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How much a reader was not told, since it read too slowly."""

    count: int


# ── What payers do ───────────────────────────────────────────────────────────────────────────────


class ApproveAgreement(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Who says yes, and up to how much; both may be left out."""

    phone_number: PhoneNumber | None = None
    max_amount: Int32 | None = None


class SetMaxAmount(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The payer's own maximum of a VARIABLE agreement, in minor units."""

    max_amount: Int32


class ScriptOutcomes(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the next attempts on a charge will meet, first one first; none: whatever comes."""

    outcomes: Annotated[tuple[Outcome, ...], Meta(max_length=MOST_OUTCOMES)]


class AgreementActAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The agreement after a payer's act, when all the money is settled."""

    agreement_id: str
    merchant_serial_number: str
    status: str
    happened: tuple[HappenedAnswer, ...]


class ChargeActAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The charge after it was attempted."""

    charge_id: str
    agreement_id: str
    merchant_serial_number: str
    status: str
    happened: tuple[HappenedAnswer, ...]


class ScriptAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the next attempts on a charge will meet."""

    charge_id: str
    merchant_serial_number: str
    status: str
    outcomes: tuple[Outcome, ...]
