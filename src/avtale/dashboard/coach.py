"""The checklist of going live as it stands, with people's word on what no machine can see, and the coach's remarks."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

import falcon.asgi

from avtale.checklist.items import checklist
from avtale.checklist.remarks import remarks
from avtale.checklist.report import MARKS, score, standing, word_of
from avtale.dashboard.desk import UNITS
from avtale.dashboard.page import Page
from avtale.record import Note
from avtale.sales_units import SalesUnit
from avtale.sandbox.checklist import evidence_of, note_item, require_item

LONGEST_COMMENT: Final = 500


class Coach(Page):
    """`/units/{msn}/checklist`; a POST confirms a line or comments on it."""

    template = "checklist"
    here = "checklist"
    is_live = False

    async def values(
        self, _req: falcon.asgi.Request, unit: SalesUnit, /, **_names: str
    ) -> dict[str, Any]:
        """Lines by section, and remarks."""
        tools, msn = self.desk.tools, unit.merchant_serial_number
        _, evidence = await evidence_of(tools, msn)
        notes = await tools.storage.rows(Note, "notes_of_unit", msn=msn)
        lines = checklist(evidence, {note.item: note for note in notes})
        told = [(line, standing(line), word_of(line)) for line in lines]
        sections = [
            (name, list(each)) for name, each in groupby(told, key=lambda each: each[0].section)
        ]
        return {
            "sections": sections,
            "marks": MARKS,
            "score": score(lines),
            "remarks": remarks(evidence),
        }

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str) -> None:
        """Write down what somebody says of a line."""
        who, unit, fields = await self.sent(req, msn, "developer")
        item = fields.get("item", "")
        require_item(item)
        confirmed, comment = fields.get("confirmed") == "1", fields.get("comment", "").strip()
        comment = comment[:LONGEST_COMMENT]
        await note_item(self.desk.tools, msn, item, confirmed=confirmed, comment=comment)
        said = f"{item}: {'confirmed' if confirmed else 'not confirmed'}"
        await self.desk.note(unit, who, "note_checklist_item", said)
        self.desk.go(req, resp, f"{UNITS}/{msn}/checklist", "Written down.")
