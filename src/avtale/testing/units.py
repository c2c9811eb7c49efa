"""A sales unit in a test: its keys, its client, its clock, its payers and its inbox (sandbox §10)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypedDict

from avtale.payers import Outcome
from avtale.rulebook import MARKETS, MarketCode
from avtale.testing.control import Control, ControlRefused
from avtale.testing.inbox import Inbox
from avtale.wire.control import (
    AdvanceAnswer,
    AgreementActAnswer,
    ChargeActAnswer,
    ClockAnswer,
    HappenedAnswer,
    RunAnswer,
    SalesUnitAnswer,
    ScriptAnswer,
)
from avtale.wire.payers import PayerAnswer, PhoneAnswer
from avtale.wire.record import RequestAnswer, TimelineAnswer, WhyAnswer
from avtale.wire.snapshots import SnapshotAnswer

if TYPE_CHECKING:
    from avtale.client import AsyncClient, Client

MOST_REPORTED: Final = 60
"""How many requests, and how many lines of a life, a report tells."""

_PHONES: Final[Mapping[MarketCode, tuple[str, int]]] = {
    "NO": ("474", 7),
    "DK": ("452", 7),
    "FI": ("35840", 7),
}
"""How mobile numbers of a market begin, and how many digits follow."""


class Credentials(TypedDict):
    """What a client needs to speak for a unit."""

    base_url: str
    client_id: str
    client_secret: str
    subscription_key: str
    merchant_serial_number: str


class Unit:
    """One sales unit: a tenant of its own, so that nothing of another test is seen here."""

    def __init__(self, control: Control, answer: SalesUnitAnswer) -> None:
        self._control = control
        self._answer = answer
        self._payers: dict[str, Payer] = {}
        self._first_payer: Payer | None = None
        self.msn = answer.merchant_serial_number
        """The merchant serial number."""
        self.name = answer.name
        self.market: MarketCode = answer.market
        self.clock = UnitClock(control, self.msn, self.market)
        self.inbox = Inbox(control, self.msn)

    @property
    def url(self) -> str:
        """Where the API answers, for code under test that makes its own client."""
        return self._control.url

    @property
    def client_id(self) -> str:
        """One of the three keys, for code under test that makes its own client."""
        return str(self._answer.client_id)

    @property
    def client_secret(self) -> str:
        """One of the three keys."""
        return str(self._answer.client_secret)

    @property
    def subscription_key(self) -> str:
        """One of the three keys."""
        return str(self._answer.subscription_key)

    @property
    def credentials(self) -> Credentials:
        """The keys and the URL, as `Client(**unit.credentials)` takes them."""
        return {
            "base_url": self.url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "subscription_key": self.subscription_key,
            "merchant_serial_number": self.msn,
        }

    @cached_property
    def client(self) -> Client:
        """A client with the unit's keys."""
        from avtale.client import Client  # noqa: PLC0415 -- code under test may bring its own

        return Client(**self.credentials)

    @cached_property
    def async_client(self) -> AsyncClient:
        """The same, for tests that await."""
        from avtale.client import AsyncClient  # noqa: PLC0415 -- code under test may bring its own

        return AsyncClient(**self.credentials)

    def payer(self, phone_number: str | None = None, **described: Any) -> Payer:
        """Somebody with a phone: the unit's own payer, or whoever has this number.

        The unit's own payer is nobody else's, so that tests may run side by side. `described` as in
        `Payer.is_described`.
        """
        if phone_number is None:
            if self._first_payer is None:
                self._first_payer = self.another_payer()
            payer = self._first_payer
        else:
            payer = self._payers.setdefault(phone_number, Payer(self._control, phone_number))
        if described:
            payer.is_described(**described)
        return payer

    def another_payer(self, **described: Any) -> Payer:
        """Somebody new, whose number nobody else has."""
        start, digits = _PHONES[self.market]
        return self.payer(f"{start}{int(uuid.uuid4()) % 10**digits:0{digits}}", **described)

    def outcomes(self, charge_id: str, *outcomes: Outcome) -> ScriptAnswer:
        """Script what the next attempts on a charge will meet; none: whatever comes."""
        body = {"outcomes": list(outcomes)}
        return self._control.ask(ScriptAnswer, "POST", "charges", charge_id, "outcomes", json=body)

    def process(self, charge_id: str) -> ChargeActAnswer:
        """Attempt a charge now, whatever its day is."""
        return self._control.ask(ChargeActAnswer, "POST", "charges", charge_id, "process", json={})

    def change(
        self,
        *,
        name: str | None = None,
        rules: Mapping[str, int | None] | None = None,
        **features: bool,
    ) -> None:
        """Rename the unit, override rules by their name in the control API, switch features on or off."""
        body = described_unit(name=name, rules=rules, features=features)
        self._control.ask(None, "PATCH", "sales-units", self.msn, json=body)

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Set what shall go wrong, in place of what was set before; nothing: nothing (sandbox §7)."""
        path = ("sales-units", self.msn, "faults")
        self._control.ask(None, "PUT", *path, json=[dict(each) for each in faults])

    def reset(self) -> None:
        """Erase all the unit owns; its clock returns to the present, its keys stay."""
        self._control.ask(None, "POST", "sales-units", self.msn, "reset", json={})

    def snapshot(self, name: str) -> None:
        """Keep the unit as it is, its clock included; what was kept under the name before is forgotten."""
        path = ("sales-units", self.msn, "snapshots")
        taken = self._control.ask(list[SnapshotAnswer], "GET", *path)
        if any(each.name == name for each in taken):
            self._control.ask(None, "DELETE", *path, name)
        self._control.ask(None, "POST", *path, json={"name": name})

    def restore(self, name: str) -> None:
        """Have the unit as it was when the snapshot was taken."""
        self._control.ask(None, "POST", "sales-units", self.msn, "snapshots", name, "restore")

    def delete(self) -> None:
        """Erase the unit itself."""
        self._control.ask(None, "DELETE", "sales-units", self.msn)

    def report(self) -> str:
        """What became of everything here, for whoever reads of a failure."""
        lines = [f"sales unit {self.msn}, clock at {self.clock.now():%Y-%m-%d %H:%M:%S} UTC"]
        for request in self.requests()[:MOST_REPORTED][::-1]:
            problem = f" {request.problem}" if request.problem else ""
            lines.append(
                f"  {request.occurred:%m-%d %H:%M:%S}  {request.operation} {request.status}{problem}"
            )
        for agreement_id in dict.fromkeys(
            each.agreement_id for each in reversed(self.requests()) if each.agreement_id
        ):
            lines += self._life_of(agreement_id)
        return "\n".join(lines)

    def requests(self) -> list[RequestAnswer]:
        """What was asked of the API with the unit's keys, newest first."""
        return self._control.ask(list[RequestAnswer], "GET", "sales-units", self.msn, "requests")

    def timeline(self, agreement_id: str) -> TimelineAnswer:
        """Requests, states, the payer's acts, attempts and deliveries around an agreement, in one order."""
        params = {"merchantSerialNumber": self.msn}
        return self._control.ask(
            TimelineAnswer, "GET", "agreements", agreement_id, "timeline", params=params
        )

    def why(self, charge_id: str) -> WhyAnswer:
        """What led to a charge's present status, in sentences, and what comes next."""
        params = {"merchantSerialNumber": self.msn}
        return self._control.ask(WhyAnswer, "GET", "charges", charge_id, "why", params=params)

    def close(self) -> None:
        """Let go of the client, if there was one."""
        client = self.__dict__.get("client")
        if client is not None:
            client.close()

    def _life_of(self, agreement_id: str) -> list[str]:
        try:
            life = self.timeline(agreement_id)
        except ControlRefused:
            return []
        return [
            f"agreement {agreement_id} is {life.status}",
            *(
                f"  {entry.occurred:%m-%d %H:%M:%S}  {entry.detail}"
                for entry in life.entries[-MOST_REPORTED:]
                if entry.kind != "request"
            ),
        ]

    def __repr__(self) -> str:
        """Without keys."""
        return f"<sales unit {self.msn} {self.name!r} at {self.url}>"


def described_unit(
    *,
    name: str | None,
    rules: Mapping[str, int | None] | None,
    features: Mapping[str, bool],
) -> dict[str, Any]:
    """What the control API is told of a unit; features are named as in Python."""
    body: dict[str, Any] = {}
    if name is not None:
        body["name"] = name
    if rules is not None:
        body["rules"] = dict(rules)
    if features:
        body["features"] = {_camel(feature): value for feature, value in features.items()}
    return body


class UnitClock:
    """The clock of one unit: everything that happens to the unit goes by it."""

    def __init__(self, control: Control, msn: str, market: MarketCode) -> None:
        self._control = control
        self._msn = msn
        self._zone = MARKETS[market].zone

    def now(self) -> datetime:
        """What it shows, in UTC."""
        return self._control.ask(ClockAnswer, "GET", *self._path()).now

    def today(self) -> date:
        """The day it is in the unit's market."""
        return self.now().astimezone(self._zone).date()

    def advance(
        self,
        *,
        days: int | None = None,
        hours: int | None = None,
        minutes: int | None = None,
        seconds: int | None = None,
        to: datetime | None = None,
    ) -> tuple[HappenedAnswer, ...]:
        """Let time pass, through every moment at which something is due; answers with what happened.

        `days` are days of the market (the wall clock stays), the others exact; or `to` an instant.
        """
        given = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        body: dict[str, Any] = {name: n for name, n in given.items() if n is not None}
        if to is not None:
            body["to"] = _instant(to)
        return self._control.ask(AdvanceAnswer, "POST", *self._path("advance"), json=body).happened

    def freeze(self, at: datetime | None = None) -> None:
        """Let it stand still: here, or at a later instant."""
        body = {} if at is None else {"at": _instant(at)}
        self._control.ask(None, "POST", *self._path("freeze"), json=body)

    def resume(self) -> None:
        """Let it run on from where it stands."""
        self._control.ask(None, "POST", *self._path("resume"), json={})

    def forecast(self, days: int = 30) -> tuple[HappenedAnswer, ...]:
        """What an advance by so many days would do, without doing it."""
        return self._control.ask(
            AdvanceAnswer, "GET", *self._path("forecast"), params={"days": days}
        ).happened

    def run(self) -> tuple[HappenedAnswer, ...]:
        """Do what is due this very moment, deliveries included."""
        path = ("sales-units", self._msn, "runs")
        return self._control.ask(RunAnswer, "POST", *path, json={}).happened

    def _path(self, *more: str) -> tuple[str, ...]:
        return ("sales-units", self._msn, "clock", *more)


class Payer:
    """Somebody with a phone in the hand, who does as told."""

    def __init__(self, control: Control, phone_number: str) -> None:
        self._control = control
        self.phone_number = phone_number

    def approve(self, agreement_id: str, *, max_amount: int | None = None) -> AgreementActAnswer:
        """Say yes; answers when an initial charge is settled too. `max_amount` in minor units."""
        body: dict[str, Any] = {"phoneNumber": self.phone_number}
        if max_amount is not None:
            body["maxAmount"] = max_amount
        return self._act(agreement_id, "approve", body)

    def reject(self, agreement_id: str) -> AgreementActAnswer:
        """Say no."""
        return self._act(agreement_id, "reject")

    def stop(self, agreement_id: str) -> AgreementActAnswer:
        """Stop an agreement in the app."""
        return self._act(agreement_id, "stop")

    def set_max_amount(self, agreement_id: str, max_amount: int) -> AgreementActAnswer:
        """Choose another maximum for a VARIABLE agreement, in minor units."""
        return self._act(agreement_id, "max-amount", {"maxAmount": max_amount})

    def outcomes(self, *outcomes: Outcome) -> None:
        """Script what the next attempts on this payer will meet, of whatever charge."""
        self.is_described(outcomes=list(outcomes))

    def has(self, balance: int | None) -> None:
        """Have this much money, in minor units; None for enough."""
        self.is_described(balance=balance)

    def is_described(self, **members: Any) -> PayerAnswer:
        """Be somebody in particular: with another name, birth date, balance, source, persona.

        Members and values are those of the control API: `name`, `email`, `birth_date`, `address`, `nin`,
        `balance`, `source`, `outcomes`, `persona` (sandbox §5).
        """
        body = {
            _camel(name): value.isoformat() if isinstance(value, date) else value
            for name, value in members.items()
        }
        return self._control.ask(PayerAnswer, "PUT", "payers", self.phone_number, json=body)

    def phone(self) -> PhoneAnswer:
        """What the phone shows: requests, agreements, payments, notifications, newest first."""
        return self._control.ask(PhoneAnswer, "GET", "payers", self.phone_number)

    def leave(self) -> None:
        """Delete the profile."""
        self._control.ask(None, "DELETE", "payers", self.phone_number)

    def _act(
        self, agreement_id: str, act: str, body: Mapping[str, Any] | None = None
    ) -> AgreementActAnswer:
        path = ("agreements", agreement_id, act)
        return self._control.ask(AgreementActAnswer, "POST", *path, json=dict(body or {}))


def _instant(at: datetime) -> str:
    """An instant as the control API takes it; raises ValueError where it has no time zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone; say for example at.replace(tzinfo=UTC).")
    return at.isoformat()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
