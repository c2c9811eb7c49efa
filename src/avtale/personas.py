"""Personas: payers who do things by themselves, on the sales unit's clock (sandbox §5).

A persona is a few habits, each with its occasion: a request that comes, a day of the month, some days after the
agreement began, a notification of a payment. What a habit will do next is an appointment, a row of its own.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from avtale.rulebook import Market

Occasion = Literal["request", "monthly", "days after start", "notice"]
Deed = Literal[
    "approve",
    "reject",
    "stop",
    "fill",
    "empty",
    "raise maximum",
    "break source",
    "mend source",
]

MOST_HABITS = 10

DEEDS_ON: Mapping[Occasion, frozenset[Deed]] = {
    "request": frozenset({"approve", "reject"}),
    "monthly": frozenset({"fill", "empty", "stop", "break source", "mend source"}),
    "days after start": frozenset({"fill", "empty", "stop", "break source", "mend source"}),
    "notice": frozenset({"fill", "empty", "stop", "raise maximum", "break source", "mend source"}),
}
"""What can be done on which occasion."""

Minutes = Annotated[int, Meta(ge=0, le=10)]
Day = Annotated[int, Meta(ge=1, le=31)]
Days = Annotated[int, Meta(ge=0, le=3653)]
Amount = Annotated[int, Meta(ge=0, le=10**12)]


class Habit(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """One thing that a payer does by itself: `when`, what to `do`, and what belongs to either."""

    when: Occasion
    do: Deed
    minutes: Minutes = 0
    """After a request has come."""
    day: Day | None = None
    """Of the month; the last one where a month is shorter."""
    days: Days | None = None
    """After the day on which the agreement became ACTIVE; 0 is that very day."""
    amount: Amount | None = None
    """Of a fill: the balance from then on. Of a raise: the new maximum; without it, what the charge takes."""

    def fault(self) -> str | None:
        """Why the habit makes no sense, as a sentence, or None."""
        if self.do not in DEEDS_ON[self.when]:
            possible = ", ".join(sorted(DEEDS_ON[self.when]))
            return f"`{self.do}` is nothing to do when `{self.when}`; these are: {possible}."
        for member, occasion in (("day", "monthly"), ("days", "days after start")):
            if (getattr(self, member) is None) == (self.when == occasion):
                return f"`{member}` belongs to `{occasion}`, which needs it."
        if self.minutes and self.when != "request":
            return "`minutes` belongs to `request`."
        if self.do == "fill" and self.amount is None:
            return "`fill` needs an `amount`, in minor units."
        if self.amount is not None and self.do not in {"fill", "raise maximum"}:
            return "`amount` belongs to `fill` and `raise maximum`."
        return None


class Persona(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Who a payer is, as far as habits go."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    habits: Annotated[tuple[Habit, ...], Meta(max_length=MOST_HABITS)] = ()
    about: Annotated[str, Meta(max_length=500)] = ""
    source_expires: Annotated[str, Meta(pattern=r"^[0-9]{4}-(?:0[1-9]|1[0-2])\Z")] | None = None
    """The card's last month, yyyy-MM, from when the persona is taken on."""
    balance: Amount | None = None
    """The money there is when the persona is taken on; without it, what there was."""

    @property
    def listens(self) -> bool:
        """Whether there is a habit that begins with a notification."""
        return any(habit.when == "notice" for habit in self.habits)

    @property
    def answer(self) -> Habit | None:
        """The habit that answers a request; None where requests are left lying."""
        return next((habit for habit in self.habits if habit.when == "request"), None)


class Appointment(msgspec.Struct, frozen=True):
    """What a payer's persona will do next about one agreement; `cause` tells the habit or the notice."""

    merchant_serial_number: str
    agreement_id: str
    cause: str
    """`habit:2` by its place among the habits, `answer:` and the phone, or `notice:` and the charge."""
    phone_number: str
    wake_at: datetime | None
    """On the unit's clock; None where nothing is left to do."""
    kept: int = 0
    """How often it was done."""

    def done(self, next_at: datetime | None) -> Appointment:
        """The same, done once more, with the next time or none."""
        return msgspec.structs.replace(self, wake_at=next_at, kept=self.kept + 1)


def first_time(habit: Habit, start: datetime, now: datetime, market: Market) -> datetime | None:
    """When a habit is first due for an agreement that is ACTIVE since `start`; None for no day at all."""
    if habit.when == "monthly":
        return next_time(habit, now, market, at_once=True)
    if habit.when == "days after start":
        assert habit.days is not None
        day = market.day_of(start) + timedelta(days=habit.days)
        return max(market.start_of_day(day), now)
    return None


def next_time(
    habit: Habit, now: datetime, market: Market, *, at_once: bool = False
) -> datetime | None:
    """When a monthly habit is due next: the beginning of its day; with `at_once`, today counts."""
    if habit.when != "monthly":
        return None
    assert habit.day is not None
    today = market.day_of(now)
    year, month = today.year, today.month
    while True:
        day = today.replace(year=year, month=month, day=min(habit.day, monthrange(year, month)[1]))
        if day > today:
            return market.start_of_day(day)
        if at_once and day == today:
            return now
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
