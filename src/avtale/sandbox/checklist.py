"""`/sandbox/sales-units/{msn}/remarks` and `/checklist`: what the record says of an integration (sandbox §8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

import falcon.asgi
import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from avtale.agreements.agreement import Agreement
from avtale.api.answers import send_json
from avtale.charges.charge import Charge
from avtale.checklist.evidence import LONGEST_LABEL, Evidence, is_of_run, limited
from avtale.checklist.items import ITEMS, Line, checklist
from avtale.checklist.oddities import urls_of
from avtale.checklist.remarks import Remark, remarks
from avtale.checklist.report import (
    CLOSING,
    STANDINGS,
    Cover,
    Standing,
    as_markdown,
    counts,
    ids_of,
    latest_of,
    score,
    standing,
    title_and_call,
    word_of,
)
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
PDF: Final = "application/pdf"
LONGEST_PARTNER: Final = 100
LONGEST_DESCRIPTION: Final = 300


class RemarksAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """All that the coach has to say of a unit."""

    merchant_serial_number: str
    remarks: tuple[Remark, ...]
    probed: dict[str, str] | UnsetType = UNSET
    """Each `merchantAgreementUrl` that was tried, and what came of it."""


class ChecklistAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The checklist of a unit, with how many lines stand how."""

    merchant_serial_number: str
    name: str
    counts: Mapping[Standing, int]
    lines: tuple[Line, ...]


class Checklist:
    """The coach and the checklist of one sales unit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._press = asyncio.Lock()
        """One page is printed at a time, beside the requests."""
        self._probing = asyncio.Lock()

    async def on_get_remarks(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """What the vendor's reviewers or the next incident would find; with `probe`, at the merchant's pages too."""
        _, evidence = await evidence_of(self._tools, msn, *run_of(req))
        probed: dict[str, str] | UnsetType = UNSET
        if _is_wanted(req, "probe"):
            evidence, probed = await self._probed(evidence)
        answer = RemarksAnswer(merchant_serial_number=msn, remarks=remarks(evidence), probed=probed)
        send_json(resp, answer)

    async def _probed(self, evidence: Evidence) -> tuple[Evidence, dict[str, str]]:
        """Try the URLs of the newest agreements, one probe at a time."""
        # Loaded here, since a server that sends nothing starts faster without.
        from avtale.outbound.probing import probe  # noqa: PLC0415

        async with self._probing:
            found = await probe(urls_of(evidence), self._tools.receivers)
        dead = {url: each.said for url, each in found.items() if each.is_dead}
        said = {url: each.said for url, each in found.items()}
        return replace(evidence, unanswered=dead), said

    async def on_get_checklist(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Every line, with its verdict, what shows it, and what is left to do."""
        unit, lines = await lines_of(self._tools, msn, *run_of(req))
        answer = ChecklistAnswer(
            merchant_serial_number=msn,
            name=unit.name,
            counts=counts(lines),
            lines=lines,
        )
        send_json(resp, answer)

    async def on_get_markdown(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """The same as text, to be sent."""
        cover, lines = await self._to_be_sent(req, msn)
        resp.text = as_markdown(lines, cover)
        resp.content_type = MARKDOWN

    async def on_get_pdf(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """The same on paper, with fields to write in."""
        cover, lines = await self._to_be_sent(req, msn)
        async with self._press:
            resp.data = await asyncio.to_thread(_printed, lines, cover)
        resp.content_type = PDF
        resp.set_header("Content-Disposition", f'inline; filename="checklist-{msn}.pdf"')

    async def on_get_html(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """The same as a page, to be read, printed or kept."""
        cover, lines = await self._to_be_sent(req, msn)
        self._tools.look.send(
            req,
            resp,
            "checklist/page.html.jinja",
            cover=cover,
            score=score(lines),
            counts=counts(lines),
            closing=CLOSING,
            standings=STANDINGS,
            sections=[
                (section, [_shown(line) for line in of_section])
                for section, of_section in groupby(lines, key=lambda line: line.section)
            ],
            query=f"?{req.query_string}" if req.query_string else "",
        )

    async def on_put_item(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str, item: str
    ) -> None:
        """Say of a line that it is so, or not, and comment on it."""
        await self._tools.directory.sales_unit(msn)
        since, label = run_of(req)
        require_item(item)
        body = await body_of(req, NoteItem)
        await note_item(self._tools, msn, item, confirmed=body.confirmed, comment=body.comment)
        _, lines = await lines_of(self._tools, msn, since, label)
        send_json(resp, next(line for line in lines if line.item == item))

    async def _to_be_sent(
        self, req: falcon.asgi.Request, msn: str
    ) -> tuple[Cover, tuple[Line, ...]]:
        since, label = run_of(req)
        partner = _words(req, "partner", LONGEST_PARTNER)
        description = _words(req, "description", LONGEST_DESCRIPTION)
        unit, lines = await lines_of(self._tools, msn, since, label)
        cover = Cover(
            unit=msn,
            name=unit.name,
            at=self._tools.engine.real_now(),
            partner=partner,
            description=description,
            since=since,
            label=label,
        )
        return cover, lines


def _printed(lines: Sequence[Line], cover: Cover) -> bytes:
    # Loaded with the first page that is printed, since it takes as long as a hundred requests.
    from avtale.checklist.paper import as_pdf  # noqa: PLC0415

    return as_pdf(lines, cover)


def _shown(line: Line) -> dict[str, object]:
    """A line as the page shows it."""
    title, call = title_and_call(line)
    return {
        "line": line,
        "standing": standing(line),
        "word": word_of(line),
        "title": title,
        "call": call,
        "ids": ids_of(line),
        "latest": latest_of(line),
    }


def _words(req: falcon.asgi.Request, name: str, most: int) -> str:
    """What somebody writes about themselves, in a query; raises ValidationFailed where it is too long."""
    words = (req.get_param(name) or "").strip()
    if len(words) > most:
        raise ValidationFailed.of(name, f"must have at most {most} characters")
    return words


def require_item(item: str) -> None:
    """Refuse what is no line of the checklist; raises ResourceNotFound."""
    if all(item != each.name for each in ITEMS):
        raise ResourceNotFound(f"There is no line {item}; GET the checklist for their names.")


async def note_item(tools: Tools, msn: str, item: str, *, confirmed: bool, comment: str) -> None:
    """Write down what a person says of a line, in place of what was said before."""
    note: dict[str, str | int | None] = {
        "msn": msn,
        "item": item,
        "confirmed": int(confirmed),
        "comment": comment,
        "noted": to_milliseconds(tools.engine.real_now()),
    }
    await tools.storage.execute([("note_item", note)])


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
        storage,
        msn,
        lambda request: is_of_run(request, since, label),
        named="",
        skip=0,
        size=MOST_REQUESTS,
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


def _is_wanted(req: falcon.asgi.Request, name: str) -> bool:
    """A yes or no of the query; raises ValidationFailed where it is neither."""
    given = req.get_param(name)
    if given not in {None, "true", "false"}:
        raise ValidationFailed.of(name, "must be true or false")
    return given == "true"


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
