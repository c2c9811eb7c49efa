"""Faults on command: what shall go wrong for a sales unit, how often, and in which sequence (sandbox §7)."""

from __future__ import annotations

import hashlib
from typing import Final, Literal, get_args

import msgspec
from msgspec.structs import replace

RequestFault = Literal["error", "latency", "lost-answer", "rate-limited", "outage"]
WebhookFault = Literal["duplicate", "reorder", "delay", "drop", "bad-signature", "unknown-type"]

REQUEST_FAULTS: Final[tuple[RequestFault, ...]] = get_args(RequestFault)
WEBHOOK_FAULTS: Final[tuple[WebhookFault, ...]] = get_args(WebhookFault)

EVERY_OPERATION: Final = "*"


class Misfortune(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault as it was set, and how far it has come.

    It is drawn for once by every request of its operation, or by every event on its way to a receiver,
    until it has struck as often as it may.
    """

    seed: int
    """One seed, one sequence: whatever is drawn follows from it and from how often was drawn before."""
    operation: str = ""
    """The operation that it is about, or all; empty where it is about webhooks."""
    fault: RequestFault | None = None
    webhook: WebhookFault | None = None
    status: int | None = None
    milliseconds: int | None = None
    probability: float = 1.0
    times: int | None = None
    """How often it strikes at most; None for as often as it comes."""
    drawn: int = 0
    struck: int = 0

    def is_about(self, operation: str) -> bool:
        """Whether requests of an operation draw for it."""
        return self.fault is not None and self.operation in {EVERY_OPERATION, operation}

    @property
    def is_over(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.times is not None and self.struck >= self.times

    def draw(self) -> tuple[Misfortune, bool]:
        """The fault after one more draw, and whether it strikes."""
        if self.is_over:
            return self, False
        strikes = _chance(self.seed, self.drawn) < self.probability
        return replace(self, drawn=self.drawn + 1, struck=self.struck + strikes), strikes


class FaultsOfUnit(msgspec.Struct, frozen=True):
    """All faults that are set for a sales unit; kept in the database, so that all processes share them."""

    merchant_serial_number: str
    faults: tuple[Misfortune, ...] = ()


def _chance(seed: int, number: int) -> float:
    """A number from 0 up to but not including 1, the same for a seed and a place on every machine."""
    digest = hashlib.blake2b(f"{seed}/{number}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / float(1 << 48)
