"""Half a year of the shop, played on a sandbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest
from shop import PRICE, Shop, web
from werkzeug.serving import make_server

from avtale.testing import Avtale, Unit


@pytest.fixture
def unit(avtale: Avtale) -> Unit:
    """The shop's sales unit."""
    return avtale.sales_unit()


@pytest.fixture
def shop(unit: Unit) -> Iterator[Shop]:
    """The shop, open on this machine."""
    shop = Shop(unit.client, "")
    server = make_server("127.0.0.1", 0, web(shop, unit.clock.today), threaded=True)
    shop.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    shop.open()
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()


def soon(what: Callable[[], bool]) -> None:
    """Wait until a webhook has come."""
    for _ in range(500):
        if what():
            return
        time.sleep(0.01)
    pytest.fail("it did not come to be")


def sold(shop: Shop, unit: Unit, customer: str) -> str:
    """Sell a subscription, and let the payer say yes."""
    answer = httpx.post(f"{shop.url}/subscribe", data={"customer": customer})
    assert answer.status_code == 303
    assert "/landing?" in answer.headers["Location"]
    agreement_id = shop.subscriptions[customer].agreement_id
    unit.payer().approve(agreement_id)
    soon(lambda: shop.subscriptions[customer].status == "ACTIVE")
    return agreement_id


def test_half_a_year_of_renewals(shop: Shop, unit: Unit) -> None:
    sold(shop, unit, "ida")
    for _ in range(48):
        shop.renew(unit.clock.today())
        unit.clock.advance(days=4)
    payments = shop.subscriptions["ida"].payments
    assert len(payments) == 7
    assert set(payments.values()) == {"captured"}


def test_a_month_is_asked_for_once_however_often_the_job_runs(shop: Shop, unit: Unit) -> None:
    agreement_id = sold(shop, unit, "ida")
    assert len(shop.renew(unit.clock.today())) == 1
    assert shop.renew(unit.clock.today()) == []
    shop.subscriptions["ida"].payments.clear()
    shop.renew(unit.clock.today())
    assert len(list(unit.client.charges(agreement_id))) == 1


def test_a_payer_without_money_pays_when_there_is_some(shop: Shop, unit: Unit) -> None:
    sold(shop, unit, "ida")
    unit.payer().has(0)
    (order_id,) = shop.renew(unit.clock.today())
    unit.clock.advance(days=4)
    assert shop.subscriptions["ida"].payments[order_id] == "asked for"
    unit.payer().has(PRICE)
    unit.clock.advance(days=1)
    assert shop.subscriptions["ida"].payments[order_id] == "captured"


def test_money_comes_back(shop: Shop, unit: Unit) -> None:
    sold(shop, unit, "ida")
    (order_id,) = shop.renew(unit.clock.today())
    unit.clock.advance(days=4)
    shop.refund("ida", order_id, PRICE)
    soon(lambda: shop.subscriptions["ida"].payments[order_id] == "refunded")


def test_customers_stop_in_the_shop_and_payers_in_the_app(shop: Shop, unit: Unit) -> None:
    sold(shop, unit, "ida")
    assert httpx.post(f"{shop.url}/me/ida/stop").status_code == 204
    soon(lambda: shop.subscriptions["ida"].status == "STOPPED")
    unit.payer().stop(sold(shop, unit, "ola"))
    soon(lambda: shop.subscriptions["ola"].status == "STOPPED")
    unit.clock.advance(days=40)
    assert shop.renew(unit.clock.today()) == []


def test_whoever_says_no_or_nothing_is_no_customer(shop: Shop, unit: Unit) -> None:
    for customer in ("no", "nothing"):
        httpx.post(f"{shop.url}/subscribe", data={"customer": customer})
    unit.payer().reject(shop.subscriptions["no"].agreement_id)
    unit.clock.advance(minutes=11)
    soon(lambda: shop.subscriptions["nothing"].status == "EXPIRED")
    assert shop.subscriptions["no"].status == "STOPPED"
    assert "STOPPED" in httpx.get(f"{shop.url}/thanks/no").text


def test_the_page_after_the_redirect_asks_what_is_so(shop: Shop, unit: Unit) -> None:
    httpx.post(f"{shop.url}/subscribe", data={"customer": "ida"})
    assert "PENDING" in httpx.get(f"{shop.url}/thanks/ida").text
    # Nobody tells the shop.
    shop.secret = "lost"
    unit.payer().approve(shop.subscriptions["ida"].agreement_id)
    assert "ACTIVE" in httpx.get(f"{shop.url}/thanks/ida").text


def test_forged_events_change_nothing(shop: Shop, unit: Unit) -> None:
    sold(shop, unit, "ida")
    assert httpx.post(f"{shop.url}/hook", content=b"{}").status_code == 401
    assert shop.subscriptions["ida"].status == "ACTIVE"
    assert unit.clock.today() + timedelta(days=3) == shop.subscriptions["ida"].next_payment
