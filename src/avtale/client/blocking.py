"""The client that waits: `Client`. It may be used from many threads at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import wraps
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    NamedTuple,
    ParamSpec,
    Self,
    TypeVar,
    Unpack,
)

from avtale.client import calls
from avtale.client.answers import Agreement, Charge, Webhook
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
from avtale.client.setup import Keywords, Setup

if TYPE_CHECKING:
    import httpx

Answer = TypeVar("Answer")
Parameters = ParamSpec("Parameters")

PAGE_ITEMS: Final = 500


class ChargesPage(NamedTuple):
    """Some of an agreement's charges."""

    charges: list[Charge]
    continuation_token: str | None
    """Leads to the next page; None where this was the last. It is good for minutes."""


def _does(
    describe: Callable[Parameters, Call[Answer]],
) -> Callable[Concatenate[Client, Parameters], Answer]:
    """A method that makes the call which `describe` describes, with the same parameters."""

    @wraps(describe)
    def method(client: Client, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        return client.call(describe(*args, **kwargs)).value

    return method


class Client:
    """Calls the Recurring API; every keyword is one of `Setup`."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        **setup: Unpack[Keywords],
    ) -> None:
        """Raises ValueError where something is missing or cannot be; `transport` is httpx's."""
        # Loaded with the first client, since it takes longer to load than all the rest.
        import httpx  # noqa: PLC0415

        self.setup = made_setup(base_url, setup)
        self._tokens = Tokens()
        self._renewing = threading.Lock()
        self._monotonic, self._sleep = monotonic, sleep
        self._lost = httpx.TransportError
        self._http = httpx.Client(
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

    def fetch_token(self) -> str:
        """The token that calls carry now; a new one where there is none, or it is about to expire."""
        return self._token(None)

    def list_charges(
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
        reply = self.call(call)
        return ChargesPage(reply.value, reply.headers.get("continuation-token"))

    def list_webhooks(self) -> list[Webhook]:
        """All receivers."""
        return list(self.call(calls.list_webhooks()).value.webhooks)

    # ── what takes several calls ──

    def agreements(
        self,
        *,
        status: str | None = None,
        created_after: datetime | None = None,
        page_size: int = PAGE_ITEMS,
    ) -> Iterator[Agreement]:
        """All agreements with a status (ACTIVE unless another is given), page by page."""
        number = 1
        while True:
            page = self.list_agreements(
                status=status,
                created_after=created_after,
                page_number=number,
                page_size=page_size,
            )
            yield from page
            if len(page) < page_size:
                return
            number += 1

    def charges(self, agreement_id: str, *, status: str | None = None) -> Iterator[Charge]:
        """All charges of an agreement, page by page."""
        token: str | None = None
        while True:
            page = self.list_charges(agreement_id, status=status, continuation_token=token)
            yield from page.charges
            token = page.continuation_token
            if token is None:
                return

    def wait_for_agreement(
        self,
        agreement_id: str,
        *,
        timeout_seconds: float = 600.0,
        wake: threading.Event | None = None,
    ) -> Agreement:
        """Look until the payer has decided: after five seconds, then every two.

        When `wake` is set (an event came, the payer is back), look at once and answer with what is so.
        Raises StillPending when the time is over.
        """
        return self._carry(
            followed(agreement_id, self.setup, timeout_seconds=timeout_seconds, wake=wake)
        )

    def charge_all(
        self,
        charges: Iterable[BulkCharge],
        *,
        progress: Progress | None = None,
        size: int = MOST_IN_A_BULK,
    ) -> Iterator[ChargeResult]:
        """Create any number of charges in bulks, with a result for each, in order.

        Nothing is sent before the first result is asked for, and no more than one bulk is held in memory.
        A bulk that is refused as a whole is a refusal of each of its charges; NoAnswer is raised.
        """
        sent = 0
        for bulk in bulks(charges, size):
            try:
                found = results(bulk, self.create_charges(bulk))
            except Refused as refused:
                found = refusals(bulk, refused)
            sent += len(bulk)
            if progress is not None:
                progress(sent)
            yield from found

    def call(self, call: Call[Answer]) -> Reply[Answer]:
        """Make a call, with the headers that its answer came with."""
        return self._carry(carried_out(call, self.setup))

    # ── doing as told ──

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """The client; its connections end with the block."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        """Let go of all connections."""
        self.close()

    def __repr__(self) -> str:
        """Without the keys."""
        return f"<Client of {self.setup.merchant_serial_number} at {self.setup.url}>"

    def _carry(self, steps: Steps[Answer]) -> Answer:
        told: Any = None
        while True:
            try:
                step = steps.send(told)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            match step:
                case Send():
                    told = self._send(step)
                case Renew():
                    told = self._token(step.stale)
                case Pause():
                    told = self._pause(step)

    def _send(self, step: Send) -> Response | Lost:
        method, url, headers, body = step.request
        try:
            answer = self._http.request(method, url, headers=dict(headers), content=body)
        except self._lost as error:
            return lost(error)
        return Response(answer.status_code, answer.headers, answer.content)

    def _token(self, stale: str | None) -> str:
        with self._renewing:
            current = self._tokens.current(self._monotonic(), stale)
            if current is None:
                current = self._tokens.keep(self._carry(new_token(self.setup)), self._monotonic())
            return current

    def _pause(self, step: Pause) -> bool:
        if step.wake is None:
            self._sleep(step.seconds)
            return False
        return bool(step.wake.wait(step.seconds))


def made_setup(base_url: str, given: Keywords) -> Setup:
    """The setup; raises ValueError that names what is missing or not known."""
    try:
        return Setup(base_url=base_url, **given)
    except TypeError as error:
        raise ValueError(str(error)) from None


def lost(error: Exception) -> Lost:
    """What an error of the connection says; after some of them nobody can have got the request."""
    import httpx  # noqa: PLC0415 -- it is loaded by now

    not_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
    return Lost(str(error) or type(error).__name__, was_sent=not isinstance(error, not_sent))
