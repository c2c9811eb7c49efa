"""Getting access to user info: what a payer consented to, for whom, and for how long."""

from __future__ import annotations

from avtale.payers import Payer
from tests.support import KARI, House, Reply, Shop

SCOPE = "name address email phoneNumber birthDate"


async def fetched(shop: Shop, sub: str, **headers: str | None) -> Reply:
    """What the userinfo endpoint answers, without a subscription key unless one is given."""
    sent = await shop.headers(
        Ocp_Apim_Subscription_Key=headers.pop("key", None), Content_Type=None, Idempotency_Key=None
    )
    return await shop.raw("GET", f"/vipps-userinfo-api/userinfo/{sub}", headers=sent)


async def shared(shop: Shop, scope: str = SCOPE) -> str:
    """The sub of Kari, who approved an agreement that asks for `scope`."""
    agreement = (await shop.draft(scope=scope))["agreementId"]
    await shop.kari.approves(agreement)
    sub: str = (await shop.agreement(agreement))["sub"]
    return sub


async def test_send_request_get_userinfo(shop: Shop) -> None:
    sub = await shared(shop)
    reply = await fetched(shop, sub)
    assert reply.status == 200
    profile = reply.json
    assert profile["sub"] == sub
    assert len(profile["sid"]) == 16
    assert profile["name"] == "Kari Nordmann"
    assert (profile["given_name"], profile["family_name"]) == ("Kari", "Nordmann")
    assert profile["birthdate"] == "1985-05-17"
    assert profile["phone_number"] == KARI
    assert profile["phone_number_verified"] is True
    assert profile["email"] == "kari.nordmann@example.com"
    assert profile["address"]["formatted"] == "Karl Johans gate 22\n0026\nOSLO\nNO"
    assert profile["other_addresses"] == []
    assert "nin" not in profile


async def test_the_sub_is_told_only_once_the_payer_has_said_yes(shop: Shop) -> None:
    agreement = (await shop.draft(scope=SCOPE))["agreementId"]
    before = await shop.agreement(agreement)
    assert (before["sub"], before["userinfoUrl"]) == (None, None)


async def test_a_subscription_key_is_neither_needed_nor_refused(shop: Shop) -> None:
    sub = await shared(shop)
    assert (await fetched(shop, sub, key="not a key at all")).status == 200


async def test_only_what_was_consented_is_there(shop: Shop) -> None:
    sub = await shared(shop, "birthDate")
    assert set((await fetched(shop, sub)).json) == {"sub", "sid", "birthdate"}


async def test_the_national_id_is_dropped_where_the_unit_may_not_ask_for_it(shop: Shop) -> None:
    sub = await shared(shop, "name nin")
    assert "nin" not in (await fetched(shop, sub)).json


async def test_another_sales_unit_finds_nothing_and_the_status_is_a_string(
    house: House, shop: Shop
) -> None:
    sub = await shared(shop)
    stranger = await house.shop()
    reply = await fetched(stranger, sub)
    assert reply.status == 404
    assert reply.json["status"] == "404"
    assert reply.json["type"].endswith("#resource-not-found")


async def test_two_sales_units_know_one_payer_by_two_subs(house: House, shop: Shop) -> None:
    other = await house.shop()
    assert await shared(shop) != await shared(other)


async def test_the_profile_is_as_it_is_when_it_is_fetched(house: House, shop: Shop) -> None:
    sub = await shared(shop)
    kari = await house.find(Payer, KARI)
    await house.put(kari.described(family_name="Hansen"), KARI)
    assert (await fetched(shop, sub)).json["name"] == "Kari Hansen"


async def test_after_168_hours_every_text_reads_expired(shop: Shop) -> None:
    sub = await shared(shop)
    await shop.clock.advance(hours=168, seconds=-1)
    assert (await fetched(shop, sub)).json["name"] == "Kari Nordmann"
    await shop.clock.advance(seconds=1)
    over = (await fetched(shop, sub)).json
    texts = ("name", "given_name", "family_name", "email", "phone_number", "birthdate", "address")
    assert {over[member] for member in texts} == {"[Expired]"}
    assert "Kari" not in str(over)


async def test_a_token_is_needed(shop: Shop) -> None:
    sub = await shared(shop)
    reply = await shop.raw("GET", f"/vipps-userinfo-api/userinfo/{sub}", headers={})
    assert reply.status == 401
    assert reply.json["status"] == "401"
