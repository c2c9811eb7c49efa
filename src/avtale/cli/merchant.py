"""How commands call the API as a merchant: with which keys, against which environment, and what a refusal says.

Keys come from the environment or `avtale.toml`, never from the command line, where every process could read them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter

from avtale.cli.control import DEFAULT_URL, READY_MADE_UNIT, Where
from avtale.cli.installation import settings_refused
from avtale.cli.output import Failure
from avtale.client import PRODUCTION, TEST, Client
from avtale.client.errors import AvtaleError, NoAnswer
from avtale.configuration import FILE_NAME, section

ENVIRONMENTS: Final = {"test": TEST, "production": PRODUCTION}
READY_MADE_KEYS: Final = {
    "client_id": "fb492b5e-7907-4d83-bc20-c7fb60ca35de",
    "client_secret": "Y8Kteew6GE3ZmeycEt6egg==",
    "subscription_key": "0f14ebcab0ec4b29ae0cb90d91b4a84a",
    "merchant_serial_number": READY_MADE_UNIT,
}
"""Those of every fresh sandbox; public on purpose (sandbox §2)."""
KEYS: Final = tuple(READY_MADE_KEYS)
SYSTEM: Final = ("system_name", "system_version", "system_plugin_name", "system_plugin_version")
KNOWN: Final = frozenset({"url", *KEYS, *SYSTEM})


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AsMerchant(Where):
    """Where to call, and as whom."""

    msn: Annotated[
        str | None,
        Parameter(
            help="The sales unit; else AVTALE_MERCHANT_SERIAL_NUMBER, avtale.toml, or the ready-made one.",
            show_default=False,
        ),
    ] = None
    profile: Annotated[
        str | None,
        Parameter(
            help="Take keys and url from [client.PROFILE] of avtale.toml.",
            env_var="AVTALE_PROFILE",
            show_default=False,
        ),
    ] = None


USUAL_MERCHANT: Final = AsMerchant()

Key = Annotated[
    str | None,
    Parameter(help="The idempotency key, to repeat what was asked before.", show_default=False),
]


@contextlib.contextmanager
def merchant(who: AsMerchant) -> Iterator[Client]:
    """A client; what the API refuses is a Failure with its words."""
    given = settings_of(who)
    try:
        with Client(base_url=given.pop("url"), **given) as client:
            yield client
    except ValueError as error:
        raise Failure(str(error), 2) from error
    except NoAnswer as lost:
        again = f" Repeat it with --key {lost.idempotency_key}." if lost.idempotency_key else ""
        raise Failure(f"{lost}{again}") from lost
    except AvtaleError as error:
        raise Failure("\n".join([str(error), *getattr(error, "__notes__", ())])) from error


def settings_of(who: AsMerchant) -> dict[str, Any]:
    """URL and keys: from the command line, the environment, `avtale.toml`, or the sandbox's ready-made ones.

    Raises Failure where some keys are given and others are missing.
    """
    said = _of_file(who.profile)
    for name in KNOWN:
        if value := os.environ.get(f"AVTALE_{name.upper()}"):
            said[name] = value
    if who.url is not None:
        said["url"] = who.url
    if who.msn is not None:
        said["merchant_serial_number"] = who.msn
    url = str(said.get("url", DEFAULT_URL))
    said["url"] = ENVIRONMENTS.get(url, url)
    missing = [name for name in KEYS if name not in said]
    if set(missing) >= {"client_id", "client_secret", "subscription_key"}:
        if said["url"] in ENVIRONMENTS.values():
            raise Failure(f"{said['url']} wants keys of your own: {_how(missing)}", 2)
        # Nobody has said anything: it is the sandbox.
        return {**READY_MADE_KEYS, **said}
    if missing:
        raise Failure(f"Some keys are given, and others are missing: {_how(missing)}", 2)
    return said


def _how(missing: list[str]) -> str:
    variables = ", ".join(f"AVTALE_{name.upper()}" for name in missing)
    return f"set {variables}, or {', '.join(missing)} under [client] in {FILE_NAME}."


def _of_file(profile: str | None) -> dict[str, Any]:
    with settings_refused():
        found = section("client")
    shared = {name: value for name, value in found.items() if not isinstance(value, dict)}
    chosen: Mapping[str, Any] = {}
    if profile is not None:
        chosen = found.get(profile, {})
        if not isinstance(chosen, dict) or not chosen:
            raise Failure(f"{FILE_NAME} has no [client.{profile}].", 2)
    said = {**shared, **chosen}
    if unknown := sorted(set(said) - KNOWN):
        raise Failure(f"{FILE_NAME}, [client]: {unknown[0]} is not known there.", 2)
    return said


def plain(answer: Any) -> Any:
    """An answer as JSON has it, with the API's own names for its members."""
    return msgspec.json.decode(msgspec.json.encode(answer))


def amount_in_words(amount: int | None, currency: str | None) -> str:
    """`499.00 NOK`; empty where there is none."""
    if amount is None:
        return ""
    return f"{amount // 100}.{amount % 100:02} {currency or ''}".rstrip()


def one_of(given: Mapping[str, Any]) -> str:
    """The one option of several that was given; raises Failure where it is none or more."""
    said = [name for name, value in given.items() if value]
    if len(said) != 1:
        raise Failure(f"Say one of {', '.join(given)}.", 2)
    return said[0]
