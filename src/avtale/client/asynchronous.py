"""The client that awaits: `AsyncClient`. It may be used from many tasks of one event loop at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

import httpx

from avtale.client import calls
from avtale.client.answers import Agreement, Charge, Webhook
from avtale.client.blocking import PAGE_ITEMS, ChargesPage, lost, made_setup
from avtale.client.bodies import BulkCharge
from avtale.client.bulk import ChargeResult, Progress, bulks, refusals, results
from avtale.client.calls import MOST_IN_A_BULK, Call
from avtale.client.errors import Refused
from avtale.client.exchange import (
    Lost,
    Pause,
    Renew,
    Reply,
    Response,
    Send,
    Steps,
    Tokens,
    carried_out,
    followed,
    new_token,
)
from avtale.client.setup import Keywords

Answer = TypeVar("Answer")
Parameters = ParamSpec("Parameters")


def _does(
    describe: Callable[Parameters, Call[Answer]],
) -> Callable[Concatenate[AsyncClient, Parameters], Awaitable[Answer]]:
    """A method that makes the call which `describe` describes, with the same parameters."""

    @wraps(describe)
    async def method(
        client: AsyncClient, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Answer:
        return (await client.call(describe(*args, **kwargs))).value

    return method


class AsyncClient:
    """Calls the Recurring API; every keyword is one of `Setup`."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **setup: Unpack[Keywords],
    ) -> None:
        """Raises ValueError where something is missing or cannot be; `transport` is httpx's."""
        self.setup = made_setup(base_url, setup)
        self._tokens = Tokens()
        self._renewing = asyncio.Lock()
        self._monotonic, self._sleep = monotonic, sleep
        self._http = httpx.AsyncClient(
            timeout=self.setup.timeout_seconds,
            transport=transport,
            # Reading the machine's certificates takes long, and plain http needs none.
            verify=self.setup.url.startswith("https:"),
        )

    # ── the operations, under their published names ──

    draft_agreement = _does(calls.draft_agreement)
    list_agreements = _does(calls.list_agreements)
    fetch_agreement = _does(calls.fetch_agreement)
    update_agreement = _does(calls.update_agreement)
    stop_agreement = _does(calls.stop_agreement)
    accept_agreement = _does(calls.accept_agreement)
    create_charge = _does(calls.create_charge)
    create_charges = _does(calls.create_charges)
    fetch_charge = _does(calls.fetch_charge)
    fetch_charge_by_id = _does(calls.fetch_charge_by_id)
    cancel_charge = _does(calls.cancel_charge)
    capture_charge = _does(calls.capture_charge)
    refund_charge = _does(calls.refund_charge)
    fetch_userinfo = _does(calls.fetch_userinfo)
    register_webhook = _does(calls.register_webhook)
    delete_webhook = _does(calls.delete_webhook)

    async def fetch_token(self) -> str:
        """The token that calls carry now; a new one where there is none, or it is about to expire."""
        return await self._token(None)

    async def list_charges(
        self,
        agreement_id: str,
        *,
        status: str | None = None,
        continuation_token: str | None = None,
    ) -> ChargesPage:
        """One page of an agreement's charges; `charges` goes through all of them."""
        call = calls.list_charges(
            agreement_id, status=status, continuation_token=continuation_token
        )
        reply = await self.call(call)
        return ChargesPage(reply.value, reply.headers.get("continuation-token"))

    async def list_webhooks(self) -> list[Webhook]:
        """All receivers."""
        return list((await self.call(calls.list_webhooks())).value.webhooks)

    # ── what takes several calls ──

    async def agreements(
        self,
        *,
        status: str | None = None,
        created_after: datetime | None = None,
        page_size: int = PAGE_ITEMS,
    ) -> AsyncIterator[Agreement]:
        """All agreements with a status (ACTIVE unless another is given), page by page."""
        number = 1
        while True:
            page = await self.list_agreements(
                status=status,
                created_after=created_after,
                page_number=number,
                page_size=page_size,
            )
            for agreement in page:
                yield agreement
            if len(page) < page_size:
                return
            number += 1

    async def charges(
        self, agreement_id: str, *, status: str | None = None
    ) -> AsyncIterator[Charge]:
        """All charges of an agreement, page by page."""
        token: str | None = None
        while True:
            page = await self.list_charges(agreement_id, status=status, continuation_token=token)
            for charge in page.charges:
                yield charge
            token = page.continuation_token
            if token is None:
                return

    async def wait_for_agreement(
        self,
        agreement_id: str,
        *,
        timeout_seconds: float = 600.0,
        wake: asyncio.Event | None = None,
    ) -> Agreement:
        """Look until the payer has decided: after five seconds, then every two.

        When `wake` is set (an event came, the payer is back), look at once and answer with what is so.
        Raises StillPending when the time is over.
        """
        return await self._carry(
            followed(agreement_id, self.setup, timeout_seconds=timeout_seconds, wake=wake)
        )

    async def charge_all(
        self,
        charges: Iterable[BulkCharge],
        *,
        progress: Progress | None = None,
        size: int = MOST_IN_A_BULK,
    ) -> AsyncIterator[ChargeResult]:
        """Create any number of charges in bulks, with a result for each, in order.

        Nothing is sent before the first result is asked for, and no more than one bulk is held in memory.
        A bulk that is refused as a whole is a refusal of each of its charges; NoAnswer is raised.
        """
        sent = 0
        for bulk in bulks(charges, size):
            try:
                found = results(bulk, await self.create_charges(bulk))
            except Refused as refused:
                found = refusals(bulk, refused)
            sent += len(bulk)
            if progress is not None:
                progress(sent)
            for result in found:
                yield result

    async def call(self, call: Call[Answer]) -> Reply[Answer]:
        """Make a call, with the headers that its answer came with."""
        return await self._carry(carried_out(call, self.setup))

    # ── doing as told ──

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """The client; its connections end with the block."""
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        """Let go of all connections."""
        await self.close()

    def __repr__(self) -> str:
        """Without the keys."""
        return f"<AsyncClient of {self.setup.merchant_serial_number} at {self.setup.url}>"

    async def _carry(self, steps: Steps[Answer]) -> Answer:
        told: Any = None
        while True:
            try:
                step = steps.send(told)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            match step:
                case Send():
                    told = await self._send(step)
                case Renew():
                    told = await self._token(step.stale)
                case Pause():
                    told = await self._pause(step)

    async def _send(self, step: Send) -> Response | Lost:
        method, url, headers, body = step.request
        try:
            answer = await self._http.request(method, url, headers=dict(headers), content=body)
        except httpx.TransportError as error:
            return lost(error)
        return Response(answer.status_code, answer.headers, answer.content)

    async def _token(self, stale: str | None) -> str:
        async with self._renewing:
            current = self._tokens.current(self._monotonic(), stale)
            if current is None:
                token = await self._carry(new_token(self.setup))
                current = self._tokens.keep(token, self._monotonic())
            return current

    async def _pause(self, step: Pause) -> bool:
        if step.wake is None:
            await self._sleep(step.seconds)
            return False
        try:
            async with asyncio.timeout(step.seconds):
                await step.wake.wait()
        except TimeoutError:
            return False
        return True
