"""What support does: look at what would be done, do it once, and leave a line in the journal."""

from __future__ import annotations

import html
import json
import re
import shlex

import pytest

from avtale.accounts import Act
from tests.dashboard.looking import Looking
from tests.support import Shop
from tests.visitors import Page


async def reserved(shop: Shop) -> tuple[str, str]:
    """An agreement, and a charge of 499 kr that waits to be captured."""
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id, transactionType="RESERVE_CAPTURE")
    await shop.clock.advance(days=3)
    assert await shop.status(charge_id) == "RESERVED"
    return agreement_id, charge_id


async def captured(shop: Shop) -> tuple[str, str]:
    """An agreement, and a charge of 499 kr that was captured."""
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    await shop.clock.advance(days=3)
    return agreement_id, charge_id


async def journal(looking: Looking) -> list[tuple[str, str, str]]:
    """What was done, newest first."""
    shop_msn = looking.base.rpartition("/")[2]
    acts = await looking.house.parts.storage.rows(Act, "latest_acts", msn=shop_msn, size=50)
    return [(act.who, act.what, act.outcome) for act in acts]


def code(page: Page, name: str) -> str:
    """A block of code that can be copied."""
    found = re.search(f'<pre id="{name}"[^>]*>(.*?)</pre>', page.text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


async def test_a_capture_in_part_takes_what_was_written(shop: Shop, looking: Looking) -> None:
    _, charge_id = await reserved(shop)
    page = await looking.do(f"/charges/{charge_id}/capture?amount=200,50&reason=Two+issues")
    assert "Captured 200,50 kr." in page.words
    assert await shop.status(charge_id) == "PARTIALLY_CAPTURED"
    assert await shop.summary(charge_id) == (200_50, 0, 0)
    assert await journal(looking) == [("this machine", "capture_charge", "done")]
    assert "Two issues" in (await looking.at(f"/charges/{charge_id}")).words


async def test_a_refund_says_what_is_left_before_and_after(shop: Shop, looking: Looking) -> None:
    _, charge_id = await captured(shop)
    page = await looking.at(f"/charges/{charge_id}/refund")
    assert "at most 499 kr" in page.words
    path = f"/charges/{charge_id}/refund?amount=100&reason=Sorry"
    assert "399 kr can be refunded afterwards" in (await looking.at(path)).words
    page = await looking.do(path)
    assert "Refunded 100 kr." in page.words
    assert await shop.summary(charge_id) == (499_00, 100_00, 0)


async def test_a_cancel_releases_what_is_reserved(shop: Shop, looking: Looking) -> None:
    _, charge_id = await reserved(shop)
    page = await looking.do(f"/charges/{charge_id}/cancel")
    assert "Cancelled." in page.words
    assert await shop.status(charge_id) == "CANCELLED"


async def test_a_stop_ends_the_agreement_and_what_was_to_come(shop: Shop, looking: Looking) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    await looking.do(f"/agreements/{agreement_id}/stop")
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"
    assert await shop.status(charge_id) == "CANCELLED"
    assert (
        shop.events(agreement_id)[-1:] == ["agreement-stopped"]
        or "agreement-stopped" in shop.events()
    )


async def test_looking_at_what_would_be_done_does_nothing(shop: Shop, looking: Looking) -> None:
    agreement_id, charge_id = await reserved(shop)
    for act in ("capture?amount=499&reason=x", "cancel"):
        await looking.at(f"/charges/{charge_id}/{act}")
    await looking.at(f"/agreements/{agreement_id}/stop")
    assert await shop.status(charge_id) == "RESERVED"
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"
    assert await journal(looking) == []


async def test_pressing_twice_refunds_once(shop: Shop, looking: Looking) -> None:
    _, charge_id = await captured(shop)
    path = f"/charges/{charge_id}/refund"
    page = await looking.at(f"{path}?amount=100&reason=Sorry")
    fields = page.form(path)
    for _ in range(2):
        sent = await looking.send(looking.base + path, fields)
        assert "Refunded 100 kr." in (await looking.follow(sent)).words
    assert await shop.summary(charge_id) == (499_00, 100_00, 0)


@pytest.mark.parametrize(
    ("amount", "reason", "says"),
    [
        ("500", "Sorry", "At most 499.00 can be moved."),
        ("0", "Sorry", "Write an amount such as 49.50."),
        ("a lot", "Sorry", "Write an amount such as 49.50."),
        ("-5", "Sorry", "Write an amount such as 49.50."),
        ("10", "", "Say why; the payer reads it."),
        ("10", "x" * 101, "At most 100 characters."),
    ],
)
async def test_what_will_not_do_is_said_before_anything_is_done(
    shop: Shop, looking: Looking, amount: str, reason: str, says: str
) -> None:
    _, charge_id = await captured(shop)
    page = await looking.at(f"/charges/{charge_id}/refund?amount={amount}&reason={reason}")
    assert says in page.words
    assert "The call that this makes" not in page.words


async def test_what_the_api_refuses_is_refused_here_in_its_words(
    shop: Shop, looking: Looking
) -> None:
    agreement_id, charge_id = await captured(shop)
    path = f"/charges/{charge_id}/refund"
    fields = (await looking.at(f"{path}?amount=499&reason=Sorry")).form(path)
    await shop.refund(agreement_id, charge_id, 499_00)
    page = await looking.follow(await looking.send(looking.base + path, fields))
    assert 'class="banner bad"' in page.text
    assert await shop.summary(charge_id) == (499_00, 499_00, 0)
    [(_, what, outcome)] = await journal(looking)
    assert what == "refund_charge"
    assert outcome != "done"


async def test_the_curl_that_is_shown_does_the_same(shop: Shop, looking: Looking) -> None:
    agreement_id, charge_id = await captured(shop)
    page = await looking.at(f"/charges/{charge_id}/refund?amount=1,50&reason=It%27s+late")
    words = shlex.split(code(page, "as-curl"))
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    assert headers["Merchant-Serial-Number"] == shop.msn
    path = f"/recurring/v3/agreements/{agreement_id}/charges/{charge_id}/refund"
    assert words[words.index("-X") + 1 :][:2] == ["POST", f"http://127.0.0.1:8080{path}"]
    body = json.loads(words[words.index("-d") + 1])
    assert body == {"amount": 150, "description": "It's late"}
    sent = await shop.send(
        "POST", path.removeprefix("/recurring/v3"), body, key=headers["Idempotency-Key"]
    )
    assert sent.status == 204
    # The same key: what the page's own button does now was done already.
    again = await looking.send(
        looking.base + f"/charges/{charge_id}/refund", page.form(f"/charges/{charge_id}/refund")
    )
    assert again.status == 303


async def test_the_python_that_is_shown_is_a_call_of_the_client(
    shop: Shop, looking: Looking
) -> None:
    _, charge_id = await captured(shop)
    page = await looking.at(f"/charges/{charge_id}/refund?amount=1,50&reason=Late")
    called: dict[str, object] = {}

    class Client:
        def refund_charge(self, *named: str, **members: object) -> None:
            called.update(members, named=named)

    exec(code(page, "as-python"), {"client": Client()})
    assert called["amount"] == 150
    assert called["description"] == "Late"
    assert called["named"][1] == charge_id  # type: ignore[index]


async def test_an_act_that_is_none_is_not_there(shop: Shop, looking: Looking) -> None:
    _, charge_id = await captured(shop)
    page = await looking.look(f"{looking.base}/charges/{charge_id}/double")
    assert page.status == 404


async def test_a_delivery_is_sent_once_more(shop: Shop, looking: Looking) -> None:
    url = "http://127.0.0.1:9/nobody"
    await shop.raw(
        "POST",
        "/webhooks/v1/webhooks",
        headers=await shop.headers(),
        content=json.dumps({"url": url, "events": ["recurring.agreement-activated.v1"]}).encode(),
    )
    await shop.agreed()
    await shop.clock.advance(days=8)
    page = await looking.at("/webhooks?status=LOST")
    found = re.search(r'/webhooks/([0-9a-f-]{36})"', page.text)
    assert found is not None, page.text
    page = await looking.do(f"/webhooks/{found[1]}")
    assert "It is on its way again." in page.words
    assert "WAITING" in page.words
    assert [what for _, what, _ in await journal(looking)] == ["resend_delivery"]


async def test_the_signature_is_explained_with_the_very_bytes(shop: Shop, looking: Looking) -> None:
    await shop.raw(
        "POST",
        "/webhooks/v1/webhooks",
        headers=await shop.headers(),
        content=json.dumps(
            {"url": "http://127.0.0.1:9/n?a=1", "events": ["recurring.agreement-activated.v1"]}
        ).encode(),
    )
    await shop.agreed()
    await shop.clock.advance(days=8)
    page = await looking.at("/webhooks")
    found = re.search(r'/webhooks/([0-9a-f-]{36})"', page.text)
    assert found is not None
    page = await looking.at(f"/webhooks/{found[1]}")
    lines = code(page, "to-sign").split("\n")
    assert lines[:2] == ["POST", "/n?a=1"]
    assert lines[2].split(";")[1] == "127.0.0.1:9"
    assert lines[2].split(";")[2] in page.words
