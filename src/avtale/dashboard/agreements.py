"""Agreements: the list with search and filters, and one of them with its charges, its life and what can be done."""

from __future__ import annotations

import re
from heapq import merge
from itertools import islice
from typing import Any, Final, NamedTuple, get_args

import falcon.asgi

from avtale.accounts import Act
from avtale.agreements.agreement import Agreement
from avtale.agreements.lifecycle import AgreementStatus
from avtale.agreements.pricing import LegacyPricing
from avtale.charges.charge import Charge
from avtale.dashboard.page import Page
from avtale.engine.world import Needs
from avtale.identifiers import is_order_id
from avtale.instants import to_milliseconds
from avtale.operations.finding import require_agreement_id
from avtale.pages.numbers import phone_number_in
from avtale.problems import InvalidAgreementId, ValidationFailed
from avtale.rulebook import MARKETS
from avtale.sales_units import SalesUnit
from avtale.sandbox.finding import agreement_of
from avtale.sandbox.lives import timeline_of

PAGE_ITEMS: Final = 50
MOST_FOUND: Final = 50
LONGEST_SEARCH: Final = 100
STATUSES: Final[tuple[AgreementStatus, ...]] = get_args(AgreementStatus)
_FIRST: Final = (2**62, "")
_PLACE: Final = re.compile(r"([0-9]{1,19})-([A-Za-z0-9_-]{1,64})", re.ASCII)


class AgreementList(Page):
    """`/units/{msn}/agreements`: newest first; however many there are, a page costs the same."""

    template = "agreements"
    here = "agreements"

    async def values(
        self, req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """One page of them, or what a search found."""
        msn = unit.merchant_serial_number
        status, search = _status(req), (req.get_param("q") or "").strip()[:LONGEST_SEARCH]
        if search:
            found, charge = await self._search(unit, search)
            shown, older = [each for each in found if status in {"", each.status}], ""
        else:
            charge = None
            shown = await self._before(msn, status, _place(req))
            older = _place_of(shown[PAGE_ITEMS - 1]) if len(shown) > PAGE_ITEMS else ""
        counts = await self.desk.remembered(
            ("agreements", msn), 2.0, lambda: self.desk.tools.storage.survey(_COUNT, msn=msn)
        )
        return {
            "agreements": [(each, self._price(each)) for each in shown[:PAGE_ITEMS]],
            "counts": dict(counts),
            "statuses": STATUSES,
            "chosen": status,
            "search": search,
            "charge": charge,
            "older": older,
            "is_first": req.get_param("before") is None,
            "most_found": len(shown) >= MOST_FOUND and bool(search),
        }

    async def _before(self, msn: str, status: str, place: tuple[int, str]) -> list[Agreement]:
        before, before_id = place
        lists = [
            await self.desk.tools.storage.rows(
                Agreement,
                "agreements_before",
                msn=msn,
                status=each,
                before=before,
                before_id=before_id,
                size=PAGE_ITEMS + 1,
            )
            for each in STATUSES
            if status in {"", each}
        ]
        newest_first = merge(*lists, key=lambda a: (a.created, a.agreement_id), reverse=True)
        return list(islice(newest_first, PAGE_ITEMS + 1))

    async def _search(self, unit: SalesUnit, search: str) -> tuple[list[Agreement], Charge | None]:
        """What the words may mean: an id, an order id, a payer's number, the merchant's own words."""
        msn, storage = unit.merchant_serial_number, self.desk.tools.storage
        charge = None
        if is_order_id(search):
            world = await storage.look(Needs().of(Charge, (msn, search)))
            charge = world.find(Charge, msn, search)
        try:
            require_agreement_id(search)
            return await storage.rows(
                Agreement, "agreement_by_id", msn=msn, agreement_id=search
            ), charge
        except InvalidAgreementId:
            pass
        phone_number = phone_number_in(search, unit.market)
        if phone_number is not None:
            found = []
            for query in ("agreements_of_phone", "agreements_asked_of_phone"):
                found += await storage.rows(
                    Agreement, query, msn=msn, phone_number=phone_number, size=MOST_FOUND
                )
            if found:
                return found, charge
        pattern = "".join(f"!{c}" if c in "!%_" else c for c in search.lower())
        return await storage.survey_rows(
            Agreement,
            "agreements_that_say",
            msn=msn,
            text=search,
            pattern=pattern,
            size=MOST_FOUND,
        ), charge

    def _price(self, agreement: Agreement) -> str:
        return self.desk.words.price(agreement.pricing, agreement.interval)


_COUNT: Final = "agreements_by_status"


class AgreementPage(Page):
    """`/units/{msn}/agreements/{agreement_id}`."""

    template = "agreement"
    here = "agreements"

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **names: str
    ) -> dict[str, Any]:
        """The agreement, its charges and its life."""
        desk, msn, agreement_id = self.desk, unit.merchant_serial_number, names["agreement_id"]
        storage = desk.tools.storage
        agreement = await agreement_of(storage, msn, agreement_id)
        charges = await storage.rows(
            Charge,
            "latest_charges_of_agreement",
            msn=msn,
            agreement_id=agreement_id,
            size=PAGE_ITEMS + 1,
        )
        return {
            "agreement": agreement,
            "price": desk.words.price(agreement.pricing, agreement.interval),
            "campaign": _campaign(self, unit, agreement),
            "charges": charges[:PAGE_ITEMS],
            "more_charges": len(charges) > PAGE_ITEMS,
            "timeline": latest(await timeline_of(desk.tools, agreement)),
            "acts": await storage.rows(
                Act, "acts_about_agreement", msn=msn, agreement_id=agreement_id, size=20
            ),
            "landing": desk.links.token(msn, agreement_id)
            if agreement.status == "PENDING" and desk.is_test
            else None,
        }


MOST_ENTRIES: Final = 200


class Life(NamedTuple):
    """The latest part of a timeline, oldest first, and how much went before it."""

    entries: tuple[Any, ...]
    left_out: int


def latest(entries: tuple[Any, ...]) -> Life:
    """As much of a life as a page shows."""
    return Life(entries[-MOST_ENTRIES:], max(0, len(entries) - MOST_ENTRIES))


def _campaign(page: Page, unit: SalesUnit, agreement: Agreement) -> str | None:
    pricing, start = agreement.pricing, agreement.start or agreement.created
    if agreement.campaign is None or not isinstance(pricing, LegacyPricing):
        return None
    market = MARKETS[unit.market]
    return page.desk.words.campaign(agreement.campaign, pricing, start, market)


def _status(req: falcon.asgi.Request) -> str:
    given = req.get_param("status") or ""
    if given and given not in STATUSES:
        raise ValidationFailed.of("status", f"must be one of {', '.join(STATUSES)}")
    return given


def _place(req: falcon.asgi.Request) -> tuple[int, str]:
    """Where the last page ended; what cannot be read is the beginning."""
    found = _PLACE.fullmatch(req.get_param("before") or "")
    return (min(int(found[1]), 2**62), found[2]) if found else _FIRST


def _place_of(agreement: Agreement) -> str:
    return f"{to_milliseconds(agreement.created)}-{agreement.agreement_id}"
