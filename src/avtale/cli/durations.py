"""Durations as people type them: `15d`, `36h`, `1d12h`, `90m`."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"([0-9]{1,6})([wdhms])", re.ASCII)
_WHOLE = re.compile(r"(?:[0-9]{1,6}[wdhms])+", re.ASCII)


def read_duration(text: str) -> dict[str, int]:
    """Days, hours, minutes and seconds, as the control API takes them; raises ValueError.

    Each unit may be named once. A week is seven days.
    """
    typed = text.strip().lower().replace(" ", "")
    if _WHOLE.fullmatch(typed) is None:
        raise ValueError(f"{text!r} is no duration; say for example 15d, 36h or 1d12h.")
    parts: dict[str, int] = {}
    for number, unit in _PART.findall(typed):
        name = _UNITS[unit]
        if name in parts:
            raise ValueError(f"{text!r} names {name} twice.")
        parts[name] = int(number)
    if weeks := parts.pop("weeks", 0):
        parts["days"] = parts.get("days", 0) + 7 * weeks
    return parts
