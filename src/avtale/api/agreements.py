"""Agreements over HTTP: draft, list, fetch, update, accept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import get_args

import falcon.asgi

from avtale.agreements.agreement import Agreement, AgreementEntry
from avtale.agreements.lifecycle import AgreementStatus
from avtale.api.answers import json_answer, no_content, readable, send_json
from avtale.api.directory import Directory
from avtale.api.gate import Gate
from avtale.api.links import LANDING_MARK, Links
from avtale.api.noticing import NIN_DROPPED, notice, notice_http
from avtale.api.paging import whole_number
from avtale.api.writes import Writes
from avtale.charges.charge import Charge
from avtale.engine.command import Answer, Call, InProgress
from avtale.engine.world import Needs, World
from avtale.operations.agreements import draft_agreement, update_agreement
from avtale.operations.approvals import accept_agreement
from avtale.operations.finding import require_agreement_id
from avtale.payers import Payer
from avtale.problems import ResourceNotFound, ValidationFailed
from avtale.rulebook import Environment, Market
from avtale.storage.storage import Storage, Value
from avtale.wire.agreements import (
    AcceptAgreement,
    AgreementAnswer,
    DraftAgreement,
    DraftAgreementAnswer,
    UpdateAgreement,
    agreement_answer,
)
from avtale.wire.reading import read

STATUSES: tuple[str, ...] = get_args(AgreementStatus)
LATEST_MS = 253_402_300_799_999


class Agreements:
    """`/recurring/v3/agreements` and what is below it."""

    def __init__(
        self,
        gate: Gate,
        writes: Writes,
        storage: Storage,
        directory: Directory,
        links: Links,
        environment: Environment,
    ) -> None:
        self._gate = gate
        self._directory = directory
        self._writes = writes
        self._storage = storage
        self._links = links
        self._environment: Environment = environment

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Draft an agreement."""
        caller = await self._gate.admit(req, "draft_agreement")
        asked, body = await self._gate.asked(req)
        draft = readable(req, body, DraftAgreement)
        if draft is not None:
            notice_http(req, "merchantRedirectUrl", draft.merchant_redirect_url)
            notice_http(req, "merchantAgreementUrl", draft.merchant_agreement_url)
        needs = Needs()
        initial = draft.initial_charge if draft is not None else None
        if initial is not None and initial.order_id is not None:
            needs.of(Charge, (caller.msn, initial.order_id))
        if draft is not None and draft.phone is not None and self._environment == "test":
            # A persona answers by itself what comes to its phone.
            needs.of(Payer, (draft.phone,))

        def decide(world: World, call: Call) -> Agreement:
            return draft_agreement(
                world, call, draft or read(body, DraftAgreement, rules=call.rules)
            )

        def drafted(agreement: Agreement) -> Answer:
            wanted = draft.scope if draft is not None else None
            if _asks_for_nin(wanted) and not _asks_for_nin(agreement.scope):
                notice(req, NIN_DROPPED)
            return self._drafted(agreement)

        await self._writes.perform(
            resp,
            "draft_agreement",
            caller.msn,
            asked,
            needs,
            decide,
            drafted,
            complete=lambda text: self._links.complete(text, caller.msn),
        )

    def _drafted(self, agreement: Agreement) -> Answer:
        return json_answer(
            201,
            DraftAgreementAnswer(
                agreement_id=agreement.agreement_id,
                uuid=agreement.uuid,
                vipps_confirmation_url=self._links.confirmation(
                    LANDING_MARK, is_app=agreement.is_app
                ),
                charge_id=agreement.initial_charge_id,
            ),
        )

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """List agreements of one status, oldest first."""
        caller = await self._gate.admit(req, "list_agreements")
        rules = (await self._directory.sales_unit(caller.msn)).rulebook(self._environment)
        status = req.get_param("status") or "ACTIVE"
        if status not in STATUSES:
            raise ValidationFailed.of("status", f"must be one of {', '.join(STATUSES)}")
        number = whole_number("pageNumber", req.get_param("pageNumber"), 1, 2**31 - 1, 1)
        size = whole_number(
            "pageSize", req.get_param("pageSize"), 1, rules.max_page_items, rules.page_items
        )
        created_after = whole_number("createdAfter", req.get_param("createdAfter"), 0, LATEST_MS, 0)
        page: dict[str, Value] = {
            "msn": caller.msn,
            "status": status,
            "created_after": created_after - 1 if created_after == 0 else created_after,
            "size": size,
            "skip": (number - 1) * size,
        }
        agreements = await self._storage.rows(Agreement, "list_agreements", **page)
        entries = await self._storage.rows(AgreementEntry, "history_of_listed_agreements", **page)
        histories: defaultdict[str, list[AgreementEntry]] = defaultdict(list)
        for entry in entries:
            histories[entry.agreement_id].append(entry)
        send_json(
            resp,
            [
                self._answer(agreement, histories[agreement.agreement_id], rules.market)
                for agreement in agreements
            ],
        )

    async def on_get_one(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Fetch one agreement."""
        caller = await self._gate.admit(req, "fetch_agreement", agreement_id=agreement_id)
        require_agreement_id(agreement_id)
        named = {"msn": caller.msn, "agreement_id": agreement_id}
        found = await self._storage.rows(Agreement, "agreement_by_id", **named)
        if not found:
            raise ResourceNotFound("Agreement not found.")
        history = await self._storage.rows(AgreementEntry, "history_of_agreement", **named)
        unit = await self._directory.sales_unit(caller.msn)
        send_json(resp, self._answer(found[0], history, unit.rulebook(self._environment).market))

    async def on_patch_one(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Update an agreement, or stop it."""
        caller = await self._gate.admit(req, "update_agreement", agreement_id=agreement_id)
        # The one exception among all keys (rulings §4): a shop plugin updates and stops with one.
        asked, body = await self._gate.asked(req, another_body_is_another_request=True)
        update = readable(req, body, UpdateAgreement)
        if update is not None:
            notice_http(req, "merchantAgreementUrl", update.merchant_agreement_url)

        def decide(world: World, call: Call) -> Agreement:
            changes = update or read(body, UpdateAgreement, rules=call.rules)
            return update_agreement(world, call, agreement_id, changes)

        needs = Needs().of(Agreement, (caller.msn, agreement_id))
        if update is not None and update.status == "STOPPED":
            needs.open_charges(caller.msn, agreement_id)
        await self._writes.perform(
            resp, "update_agreement", caller.msn, asked, needs, decide, no_content
        )

    async def on_patch_accept(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Force accept, in the test environment."""
        caller = await self._gate.admit(req, "accept_agreement", agreement_id=agreement_id)
        asked, body = await self._gate.asked(req)
        accept = readable(req, body, AcceptAgreement)
        needs = Needs().of(Agreement, (caller.msn, agreement_id))
        if accept is not None:
            needs.of(Payer, (accept.phone_number,))
        initial = await self._storage.select(
            "initial_charge_of", msn=caller.msn, agreement_id=agreement_id
        )
        needs.of(Charge, *((caller.msn, charge_id) for (charge_id,) in initial if charge_id))

        def decide(world: World, call: Call) -> Agreement | InProgress:
            if not call.rules.is_test:
                raise ResourceNotFound("There is no such resource.")
            body_read = accept or read(body, AcceptAgreement, rules=call.rules)
            return accept_agreement(world, call, agreement_id, body_read.phone_number)

        await self._writes.perform(
            resp, "accept_agreement", caller.msn, asked, needs, decide, no_content
        )

    def _answer(
        self, agreement: Agreement, history: Iterable[AgreementEntry], market: Market
    ) -> AgreementAnswer:
        url = self._links.confirmation_of(agreement)
        return agreement_answer(
            agreement,
            list(history),
            confirmation_url=url,
            userinfo_url=self._links.userinfo(agreement.sub),
            market=market,
        )


def _asks_for_nin(scope: str | None) -> bool:
    return scope is not None and "nin" in scope.split()
