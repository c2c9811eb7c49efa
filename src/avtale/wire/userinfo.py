"""A shared profile as JSON: the members that each word of the scope opens, in OIDC's names (api-facts 9.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from avtale.payers import Payer

EXPIRED = "[Expired]"
"""What stands for every consented member when the window is over (rulings §10)."""


class AddressAnswer(msgspec.Struct, frozen=True):
    """A postal address; `formatted` has its lines joined by line feeds."""

    address_type: str
    country: str
    formatted: str
    postal_code: str
    region: str
    street_address: str


class UserinfoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a payer shared; only members whose word was consented to are there."""

    sub: str
    sid: str
    name: str | UnsetType = UNSET
    given_name: str | UnsetType = UNSET
    family_name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    email_verified: bool | UnsetType = UNSET
    phone_number: str | UnsetType = UNSET
    phone_number_verified: bool | UnsetType = UNSET
    birthdate: str | UnsetType = UNSET
    address: AddressAnswer | str | UnsetType = UNSET
    other_addresses: tuple[AddressAnswer, ...] | UnsetType = UNSET
    nin: str | UnsetType = UNSET


MEMBERS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "given_name", "family_name"),
    "email": ("email", "email_verified"),
    "phoneNumber": ("phone_number", "phone_number_verified"),
    "birthDate": ("birthdate",),
    "address": ("address", "other_addresses"),
    "nin": ("nin",),
}
"""The words of a scope, and the members that each opens."""


def userinfo_answer(sub: str, scope: str, payer: Payer | None) -> UserinfoAnswer:
    """What `scope` opens of the payer's profile as it is now; without a payer, that the window is over."""
    everything = _profile(payer) if payer is not None else {}
    shared = {
        member: everything.get(member, EXPIRED)
        for word in scope.split()
        for member in MEMBERS.get(word, ())
        if payer is not None or member not in _NO_TEXT
    }
    return UserinfoAnswer(sub=sub, sid=_sid(sub), **shared)


_NO_TEXT = frozenset({"email_verified", "phone_number_verified", "other_addresses"})


def _profile(payer: Payer) -> dict[str, Any]:
    profile = payer.profile
    home = profile.address
    lines = (home.street_address, home.postal_code, home.region, home.country)
    return {
        "name": payer.name,
        "given_name": profile.given_name,
        "family_name": profile.family_name,
        "email": profile.email,
        "email_verified": False,
        "phone_number": payer.phone_number,
        "phone_number_verified": True,
        "birthdate": profile.birth_date.isoformat(),
        "address": AddressAnswer(
            address_type="home",
            country=home.country,
            formatted="\n".join(lines),
            postal_code=home.postal_code,
            region=home.region,
            street_address=home.street_address,
        ),
        "other_addresses": (),
        "nin": profile.nin,
    }


def _sid(sub: str) -> str:
    """A session's id, as long as the real ones; the same for the same payer and sales unit."""
    return hashlib.blake2b(sub.encode(), digest_size=8).hexdigest()
