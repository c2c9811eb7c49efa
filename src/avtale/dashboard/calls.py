"""The very call of the API that an act makes, to be read, copied and sent by oneself: as curl and as Python."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT, Credentials

_OWN = Credentials("$CLIENT_ID", "$CLIENT_SECRET", "$SUBSCRIPTION_KEY")


class ApiCall(NamedTuple):
    """A request of the API."""

    operation: str
    """Its name everywhere: `refund_charge`."""
    method: str
    path: str
    arguments: tuple[str, ...]
    """What the path names, in order."""
    body: dict[str, Any] | None

    def encoded(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


def as_curl(call: ApiCall, url: str, msn: str, key: str) -> str:
    """For a shell; the token comes from `avtale token` or from one's own code."""
    credentials = PUBLIC_CREDENTIALS if msn == PUBLIC_UNIT else _OWN
    lines = [
        f"curl -sS -X {call.method} {url}{call.path}",
        '  -H "Authorization: Bearer $TOKEN"',
        f"  -H {_quoted('Ocp-Apim-Subscription-Key: ' + credentials.subscription_key)}",
        f"  -H {_quoted('Merchant-Serial-Number: ' + msn)}",
        f"  -H {_quoted('Idempotency-Key: ' + key)}",
    ]
    if call.body is not None:
        lines.append("  -H 'Content-Type: application/json'")
        lines.append(f"  -d {_quoted(call.encoded().decode())}")
    return " \\\n".join(lines)


def as_python(call: ApiCall, key: str) -> str:
    """For a program that has a `Client`."""
    given = [repr(argument) for argument in call.arguments]
    members = call.body or {}
    name = call.operation
    if members.get("status") == "STOPPED":
        name, members = "stop_agreement", {}
    given += [f"{_snake(member)}={value!r}" for member, value in members.items()]
    given.append(f"idempotency_key={key!r}")
    inside = "".join(f"    {each},\n" for each in given)
    return f"client.{name}(\n{inside})"


def _quoted(text: str) -> str:
    """One word of a shell, even where it begins with a dollar, which is for whoever copies it to fill in."""
    if "$" in text and "'" not in text and '"' not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "'\\''") + "'"


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
