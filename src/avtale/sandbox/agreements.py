"""`/sandbox/agreements/{agreementId}`: what a payer does with a request or an agreement (sandbox §5)."""

from __future__ import annotations

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.api.answers import send_json
from avtale.engine.command import Call
from avtale.engine.world import Needs, World
from avtale.operations.agreements import stop_agreement
from avtale.operations.approvals import approve_agreement, reject_agreement, set_max_amount
from avtale.payers import PUBLIC_PAYER
from avtale.problems import ResourceNotFound
from avtale.sandbox.acts import Act, act_on_agreement
from avtale.sandbox.bodies import body_of
from avtale.sandbox.finding import find_agreement
from avtale.sandbox.tools import Tools
from avtale.wire.control import AgreementActAnswer, ApproveAgreement, SetMaxAmount
from avtale.wire.telling import told


class PayersAgreements:
    """One agreement, in the payer's hands."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def on_post_approve(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Say yes; answers when the initial charge is settled."""
        body = await body_of(req, ApproveAgreement, may_be_empty=True)
        agreement = await find_agreement(self._tools.storage, req, agreement_id)
        phone_number = body.phone_number or agreement.phone_number or PUBLIC_PAYER

        def act(world: World, call: Call) -> None:
            approve_agreement(world, call, agreement_id, phone_number, body.max_amount)

        await self._act(resp, "approve_agreement", agreement, act, phone_number)

    async def on_post_reject(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Say no."""
        agreement = await find_agreement(self._tools.storage, req, agreement_id)

        def act(world: World, call: Call) -> None:
            reject_agreement(world, call, agreement_id)

        await self._act(resp, "reject_agreement", agreement, act)

    async def on_post_stop(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Stop it in the app."""
        agreement = await find_agreement(self._tools.storage, req, agreement_id)

        def act(world: World, call: Call) -> None:
            stop_agreement(world, call, agreement_id, "USER")

        await self._act(resp, "stop_agreement", agreement, act)

    async def on_post_max_amount(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, agreement_id: str
    ) -> None:
        """Choose another maximum."""
        body = await body_of(req, SetMaxAmount)
        agreement = await find_agreement(self._tools.storage, req, agreement_id)

        def act(world: World, call: Call) -> None:
            set_max_amount(world, call, agreement_id, body.max_amount)

        await self._act(resp, "set_max_amount", agreement, act)

    async def _act(
        self,
        resp: falcon.asgi.Response,
        name: str,
        agreement: Agreement,
        act: Act,
        *phone_numbers: str,
    ) -> None:
        """Have it decided and settled, and answer with what has become of the agreement."""
        msn, agreement_id = agreement.merchant_serial_number, agreement.agreement_id
        happened = await act_on_agreement(self._tools, name, agreement, act, *phone_numbers)
        key = Needs().of(Agreement, (msn, agreement_id))
        after = (await self._tools.storage.look(key)).find(Agreement, msn, agreement_id)
        if after is None:
            raise ResourceNotFound("The agreement was erased meanwhile.")
        send_json(
            resp,
            AgreementActAnswer(
                agreement_id=agreement_id,
                merchant_serial_number=msn,
                status=after.status,
                happened=told(happened),
            ),
        )
