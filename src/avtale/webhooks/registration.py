"""A registration: who wants to be told of which events, where, and whether anybody answers (api-facts 7.1, 7.6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec.structs import replace

from avtale.webhooks.catalogue import EventType

SILENCE = timedelta(days=14)
"""A registration without a success for this long is removed (api-facts 7.6)."""

RemovalReason = Literal["deleted", "silent"]


class Registration(msgspec.Struct, frozen=True):
    """One receiver; instants on the unit's clock, real ones where it is for all units of a partner."""

    registration_id: str
    client_id: str
    merchant_serial_number: str | None
    """The unit it is for; None for all units of a partner."""
    url: str
    secret: str
    """Shown once, when it was registered; kept sealed (`storage.sealing`)."""
    events: tuple[EventType, ...]
    created: datetime
    succeeded: datetime | None = None
    """When somebody last answered there as wished."""
    removed: datetime | None = None
    removed_because: RemovalReason | None = None
    lease_until: datetime | None = None
    """Real time until which one process sends there and no other does."""
    fence: int = 0
    """Grows with each claim; what is brought back under an older one does not count."""

    def wants(self, event_type: str, msn: str) -> bool:
        """Whether an event of a unit shall be sent there."""
        for_unit = self.merchant_serial_number in {None, msn}
        return self.removed is None and for_unit and event_type in self.events

    def claimed(self, lease_until: datetime) -> Registration:
        """Somebody sends there until then; whoever did so before is fenced off."""
        return replace(self, lease_until=lease_until, fence=self.fence + 1)

    def released(self) -> Registration:
        """Nobody sends there at the moment."""
        return replace(self, lease_until=None)

    def answered(self, at: datetime) -> Registration:
        """The receiver took something in at `at`."""
        return replace(self, succeeded=max(at, self.succeeded or at))

    def gone(self, at: datetime, because: RemovalReason) -> Registration:
        """Nothing is sent there any more."""
        return replace(self, removed=at, removed_because=because, lease_until=None)

    def is_silent(self, now: datetime) -> bool:
        """Whether nobody has answered there for so long that it is given up."""
        return now - (self.succeeded or self.created) >= SILENCE
