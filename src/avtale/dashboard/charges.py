"""Charges: the list with its filters, and one of them with its money, why it is as it is, and what can be done."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final, get_args

import falcon.asgi

from avtale.accounts import Act
from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.lifecycle import ChargeStatus
from avtale.dashboard import charts
from avtale.dashboard.agreements import latest
from avtale.dashboard.page import Page
from avtale.engine.world import Needs
from avtale.problems import ResourceNotFound, ValidationFailed
from avtale.rulebook import MARKETS
from avtale.sales_units import SalesUnit
from avtale.sandbox.finding import agreement_of
from avtale.sandbox.lives import timeline_of
from avtale.wire.why import why_answer

PAGE_ITEMS: Final = 50
FEW: Final = 5_000
HELD: Final = "HELD"
"""Not a status of the API: what is reserved and waits to be captured, in whole or in part."""
STATUSES: Final[tuple[str, ...]] = (*get_args(ChargeStatus), HELD)
_PLACE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})/([A-Za-z0-9_-]{1,64})", re.ASCII)
_LAST: Final = ("9999-99-99", "")


class ChargeList(Page):
    """`/units/{msn}/charges`: by due day, the latest first."""

    template = "charges"
    here = "charges"

    async def values(
        self, req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """One page of them."""
        status, day = _status(req), _day(req)
        found = await self._before(unit.merchant_serial_number, status, day, _place(req))
        older = ""
        if len(found) > PAGE_ITEMS:
            last = found[PAGE_ITEMS - 1]
            older = f"{last.due_day}/{last.charge_id}"
        return {
            "charges": found[:PAGE_ITEMS],
            "statuses": STATUSES,
            "chosen": status,
            "day_chosen": day,
            "older": older,
            "is_first": req.get_param("before") is None,
        }

    async def _before(
        self, msn: str, status: str, day: str, place: tuple[str, str]
    ) -> list[Charge]:
        storage = self.desk.tools.storage
        named = {"msn": msn, "before": place[0], "before_id": place[1]}
        size = PAGE_ITEMS + 1
        if day:
            # A day with a status may look at all of the day, though it answers with a page of it.
            return await storage.survey_rows(
                Charge, "charges_on_day_before", day=day, status=status, size=size, **named
            )
        match status:
            case "":
                return await storage.rows(Charge, "charges_before", size=size, **named)
            case "FAILED":
                return await storage.rows(Charge, "charges_failed_before", size=size, **named)
            case "HELD":
                return await storage.rows(Charge, "charges_held_before", size=size, **named)
            case "PROCESSING":
                return await storage.rows(Charge, "charges_processing_before", size=size, **named)
            case "CANCELLED" | "PARTIALLY_REFUNDED" | "REFUNDED":
                return await storage.rows(
                    Charge, "charges_undone_before", size=size, status=status, **named
                )
            case "PENDING" | "DUE" if await self._few_wait(msn):
                return await storage.rows(
                    Charge, "charges_to_wake_before", size=size, status=status, **named
                )
            case _:
                return await storage.survey_rows(
                    Charge, "charges_in_status_before", size=size, status=status, **named
                )

    async def _few_wait(self, msn: str) -> bool:
        """Whether it is quicker to look at all that wait than to go through the days until some are found."""
        [(count,)] = await self.desk.tools.storage.select(
            "charges_to_wake_in_all", msn=msn, most=FEW + 1
        )
        return bool(count <= FEW)


class ChargePage(Page):
    """`/units/{msn}/charges/{charge_id}`."""

    template = "charge"
    here = "charges"

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **names: str
    ) -> dict[str, Any]:
        """The charge, its money and its life."""
        desk, msn = self.desk, unit.merchant_serial_number
        charge, agreement = await find_charge(self, msn, names["charge_id"])
        named = {"msn": msn, "charge_id": charge.charge_id}
        storage = desk.tools.storage
        history = await storage.rows(ChargeEntry, "history_of_charge", **named)
        life = await timeline_of(desk.tools, agreement)
        of_charge = tuple(each for each in life if each.charge_id == charge.charge_id)
        acts = await storage.rows(
            Act,
            "acts_about_agreement",
            msn=msn,
            agreement_id=agreement.agreement_id,
            size=100,
        )
        return {
            "charge": charge,
            "agreement": agreement,
            "money_shown": charts.money(history, charge.amount),
            "height": charts.HEIGHT,
            "step_width": charts.STEP_WIDTH,
            "why": why_answer(charge, of_charge, MARKETS[unit.market]),
            "timeline": latest(of_charge),
            "acts": [each for each in acts if each.charge_id == charge.charge_id],
            "can": what_can_be_done(charge),
        }


def what_can_be_done(charge: Charge) -> dict[str, int]:
    """The operations that may succeed, and the most money that each can move."""
    can: dict[str, int] = {}
    if charge.status in {"RESERVED", "PARTIALLY_CAPTURED"}:
        can["capture"] = charge.held
    if charge.status in {"CHARGED", "PARTIALLY_REFUNDED", "PARTIALLY_CAPTURED"} and (
        charge.refundable > 0
    ):
        can["refund"] = charge.refundable
    if charge.status in {"PENDING", "DUE", "RESERVED", "PARTIALLY_CAPTURED"}:
        can["cancel"] = charge.held or charge.amount
    return can


async def find_charge(page: Page, msn: str, charge_id: str) -> tuple[Charge, Agreement]:
    """The charge of the unit and its agreement; raises ResourceNotFound."""
    storage = page.desk.tools.storage
    charge = (await storage.look(Needs().of(Charge, (msn, charge_id)))).find(Charge, msn, charge_id)
    if charge is None:
        raise ResourceNotFound("Charge not found.")
    return charge, await agreement_of(storage, msn, charge.agreement_id)


def _status(req: falcon.asgi.Request) -> str:
    given = req.get_param("status") or ""
    if given and given not in STATUSES:
        raise ValidationFailed.of("status", f"must be one of {', '.join(STATUSES)}")
    return given


def _day(req: falcon.asgi.Request) -> str:
    given = req.get_param("day") or ""
    if not given:
        return ""
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError as error:
        raise ValidationFailed.of("day", "must be a day, such as 2026-11-02") from error


def _place(req: falcon.asgi.Request) -> tuple[str, str]:
    found = _PLACE.fullmatch(req.get_param("before") or "")
    return (found[1], found[2]) if found else _LAST
