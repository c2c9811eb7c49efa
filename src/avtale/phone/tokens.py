"""The token in whatever somebody pastes: a confirmation URL, an app link, or the token itself."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,512}", re.ASCII)
LONGEST: Final = 2048


def token_in(text: str) -> str | None:
    """The landing token in a pasted text, or None where there is none."""
    text = text.strip()[:LONGEST]
    if "token=" in text:
        try:
            query = urlsplit(text).query or text.partition("?")[2]
            text = parse_qs(query, max_num_fields=20).get("token", [""])[0]
        except ValueError:
            return None
    return text if _TOKEN.fullmatch(text) else None
