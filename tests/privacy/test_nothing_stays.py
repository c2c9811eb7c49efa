"""A shared profile stands in no file: not while it is shared, and not when the 168 hours are over (reliability P-4)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx

from tests.cli.terminal import Merchant, Running, serving
from tests.storage.handling import around
from tests.support import installation

PHONE = "4740404040"
CANARY: dict[str, Any] = {
    "name": "Kanarifugl Bekkasinsen",
    "email": "kvitre.sangsvane@example.com",
    "birthDate": "1971-08-23",
    "address": {
        "streetAddress": "Fuglefjellveien 777",
        "postalCode": "9876",
        "region": "STJERNEBY",
    },
    "nin": "23887198765",
}
TEXTS = (
    "Kanarifugl",
    "Bekkasinsen",
    "kvitre.sangsvane",
    "1971-08-23",
    "Fuglefjellveien",
    "STJERNEBY",
    "23887198765",
)
SCOPE = "name email birthDate address nin phoneNumber"


def spellings(text: str) -> set[bytes]:
    """The bytes of a text, however somebody may have written it down."""
    plain = text.encode()
    found = {plain, plain.lower(), text.encode("utf-16-le"), text.encode("utf-16-be")}
    found |= {plain.hex().encode(), plain.hex().upper().encode()}
    for shift in range(3):
        # Base64 of a longer text that holds this one begins at any of three places.
        coded = base64.b64encode(b"x" * shift + plain)
        found.add(coded[4 if shift else 0 : -4])
    return found


def traces(data: bytes) -> list[str]:
    return [text for text in TEXTS if any(spelling in data for spelling in spellings(text))]


def test_the_search_finds_what_is_there() -> None:
    """So that finding nothing means something."""
    for text in TEXTS:
        for spelling in spellings(text):
            assert traces(b"\0" + spelling + b"\0"), (text, spelling)
    longer = base64.b64encode(f'{{"given_name": "{TEXTS[0]}"}}'.encode())
    assert traces(longer) == [TEXTS[0]]


def share(server: Running, merchant: Merchant) -> str:
    """Describe the canary, let it approve, fetch its profile; answers with its sub."""
    server.ask("PATCH", "/sandbox/sales-units/123456", {"features": {"nin": True}})
    server.ask("PUT", f"/sandbox/payers/{PHONE}", CANARY)
    agreement_id = merchant.draft(scope=SCOPE, phoneNumber=PHONE)
    server.ask("POST", f"/sandbox/agreements/{agreement_id}/approve", {"phoneNumber": PHONE})
    sub: str = merchant.ask("GET", f"/agreements/{agreement_id}")["sub"]
    profile = fetched(merchant, server, sub)
    assert (profile["name"], profile["nin"]) == (CANARY["name"], CANARY["nin"])
    assert profile["address"]["street_address"] == "Fuglefjellveien 777"
    # What a payer looks at is personal too.
    for page in ("", "/me", "/agreements", "/notices"):
        assert httpx.get(f"{server.url}/phone/{PHONE}{page}", trust_env=False).status_code == 200
    return sub


def fetched(merchant: Merchant, server: Running, sub: str) -> Any:
    answer = httpx.get(
        f"{server.url}/vipps-userinfo-api/userinfo/{sub}",
        headers=merchant.credentials,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_no_byte_of_a_shared_profile_is_found_in_any_file(tmp_path: Path) -> None:
    with serving(
        "up", "--data", "avtale.db", "--port", "0", "--log-level", "debug", folder=tmp_path
    ) as server:
        merchant = Merchant(server.url, server.told["keys"])
        sub = share(server, merchant)
        while_shared = {path.name: traces(path.read_bytes()) for path in files(tmp_path)}
        assert {"avtale.db", "avtale.db-wal"} <= while_shared.keys()
        assert not any(while_shared.values()), while_shared
        server.ask("POST", "/sandbox/sales-units/123456/clock/advance", {"hours": 168})
        over = fetched(merchant, server, sub)
        assert {over[member] for member in ("name", "email", "birthdate", "nin", "address")} == {
            "[Expired]"
        }
        afterwards = {path.name: traces(path.read_bytes()) for path in files(tmp_path)}
        assert not any(afterwards.values()), afterwards
        ran = server.stop()
    assert ran.code == 0
    assert len(ran.err.splitlines()) > 10, "the log says everything, and so something"
    assert traces(ran.err.encode()) == []
    closed = {path.name: traces(path.read_bytes()) for path in files(tmp_path)}
    assert not any(closed.values()), closed


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_no_table_of_any_database_holds_it(database_url: str) -> None:
    async with installation(database_url) as house:
        shop = await house.public_shop()
        reply = await shop.raw(
            "PUT",
            f"/sandbox/payers/{PHONE}",
            headers={"Host": "avtale.test", "Content-Type": "application/json"},
            content=httpx.Request("PUT", "http://x", json=CANARY).read(),
        )
        assert reply.status == 201, reply.body
        agreement_id = (await shop.draft(scope=SCOPE))["agreementId"]
        await shop.force_accept(agreement_id, PHONE)
        rows: list[Any] = []
        for table in ("payers", "agreements", "idempotency_keys", "events", "agreement_history"):
            rows += await around(database_url, f"SELECT * FROM {table}")
        assert any(PHONE in repr(row) for row in rows), "who pays is known"
        assert traces(repr(rows).encode()) == []


async def test_a_deleted_profile_is_gone_from_the_payer_too(database_url: str) -> None:
    async with installation(database_url) as house:
        shop = await house.public_shop()
        local = {"Host": "avtale.test"}
        await shop.raw("PUT", f"/sandbox/payers/{PHONE}", headers=local)
        before = await around(
            database_url, "SELECT profile FROM payers WHERE phone_number = ?", PHONE
        )
        gone = await shop.raw("DELETE", f"/sandbox/payers/{PHONE}", headers=local)
        assert gone.status == 204
        found = await shop.raw("GET", f"/sandbox/payers/{PHONE}", headers=local)
        assert found.status == 404
        after = await around(
            database_url, "SELECT profile FROM payers WHERE phone_number = ?", PHONE
        )
        assert before != after
