"""The reference model's bank: payers with money, and books in which each ask has one line."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tests.simulation.records import HOUR, Payment

MAGIC = {
    **dict.fromkeys((182, 183, 184, 197, 202), "refused"),
    151: "insufficient_funds",
    186: "card_expired",
    187: "card_blocked",
    201: "unknown",
}
MAGIC_REFUNDS = {123: "payer_gone", 124: "refused"}


@dataclass
class Payer:
    """Somebody with money, a card that works or not, and what the next attempts will meet."""

    balance: int
    works: bool = True
    is_minor: bool = False
    outcomes: list[str] = field(default_factory=list)


class Entry(NamedTuple):
    """A line of the books; the result is OK, UNKNOWN or why it was declined."""

    kind: str
    amount: int
    result: str
    is_told: bool = True
    known_at: datetime | None = None

    @property
    def is_clear(self) -> bool:
        return self.is_told and self.known_at is None


class Bank:
    """Acts once per name of a payment, however often it is asked."""

    def __init__(self, payers: dict[str, Payer]) -> None:
        self.payers = payers
        self.books: dict[tuple[str, int], Entry] = {}

    def ask(self, payment: Payment) -> Entry:
        """What became of it; not clear while nobody is told, or nobody knows."""
        entry = self.books.get(payment.name)
        if entry is None:
            entry = self._act(payment, self._fate(payment))
        elif entry.known_at and entry.known_at <= payment.asked:
            entry = self._act(payment, "ok")
        else:
            entry = entry._replace(is_told=True)
        self.books[payment.name] = entry
        return entry

    def _fate(self, payment: Payment) -> str:
        if payment.kind == "REFUND":
            return MAGIC_REFUNDS.get(payment.amount, "ok")
        if not payment.is_attempt:
            return "ok"
        scripted = self.payers[payment.payer].outcomes
        return scripted.pop(0) if scripted else MAGIC.get(payment.amount, "ok")

    def _act(self, payment: Payment, fate: str) -> Entry:
        payer, amount = self.payers[payment.payer], payment.amount
        entry = Entry(payment.kind, amount, "OK", is_told=fate != "timeout")
        if fate == "unknown":
            return entry._replace(result="UNKNOWN", known_at=payment.asked + HOUR)
        if fate not in {"ok", "timeout"}:
            return entry._replace(result=fate)
        if payment.is_attempt and not payer.works:
            return entry._replace(result="card_blocked")
        if payment.is_attempt and payer.balance < amount:
            return entry._replace(result="insufficient_funds")
        if payment.kind != "CAPTURE":
            payer.balance += -amount if payment.is_attempt else amount
        return entry
