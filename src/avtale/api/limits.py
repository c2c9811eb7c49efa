"""The vendor's rate limits, behind the setting `vendor_limits` (api-facts 2.6); counted per process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from avtale.problems import TooManyRequests

if TYPE_CHECKING:
    from limits import RateLimitItemPerMinute
    from limits.strategies import MovingWindowRateLimiter


class Limit(NamedTuple):
    """So many calls a minute, counted per sales unit and the named parts of the path."""

    per_minute: int
    parts: tuple[str, ...] = ()


LIMITS: dict[str, Limit] = {
    "create_charge": Limit(500),
    "create_charges": Limit(100),
    "cancel_charge": Limit(5, ("agreement_id", "charge_id")),
    "capture_charge": Limit(5, ("agreement_id", "charge_id")),
    "refund_charge": Limit(5, ("agreement_id", "charge_id")),
    "list_agreements": Limit(5),
    "update_agreement": Limit(5, ("agreement_id",)),
    "fetch_charge": Limit(10, ("agreement_id", "charge_id")),
    "fetch_charge_by_id": Limit(100),
    "list_charges": Limit(10, ("agreement_id",)),
    "fetch_agreement": Limit(120, ("agreement_id",)),
    "draft_agreement": Limit(300),
}


class VendorLimits:
    """Counts calls in a window that moves with real time."""

    def __init__(self) -> None:
        from limits import RateLimitItemPerMinute  # noqa: PLC0415 -- loaded only where it is used
        from limits.storage import MemoryStorage  # noqa: PLC0415
        from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415

        self._limiter: MovingWindowRateLimiter = MovingWindowRateLimiter(MemoryStorage())
        self._items: dict[str, RateLimitItemPerMinute] = {
            operation: RateLimitItemPerMinute(limit.per_minute)
            for operation, limit in LIMITS.items()
        }

    def count(self, operation: str, msn: str, path: dict[str, str]) -> None:
        """Count one call; raises TooManyRequests where the minute is used up."""
        item = self._items.get(operation)
        if item is None:
            return
        limit = LIMITS[operation]
        identifiers = (operation, msn, *(path.get(part, "") for part in limit.parts))
        if self._limiter.hit(item, *identifiers):
            return
        # A minute at the most: the exact instant is not published, and waiting it out is always enough.
        raise TooManyRequests(
            f"More than {limit.per_minute} calls of {operation} within a minute.", 60
        )
