"""The installation's secret and what is derived from it: key hashes, tokens' signing key, landing tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Literal

Purpose = Literal[
    "client secret",
    "subscription key",
    "access token",
    "landing",
    "continuation",
    "form",
    "session",
    "rest",
]


class Keys:
    """Derived keys of one installation; the same secret gives the same keys in every process."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def derived(self, purpose: Purpose) -> bytes:
        """A key of 32 bytes for one purpose alone."""
        return hmac.digest(self._secret, f"avtale/{purpose}".encode(), hashlib.sha256)

    def hashed(self, purpose: Purpose, text: str) -> str:
        """A keyed hash of a machine's secret, for keeping and comparing (reliability A-2)."""
        return hmac.new(self.derived(purpose), text.encode(), hashlib.sha256).hexdigest()

    def matches(self, purpose: Purpose, text: str, hashed: str) -> bool:
        """Whether `text` is what was hashed, in the same time whatever the answer."""
        return hmac.compare_digest(self.hashed(purpose, text).encode(), hashed.encode())

    def sealed(self, purpose: Purpose, text: str) -> str:
        """`text` with a signature, as base64url; readable, not forgeable."""
        signature = hmac.digest(self.derived(purpose), text.encode(), hashlib.sha256)[:20]
        return base64.urlsafe_b64encode(signature + text.encode()).decode().rstrip("=")

    def opened(self, purpose: Purpose, sealed: str) -> str | None:
        """What was sealed, or None where anything about it was changed."""
        try:
            raw = base64.b64decode(
                sealed.encode("ascii") + b"=" * (-len(sealed) % 4), altchars=b"-_", validate=True
            )
            text = raw[20:].decode()
        except (ValueError, UnicodeError):
            return None
        signature = hmac.digest(self.derived(purpose), text.encode(), hashlib.sha256)[:20]
        # Compared as it came, so that no second spelling of the same bytes is good.
        is_ours = hmac.compare_digest(signature, raw[:20])
        return text if is_ours and self.sealed(purpose, text) == sealed else None
