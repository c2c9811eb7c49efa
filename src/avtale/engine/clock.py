"""The seams to the world outside: what time it is, and randomness that nobody can guess."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime


def real_now() -> datetime:
    """Real time in UTC, in whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def seed() -> bytes:
    """Thirty-two bytes of the system's randomness."""
    return secrets.token_bytes(32)


def context_id() -> str:
    """The id of a request: a version-4 UUID, written out by hand since every request gets one."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
