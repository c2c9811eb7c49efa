"""What merchants are told, and how; and for the receiving end: whether it is true, and what it says.

Sending it is the service's work. What is named here needs nothing of the server, and is loaded at once.
"""

from avtale.webhooks.parsing import (
    AgreementEvent,
    ChargeEvent,
    MalformedEvent,
    UnknownEvent,
    WebhookEvent,
    parse,
)
from avtale.webhooks.receiving import (
    BodyNotRead,
    verified_event_from_asgi,
    verified_event_from_wsgi,
)
from avtale.webhooks.verification import (
    DateInFuture,
    DateTooOld,
    MalformedHeader,
    MissingHeader,
    NotVerified,
    WrongContentHash,
    WrongSignature,
    verify,
)

__all__ = [
    "AgreementEvent",
    "BodyNotRead",
    "ChargeEvent",
    "DateInFuture",
    "DateTooOld",
    "MalformedEvent",
    "MalformedHeader",
    "MissingHeader",
    "NotVerified",
    "UnknownEvent",
    "WebhookEvent",
    "WrongContentHash",
    "WrongSignature",
    "parse",
    "verified_event_from_asgi",
    "verified_event_from_wsgi",
    "verify",
]
