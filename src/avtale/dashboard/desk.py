"""The desk: the parts that every page of the dashboard needs, who sits there, and the way back after an act."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

import falcon
import falcon.asgi

from avtale.accounts import Act, Role, may
from avtale.api.links import Links
from avtale.api.writes import Writes
from avtale.dashboard.charts import SORT_OF, Sort
from avtale.dashboard.doorkeeper import Doorkeeper, Who
from avtale.engine import clock
from avtale.money import Currency, Money
from avtale.pages.forms import Forms
from avtale.pages.look import Look
from avtale.pages.streams import Board
from avtale.pages.words import Words, words_of
from avtale.problems import NotAllowed
from avtale.rulebook import MARKETS
from avtale.sales_units import SalesUnit
from avtale.sandbox.tools import Tools

UNITS: Final = "/units"
SIGN_IN: Final = "/sign-in"
LONGEST_NEWS: Final = 300

_SORTS: Final[Mapping[str, Sort]] = {
    **{status: sort for status, sort in SORT_OF.items()},  # noqa: C416 -- keys of a wider type
    "ACTIVE": "good",
    "STOPPED": "off",
    "EXPIRED": "off",
    "DELIVERED": "good",
    "WAITING": "waits",
    "LOST": "bad",
    "DROPPED": "off",
}

Made = TypeVar("Made")


class Room(NamedTuple):
    """A place that the menu leads to."""

    name: str
    path: str
    label: str
    is_of_sandbox: bool = False
    """Where payers and clocks obey; in production it is not there."""


ROOMS: Final[Sequence[Room]] = (
    Room("overview", "", "Overview"),
    Room("agreements", "/agreements", "Agreements"),
    Room("charges", "/charges", "Charges"),
    Room("requests", "/requests", "Requests"),
    Room("webhooks", "/webhooks", "Webhooks"),
    Room("payers", "/payers", "Payers", is_of_sandbox=True),
    Room("clock", "/clock", "Clock", is_of_sandbox=True),
    Room("checklist", "/checklist", "Checklist"),
    Room("snapshots", "/snapshots", "Snapshots", is_of_sandbox=True),
    Room("settings", "/settings", "Keys & features"),
    Room("acts", "/acts", "Journal"),
)


@dataclass(frozen=True)
class Desk:
    """The parts, joined by the server."""

    look: Look
    forms: Forms
    board: Board
    links: Links
    tools: Tools
    writes: Writes
    doorkeeper: Doorkeeper
    public_url: str
    _remembered: dict[object, tuple[datetime, Any]] = field(default_factory=dict)

    @property
    def words(self) -> Words:
        """The dashboard speaks English, as the API does."""
        return words_of("en")

    @property
    def is_test(self) -> bool:
        """Whether payers and clocks obey."""
        return self.tools.engine.environment == "test"

    def rooms(self) -> list[Room]:
        """What there is here."""
        return [room for room in ROOMS if self.is_test or not room.is_of_sandbox]

    # ── who ──

    async def admit(self, req: falcon.asgi.Request, needed: Role = "viewer") -> Who:
        """Who asks; leads to the sign-in page, and raises NotAllowed where the role is too small."""
        who = await self.doorkeeper.who(req)
        if who is None:
            back = req.relative_uri if req.method == "GET" else "/"
            raise falcon.HTTPSeeOther(f"{SIGN_IN}?to={quote(back, safe='')}")
        if not may(who.role, needed):
            raise NotAllowed(f"This takes the role {needed}; {who.name} is {who.role}.")
        return who

    def token(self, who: Who, msn: str) -> str:
        """What forms carry that this person sends about a unit."""
        return self.forms.token(_subject(who, msn), self.tools.engine.real_now())

    async def fields(self, req: falcon.asgi.Request, who: Who, msn: str) -> dict[str, str]:
        """The fields of such a form; raises CrossSite where it is none of ours."""
        return await self.forms.read(req, _subject(who, msn), self.tools.engine.real_now())

    # ── looking ──

    async def unit(self, msn: str) -> SalesUnit:
        """The sales unit; raises ResourceNotFound."""
        return await self.tools.directory.sales_unit(msn)

    async def remembered(
        self, key: object, seconds: float, make: Callable[[], Awaitable[Made]]
    ) -> Made:
        """What took long to find out, for some seconds; several pages that are open ask once."""
        now = self.tools.engine.real_now()
        found = self._remembered.get(key)
        if found is not None and 0 <= (now - found[0]).total_seconds() < seconds:
            known: Made = found[1]
            return known
        made = await make()
        if len(self._remembered) > 1000:
            self._remembered.clear()
        self._remembered[key] = (now, made)
        return made

    def show(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        template: str,
        unit: SalesUnit,
        who: Who,
        values: Mapping[str, Any],
    ) -> None:
        """Answer with a page about a unit."""
        base = f"{UNITS}/{unit.merchant_serial_number}"
        kind, told = self._told(req)
        self.look.send(
            req,
            resp,
            f"dashboard/{template}.html.jinja",
            **self.ways_of_writing(unit),
            base=base,
            unit=unit,
            now=unit.now(self.tools.engine.real_now()),
            who=who,
            is_open=self.doorkeeper.is_open,
            is_test=self.is_test,
            may=lambda role: may(who.role, role),
            rooms=self.rooms(),
            form=self.token(who, unit.merchant_serial_number),
            form_out=self.token(who, ""),
            told=told,
            is_bad=kind == "bad",
            **values,
        )

    def ways_of_writing(self, unit: SalesUnit) -> dict[str, Any]:
        """How a page writes times, days and money."""
        words, market = self.words, MARKETS[unit.market]

        def when(at: datetime) -> str:
            return f"{at.astimezone(market.zone):%Y-%m-%d %H:%M}"

        def day(at: date) -> str:
            return f"{at:%a} {at.day} {at:%b %Y}"

        def money(minor_units: int, currency: Currency = market.currency) -> str:
            return Money(minor_units, currency).in_words()

        return {
            "t": words,
            "masked": masked,
            "sort_of": _SORTS,
            "when": when,
            "day": day,
            "day_of": market.day_of,
            "money": money,
            "zone": market.zone.key,
        }

    # ── doing ──

    async def note(
        self,
        unit: SalesUnit,
        who: Who,
        what: str,
        detail: str,
        *,
        agreement_id: str | None = None,
        charge_id: str | None = None,
        outcome: str = "done",
    ) -> None:
        """Write down what somebody did."""
        act = Act(
            clock.context_id(),
            unit.merchant_serial_number,
            who.name,
            what,
            agreement_id,
            charge_id,
            detail,
            outcome,
            self.tools.engine.real_now(),
        )
        await self.tools.storage.append(Act, [act])

    def go(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        path: str,
        told: str,
        *,
        is_bad: bool = False,
    ) -> None:
        """Answer a form: the page at `path` says what came of it."""
        # Sealed, so that no link of somebody else's puts words of its own there.
        kind = "bad" if is_bad else "good"
        sealed = self.tools.keys.sealed("form", f"told.{kind}.{told[:LONGEST_NEWS]}")
        self.look.go(req, resp, f"{path}{'&' if '?' in path else '?'}told={sealed}")

    def _told(self, req: falcon.asgi.Request) -> tuple[str, str]:
        """What the page before says that it did, and whether that is good news."""
        opened = self.tools.keys.opened("form", req.get_param("told") or "") or ""
        mark, _, rest = opened.partition(".")
        kind, _, told = rest.partition(".")
        return (kind, told) if mark == "told" else ("good", "")


def masked(phone_number: str) -> str:
    """A number of which only the ends are shown."""
    return f"+{phone_number[:4]}{'•' * (len(phone_number) - 7)}{phone_number[-3:]}"


def _subject(who: Who, msn: str) -> str:
    return f"dashboard.{who.session}.{msn}"
