"""The overview: what is due, what failed, what waits, what is coming, and who was forgotten."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.lifecycle import ChargeStatus
from avtale.checklist.looks import is_silent
from avtale.dashboard import charts
from avtale.dashboard.desk import UNITS, Desk
from avtale.dashboard.page import Page
from avtale.operations.sales_units import PUBLIC_UNIT
from avtale.rulebook import MARKETS
from avtale.sales_units import SalesUnit
from avtale.webhooks.delivery import Delivery

BACK: Final = timedelta(days=14)
AHEAD: Final = timedelta(days=21)
"""What the chart shows, around today."""
SHOWN: Final = 5
MOST_AGREEMENTS: Final = 1_000
FIGURES_SECONDS: Final = 1.0
"""For how long figures over all of a unit are good enough."""
SILENT_SECONDS: Final = 15.0

DayCount = tuple[str, ChargeStatus, int, int]


class Run(NamedTuple):
    """A day on which something is attempted."""

    day: date
    number: int
    amount: int


class Overview(Page):
    """`/units/{msn}`."""

    template = "overview"
    here = "overview"

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """The figures and the short lists."""
        msn, desk = unit.merchant_serial_number, self.desk
        storage = desk.tools.storage
        today = MARKETS[unit.market].day_of(unit.now(desk.tools.engine.real_now()))
        first, last = today - BACK, today + AHEAD

        async def counted() -> tuple[list[DayCount], dict[str, int], tuple[int, int, Any], int]:
            per_day = await storage.survey(
                "charges_per_day", msn=msn, first=first.isoformat(), last=last.isoformat()
            )
            by_status = dict(await storage.survey("agreements_by_status", msn=msn))
            [held] = await storage.survey("charges_held_in_all", msn=msn)
            [(waiting,)] = await storage.survey("deliveries_waiting_in_all", msn=msn)
            return per_day, by_status, held, waiting

        key = ("overview", msn, today)
        per_day, by_status, held, waiting = await desk.remembered(key, FIGURES_SECONDS, counted)
        failed = await storage.rows(
            Charge, "charges_failed_before", msn=msn, before="9999", before_id="", size=SHOWN
        )
        failing = await storage.rows(Delivery, "failing_deliveries", msn=msn)
        return {
            "chart": charts.days(per_day, first, last, today),
            "height": charts.HEIGHT,
            "agreements": by_status,
            "is_empty": not by_status,
            "due_today": _sums(per_day, today, today),
            "failed_lately": _sums(per_day, first, today, "bad"),
            "coming": _coming(per_day, today),
            "held": held[:2],
            "failed": failed,
            "failing": failing[:SHOWN],
            "failing_count": len(failing),
            "waiting": waiting,
            "requests": await self._requests(msn),
            "silent": await desk.remembered(
                ("silent", msn, today), SILENT_SECONDS, lambda: _silent(desk, msn, today)
            ),
            "is_public": msn == PUBLIC_UNIT and desk.is_test,
            "url": desk.public_url,
        }

    async def _requests(self, msn: str) -> list[Agreement]:
        """Agreements that wait for their payers."""
        return await self.desk.tools.storage.rows(
            Agreement,
            "agreements_before",
            msn=msn,
            status="PENDING",
            before=2**62,
            before_id="",
            size=SHOWN,
        )


def _sums(per_day: list[DayCount], first: date, last: date, sort: str = "") -> tuple[int, int]:
    """How many charges fall on these days, and how much money; of one sort, or all that was not called off."""
    count = amount = 0
    for day, status, number, total in per_day:
        wanted = charts.SORT_OF[status] == sort if sort else charts.SORT_OF[status] != "off"
        if first.isoformat() <= day <= last.isoformat() and wanted:
            count += number
            amount += total
    return count, amount


def _coming(per_day: list[DayCount], today: date) -> list[Run]:
    """The next days on which charges wait to be attempted."""
    of_day: dict[str, list[int]] = {}
    for day, status, count, amount in per_day:
        if day >= today.isoformat() and charts.SORT_OF[status] == "waits":
            sums = of_day.setdefault(day, [0, 0])
            sums[0] += count
            sums[1] += amount
    return [Run(date.fromisoformat(day), *of_day[day]) for day in sorted(of_day)[:SHOWN]]


async def _silent(desk: Desk, msn: str, today: date) -> list[Agreement]:
    """ACTIVE agreements, among the newest thousand, whose interval went by without a charge."""
    storage, market = desk.tools.storage, MARKETS[(await desk.unit(msn)).market]
    agreements = await storage.rows(
        Agreement,
        "agreements_before",
        msn=msn,
        status="ACTIVE",
        before=2**62,
        before_id="",
        size=MOST_AGREEMENTS,
    )
    latest: dict[str, date] = {}
    for agreement_id, day in await storage.survey(
        "latest_due_days", msn=msn, agreements=MOST_AGREEMENTS
    ):
        latest[agreement_id] = date.fromisoformat(day)
    return [
        agreement
        for agreement in agreements
        if is_silent(agreement, latest.get(agreement.agreement_id), today, market)
    ]


class Units:
    """`/`: the sales units; where there is only one, its overview."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """A list, or the way to the only one."""
        desk = self._desk
        who = await desk.admit(req)
        units = await desk.tools.storage.rows(
            SalesUnit, "page_of_sales_units", size=MOST_UNITS, skip=0
        )
        if len(units) == 1 and req.get_param("all") is None:
            desk.look.go(req, resp, f"{UNITS}/{units[0].merchant_serial_number}")
            return
        real_now = desk.tools.engine.real_now()
        shown = [(each, each.now(real_now)) for each in units]
        desk.look.send(
            req,
            resp,
            "dashboard/units.html.jinja",
            t=desk.words,
            who=who,
            is_open=desk.doorkeeper.is_open,
            is_test=desk.is_test,
            units=shown,
            form=desk.token(who, ""),
        )


MOST_UNITS: Final = 500
