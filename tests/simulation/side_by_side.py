"""Two of everything: an operation done by the real thing and by the reference model, under the same faults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from avtale.auditing import audit
from avtale.engine.command import Answer, Asked, Command
from avtale.engine.world import Needs
from avtale.payers import Payer, Source, made_up_payer
from avtale.problems import IdempotencyConflict
from tests.simulation import bank, house, model
from tests.simulation.books import Books, InMemory
from tests.simulation.comparing import compare, outcome, same, slug
from tests.simulation.house import House, request
from tests.simulation.model import Model, Refusal

START = datetime(2026, 10, 19, 8, 30, tzinfo=UTC)
"""A Monday in Oslo; the clocks go back on the Sunday after."""

KARI, OLA, NORA, CHILD = "4790000001", "4790000002", "4790000003", "4790000004"
"""Somebody with money, somebody with little, somebody with none, and somebody too young."""

Late = tuple[house.Told, model.Late]
"""The same answers, as the real thing holds them and as the model does."""


class SideBySide:
    """Everything is done in both; both must answer alike, and stand alike afterwards."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seed: int = 0, books: Books | None = None
    ) -> None:
        payers = {KARI: bank.Payer(40_000), OLA: bank.Payer(3_000), NORA: bank.Payer(0)}
        payers[CHILD] = bank.Payer(1_000, is_minor=True)
        self.deposits = sum(payer.balance for payer in payers.values())
        self.model = Model(START, bank.Bank(payers))
        rows = [payer_row(*payer) for payer in payers.items()]
        self.house = House(loop, books or InMemory(), START, rows)
        self.faults: list[str] = []
        """What the next operation's asks meet, in both."""
        self.ids: dict[str, str] = {}
        self.keys: dict[str, Callable[[str, str], Command[Any]]] = {}
        self.seen: set[str] = set()
        """What must happen now and then, or the runs are not wild enough."""
        self.is_sound = True
        """Whether no difference has been found so far."""
        self._expected: dict[str, str] = {}
        self._answers: dict[str, Answer] = {}
        self._late: Late = ([], [])
        self._random = random.Random(seed)

    def close(self) -> None:
        """Forget everything."""
        self.house.close()

    # ── one step ──

    def request(
        self,
        what: str,
        body: Any,
        needs: Needs,
        decide: house.Decide,
        modelled: Callable[[str], object],
        answer: Callable[[Any], Answer] = lambda _: Answer(204, ""),
        then: Callable[[str], object] = lambda _: None,
    ) -> str:
        """A request with a key; answers with why it was refused, `waiting`, `died`, or nothing."""
        method, _, path = what.partition(" ")
        key = f"key-{method}-{len(self.keys)}"
        text = msgspec.json.encode(body).decode()

        def again(context_id: str, other: str) -> Command[Any]:
            variant = text if method == "PATCH" else ""
            asked = Asked(method, path, key, variant, text + other, context_id)
            return request(decide, needs, asked, answer)

        def really() -> None:
            decided = self.house.ask(again(f"first-{key}", ""))
            if decided.answer is not None:
                self._answers[key] = decided.answer
                if why := slug(decided.answer):
                    raise Refusal(why)

        def as_modelled() -> None:
            try:
                modelled(key)
            except Refusal as refusal:
                self._expected[key] = str(refusal)
                raise
            if why := self.model.answers.get(key, "").replace("waiting", ""):
                raise Refusal(why)
            if key not in self.model.answers and (answered := self._heard(key)) is not None:
                same(f"answer to {key}", slug(answered), "")
                then(answered.body)

        self.keys[key], self._expected[key] = again, ""
        return self.both(really, as_modelled) or self.model.answers.get(key, "")

    def act(self, needs: Needs, decide: house.Decide, modelled: Callable[[], object]) -> str:
        """An act without a key."""
        return self.both(lambda: self.house.do(decide, needs), modelled)

    def both(self, really: Callable[[], object], modelled: Callable[[], object]) -> str:
        """The same in both, under the same faults; answers with why it was refused, `died`, or nothing."""
        self.is_sound = False
        gateway, faults, self.faults = self.house.gateway, self.faults, []
        gateway.asked, gateway.told = [], []
        if faults == ["die at commit"]:
            self.house.lifeline.dies_at_commit = True
            found = self._both(really, modelled, [], ["die before"])
        else:
            found = self._both(really, modelled, faults, faults)
        if not faults and not any(told.result == "UNCLEAR" for told in gateway.told):
            same("outcomes recorded twice", self.house.record(self.house.open_payments()), 0)
        self.house.lifeline.dies_at_commit = False
        self.compare()
        self.is_sound = True
        return found

    def _both(
        self,
        really: Callable[[], object],
        modelled: Callable[[], object],
        faults: list[str],
        expected_faults: list[str],
    ) -> str:
        gateway = self.house.gateway
        gateway.faults, self.model.faults = list(faults), list(expected_faults)
        real = outcome(really)
        if not self.house.is_alive:
            self.seen.add("a process died")
            self._late = (self.house.open_payments(), [])
            self.house.begin_again()
            real = "died"
        else:
            self.model.faults = list(faults)
        self.model.asked = list(gateway.asked)
        expected = outcome(modelled)
        if faults == expected_faults or real != "died":
            same("outcome", real, expected)
            same("faults met", gateway.faults, self.model.faults)
        if real == "conflict":
            self.seen.add("an operation met another")
        same("batches asked of the gateway", self.model.asked, [])
        self._late, self.model.late = (self._late[0], self.model.late or self._late[1]), []
        return real

    def _heard(self, key: str) -> Answer | None:
        """The answer to a request; where nobody heard it, the merchant asks again."""
        if key not in self._answers:
            command = self.keys[key](f"retry-{key}", "")
            decided = self.house.run(self.house.engine.submit(command))
            if decided.answer is not None:
                self._answers[key] = decided.answer
        return self._answers.get(key)

    def compare(self) -> None:
        """All that can be seen of both; and an earlier key answers what it answered before."""
        compare(self)
        if self.keys:
            key = self._random.choice(list(self.keys))
            is_other = "PATCH" not in key and self._random.random() < 0.2
            self.replay(key, is_other=is_other)

    def audit(self, folder: Path) -> None:
        """The auditor finds nothing, once all is quiet."""
        data = self.house.run(self.house.books.copied(folder))
        report = audit(data, quiescent=True, clock=lambda: self.house.real_now)
        assert report.ok, "\n".join(map(str, report.violations))

    # ── what has been before ──

    def replay(self, key: str, *, is_other: bool = False) -> None:
        """A key answers what it answered before; with another body it is a conflict."""
        command = self.keys[key](f"again-{self._random.random()}", "other" if is_other else "")
        decided = self.house.run(self.house.engine.submit(command))
        expected = self.model.answers.get(key, self._expected[key])
        if is_other:
            assert isinstance(decided.problem, IdempotencyConflict), (key, decided.answer)
        elif expected == "waiting":
            self.seen.add("a key was used again before its answer was known")
            assert decided.claimed, (key, decided.answer)
        else:
            assert decided.answer is not None, (key, expected)
            assert decided.replayed, key
            same(f"answer to {key}", slug(decided.answer), expected)
            first = self._answers.setdefault(key, decided.answer)
            same(f"bytes of {key}", decided.answer, first)

    @property
    def has_late(self) -> bool:
        """Whether a process died with answers that nobody else has heard."""
        return bool(self._late[0])

    def take_late(self) -> Late:
        """What the process that died last knew, and could still say if it was only asleep."""
        late, self._late = self._late, ([], [])
        return late

    def hear(self, late: Late) -> int:
        """A process that was thought dead records what it knows; how much of it counts."""
        counted: list[int] = []
        self.both(
            lambda: counted.append(self.house.record(late[0])),
            lambda: counted.append(self.model.hear_late(late[1])),
        )
        real, expected = counted
        same("late answers that count", real, expected)
        if late[0]:
            self.seen.add("a late answer counted" if real else "a late answer was fenced off")
        return real


def payer_row(phone: str, payer: bank.Payer) -> Payer:
    """A payer of the model, as the real thing keeps it."""
    made_up = made_up_payer(phone, "NO")
    return made_up.described(
        balance=payer.balance,
        source=Source(status="OK" if payer.works else "BLOCKED"),
        outcomes=tuple(payer.outcomes),
        birth_date=date(2015, 5, 17) if payer.is_minor else made_up.profile.birth_date,
    )
