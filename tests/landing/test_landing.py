"""The landing page: which phone, then waiting, then back; and kind words for links that lead nowhere."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from avtale.agreements.agreement import Agreement
from tests.support import INITIAL, KARI, House, Shop, installation
from tests.visitors import Page, Visitor

OLA = "4798765432"
BACK = "https://news.example/thanks?order=1&from=a%20b#done"


def path_of(drafted: dict[str, str]) -> str:
    return drafted["vippsConfirmationUrl"].removeprefix("https://avtale.test")


async def arrive(visitor: Visitor, shop: Shop, **members: Any) -> tuple[str, Page]:
    """Follow the link of a new draft; answers with its agreement and the page."""
    drafted = await shop.draft(merchantRedirectUrl=BACK, **members)
    return drafted["agreementId"], await visitor.look(path_of(drafted))


async def go_on(visitor: Visitor, page: Page, phone: str = KARI) -> Page:
    """Give a phone number."""
    return await visitor.send(page.action("/next"), page.form("/next") | {"phone": phone})


async def sent_to(shop: Shop, agreement_id: str) -> str | None:
    found: Agreement = await shop.house.find(Agreement, shop.msn, agreement_id)
    return found.sent_to


# ── The way through ──────────────────────────────────────────────────────────────────────────────


async def test_it_says_who_asks_for_what_and_no_price(visitor: Visitor, shop: Shop) -> None:
    _, page = await arrive(visitor, shop, phoneNumber=KARI)
    assert page.status == 200
    assert page.heading == "Premier League"
    assert "Nordic News" in page.words
    assert "499" not in page.words
    assert f'value="{KARI}"' in page.text
    assert "no real money moves" in page.words


async def test_the_number_is_empty_where_the_merchant_gave_none(
    visitor: Visitor, shop: Shop
) -> None:
    _, page = await arrive(visitor, shop)
    assert re.search(r'id="phone"[^>]*value=""', page.text)


async def test_next_sends_the_request_to_that_phone_and_waits(visitor: Visitor, shop: Shop) -> None:
    agreement_id, page = await arrive(visitor, shop, phoneNumber=KARI)
    waiting = await visitor.follow(await go_on(visitor, page, OLA))
    assert waiting.heading == "Answer on your phone"
    assert OLA in waiting.words
    assert 'data-seconds="300"' in waiting.text
    assert await sent_to(shop, agreement_id) == OLA
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("91234567", "4791234567"),
        ("+47 912 34 567", "4791234567"),
        ("004791234567", "4791234567"),
        ("(47) 912-34-567", "4791234567"),
        ("358401234567", "358401234567"),
    ],
)
async def test_a_number_is_read_as_people_write_it(
    visitor: Visitor, shop: Shop, written: str, meant: str
) -> None:
    agreement_id, page = await arrive(visitor, shop)
    await visitor.follow(await go_on(visitor, page, written))
    assert await sent_to(shop, agreement_id) == meant


@pytest.mark.parametrize("written", ["", "kari", "123", "+", "1" * 40, "٩١٢٣٤٥٦٧"])
async def test_what_is_no_number_is_said_so_and_kept(
    visitor: Visitor, shop: Shop, written: str
) -> None:
    agreement_id, page = await arrive(visitor, shop)
    again = await go_on(visitor, page, written)
    assert again.status == 400
    assert "8 to 15 digits" in again.words
    assert 'aria-invalid="true"' in again.text
    assert await sent_to(shop, agreement_id) is None


async def test_after_a_slip_every_link_leads_to_the_page_again(
    visitor: Visitor, shop: Shop
) -> None:
    _, page = await arrive(visitor, shop)
    again = await go_on(visitor, page, "kari")
    links = re.findall(r'href="([^"]*lang=(\w\w))"', again.text)
    assert {language for _, language in links} == {"nb", "da", "sv", "fi"}
    for link, language in links:
        chosen = await visitor.look(html.unescape(link))
        assert chosen.status == 200
        assert f'<html lang="{language}">' in chosen.text
        assert chosen.heading == "Premier League"


async def test_a_slip_after_the_end_says_that_it_is_the_end(visitor: Visitor, shop: Shop) -> None:
    _, page = await arrive(visitor, shop)
    await shop.clock.advance(minutes=5)
    over = await visitor.follow(await go_on(visitor, page, "kari"))
    assert (over.status, over.heading) == (410, "Time is up")


@pytest.mark.parametrize("act", ["/next", "/cancel"])
async def test_looking_where_a_form_was_sent_to_leads_to_its_page(
    visitor: Visitor, shop: Shop, act: str
) -> None:
    _, page = await arrive(visitor, shop)
    asked = await visitor.follow(await visitor.look(page.action(act) + "&lang=nb"))
    assert asked.heading == "Premier League"
    assert '<html lang="nb">' in asked.text
    nobody = await visitor.follow(await visitor.look(f"/landing{act}"))
    assert nobody.status == 404


async def test_cancel_is_a_no_and_leads_back(visitor: Visitor, shop: Shop) -> None:
    agreement_id, page = await arrive(visitor, shop, initialCharge=INITIAL)
    back = await visitor.follow(await visitor.send(page.action("/cancel"), page.form("/cancel")))
    assert back.heading == "Not approved"
    assert "news.example" in back.words
    agreement = await shop.agreement(agreement_id)
    assert (agreement["status"], agreement["history"][-1]["event"]) == ("STOPPED", "REJECT")


async def test_cancel_while_waiting_is_a_no_too(visitor: Visitor, shop: Shop) -> None:
    agreement_id, page = await arrive(visitor, shop)
    waiting = await visitor.follow(await go_on(visitor, page))
    await visitor.follow(await visitor.send(waiting.action("/cancel"), waiting.form("/cancel")))
    assert (await shop.agreement(agreement_id))["status"] == "STOPPED"


async def test_after_a_yes_the_payer_goes_back_exactly_as_the_merchant_said(
    visitor: Visitor, shop: Shop
) -> None:
    agreement_id, page = await arrive(visitor, shop)
    sent = await go_on(visitor, page)
    await shop.kari.approves(agreement_id)
    back = await visitor.follow(sent)
    assert back.status == 200
    assert back.heading == "Approved"
    escaped = BACK.replace("&", "&amp;")
    assert f'content="0;url={escaped}"' in back.text
    assert f'href="{escaped}"' in back.text


async def test_an_app_is_opened_by_hand_and_never_by_itself(visitor: Visitor, shop: Shop) -> None:
    drafted = await shop.draft(isApp=True, merchantRedirectUrl="news://home")
    token = drafted["vippsConfirmationUrl"].partition("token=")[2]
    page = await visitor.look(f"/landing?token={token}")
    sent = await go_on(visitor, page)
    assert sent.headers["Location"] == f"/phone/{KARI}"
    await shop.kari.approves(drafted["agreementId"])
    back = await visitor.look(f"/landing/wait?token={token}")
    assert 'href="news://home"' in back.text
    assert "Go back to the app" in back.words
    assert "http-equiv" not in back.text


async def test_what_skips_the_landing_page_lies_on_the_phone_at_once(
    visitor: Visitor, shop: Shop
) -> None:
    _, page = await arrive(visitor, shop, skipLandingPage=True, phoneNumber=KARI)
    waiting = await visitor.follow(page)
    assert waiting.heading == "Answer on your phone"


async def test_the_countdown_stands_still_with_the_clock(visitor: Visitor, shop: Shop) -> None:
    _, page = await arrive(visitor, shop)
    assert 'data-runs="0"' in page.text
    await shop.house.parts.clocks.resume(shop.msn)
    _, running = await arrive(visitor, shop)
    assert 'data-runs="1"' in running.text


# ── Languages ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "next_button"),
    [("en", "Next"), ("nb", "Neste"), ("da", "Næste"), ("sv", "Nästa"), ("fi", "Seuraava")],
)
async def test_the_language_that_is_chosen_stays_chosen(
    visitor: Visitor, shop: Shop, language: str, next_button: str
) -> None:
    drafted = await shop.draft()
    page = await visitor.look(f"{path_of(drafted)}&lang={language}")
    assert f'<html lang="{language}">' in page.text
    assert next_button in page.words
    sent = await go_on(visitor, page)
    assert sent.headers["Location"].endswith(f"lang={language}")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("nb-NO,nb;q=0.9,en;q=0.8", "nb"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("de, fi;q=0.5, en;q=0.4", "fi"),
        ("de", "en"),
        ("", "en"),
        (";;;q=x,,sv;q=nonsense,da;q=0.1", "da"),
    ],
)
async def test_otherwise_the_browser_says_the_language(
    visitor: Visitor, shop: Shop, accepted: str, language: str
) -> None:
    drafted = await shop.draft()
    page = await visitor.look(path_of(drafted), Accept_Language=accepted)
    assert f'<html lang="{language}">' in page.text


# ── Links that lead nowhere any more ─────────────────────────────────────────────────────────────


async def test_a_link_that_was_used_says_so(visitor: Visitor, shop: Shop) -> None:
    drafted = await shop.draft()
    await shop.kari.approves(drafted["agreementId"])
    page = await visitor.look(path_of(drafted))
    assert (page.status, page.heading) == (410, "This link has been used")


async def test_a_link_whose_time_is_up_says_so(visitor: Visitor, shop: Shop) -> None:
    drafted = await shop.draft()
    await shop.clock.advance(minutes=4, seconds=59)
    assert (await visitor.look(path_of(drafted))).status == 200
    await shop.clock.advance(seconds=1)
    page = await visitor.look(path_of(drafted))
    assert (page.status, page.heading) == (410, "Time is up")
    await shop.clock.advance(minutes=5)
    assert (await visitor.look(path_of(drafted))).status == 410
    assert (await shop.agreement(drafted["agreementId"]))["status"] == "EXPIRED"


async def test_waiting_ends_when_the_app_s_time_is_up(visitor: Visitor, shop: Shop) -> None:
    _, page = await arrive(visitor, shop)
    await shop.clock.advance(minutes=4)
    sent = await go_on(visitor, page)
    await shop.clock.advance(minutes=4, seconds=59)
    assert 'data-seconds="1"' in (await visitor.follow(sent)).text
    await shop.clock.advance(seconds=1)
    over = await visitor.follow(sent)
    assert (over.status, over.heading) == (410, "Time is up")


async def test_a_token_that_was_changed_anywhere_is_unknown(visitor: Visitor, shop: Shop) -> None:
    token = (await shop.draft())["vippsConfirmationUrl"].partition("token=")[2]
    for place, letter in enumerate(token):
        changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        page = await visitor.look(f"/landing?token={changed}")
        assert (page.status, page.heading) == (404, "We do not know this link"), place


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?v=2", f"?token={'A' * 2000}"])
async def test_no_token_is_unknown_too(visitor: Visitor, query: str) -> None:
    for page in ("/landing", "/landing/wait"):
        assert (await visitor.look(f"{page}{query}")).status == 404


async def test_two_tabs_make_one_decision(visitor: Visitor, shop: Shop) -> None:
    agreement_id, first = await arrive(visitor, shop)
    url = f"/landing?{first.action('/next').partition('?')[2]}"
    second = await visitor.look(url)
    await go_on(visitor, first, KARI)
    late = await visitor.follow(await go_on(visitor, second, OLA))
    assert KARI in late.words
    assert await sent_to(shop, agreement_id) == KARI
    await shop.kari.approves(agreement_id)
    after = await visitor.follow(
        await visitor.send(second.action("/cancel"), second.form("/cancel"))
    )
    assert after.heading == "Approved"
    assert (await shop.agreement(agreement_id))["status"] == "ACTIVE"


# ── Safety ───────────────────────────────────────────────────────────────────────────────────────


async def test_looking_changes_nothing(visitor: Visitor, shop: Shop) -> None:
    agreement_id, page = await arrive(visitor, shop, phoneNumber=KARI)
    before = await shop.agreement(agreement_id)
    query = page.action("/next").partition("?")[2]
    for path in ("", "/wait"):
        await visitor.look(f"/landing{path}?{query}")
    for path in ("/next", "/cancel"):
        assert (await visitor.look(f"/landing{path}?{query}")).status == 303
    assert await shop.agreement(agreement_id) == before
    assert await sent_to(shop, agreement_id) is None


@pytest.mark.parametrize("act", ["/next", "/cancel"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "evil.example"},
    ],
)
async def test_another_site_s_page_can_send_nothing(
    visitor: Visitor, shop: Shop, act: str, headers: dict[str, str]
) -> None:
    agreement_id, page = await arrive(visitor, shop, phoneNumber=KARI)
    fields = page.form(act) | {"phone": KARI}
    assert (await visitor.send(page.action(act), fields, **headers)).status == 403
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"
    assert await sent_to(shop, agreement_id) is None


@pytest.mark.parametrize("act", ["/next", "/cancel"])
async def test_a_form_without_its_token_is_refused(visitor: Visitor, shop: Shop, act: str) -> None:
    agreement_id, page = await arrive(visitor, shop)
    _, another = await arrive(visitor, shop)
    good = page.form(act)["form"]
    for token in ("", "x", good[:-1], good[::-1], another.form(act)["form"]):
        assert (await visitor.send(page.action(act), {"form": token, "phone": KARI})).status == 403
    assert (await shop.agreement(agreement_id))["status"] == "PENDING"


async def test_a_page_that_was_left_open_too_long_cannot_be_sent(
    house: House, visitor: Visitor, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = await arrive(visitor, shop)
    engine = house.parts.engine
    later = engine.real_now() + timedelta(hours=12)
    monkeypatch.setattr(type(engine), "real_now", lambda _: later)
    assert (await go_on(visitor, page)).status == 403


async def test_every_page_keeps_strangers_out(visitor: Visitor, shop: Shop) -> None:
    _, asked = await arrive(visitor, shop)
    waiting = await visitor.follow(await go_on(visitor, asked))
    unknown = await visitor.look("/landing")
    refused = await visitor.send(asked.action("/next"), {})
    for page in (asked, waiting, unknown, refused):
        policy = page.headers["Content-Security-Policy"]
        for part in (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
        ):
            assert part in policy
        assert "unsafe" not in policy
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        assert "<style" not in page.text
        assert " style=" not in page.text
        assert " onclick=" not in page.text
        assert re.search(r"<script(?! src=)", page.text) is None


async def test_the_host_that_somebody_sends_is_in_no_link(visitor: Visitor, shop: Shop) -> None:
    drafted = await shop.draft()
    assert (await visitor.look(path_of(drafted), Host="evil.example")).status == 403


async def test_nothing_of_it_exists_in_production() -> None:
    async with installation(environment="production") as house:
        visitor = Visitor(house)
        for path in ("/landing", "/landing/wait", "/landing/next", "/phone", "/phone/4791234567"):
            for method in ("GET", "POST"):
                page = await visitor.raw(method, path)
                assert page.status == 404, path
                assert page.headers["Content-Type"] == "application/problem+json"
