"""What is recorded: a unit's requests, an agreement's timeline, and why a charge is as it is (sandbox §8)."""

from __future__ import annotations

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.api.answers import send_json
from avtale.api.recorder import PUBLISHED
from avtale.problems import ValidationFailed
from avtale.record import RecordedRequest
from avtale.rulebook import MARKETS
from avtale.sandbox import recorded
from avtale.sandbox.finding import find_agreement, find_charge
from avtale.sandbox.lives import timeline_of
from avtale.sandbox.paging import page_of
from avtale.sandbox.stream import Stream
from avtale.sandbox.tools import Tools
from avtale.wire.record import TimelineAnswer, request_answer
from avtale.wire.why import why_answer

_ANY = (0, 999)


class Record:
    """The record of a sales unit."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._stream = Stream(tools)

    async def on_get_requests(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Newest first, those that the filters let through."""
        await self._tools.directory.sales_unit(msn)
        page = page_of(req)
        least, most = _statuses(req.get_param("status"))
        operation = _operation(req.get_param("operation"))
        agreement_id = req.get_param("agreementId") or ""
        charge_id = req.get_param("chargeId") or ""

        def wanted(request: RecordedRequest) -> bool:
            return (
                least <= request.status <= most
                and operation in {"", request.operation}
                and agreement_id in {"", request.agreement_id}
                and charge_id in {"", request.charge_id}
            )

        await self._tools.recorder.flush()
        found = await recorded.page(
            self._tools.storage, msn, wanted, named=charge_id or agreement_id, **page
        )
        if self._tools.recorder.dropped:
            resp.set_header("Avtale-Dropped", str(self._tools.recorder.dropped))
        send_json(resp, [request_answer(each) for each in found])

    async def on_get_stream(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, msn: str
    ) -> None:
        """Requests, changes, deliveries and how far an advance has come, as they happen."""
        self._stream.open(resp, await self._tools.directory.sales_unit(msn))

    async def on_get_timeline(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Requests, states, the payer's acts, attempts and deliveries in one order."""
        agreement = await find_agreement(self._tools.storage, req, agreement_id)
        answer = TimelineAnswer(
            agreement_id=agreement_id,
            merchant_serial_number=agreement.merchant_serial_number,
            status=agreement.status,
            entries=await timeline_of(self._tools, agreement),
        )
        send_json(resp, answer)

    async def on_get_why(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, charge_id: str
    ) -> None:
        """The chain of causes that led to its present status, in sentences."""
        storage = self._tools.storage
        charge = await find_charge(storage, req, charge_id)
        [agreement] = await storage.rows(
            Agreement,
            "agreement_by_id",
            msn=charge.merchant_serial_number,
            agreement_id=charge.agreement_id,
        )
        unit = await self._tools.directory.sales_unit(charge.merchant_serial_number)
        entries = [
            entry
            for entry in await timeline_of(self._tools, agreement)
            if entry.charge_id == charge_id
        ]
        send_json(resp, why_answer(charge, entries, MARKETS[unit.market]))


def _operation(given: str | None) -> str:
    """An operation by its name; raises ValidationFailed where there is none of that name."""
    if given is None:
        return ""
    if given not in PUBLISHED:
        raise ValidationFailed.of("operation", f"must be one of {', '.join(sorted(PUBLISHED))}")
    return given


def _statuses(given: str | None) -> tuple[int, int]:
    """A status, or a class of them such as `4xx`; raises ValidationFailed."""
    if given is None:
        return _ANY
    if len(given) == 3 and given[0] in "12345":
        if given[1:].lower() == "xx":
            return int(given[0]) * 100, int(given[0]) * 100 + 99
        if given.isascii() and given.isdigit():
            return int(given), int(given)
    raise ValidationFailed.of("status", "must be an HTTP status, or a class of them such as 4xx")
