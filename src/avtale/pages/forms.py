"""Forms that cannot be sent from another site: a sealed token in each, good for one subject and some hours.

Beside it stands the guard of the control API, which looks at where a request comes from (reliability W-4).
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

import falcon.asgi

from avtale.instants import from_milliseconds, to_milliseconds
from avtale.keys import Keys
from avtale.problems import CrossSite, PayloadTooLarge, ValidationFailed

GOOD_FOR: Final = timedelta(hours=12)
"""Real time for which a page that was left open can still be sent."""

MOST_BYTES: Final = 16 * 1024
MOST_FIELDS: Final = 50
_FORM: Final = "application/x-www-form-urlencoded"


class Forms:
    """Makes and checks the tokens of forms."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def token(self, subject: str, now: datetime) -> str:
        """What a form about `subject` carries in its field `form`."""
        until = to_milliseconds(now + GOOD_FOR)
        return self._keys.sealed("form", f"{until}.{subject}")

    async def read(self, req: falcon.asgi.Request, subject: str, now: datetime) -> dict[str, str]:
        """The fields of a form about `subject`; raises CrossSite where the token is not one of ours for it."""
        if (req.content_type or "").partition(";")[0].strip().lower() != _FORM:
            raise ValidationFailed(detail="A form is sent as a browser sends it.")
        body: bytes = await req.stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise PayloadTooLarge(f"A form may be at most {MOST_BYTES} bytes.")
        try:
            fields = dict(
                parse_qsl(
                    body.decode("ascii"),
                    keep_blank_values=True,
                    max_num_fields=MOST_FIELDS,
                    errors="strict",
                )
            )
        except ValueError as error:
            raise ValidationFailed(detail="The form cannot be read.") from error
        self._require(fields.pop("form", ""), subject, now)
        return fields

    def _require(self, token: str, subject: str, now: datetime) -> None:
        opened = self._keys.opened("form", token) or ""
        until, _, about = opened.partition(".")
        is_ours = hmac.compare_digest(about.encode(), subject.encode()) and until.isdigit()
        if not is_ours or from_milliseconds(int(until)) <= now:
            raise CrossSite("The form is too old, or is none of ours; open the page anew.")
