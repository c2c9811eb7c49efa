"""Which sales unit a request without one in its path means."""

from __future__ import annotations

import falcon.asgi

from avtale.identifiers import SERIAL_NUMBER
from avtale.problems import ValidationFailed


def serial_number(req: falcon.asgi.Request) -> str:
    """The query's `merchantSerialNumber`, empty where any unit will do; raises ValidationFailed."""
    given: str | None = req.get_param("merchantSerialNumber")
    if given is None:
        return ""
    if SERIAL_NUMBER.fullmatch(given) is None:
        raise ValidationFailed.of("merchantSerialNumber", "must be 4 to 10 digits")
    return given
