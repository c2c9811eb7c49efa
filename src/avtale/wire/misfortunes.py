"""Faults on command as JSON (sandbox §7)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from avtale.faults import Misfortune, RequestFault, WebhookFault
from avtale.problems import Fault
from avtale.rulebook import Rulebook

MOST_FAULTS: Final = 20
"""That a sales unit can have at a time."""
LONGEST_WAIT_MS: Final = 60_000
LONGEST_DELAY_MS: Final = 7 * 86_400_000
MOST_TIMES: Final = 1_000_000
NO_SEED: Final = -1
"""What stands for a seed that is still to be made up."""

Probability = Annotated[float, Meta(ge=0, le=1)]
Times = Annotated[int, Meta(ge=1, le=MOST_TIMES)]
Seed = Annotated[int, Meta(ge=0, le=2**53)]
Milliseconds = Annotated[int, Meta(ge=1, le=LONGEST_DELAY_MS)]


class _Common(msgspec.Struct, frozen=True, kw_only=True):
    probability: Probability | None = None
    times: Times | None = None
    seed: Seed | None = None

    @property
    def given_seed(self) -> int:
        """The seed, or what stands for none."""
        return NO_SEED if self.seed is None else self.seed

    @property
    def given_probability(self) -> float:
        """The probability; always, where none is given."""
        return 1.0 if self.probability is None else float(self.probability)


class RequestFaultBody(_Common, frozen=True, kw_only=True):
    """What requests of an operation shall meet."""

    operation: str
    fault: RequestFault
    status: int | None = None
    milliseconds: Milliseconds | None = None

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """Members that do not go together."""
        found = []
        if self.status is not None and self.fault not in {None, "error"}:
            found.append(Fault("status", f"is for error only, not for {self.fault}"))
        if self.fault == "latency" and self.milliseconds is None:
            found.append(Fault("milliseconds", "is required for latency: how long to wait"))
        if self.milliseconds is not None and self.fault not in {None, "latency"}:
            found.append(Fault("milliseconds", f"is for latency only, not for {self.fault}"))
        if self.milliseconds is not None and self.milliseconds > LONGEST_WAIT_MS:
            found.append(Fault("milliseconds", f"must be at most {LONGEST_WAIT_MS}"))
        return found

    def misfortune(self, operation: str) -> Misfortune:
        """The fault, of the operation as it is called here."""
        return Misfortune(
            seed=self.given_seed,
            operation=operation,
            fault=self.fault,
            status=self.status,
            milliseconds=self.milliseconds,
            probability=self.given_probability,
            times=self.times,
        )


class WebhookFaultBody(_Common, frozen=True, kw_only=True):
    """What events shall meet on their way to receivers."""

    webhook: WebhookFault
    milliseconds: Milliseconds | None = None

    def faults(self, _rules: Rulebook) -> list[Fault]:
        """Members that do not go together."""
        if self.webhook == "delay" and self.milliseconds is None:
            return [Fault("milliseconds", "is required for delay: how long on the unit's clock")]
        if self.milliseconds is not None and self.webhook not in {None, "delay", "reorder"}:
            return [Fault("milliseconds", f"is for delay and reorder, not for {self.webhook}")]
        return []

    def misfortune(self) -> Misfortune:
        """The fault."""
        return Misfortune(
            seed=self.given_seed,
            webhook=self.webhook,
            milliseconds=self.milliseconds,
            probability=self.given_probability,
            times=self.times,
        )


class FaultAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fault as it is set, and how far it has come."""

    operation: str | None = None
    fault: RequestFault | None = None
    webhook: WebhookFault | None = None
    status: int | None = None
    milliseconds: int | None = None
    probability: float
    times: int | None = None
    seed: int
    drawn: int
    """How many requests or events have drawn for it."""
    struck: int
    """How many of them it has struck."""


def fault_answer(each: Misfortune, called: str) -> FaultAnswer:
    """A fault as it is told; `called` is its operation's name in JSON."""
    return FaultAnswer(
        operation=called or None,
        fault=each.fault,
        webhook=each.webhook,
        status=each.status,
        milliseconds=each.milliseconds,
        probability=each.probability,
        times=each.times,
        seed=each.seed,
        drawn=each.drawn,
        struck=each.struck,
    )
