"""What `avtale up` says once it answers: where it is, its keys, one command to paste, one line to change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from avtale.cli.installation import shown
from avtale.cli.output import bold, dim, say
from avtale.instants import iso
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT

if TYPE_CHECKING:
    from avtale.sales_units import SalesUnit
    from avtale.server import Parts

VENDOR_URL: Final = "https://apitest.vipps.no"
"""Where code that was written for the vendor's test environment sends its requests."""

PAGES: Final = {"dashboard": "/", "reference": "/docs"}
"""What there is to look at beside the API, by name and path; a test fetches each."""

SANDBOX_PAGES: Final = {"phone": "/phone", "control": "/sandbox/sales-units"}
"""The same, where payers and clocks obey."""

_DRAFT = {
    "pricing": {"amount": 49900, "currency": "NOK"},
    "interval": {"unit": "MONTH", "count": 1},
    "productName": "Premier League",
    "merchantRedirectUrl": "https://example.com/welcome",
    "merchantAgreementUrl": "https://example.com/agreement",
}


async def announce(parts: Parts, url: str, *, as_json: bool) -> None:
    """Print what one needs to know to use the server that answers under `url`."""
    told = await _told(parts, parts.settings.public_url or url)
    if as_json:
        say(json.dumps(told, ensure_ascii=False))
    else:
        say("\n".join(_lines(told)))


async def _told(parts: Parts, url: str) -> dict[str, Any]:
    url = url.rstrip("/")
    unit = await _public_unit(parts)
    urls = {"api": url} | {name: url + path for name, path in PAGES.items()}
    told: dict[str, Any] = {"urls": urls, "keys": None, "curl": None, "baseUrl": url}
    now = parts.engine.real_now()
    told["clock"] = {"now": iso(now), "mode": "running"}
    told["data"] = shown(parts.settings.data)
    if parts.settings.environment == "test":
        from avtale.payers import PUBLIC_PAYER

        told["urls"] |= {name: url + path for name, path in SANDBOX_PAGES.items()}
        if unit is not None:
            told["keys"] = _keys(PUBLIC_PAYER)
            told["curl"] = _curl(url)
            told["clock"] = {"now": iso(unit.now(now)), "mode": unit.clock_mode}
    return told


async def _public_unit(parts: Parts) -> SalesUnit | None:
    """The ready-made sales unit, where it is there still and its public keys work."""
    if parts.settings.environment != "test":
        return None
    known = await parts.directory.by_subscription_key(PUBLIC_CREDENTIALS.subscription_key)
    if known is None or PUBLIC_UNIT not in known.sales_units:
        return None
    secret, hashed = PUBLIC_CREDENTIALS.client_secret, known.client.secret_hash
    if not parts.keys.matches("client secret", secret, hashed):
        return None
    return await parts.directory.sales_unit(PUBLIC_UNIT)


def _keys(phone_number: str) -> dict[str, str]:
    return {
        "client_id": PUBLIC_CREDENTIALS.client_id,
        "client_secret": PUBLIC_CREDENTIALS.client_secret,
        "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
        "Merchant-Serial-Number": PUBLIC_UNIT,
        "phoneNumber": phone_number,
    }


def _curl(url: str) -> str:
    """A token and a draft in one command; needs bash or the like, curl and sed."""
    public = PUBLIC_CREDENTIALS
    members = ",\n".join(f'    "{name}": {json.dumps(value)}' for name, value in _DRAFT.items())
    return f"""\
curl -sS {url}/recurring/v3/agreements \\
  -H "Authorization: Bearer $(curl -sS -X POST {url}/accesstoken/get \\
    -H 'client_id: {public.client_id}' \\
    -H 'client_secret: {public.client_secret}' \\
    -H 'Ocp-Apim-Subscription-Key: {public.subscription_key}' \\
    | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')" \\
  -H 'Ocp-Apim-Subscription-Key: {public.subscription_key}' \\
  -H 'Merchant-Serial-Number: {PUBLIC_UNIT}' \\
  -H "Idempotency-Key: draft-$RANDOM$RANDOM" \\
  -H 'Content-Type: application/json' \\
  -d '{{
{members}
  }}'"""


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [bold("URLs"), *_pairs(told["urls"]), ""]
    if told["keys"]:
        lines += [bold("Keys of the ready-made sales unit"), *_pairs(told["keys"]), ""]
    if told["curl"]:
        lines += [bold("Paste this for a token and a draft of an agreement"), told["curl"], ""]
    lines += [bold("The one line to change in your own code")]
    lines += [f'  base_url = "{told["baseUrl"]}"  {dim(f"# instead of {VENDOR_URL}")}', ""]
    clock = f"{told['clock']['now']}, {told['clock']['mode']}"
    lines += _pairs({bold("Clock"): clock, bold("Data"): told["data"]}, indent="")
    return lines


def _pairs(values: dict[str, str], indent: str = "  ") -> list[str]:
    width = max(map(len, values))
    return [f"{indent}{name.ljust(width)}  {value}" for name, value in values.items()]
