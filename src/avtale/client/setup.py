"""How a client is set up: where it calls, with which keys, in whose name; looked at before the first call."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Final, Required, TypedDict
from urllib.parse import urlsplit

import msgspec

from avtale import __version__

TEST: Final = "https://apitest.vipps.no"
"""The vendor's test environment."""
PRODUCTION: Final = "https://api.vipps.no"
"""The vendor's production environment."""

LONGEST_HEADER: Final = 30
LONGEST_KEY: Final = 40
PUBLIC_CLIENT_ID: Final = "fb492b5e-7907-4d83-bc20-c7fb60ca35de"
"""The ready-made keys of every fresh avtale, which are nobody's elsewhere (sandbox §2)."""


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """When a call is repeated: after no answer, 429 and 5xx, always under the same idempotency key."""

    times: int = 4
    """How often it is repeated."""
    first_pause_seconds: float = 0.5
    """Before the first repetition; each later one may wait twice as long."""
    longest_pause_seconds: float = 60.0
    """A `Retry-After` beyond it ends the repeating."""
    chance: Callable[[], float] = random.random
    """A number from 0 to 1: how much of a pause is waited, so that many clients do not come back at once."""

    def pause(self, repetition: int, retry_after: float | None) -> float | None:
        """Seconds to wait before the `repetition`-th, counted from 0; None where that is too long."""
        if retry_after is not None and retry_after > self.longest_pause_seconds:
            return None
        most = min(self.first_pause_seconds * 2.0**repetition, self.longest_pause_seconds)
        # At least half of it, so that a server in trouble gets some rest.
        return max(retry_after or 0.0, most * (0.5 + self.chance() / 2))


class Keywords(TypedDict, total=False):
    """What a client is made with, besides `base_url`; see `Setup`."""

    client_id: Required[str]
    client_secret: Required[str]
    subscription_key: Required[str]
    merchant_serial_number: Required[str]
    system_name: str
    system_version: str
    system_plugin_name: str
    system_plugin_version: str
    timeout_seconds: float
    retries: Retries
    new_key: Callable[[], str]


def new_key() -> str:
    """A fresh idempotency key."""
    return str(uuid.uuid4())


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Where to call, and the keys; raises ValueError with what is wrong."""

    base_url: str
    client_id: str
    client_secret: str
    subscription_key: str
    merchant_serial_number: str
    system_name: str = "avtale"
    system_version: str = __version__
    system_plugin_name: str = "avtale-client"
    system_plugin_version: str = __version__
    timeout_seconds: float = 30.0
    """For one attempt."""
    retries: Retries = Retries()
    new_key: Callable[[], str] = new_key

    def __post_init__(self) -> None:
        """Refuse what could not work."""
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
            raise ValueError(
                f"base_url is {self.base_url!r}; give TEST, PRODUCTION or a URL such as http://127.0.0.1:8080."
            )
        for name in ("client_id", "client_secret", "subscription_key", "merchant_serial_number"):
            if not _is_header(getattr(self, name)):
                raise ValueError(f"{name} is empty, or holds characters that no key has.")
        for name, value in self.identity.items():
            if len(value) > LONGEST_HEADER or not _is_header(value):
                raise ValueError(
                    f"{name} is {value!r}; the header takes 1 to {LONGEST_HEADER} printable characters."
                )
        if self.is_the_vendors and self.client_id == PUBLIC_CLIENT_ID:
            raise ValueError(
                f"These are the public keys of an avtale sandbox, and {self.base_url} knows them not; "
                "use the sales unit's own."
            )

    @property
    def url(self) -> str:
        """The base without a slash at its end."""
        return self.base_url.rstrip("/")

    @property
    def is_the_vendors(self) -> bool:
        """Whether it is one of the vendor's two environments."""
        return self.url in {TEST, PRODUCTION}

    @property
    def identity(self) -> dict[str, str]:
        """The four values that name the merchant's system."""
        return {
            "system_name": self.system_name,
            "system_version": self.system_version,
            "system_plugin_name": self.system_plugin_name,
            "system_plugin_version": self.system_plugin_version,
        }

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {
            "Ocp-Apim-Subscription-Key": self.subscription_key,
            "Merchant-Serial-Number": self.merchant_serial_number,
            "Vipps-System-Name": self.system_name,
            "Vipps-System-Version": self.system_version,
            "Vipps-System-Plugin-Name": self.system_plugin_name,
            "Vipps-System-Plugin-Version": self.system_plugin_version,
            "Accept": "application/json",
            "User-Agent": f"avtale-client/{__version__}",
        }

    def __repr__(self) -> str:
        """Without the keys."""
        return f"Setup(base_url={self.base_url!r}, merchant_serial_number={self.merchant_serial_number!r})"


def _is_header(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable()
