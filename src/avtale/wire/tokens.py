"""The access token as JSON: seven strings, two of them numbers in disguise.

Source: api-facts 1.1; rulings §3.
"""

from __future__ import annotations

import msgspec


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the token endpoint answers; times are seconds, lifetimes and since 1970, as strings."""

    token_type: str
    expires_in: str
    ext_expires_in: str
    expires_on: str
    not_before: str
    resource: str
    access_token: str
