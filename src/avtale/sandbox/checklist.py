"""`/sandbox/sales-units/{msn}/remarks` and `/checklist`: what the record says of an integration (sandbox §8)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import falcon.asgi
import msgspec

from avtale.agreements.agreement import Agreement
from avtale.api.answers import send_json
from avtale.charges.charge import Charge
from avtale.checklist.evidence import LONGEST_LABEL, Evidence, limited
from avtale.checklist.items import ITEMS, Line, checklist
from avtale.checklist.remarks import Remark, remarks
from avtale.checklist.report import as_markdown
from avtale.instants import to_milliseconds
from avtale.problems import ResourceNotFound, ValidationFailed
from avtale.record import Note
from avtale.sales_units import SalesUnit
from avtale.sandbox import recorded
from avtale.sandbox.bodies import body_of
from avtale.sandbox.tools import Tools
from avtale.webhooks.delivery import DeliveryAttempt
from avtale.webhooks.registration import Registration
from avtale.wire.record import NoteItem

MOST_REQUESTS: Final = 50_000
MOST_AGREEMENTS: Final = 1_000
MOST_CHARGES: Final = 5_000
MOST_ATTEMPTS: Final = 100
MARKDOWN: Final = "text/markdown; charset=utf-8"


class RemarksAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """All that the coach has to say of a unit."""

    merchant_serial_number: str
    remarks: tuple[Remark, ...]


class ChecklistAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The checklist of a unit, with how many lines stand how."""

    merchant_serial_number: str
    name: str
    counts: dict[str, int]
    lines: tuple[Line, ...]


class Checklist:
    """The coach and the checklist of one sales unit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_get_remarks(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """What the vendor's reviewers or the next incident would find."""
        _, evidence = await evidence_of(self._tools, msn, *run_of(req))
        send_json(resp, RemarksAnswer(merchant_serial_number=msn, remarks=remarks(evidence)))

    async def on_get_checklist(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Every line, with its verdict, what shows it, and what is left to do."""
        unit, lines = await lines_of(self._tools, msn, *run_of(req))
        counts = {"passed": 0, "failed": 0, "not yet": 0, "to be confirmed": 0, "stale": 0}
        for line in lines:
            counts["stale" if line.stale else line.verdict] += 1
        answer = ChecklistAnswer(
            merchant_serial_number=msn, name=unit.name, counts=counts, lines=lines
        )
        send_json(resp, answer)

    async def on_get_markdown(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """The same, to be sent."""
        unit, lines = await lines_of(self._tools, msn, *run_of(req))
        now = self._tools.engine.real_now()
        resp.text = as_markdown(lines, unit=msn, name=unit.name, at=now)
        resp.content_type = MARKDOWN

    async def on_put_item(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, item: str
    ) -> None:
        """Say of a line that it is so, or not, and comment on it."""
        await self._tools.directory.sales_unit(msn)
        if all(item != each.name for each in ITEMS):
            raise ResourceNotFound(f"There is no line {item}; GET the checklist for their names.")
        body = await body_of(req, NoteItem)
        note: dict[str, str | int | None] = {
            "msn": msn,
            "item": item,
            "confirmed": int(body.confirmed),
            "comment": body.comment,
            "noted": to_milliseconds(self._tools.engine.real_now()),
        }
        await self._tools.storage.execute([("note_item", note)])
        _, lines = await lines_of(self._tools, msn, *run_of(req))
        send_json(resp, next(line for line in lines if line.item == item))


async def lines_of(
    tools: Tools, msn: str, since: datetime | None = None, label: str | None = None
) -> tuple[SalesUnit, tuple[Line, ...]]:
    """The unit and every line of its checklist as it stands, with what people noted."""
    unit, evidence = await evidence_of(tools, msn, since, label)
    notes = await tools.storage.rows(Note, "notes_of_unit", msn=msn)
    return unit, checklist(evidence, {note.item: note for note in notes})


async def evidence_of(
    tools: Tools, msn: str, since: datetime | None = None, label: str | None = None
) -> tuple[SalesUnit, Evidence]:
    """What is known of the unit, of everything the newest; `since` and `label` keep one run of it.

    Raises ResourceNotFound where there is no such unit.
    """
    unit = await tools.directory.sales_unit(msn)
    await tools.recorder.flush()
    storage, real_now = tools.storage, tools.engine.real_now()
    requests = await recorded.page(
        storage, msn, lambda _request: True, named="", skip=0, size=MOST_REQUESTS
    )
    evidence = Evidence(
        now=unit.now(real_now),
        real_now=real_now,
        rules=unit.rulebook(tools.engine.environment),
        requests=requests[::-1],
        agreements=await storage.rows(
            Agreement, "newest_agreements", msn=msn, most=MOST_AGREEMENTS
        ),
        charges=await storage.rows(
            Charge,
            "charges_of_newest_agreements",
            msn=msn,
            agreements=MOST_AGREEMENTS,
            most=MOST_CHARGES,
        ),
        registrations=await storage.rows(Registration, "registrations_for_unit", msn=msn),
        attempts=await storage.rows(
            DeliveryAttempt, "latest_attempts", msn=msn, size=MOST_ATTEMPTS
        ),
    )
    if since is None and label is None:
        return unit, evidence
    in_bulk = dict(await storage.select("orders_of_bulks", msn=msn, most=MOST_CHARGES))
    return unit, limited(evidence, since, label, in_bulk)


def run_of(req: falcon.asgi.Request) -> tuple[datetime | None, str | None]:
    """The run that a query limits to: since when, and under which label; raises ValidationFailed."""
    return _since(req.get_param("since")), _label(req.get_param("label"))


def _since(text: str | None) -> datetime | None:
    """An instant of the query; raises ValidationFailed where it is none."""
    if text is None:
        return None
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        since = None
    if since is None or since.tzinfo is None:
        raise ValidationFailed.of("since", "must be an instant, such as 2026-11-02T09:30:00Z")
    return since


def _label(text: str | None) -> str | None:
    """A label of the query; raises ValidationFailed where no header could hold it."""
    if text is not None and not 1 <= len(text) <= LONGEST_LABEL:
        raise ValidationFailed.of(
            "label",
            f"must be the value of a header Vipps-System-*, of 1 to {LONGEST_LABEL} characters",
        )
    return text
