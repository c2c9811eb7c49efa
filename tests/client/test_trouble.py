"""Whatever happens on the way: never twice, and in the end the right answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avtale.client import Client, LegacyPricing, NoAnswer, Retries
from avtale.client.errors import ServerTrouble, TooManyRequests, ValidationFailed, WrongCredentials
from avtale.testing import Unit
from tests.client.trouble import TROUBLES, Trouble, TroubledWay

_open: list[Client] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No client of a test outlives it."""
    yield
    while _open:
        _open.pop().close()


class Traveller:
    """A client on a troubled way, and how long it waited."""

    def __init__(self, unit: Unit, troubles: Sequence[Trouble], **setup: Any) -> None:
        self.way = TroubledWay(troubles)
        self.waited: list[float] = []
        self.client = Client(
            **unit.credentials, transport=self.way, sleep=self.waited.append, **setup
        )
        _open.append(self.client)

    @property
    def keys(self) -> list[str | None]:
        return [request.headers.get("Idempotency-Key") for request in self.way.sent]


def active(unit: Unit) -> str:
    drafted = unit.client.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(499_00, "NOK"),
        merchant_redirect_url="https://news.example/thanks",
        merchant_agreement_url="https://news.example/account/1",
    )
    unit.payer().approve(drafted.agreement_id)
    return drafted.agreement_id


def charge(client: Client, unit: Unit, agreement_id: str, **more: Any) -> str:
    return client.create_charge(
        agreement_id,
        amount=499_00,
        description="January",
        due=unit.clock.today() + timedelta(days=3),
        retry_days=5,
        **more,
    ).charge_id


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(troubles=st.lists(st.sampled_from(TROUBLES), max_size=4))
def test_a_charge_is_created_once_and_known_whatever_happens(
    unit: Unit, troubles: list[Trouble]
) -> None:
    agreement_id = active(unit)
    traveller = Traveller(unit, troubles)
    charge_id = charge(traveller.client, unit, agreement_id)
    assert [each.id for each in unit.client.charges(agreement_id)] == [charge_id]
    assert len(set(traveller.keys)) == 1
    assert len(traveller.keys) == len(troubles) + 1
    assert len(traveller.waited) == len(troubles)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(troubles=st.lists(st.sampled_from(TROUBLES), min_size=5, max_size=5))
def test_when_patience_is_over_the_error_has_the_key_with_which_to_go_on(
    unit: Unit, troubles: list[Trouble]
) -> None:
    agreement_id = active(unit)
    traveller = Traveller(unit, troubles)
    with pytest.raises((NoAnswer, ServerTrouble, TooManyRequests)) as given_up:
        charge(traveller.client, unit, agreement_id)
    key = given_up.value.idempotency_key
    assert key == traveller.keys[0]
    charge_id = charge(traveller.client, unit, agreement_id, idempotency_key=key)
    assert [each.id for each in unit.client.charges(agreement_id)] == [charge_id]


def test_a_retry_after_is_waited_for(unit: Unit) -> None:
    traveller = Traveller(unit, ["429"])
    traveller.client.list_agreements()
    assert traveller.waited == [7.0]


def test_a_retry_after_that_is_too_long_is_not_waited_for(unit: Unit) -> None:
    retries = Retries(longest_pause_seconds=5)
    traveller = Traveller(unit, ["429"], retries=retries)
    with pytest.raises(TooManyRequests):
        traveller.client.list_agreements()
    assert traveller.waited == []


def test_pauses_grow_and_are_never_the_same_for_all() -> None:
    early, late = Retries(chance=lambda: 0.0), Retries(chance=lambda: 1.0)
    assert [early.pause(i, None) for i in range(4)] == [0.25, 0.5, 1.0, 2.0]
    assert [late.pause(i, None) for i in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert late.pause(30, None) == 60.0


def test_a_refusal_is_not_repeated(unit: Unit) -> None:
    traveller = Traveller(unit, [])
    agreement_id = active(unit)
    with pytest.raises(ValidationFailed) as refused:
        traveller.client.create_charge(agreement_id, amount=1, description="")
    assert len(traveller.way.sent) == 1
    assert {each.name for each in refused.value.extra_details} >= {"amount", "description", "due"}
    assert refused.value.status == 400
    assert refused.value.context_id
    assert "amount: must be at least 100" in str(refused.value)


@pytest.mark.parametrize("trouble", ["lost after", "slow", "500 after"])
def test_a_webhook_is_not_registered_again_where_it_may_have_been(
    unit: Unit, trouble: Trouble
) -> None:
    traveller = Traveller(unit, [trouble])
    with pytest.raises((NoAnswer, ServerTrouble)):
        traveller.client.register_webhook(
            url="http://127.0.0.1:9/hook", events=["recurring.agreement-activated.v1"]
        )
    assert len(unit.client.list_webhooks()) == 1


@pytest.mark.parametrize("trouble", ["unreachable", "503", "429"])
def test_a_webhook_is_registered_again_where_it_cannot_have_been(
    unit: Unit, trouble: Trouble
) -> None:
    traveller = Traveller(unit, [trouble])
    made = traveller.client.register_webhook(
        url="http://127.0.0.1:9/hook", events=["recurring.agreement-activated.v1"]
    )
    assert [each.id for each in unit.client.list_webhooks()] == [made.id]


def test_a_webhook_that_was_deleted_on_the_way_is_deleted(unit: Unit) -> None:
    made = unit.client.register_webhook(
        url="http://127.0.0.1:9/hook", events=["recurring.agreement-activated.v1"]
    )
    Traveller(unit, ["lost after"]).client.delete_webhook(made.id)
    assert unit.client.list_webhooks() == []


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────


class Turnstile(httpx.BaseTransport):
    """Counts tokens, and refuses the first few that are shown."""

    def __init__(self, refuse: int = 0) -> None:
        self._way = httpx.HTTPTransport()
        self._refuse = refuse
        self.tokens = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Let it through, or not."""
        if request.url.path == "/accesstoken/get":
            self.tokens += 1
        elif self._refuse:
            self._refuse -= 1
            return httpx.Response(401, content=b'{"responseInfo":{"responseCode":401}}')
        return self._way.handle_request(request)

    def close(self) -> None:
        """Let go of the real way."""
        self._way.close()


def test_one_token_serves_until_shortly_before_it_expires(unit: Unit) -> None:
    seconds = 0.0
    turnstile = Turnstile()
    client = Client(**unit.credentials, transport=turnstile, monotonic=lambda: seconds)
    _open.append(client)
    for _ in range(3):
        client.list_agreements()
    assert turnstile.tokens == 1
    seconds = 3600.0 - 61
    client.list_agreements()
    assert turnstile.tokens == 1
    seconds = 3600.0 - 59
    client.list_agreements()
    assert turnstile.tokens == 2


def test_a_token_that_is_refused_is_renewed_once(unit: Unit) -> None:
    turnstile = Turnstile(refuse=1)
    with Client(**unit.credentials, transport=turnstile) as client:
        client.list_agreements()
    assert turnstile.tokens == 2
    stubborn = Turnstile(refuse=5)
    with (
        Client(**unit.credentials, transport=stubborn) as client,
        pytest.raises(WrongCredentials),
    ):
        client.list_agreements()
    assert stubborn.tokens == 2


def test_keys_that_are_not_good_are_refused_as_such(unit: Unit) -> None:
    credentials = unit.credentials
    credentials["client_secret"] = "wrong"
    with Client(**credentials) as client, pytest.raises(WrongCredentials):
        client.list_agreements()
