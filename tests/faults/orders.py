"""Whether answers that came back at the same time are those of one order of events."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, NamedTuple

from tests.faults.processes import Reply


class Asked(NamedTuple):
    """One of several operations on a charge that were asked for at once."""

    event: str
    amount: int
    key: str
    reply: Reply


class State(NamedTuple):
    """What a charge has come to, after some of its history."""

    held: int = 0
    captured: int = 0
    refunded: int = 0

    def after(self, event: str, amount: int) -> State:
        """What it comes to next."""
        match event:
            case "RESERVE":
                return self._replace(held=amount)
            case "CAPTURE":
                return self._replace(held=self.held - amount, captured=self.captured + amount)
            case "CANCEL":
                return self._replace(held=self.held - amount)
            case "REFUND":
                return self._replace(refunded=self.refunded + amount)
            case _:
                return self

    def refuses(self, asked: Asked) -> bool:
        """Whether an operation is not possible here."""
        if asked.event == "REFUND":
            return asked.amount > self.captured - self.refunded
        return self.held == 0 or asked.amount > self.held


def require_one_order(charge: dict[str, Any], asked: list[Asked]) -> None:
    """History is an order of events in which each answer is right, and money is neither lost nor made."""
    done = [line for line in charge["history"] if line["success"]]
    states = list(
        accumulate(done, lambda state, e: state.after(e["event"], e["amount"]), initial=State())
    )
    for state in states:
        assert min(state) >= 0, (charge, asked)
        assert state.refunded <= state.captured <= charge["amount"], (charge, asked)
    last, summary = states[-1], charge["summary"]
    assert (summary["captured"], summary["refunded"]) == (last.captured, last.refunded)
    assert summary["captured"] + summary["cancelled"] + last.held == charge["amount"]
    for each in asked:
        lines = [line for line in done if line["idempotencyKey"] == each.key]
        if each.reply.status == 204:
            assert [line["event"] for line in lines] == [each.event], (charge, each)
            assert each.event == "CANCEL" or lines[0]["amount"] == each.amount, (charge, each)
            continue
        assert not lines, (charge, each)
        if each.reply.status == 400:
            assert any(state.refuses(each) for state in states), (charge, each)
        else:
            assert (each.reply.status, each.reply.slug) == (409, "conflict"), (charge, each)
