"""A sales unit: a tenant with a market, features, rules of its own and a clock that obeys.

Source: sandbox §3–4; rulings §1.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec.structs import replace

from avtale.rulebook import Environment, MarketCode, Rulebook, rulebook_for

PARTNERS = "partner"
"""What stands for registrations that partners have for all their units, whatever the event type."""

ClockMode = Literal["running", "frozen", "advancing"]


class Features(msgspec.Struct, frozen=True, rename="camel"):
    """What the vendor has approved the sales unit for; a fresh one has what a real one has."""

    unscheduled: bool = False
    skip_landing_page: bool = False
    nin: bool = False
    late_capture: bool = False
    direct_capture: bool = True
    recurring: bool = True


class SalesUnit(msgspec.Struct, frozen=True):
    """One tenant; its clock is kept here, so that it survives a restart and all processes share it."""

    merchant_serial_number: str
    name: str
    market: MarketCode
    created: datetime
    features: Features = Features()
    rules: dict[str, int] = {}
    clock_mode: ClockMode = "running"
    clock_offset_ms: int = 0
    """How far the running clock is ahead of real time."""
    clock_at: datetime | None = None
    """Where the clock stands while it is frozen or being advanced."""
    clock_lease_until: datetime | None = None
    """Real time until which somebody moves the clock; after it an advance that was cut off is given up."""
    webhooks: dict[str, int] = {}
    """How many registrations want to be told of each event type, those of partners under `partner`."""

    def now(self, real_now: datetime) -> datetime:
        """What the unit's clock shows at the real instant `real_now`, in whole milliseconds."""
        if self.clock_at is not None:
            return self.clock_at
        shown = real_now + timedelta(milliseconds=self.clock_offset_ms)
        return shown.replace(microsecond=shown.microsecond // 1000 * 1000)

    def rulebook(self, environment: Environment) -> Rulebook:
        """The numbers and date rules that hold for this unit."""
        return rulebook_for(
            environment, self.market, self.rules, late_capture=self.features.late_capture
        )

    def frozen_at(self, instant: datetime) -> SalesUnit:
        """The clock stands still."""
        return replace(self, clock_mode="frozen", clock_at=instant, clock_lease_until=None)

    def running_from(self, instant: datetime, real_now: datetime) -> SalesUnit:
        """The clock shows `instant` now and runs on from there."""
        offset_ms = -((real_now - instant) // timedelta(milliseconds=1))
        return replace(
            self,
            clock_mode="running",
            clock_offset_ms=offset_ms,
            clock_at=None,
            clock_lease_until=None,
        )

    def advancing_at(self, instant: datetime, lease_until: datetime) -> SalesUnit:
        """The clock is being moved and stands at `instant` while everything due then is done.

        A frozen clock reads frozen all the while, and stays where it is if nobody moves it on.
        """
        mode: ClockMode = "frozen" if self.clock_mode == "frozen" else "advancing"
        return replace(self, clock_mode=mode, clock_at=instant, clock_lease_until=lease_until)

    def awaits(self, event_type: str) -> bool:
        """Whether anybody may want to be told of an event of this type."""
        return bool(self.webhooks) and (
            self.webhooks.get(event_type, 0) > 0 or PARTNERS in self.webhooks
        )

    def is_held(self, real_now: datetime) -> bool:
        """Whether somebody is moving the clock, so that nobody else may, nor do what is due."""
        return self.clock_lease_until is not None and self.clock_lease_until > real_now

    def let_go(self, real_now: datetime) -> SalesUnit:
        """The unit after an advance that was cut off: its clock frozen or running from where it got."""
        if self.clock_mode == "frozen":
            return replace(self, clock_lease_until=None)
        return self.running_from(self.now(real_now), real_now)
