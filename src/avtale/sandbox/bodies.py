"""Bodies of the control API: strict JSON whatever it is declared as, with every fault told, misspellings too."""

from __future__ import annotations

from typing import TypeVar

import falcon.asgi
import msgspec

from avtale.api.gate import SMALL_BODY, read_body
from avtale.problems import Fault, ValidationFailed
from avtale.rulebook import rulebook_for
from avtale.wire.reading import read_json, shaped, unknown_members

Shape = TypeVar("Shape", bound=msgspec.Struct)

_RULES = rulebook_for("test", "NO")


async def body_of(
    req: falcon.asgi.Request, shape: type[Shape], *, may_be_empty: bool = False
) -> Shape:
    """The body in the given shape; with `may_be_empty`, no body is an empty object.

    A member that nobody knows is a fault here: a misspelt `days` must not advance a clock by nothing.
    The media type is not looked at, since `curl -d` names another one; pages of other sites, which could
    send nothing else, are kept out by the guard.
    """
    raw = await read_body(req, SMALL_BODY)
    if may_be_empty and not raw.strip():
        return shape()
    value = read_json(raw)
    strangers = [Fault(name, "is not known here") for name in unknown_members(value, shape)]
    try:
        body = shaped(value, shape, _RULES)
    except ValidationFailed as failed:
        raise ValidationFailed(*failed.faults, *strangers) from None
    faults = body.faults(_RULES) if hasattr(body, "faults") else []
    if faults or strangers:
        raise ValidationFailed(*faults, *strangers)
    return body
