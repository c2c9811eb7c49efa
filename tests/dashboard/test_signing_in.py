"""Signing in: who may look, who may do what, and how a session ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec.structs import replace as changed

from avtale.accounts import Account, Role, Session
from tests.dashboard.looking import (
    LOCAL,
    PASSWORD,
    Looking,
    add_account,
    keeper_of,
    sign_in,
    signed_in,
)
from tests.support import MONDAY, House, Shop, installation
from tests.visitors import HOST


@pytest.fixture
async def shop(guarded_house: House) -> Shop:
    """A merchant of an installation that others can reach."""
    return await guarded_house.shop()


async def test_who_has_not_signed_in_is_led_to_the_door(guarded_house: House, shop: Shop) -> None:
    stranger = Looking(guarded_house, shop, HOST)
    for path in ("", "/charges?status=FAILED", "/acts", "/clock"):
        page = await stranger.look(stranger.base + path)
        assert page.status == 303
        assert page.headers["Location"].startswith("/sign-in?to=%2Funits%2F")


async def test_after_signing_in_one_is_where_one_wanted_to_be(
    guarded_house: House, shop: Shop
) -> None:
    await add_account(guarded_house, "kari", "viewer")
    kari = Looking(guarded_house, shop, HOST)
    page = await sign_in(kari, "kari", to=f"{kari.base}/charges")
    assert (page.status, page.headers["Location"]) == (303, f"{kari.base}/charges")
    assert (await kari.at("/charges")).heading == "Charges"
    assert "kari · viewer" in (await kari.at()).words


async def test_the_cookie_is_this_hosts_alone_and_no_scripts(
    guarded_house: House, shop: Shop
) -> None:
    await add_account(guarded_house, "kari", "viewer")
    page = await sign_in(Looking(guarded_house, shop, HOST), "kari")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-avtale=")
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie
    assert len(cookie.partition("=")[2].partition(";")[0]) == 64


async def test_neither_cookie_nor_password_is_kept(guarded_house: House, shop: Shop) -> None:
    await add_account(guarded_house, "kari", "viewer")
    page = await sign_in(Looking(guarded_house, shop, HOST), "kari")
    cookie = page.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    storage = guarded_house.parts.storage
    [account] = await storage.rows(Account, "all_accounts")
    assert PASSWORD not in account.password_hash
    assert account.password_hash.startswith("$argon2id$")
    hashed = guarded_house.parts.keys.hashed("session", cookie)
    [session] = await storage.rows(Session, "session_by_hash", session_hash=hashed)
    assert cookie not in session.session_hash


@pytest.mark.parametrize(
    ("name", "password"),
    [("kari", "wrong horse battery"), ("nobody", PASSWORD), ("", ""), ("kari", "")],
)
async def test_what_was_wrong_is_not_said(
    guarded_house: House, shop: Shop, name: str, password: str
) -> None:
    await add_account(guarded_house, "kari", "viewer")
    page = await sign_in(Looking(guarded_house, shop, HOST), name, password)
    assert page.status == 401
    assert "That did not work. Check the name and the password" in page.words
    assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/sandbox/sales-units",
        "javascript:alert(1)",
        "/units/1%0d%0aX:1\r\nX: 1",
    ],
)
async def test_nobody_is_led_anywhere_else(guarded_house: House, shop: Shop, to: str) -> None:
    kari = await signed_in(guarded_house, shop)
    page = await kari.send(
        "/sign-in",
        (await Looking(guarded_house, shop, HOST).look("/sign-in")).form("/sign-in")
        | {"name": "kari", "password": PASSWORD, "to": to},
    )
    assert page.status == 303
    assert page.headers["Location"] == "/"


async def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(
    guarded_house: House, shop: Shop
) -> None:
    await add_account(guarded_house, "kari", "viewer")
    kari = Looking(guarded_house, shop, HOST)
    for _ in range(5):
        assert (await sign_in(kari, "kari", "wrong horse battery")).status == 401
    assert (await sign_in(kari, "kari")).status == 401
    keeper = keeper_of(guarded_house)
    account = await keeper.require("kari")
    assert account.locked_until is not None
    await keeper.change(_earlier(account))
    assert (await sign_in(kari, "kari")).status == 303
    assert (await keeper.require("kari")).failures == 0


def test_nobody_is_kept_out_for_longer_than_a_quarter_of_an_hour() -> None:
    account = Account("kari", "viewer", "", MONDAY)
    for _ in range(1000):
        account = account.mistaken(MONDAY)
    assert account.locked_until == MONDAY + timedelta(minutes=15)


def _earlier(account: Account) -> Account:
    assert account.locked_until is not None
    return changed(account, locked_until=account.locked_until - timedelta(hours=1))


async def test_signing_out_ends_the_session_everywhere(guarded_house: House, shop: Shop) -> None:
    kari = await signed_in(guarded_house, shop)
    page = await kari.at()
    cookie = kari._http.cookies.get("__Host-avtale")
    left = await kari.send("/sign-out", page.form("/sign-out"))
    assert left.headers["Location"] == "/sign-in"
    thief = Looking(guarded_house, shop, HOST)
    thief._http.cookies.set("__Host-avtale", cookie or "", domain="avtale.test")
    assert (await thief.look(thief.base)).status == 303


@pytest.mark.parametrize("end", ["password", "disable"])
async def test_another_password_and_being_disabled_end_every_session(
    guarded_house: House, shop: Shop, end: str
) -> None:
    kari = await signed_in(guarded_house, shop)
    keeper = keeper_of(guarded_house)
    if end == "password":
        await keeper.set_password("kari", "another long password")
    else:
        await keeper.set_disabled("kari", disabled=True)
    assert (await kari.look(kari.base)).status == 303
    assert (await sign_in(kari, "kari")).status == 401


@pytest.mark.parametrize("hours", [1, 12])
async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(
    guarded_house: House, shop: Shop, hours: int
) -> None:
    kari = await signed_in(guarded_house, shop)
    storage, now = guarded_house.parts.storage, guarded_house.parts.engine.real_now()
    cookie = kari._http.cookies.get("__Host-avtale") or ""
    hashed = guarded_house.parts.keys.hashed("session", cookie)
    seen = now if hours == 12 else now - timedelta(hours=1)
    old = Session(hashed, "kari", now - timedelta(hours=hours), seen)
    await storage.execute([("end_session", {"session_hash": hashed})])
    await storage.append(Session, [old])
    assert (await kari.look(kari.base)).status == 303


@pytest.mark.parametrize("by_itself", [True, False])
async def test_a_page_that_looks_anew_by_itself_keeps_no_session_alive(
    guarded_house: House, shop: Shop, by_itself: bool
) -> None:
    kari = await signed_in(guarded_house, shop)
    storage, now = guarded_house.parts.storage, guarded_house.parts.engine.real_now()
    cookie = kari._http.cookies.get("__Host-avtale") or ""
    hashed = guarded_house.parts.keys.hashed("session", cookie)
    seen = now - timedelta(minutes=30)
    await storage.execute([("end_session", {"session_hash": hashed})])
    await storage.append(Session, [Session(hashed, "kari", seen, seen)])
    headers = {"HX-Request": "true"} if by_itself else {}
    assert (await kari.look(kari.base, **headers)).status == 200
    [session] = await storage.rows(Session, "session_by_hash", session_hash=hashed)
    assert (session.seen == seen) == by_itself


@pytest.mark.parametrize("role", ["viewer", "support", "developer"])
async def test_each_role_does_what_it_may(guarded_house: House, shop: Shop, role: Role) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    await shop.clock.advance(days=3)
    somebody = await signed_in(guarded_house, shop, "somebody", role)
    refund = await somebody.look(f"{somebody.base}/charges/{charge_id}/refund")
    stop = await somebody.look(f"{somebody.base}/agreements/{agreement_id}/stop")
    assert (refund.status, stop.status) == ((403, 403) if role == "viewer" else (200, 200))
    assert ("Refund…" in (await somebody.at(f"/charges/{charge_id}")).text) == (role != "viewer")
    page = await somebody.at("/clock")
    assert ("Let it run" in page.text) == (role == "developer")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/clock", {"do": "day"}),
        ("/settings", {"name": "Mine"}),
        ("/payers", {"phone": "99999999"}),
        ("/checklist", {"item": "design_guidelines"}),
    ],
)
async def test_support_cannot_send_what_only_developers_may(
    guarded_house: House, shop: Shop, path: str, fields: dict[str, str]
) -> None:
    ola = await signed_in(guarded_house, shop, "ola", "support")
    page = await ola.send(ola.base + path, fields)
    assert page.status == 403


async def test_what_somebody_does_carries_their_name(guarded_house: House, shop: Shop) -> None:
    agreement_id = await shop.agreed()
    charge_id = await shop.charge(agreement_id)
    await shop.clock.advance(days=3)
    ola = await signed_in(guarded_house, shop, "ola", "support")
    await ola.do(f"/charges/{charge_id}/refund?amount=10&reason=Sorry")
    words = (await ola.at("/acts")).words
    assert "ola refund_charge" in words
    assert "ola : refund_charge 10 kr Sorry done" in (await ola.at(f"/charges/{charge_id}")).words


async def test_a_form_of_somebody_elses_session_is_refused(
    guarded_house: House, shop: Shop
) -> None:
    kari = await signed_in(guarded_house, shop, "kari")
    ola = await signed_in(guarded_house, shop, "ola")
    fields = (await kari.at("/clock")).form("/clock")
    assert (await ola.send(ola.base + "/clock", fields | {"do": "freeze"})).status == 403
    assert (await kari.send(kari.base + "/clock", fields | {"do": "freeze"})).status == 303


async def test_who_may_sign_in_is_said_while_nobody_may(guarded_house: House, shop: Shop) -> None:
    page = await Looking(guarded_house, shop, HOST).look("/sign-in")
    assert "avtale accounts add NAME --role developer" in page.words


@pytest.mark.parametrize(
    ("host", "public_url", "is_open"),
    [
        ("127.0.0.1", None, True),
        ("localhost", "http://localhost:8080", True),
        ("0.0.0.0", "http://127.0.0.1:8080", False),
        ("127.0.0.1", "https://avtale.example", False),
    ],
)
async def test_only_a_sandbox_of_this_machines_own_is_open(
    host: str, public_url: str | None, is_open: bool
) -> None:
    async with installation(host=host, expose=True) as running:
        url = public_url or LOCAL
        parts = replace(running.parts, public_url=url)
        looking = Looking(House(parts, running.happened), await running.shop(), url)
        assert ((await looking.look("/")).status, is_open) in {(200, True), (303, False)}


async def test_in_production_one_signs_in_even_on_the_machine_itself() -> None:
    async with installation() as running:
        shop = await running.shop()
        parts = replace(
            running.parts,
            settings=changed(running.parts.settings, environment="production"),
            public_url=LOCAL,
        )
        looking = Looking(House(parts, running.happened), shop, LOCAL)
        assert (await looking.look(looking.base)).status == 303
        for path in ("/sandbox/sales-units", "/phone"):
            assert (await looking.look(path)).status == 404
