"""What keeps strangers away from phones: no other site, no forged form, no framing, no text that is more than text."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import falcon.asgi
import falcon.inspect
import msgspec
import pytest

from avtale.pages.forms import GOOD_FOR, Forms
from avtale.pages.look import SECURITY
from avtale.phone.application import mount
from avtale.sales_units import SalesUnit
from tests.phone.asking import agreed, asks, make_payer, page_of, rooms_of
from tests.phone.browsing import Browser, Page, Phone
from tests.support import INITIAL, KARI, House, Shop, installation

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def paths(house: House, method: str) -> list[str]:
    """Every path below `/phone` that takes a method, with something in its variable parts."""
    app = falcon.asgi.App()
    mount(app, lambda: rooms_of(house))
    return [
        route.path.replace("{phone_number}", KARI)
        .replace("{msn}", "123456")
        .replace("{agreement_id}", "agr_1234567")
        for route in falcon.inspect.inspect_routes(app)
        if method in [each.method for each in route.methods if not each.internal]
        and not route.path.endswith("/stream")
    ]


def commits(house: House) -> list[Any]:
    """Everything that is committed from now on."""
    found: list[Any] = []
    house.parts.engine.listeners.append(found.extend)
    return found


async def test_the_paths_are_all_there(house: House) -> None:
    assert len(paths(house, "GET")) == 6
    assert len(paths(house, "POST")) == 13


async def test_looking_changes_nothing(house: House, shop: Shop, kari: Phone) -> None:
    agreement_id = await agreed(shop, kari)
    await asks(shop)
    committed = commits(house)
    for path in (*paths(house, "GET"), *paths(house, "POST")):
        await kari.opens(path)
    await kari.shows(page_of(shop, agreement_id))
    await kari.shows("/requests/" + f"{shop.msn}/{agreement_id}/approve")
    assert (await kari.opens("/phone/4799999999")).status == 404
    assert committed == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://avtale.test.evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_other_sites_do_nothing_here(
    house: House, kari: Phone, headers: dict[str, str]
) -> None:
    token = (await kari.shows("/me")).form("Delete profile").fields["form"]
    committed = commits(house)
    for path in paths(house, "POST"):
        content = urlencode({"form": token})
        answer = await kari.http.post(path, content=content, headers=FORM | headers)
        assert answer.status_code == 403, path
    assert committed == []


async def test_forms_that_are_none_of_ours_do_nothing(house: House, kari: Phone) -> None:
    forms, now = Forms(house.parts.keys), house.parts.engine.real_now()
    good = forms.token(f"phone.{KARI}", now)
    tokens = [
        "",
        "x",
        good[:-1],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "A",
        forms.token(f"phone.{KARI}", now - GOOD_FOR - timedelta(seconds=1)),
        forms.token("phone.4798765432", now),
        forms.token("landing.123456.agr_1234567", now),
    ]
    committed = commits(house)
    for path, token in itertools.product(paths(house, "POST"), tokens):
        content = urlencode({"form": token})
        answer = await kari.http.post(path, content=content, headers=FORM)
        assert answer.status_code == 403, (path, token)
    assert committed == []


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 400),
        ({"Content-Type": "text/plain"}, b"form=x", 400),
        ({}, b"form=x", 400),
        (FORM, b"\xff\xfe=1", 400),
        (FORM, b"a=%FF", 400),
        (FORM, b"&".join(b"a=1" for _ in range(60)), 400),
        (FORM, b"a" * 20_000, 413),
    ],
)
async def test_what_is_no_form_is_refused(
    house: House, kari: Phone, headers: dict[str, str], content: bytes, status: int
) -> None:
    for path in paths(house, "POST"):
        answer = await kari.http.post(path, content=content, headers=headers)
        assert answer.status_code == status, path


async def test_every_answer_keeps_strangers_out(house: House, shop: Shop, kari: Phone) -> None:
    await asks(shop)
    agreement_id = await agreed(shop, kari, productName="Tennis")
    answers = [
        await kari.http.get(path)
        for path in (
            *paths(house, "GET"),
            kari.base + page_of(shop, agreement_id),
            "/phone/4799999999",
            "/phone/nobody",
        )
    ]
    form = (await kari.shows("/me")).form("Always enough")
    content = urlencode(form.fields)
    answers.append(
        await kari.http.post(form.action, content=content, headers=FORM, follow_redirects=False)
    )
    assert answers[-1].status_code == 303
    answers.append(await kari.http.post(form.action, content="form=x", headers=FORM))
    assert answers[-1].status_code == 403
    for answer in answers:
        for name, value in SECURITY.items():
            assert answer.headers[name] == value, (answer.url, name)
        assert "Set-Cookie" not in answer.headers
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


async def test_nothing_stands_inline_and_nothing_comes_from_elsewhere(
    house: House, shop: Shop, kari: Phone
) -> None:
    await asks(shop)
    agreement_id = await agreed(shop, kari, productName="Tennis")
    for path in ("", "/agreements", "/notices", "/me", page_of(shop, agreement_id)):
        page = await kari.shows(path)
        for each in page.root.all():
            assert each.tag != "style"
            assert each.tag != "script" or each.text == ""
            assert not any(name.startswith(("on", "style", "hx-on")) for name in each.attributes)
            for name in ("src", "action", "hx-get"):
                assert not each.attributes.get(name, "").startswith(("http", "//"))


# ── texts ──

_PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<b hx-get=//evil.example>",
    "</title></style></script>",
    '" autofocus onfocus="alert(1)',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "&#x3c;b&#x3e;",
    "%3Cb%3E",
    "{{ 7*7 }}",
    "{% raw %}",
    "{shop}{amount}",
    "{0.__class__}",
    "${7*7}#{7*7}",
    "<!--",
    "]]><![CDATA[",
    "\\x3cb\\x3e",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt",
    "\N{FULLWIDTH LESS-THAN SIGN}b\N{FULLWIDTH GREATER-THAN SIGN}",
    "Ægir 👩‍👩‍👧 ﷽",
)
_AROUND = ("{}", "a{}", "{}b", '"{}', "'{}", ">{}", "{}<", "</dd>{}", "{}-->", "&{}")
HOSTILE = [around.replace("{}", text) for text in _PAYLOADS for around in _AROUND]


def shape(page: Page) -> Counter[tuple[str, ...]]:
    """Which elements there are, with the names of their attributes."""
    return Counter((each.tag, *sorted(each.attributes)) for each in page.root.all())


def words(text: str) -> str:
    return " ".join(text.split())


async def rename(house: House, shop: Shop, name: str) -> None:
    unit = await house.find(SalesUnit, shop.msn)
    await house.put(msgspec.structs.replace(unit, name=name), shop.msn)


def members(text: str) -> dict[str, Any]:
    """Every text that a merchant sets in a draft."""
    return {
        "productName": text,
        "productDescription": text,
        "initialCharge": {**INITIAL, "amount": 199_00, "description": text},
        "campaign": {
            "type": "EVENT_CAMPAIGN",
            "price": 1_00,
            "eventDate": "2027-03-01T12:00:00Z",
            "eventText": text[:15],
        },
        "merchantAgreementUrl": "https://news.example/me?" + urlencode({"a": text}),
    }


async def test_there_are_enough_hostile_texts() -> None:
    assert len(set(HOSTILE)) >= 200
    assert max(map(len, HOSTILE)) <= 45


async def test_what_a_merchant_writes_is_text_everywhere(house: House, shop: Shop) -> None:
    calm: dict[str, Counter[tuple[str, ...]]] = {}
    for text in ("Premier League", *HOSTILE):
        number = f"4791{len(calm) and HOSTILE.index(text) + 1:06}"
        await make_payer(house, number)
        phone = Phone(house, number)
        await rename(house, shop, text)
        agreement_id = await asks(shop, number, **members(text))
        pages = {"home": await phone.shows()}
        assert pages["home"].main.count(words(text)) >= 4, text
        assert f"({words(text[:15])})" in pages["home"].main
        (button,) = [each for each in pages["home"].buttons() if each == "Approve"]
        landed = await phone.sends(pages["home"].form(button))
        assert landed.told == "Approved."
        charge_id = await shop.charge(agreement_id, description=text, due=await shop.in_days(1))
        pages["agreement"] = await phone.shows(page_of(shop, agreement_id))
        assert pages["agreement"].main.count(words(text)) >= 5, text
        pages["agreements"] = await phone.shows("/agreements")
        await shop.cancel(agreement_id, charge_id)
        await shop.stop(agreement_id)
        pages["notices"] = await phone.shows("/notices")
        # In the title of the stop, its shop and product; in what was said of the payment to come, the same.
        assert pages["notices"].main.count(words(text)) == 4, text
        for name, page in pages.items():
            assert page.status == 200
            assert shape(page) == calm.setdefault(name, shape(page)), (name, text)


async def test_what_a_payer_is_called_is_text_everywhere(house: House, shop: Shop) -> None:
    calm: dict[str, Counter[tuple[str, ...]]] = {}
    phone = Phone(house, KARI)
    for text in ("Kari", *HOSTILE):
        await make_payer(house, KARI, given_name=text, family_name=text, email=f"{text}@a.example")
        for path in ("", "/me"):
            page = await phone.shows(path)
            assert words(f"{text} {text}") in page.text
            assert shape(page) == calm.setdefault(path, shape(page)), (path, text)


@pytest.mark.parametrize("text", HOSTILE[::7])
async def test_what_is_written_into_a_field_comes_back_as_text(
    house: House, kari: Phone, shop: Shop, text: str
) -> None:
    page = await kari.opens("/phone")
    for button, name in (("Open phone", "phone"), ("Open", "link")):
        answer = await kari.sends(page.form(button), **{name: text})
        assert answer.status == 400
        assert "<script>" not in answer.html
    page = await kari.opens(kari.base + "?" + urlencode({"told": text, "lang": text}))
    assert page.told == ""
    assert page.status == 200


# ── production ──


async def test_nothing_of_it_exists_in_production(house: House) -> None:
    gets, posts = paths(house, "GET"), paths(house, "POST")
    async with installation(environment="production") as real:
        browser = Browser(real)
        for method, path in [
            *(("GET", path) for path in (*gets, f"/phone/{KARI}/stream")),
            *(("POST", path) for path in posts),
        ]:
            answer = await browser.http.request(method, path, headers=FORM)
            assert answer.status_code == 404, path
            assert answer.headers["Content-Type"] == "application/problem+json"
