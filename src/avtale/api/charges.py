"""Charges over HTTP: create one or many, list, fetch, cancel, capture, refund."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import get_args

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.api.answers import json_answer, no_content, readable, send_json
from avtale.api.directory import Directory
from avtale.api.gate import BULK_BODY, Caller, Gate
from avtale.api.noticing import notice_strangers
from avtale.api.paging import Place, continuation_token, continued
from avtale.api.writes import Writes
from avtale.charges.charge import Charge, ChargeEntry
from avtale.charges.lifecycle import ChargeStatus
from avtale.engine.clock import real_now
from avtale.engine.command import Answer, Call, InProgress
from avtale.engine.world import Needs, World
from avtale.instants import to_milliseconds
from avtale.keys import Keys
from avtale.operations.charges import (
    cancel_charge,
    capture_charge,
    create_charge,
    create_charges,
    refund_charge,
)
from avtale.operations.finding import require_agreement_id
from avtale.problems import Fault, Problem, ResourceNotFound, ValidationFailed
from avtale.rulebook import Environment, Rulebook
from avtale.storage.storage import Storage, Value
from avtale.wire.charges import (
    BulkAnswer,
    BulkCharge,
    CaptureCharge,
    ChargeAnswer,
    CreateCharge,
    CreateChargeAnswer,
    RefundCharge,
    charge_answer,
    invalid_charge,
    read_bulk,
    sentences,
)
from avtale.wire.reading import read

STATUSES: tuple[str, ...] = get_args(ChargeStatus)

SentItem = tuple[int, BulkCharge | list[Fault], object]
"""An item of a bulk: where it stood, what it is or what is wrong with it, and how it was sent."""


class Charges:
    """`/recurring/v3/agreements/{agreementId}/charges` and what is below it."""

    def __init__(
        self,
        gate: Gate,
        writes: Writes,
        storage: Storage,
        directory: Directory,
        keys: Keys,
        environment: Environment,
    ) -> None:
        self._gate = gate
        self._writes = writes
        self._storage = storage
        self._directory = directory
        self._keys = keys
        self._environment: Environment = environment

    async def _rules(self, caller: Caller) -> Rulebook:
        """The numbers that hold for the caller's unit now."""
        return (await self._directory.sales_unit(caller.msn)).rulebook(self._environment)

    # ── creating ──

    async def on_post(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Create a charge."""
        caller = await self._gate.admit(req, "create_charge", agreement_id=agreement_id)
        asked, body = await self._gate.asked(req)
        create = readable(req, body, CreateCharge)
        needs = Needs().of(Agreement, (caller.msn, agreement_id))
        if create is not None and create.order_id is not None:
            needs.of(Charge, (caller.msn, create.order_id))

        def decide(world: World, call: Call) -> Charge:
            return create_charge(
                world, call, agreement_id, create or read(body, CreateCharge, rules=call.rules)
            )

        await self._writes.perform(
            resp,
            "create_charge",
            caller.msn,
            asked,
            needs,
            decide,
            _created,
            wakes=create is not None and create.type == "UNSCHEDULED",
        )

    async def on_post_bulk(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Create many charges in the background."""
        caller = await self._gate.admit(req, "create_charges")
        asked, body = await self._gate.asked(req, BULK_BODY)
        batch = hashlib.sha256(
            f"{caller.msn}/{asked.path}/{asked.idempotency_key}".encode()
        ).hexdigest()[:32]
        rules = await self._rules(caller)
        needs, sent, unreadable = Needs(), list[SentItem](), None
        try:
            sent = read_bulk(body, largest=rules.bulk_items, rules=rules)
        except Problem as problem:
            unreadable = problem
        for _, _, raw in sent:
            notice_strangers(req, raw, BulkCharge)
        items = [item for _, item, _ in sent if isinstance(item, BulkCharge)]
        needs.of(Agreement, *{(caller.msn, item.agreement_id) for item in items})
        needs.of(Charge, *{(caller.msn, item.order_id) for item in items})

        def decide(world: World, call: Call) -> BulkAnswer:
            if unreadable is not None:
                raise unreadable
            verdicts = create_charges(
                world,
                call,
                [item if isinstance(item, BulkCharge) else sentences(item) for _, item, _ in sent],
                batch,
            )
            return _bulk_answer(sent, verdicts)

        await self._writes.perform(
            resp,
            "create_charges",
            caller.msn,
            asked,
            needs,
            decide,
            lambda answer: json_answer(202, answer),
            wakes=True,
        )

    # ── reading ──

    async def on_get(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """List an agreement's charges, oldest first."""
        caller = await self._gate.admit(req, "list_charges", agreement_id=agreement_id)
        require_agreement_id(agreement_id)
        status = req.get_param("status") or req.get_param("chargeStatus")
        if status is not None and status not in STATUSES:
            raise ValidationFailed.of("status", f"must be one of {', '.join(STATUSES)}")
        external_id = await self._external_id(caller, agreement_id)
        bound_to = f"{caller.msn}/{agreement_id}/{status or ''}"
        place = continued(self._keys, bound_to, req.get_header("Continuation-Token"), real_now())
        page: dict[str, Value] = {
            "msn": caller.msn,
            "agreement_id": agreement_id,
            "status": status or "",
            "any_status": int(status is None),
            "after_created": place.created_ms,
            "after_id": place.charge_id,
        }
        size = (await self._rules(caller)).page_items
        charges = await self._storage.rows(Charge, "list_charges", size=size + 1, **page)
        if len(charges) > size:
            charges = charges[:size]
            last = Place(to_milliseconds(charges[-1].created), charges[-1].charge_id)
            token = continuation_token(self._keys, bound_to, last, real_now())
            resp.set_header("Continuation-Token", token)
        entries = await self._storage.rows(
            ChargeEntry, "history_of_listed_charges", size=size, **page
        )
        histories: defaultdict[str, list[ChargeEntry]] = defaultdict(list)
        for entry in entries:
            histories[entry.charge_id].append(entry)
        send_json(
            resp,
            [
                charge_answer(
                    charge, histories[charge.charge_id], agreement_external_id=external_id
                )
                for charge in charges
            ],
        )

    async def on_get_one(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        agreement_id: str,
        charge_id: str,
    ) -> None:
        """Fetch one charge."""
        caller = await self._gate.admit(
            req, "fetch_charge", agreement_id=agreement_id, charge_id=charge_id
        )
        require_agreement_id(agreement_id)
        send_json(resp, await self._fetch(caller, charge_id, agreement_id))

    async def on_get_by_id(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, charge_id: str
    ) -> None:
        """Fetch one charge without naming its agreement."""
        caller = await self._gate.admit(req, "fetch_charge_by_id", charge_id=charge_id)
        send_json(resp, await self._fetch(caller, charge_id))

    async def _fetch(
        self, caller: Caller, charge_id: str, agreement_id: str | None = None
    ) -> ChargeAnswer:
        named = {"msn": caller.msn, "charge_id": charge_id}
        found = await self._storage.rows_with(Charge, "charge_by_id", **named)
        if not found or agreement_id not in {None, found[0][0].agreement_id}:
            raise ResourceNotFound("Charge not found.")
        charge, external_id = found[0]
        history = await self._storage.rows(ChargeEntry, "history_of_charge", **named)
        return charge_answer(charge, history, agreement_external_id=external_id)

    async def _external_id(self, caller: Caller, agreement_id: str) -> str | None:
        found = await self._storage.select(
            "external_id_of_agreement", msn=caller.msn, agreement_id=agreement_id
        )
        if not found:
            raise ResourceNotFound("Agreement not found.")
        external_id: str | None = found[0][0]
        return external_id

    # ── changing ──

    async def on_delete_one(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        agreement_id: str,
        charge_id: str,
    ) -> None:
        """Cancel a charge."""
        caller = await self._gate.admit(
            req, "cancel_charge", agreement_id=agreement_id, charge_id=charge_id
        )
        asked, _ = await self._gate.asked(req)

        def decide(world: World, call: Call) -> Charge | InProgress:
            return cancel_charge(world, call, agreement_id, charge_id)

        needs = _one(caller, agreement_id, charge_id)
        await self._writes.perform(
            resp, "cancel_charge", caller.msn, asked, needs, decide, no_content
        )

    async def on_post_capture(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        agreement_id: str,
        charge_id: str,
    ) -> None:
        """Capture a reserved charge, in full or in part."""
        caller = await self._gate.admit(
            req, "capture_charge", agreement_id=agreement_id, charge_id=charge_id
        )
        asked, body = await self._gate.asked(req)
        capture = readable(req, body, CaptureCharge)

        def decide(world: World, call: Call) -> InProgress:
            wanted = capture or read(body, CaptureCharge, rules=call.rules)
            return capture_charge(world, call, agreement_id, charge_id, wanted)

        needs = _one(caller, agreement_id, charge_id)
        await self._writes.perform(
            resp, "capture_charge", caller.msn, asked, needs, decide, no_content
        )

    async def on_post_refund(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        agreement_id: str,
        charge_id: str,
    ) -> None:
        """Refund a charge, in full or in part."""
        caller = await self._gate.admit(
            req, "refund_charge", agreement_id=agreement_id, charge_id=charge_id
        )
        asked, body = await self._gate.asked(req)
        refund = readable(req, body, RefundCharge)

        def decide(world: World, call: Call) -> InProgress:
            wanted = refund or read(body, RefundCharge, rules=call.rules)
            return refund_charge(world, call, agreement_id, charge_id, wanted)

        needs = _one(caller, agreement_id, charge_id)
        await self._writes.perform(
            resp, "refund_charge", caller.msn, asked, needs, decide, no_content
        )


def _one(caller: Caller, agreement_id: str, charge_id: str) -> Needs:
    needs = Needs().of(Agreement, (caller.msn, agreement_id))
    return needs.of(Charge, (caller.msn, charge_id))


def _created(charge: Charge) -> Answer:
    return json_answer(201, CreateChargeAnswer(charge.charge_id))


def _bulk_answer(sent: list[SentItem], verdicts: list[list[str]]) -> BulkAnswer:
    judged = list(zip(sent, verdicts, strict=True))
    return BulkAnswer(
        invalid_charges=tuple(
            invalid_charge(raw, errors) for (_, _, raw), errors in judged if errors
        ),
        valid_charges=tuple(
            item.order_id
            for (_, item, _), errors in judged
            if not errors and isinstance(item, BulkCharge)
        ),
    )
