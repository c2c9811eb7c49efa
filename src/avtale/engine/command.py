"""A command: one thing that shall be decided, with what it needs to look at and how it is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from avtale.charges.payments import Payment
from avtale.engine.rows import StoredAnswer
from avtale.engine.world import Needs, World
from avtale.events import Happened
from avtale.identifiers import Randomness
from avtale.problems import Problem
from avtale.rulebook import Environment, Rulebook
from avtale.sales_units import SalesUnit

Result = TypeVar("Result")


class Answer(NamedTuple):
    """Status and body as they are stored and sent."""

    status: int
    body: str


class Call(msgspec.Struct, frozen=True):
    """Who asks and when: the unit, what its clock shows, its rules, and randomness to mint from."""

    now: datetime
    """The unit's time; real time where a command belongs to no unit."""
    real_now: datetime
    environment: Environment
    randomness: Randomness
    sales_unit: SalesUnit | None = None
    rulebook: Rulebook | None = None
    idempotency_key: str = ""
    answers: str | None = None
    """The scope of the stored answer that waits for this command's payment, where there is one."""
    context_id: str | None = None
    render: Callable[[Problem, str, str], Answer] | None = None
    """How a refusal reads as an answer: of the problem, the request's path and its context id."""

    @property
    def unit(self) -> SalesUnit:
        """The sales unit of the command."""
        assert self.sales_unit is not None
        return self.sales_unit

    @property
    def merchant_serial_number(self) -> str:
        """The MSN of the command's unit."""
        return self.unit.merchant_serial_number

    @property
    def rules(self) -> Rulebook:
        """The rulebook of the command's unit."""
        return self.rulebook or self.unit.rulebook(self.environment)


class Asked(NamedTuple):
    """The request behind a command that carries an idempotency key."""

    method: str
    path: str
    idempotency_key: str
    variant: str
    fingerprint: str
    context_id: str

    def scope(self, merchant_serial_number: str) -> tuple[str, str, str, str, str]:
        """The key of the stored answer, in the order of its columns."""
        return (merchant_serial_number, self.method, self.path, self.idempotency_key, self.variant)


class InProgress:
    """What a command results in when its outcome is the gateway's to give."""

    def __init__(self, payment: Payment) -> None:
        self.payment = payment


class Command(Generic[Result]):
    """One thing to decide; `decide` is a pure function of the world and the call."""

    __slots__ = ("answer", "asked", "decide", "merchant_serial_number", "name", "needs")

    def __init__(
        self,
        name: str,
        decide: Callable[[World, Call], Result],
        needs: Needs,
        merchant_serial_number: str | None = None,
        *,
        asked: Asked | None = None,
        answer: Callable[[Any], Answer] | None = None,
    ) -> None:
        self.name = name
        self.decide = decide
        self.needs = needs
        self.merchant_serial_number = merchant_serial_number
        self.asked = asked
        self.answer = answer
        if merchant_serial_number is not None:
            needs.of(SalesUnit, (merchant_serial_number,))
            if asked is not None:
                needs.of(StoredAnswer, asked.scope(merchant_serial_number))


class Decided(Generic[Result]):
    """How a command ended, once it is committed."""

    __slots__ = ("answer", "begun", "claimed", "happened", "problem", "replayed", "result")

    def __init__(self) -> None:
        self.result: Result | None = None
        self.problem: Problem | None = None
        self.answer: Answer | None = None
        self.replayed = False
        self.claimed = False
        """The answer waits for the gateway: ours, when `begun` is not empty, else another's."""
        self.happened: list[Happened] = []
        self.begun: list[Payment] = []

    def unwrap(self) -> Result:
        """The result; raises the problem where the command was refused."""
        if self.problem is not None:
            raise self.problem
        return self.result  # type: ignore[return-value]  # no problem means a result
