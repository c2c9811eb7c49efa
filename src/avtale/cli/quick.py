"""The command line of `up`, `api` and `worker` where it is plain: names and values of settings.

Anything else (help, a mistake, a short form) is left to the library that all other commands use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from avtale.configuration import Settings


class Given(NamedTuple):
    """What the command line says."""

    settings: dict[str, str | bool]
    as_json: bool = False
    quiet: bool = False


def read(words: Sequence[str]) -> Given | None:
    """What the words say, or None where they are not plain enough to be sure."""
    defaults = dict(zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True))
    settings: dict[str, str | bool] = {}
    flags = {"--json": False, "--quiet": False}
    left = iter(words)
    for word in left:
        if word in flags:
            if flags[word]:
                return None
            flags[word] = True
            continue
        option, equals, value = word.partition("=")
        name = option[2:].replace("-", "_")
        if not option.startswith("--") or "_" in option or name not in defaults:
            return None
        if name in settings:
            return None
        if isinstance(defaults[name], bool):
            if equals:
                return None
            settings[name] = True
            continue
        if not equals:
            value = next(left, "-")
            if value.startswith("-"):
                return None
        settings[name] = value
    return Given(settings, flags["--json"], flags["--quiet"])
