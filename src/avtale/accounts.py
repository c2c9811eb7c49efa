"""Accounts: people who sign in to the dashboard, what they may do, and what they did (reliability W-8).

Instants here are in real time, whatever the clocks of sales units show.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

import msgspec
from msgspec.structs import replace

Role = Literal["viewer", "support", "developer"]
"""A viewer reads; support cancels, captures, refunds, stops and sends again; a developer does everything."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)
NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?", re.ASCII)
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 128

IDLE: Final = timedelta(hours=1)
"""A session that nobody used for so long is over."""
LONGEST_SESSION: Final = timedelta(hours=12)
FREE_FAILURES: Final = 4
"""Wrong passwords in a row that cost nothing; each one more doubles the wait."""
LONGEST_LOCK: Final = timedelta(minutes=15)
"""Never longer, so that nobody can be kept out for good by somebody who guesses (reliability A-6)."""


class Account(msgspec.Struct, frozen=True):
    """Somebody who may sign in."""

    name: str
    role: Role
    password_hash: str
    created: datetime
    disabled: datetime | None = None
    failures: int = 0
    """Wrong passwords since the last right one."""
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Whether even the right password is refused for now."""
        return self.locked_until is not None and self.locked_until > now

    def mistaken(self, now: datetime) -> Account:
        """A wrong password was given."""
        failures = self.failures + 1
        over = failures - FREE_FAILURES
        wait = min(LONGEST_LOCK, timedelta(seconds=2 ** min(over, 20))) if over > 0 else None
        return replace(self, failures=failures, locked_until=None if wait is None else now + wait)


class Session(msgspec.Struct, frozen=True):
    """A browser that somebody signed in with; its cookie is kept as a hash only."""

    session_hash: str
    name: str
    created: datetime
    seen: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether one has to sign in again."""
        return now - self.seen >= IDLE or now - self.created >= LONGEST_SESSION


class Act(msgspec.Struct, frozen=True):
    """Something that somebody did by hand."""

    act_id: str
    merchant_serial_number: str
    who: str
    what: str
    """The operation by its name: `refund_charge`."""
    agreement_id: str | None
    charge_id: str | None
    detail: str
    outcome: str
    """`done`, or why it was refused."""
    occurred: datetime


def may(role: Role, needed: Role) -> bool:
    """Whether somebody of `role` may do what is meant for `needed`."""
    return ROLES.index(role) >= ROLES.index(needed)
