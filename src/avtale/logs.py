"""The log: one JSON object per line on standard error, in UTC, without secrets.

A healthy server at its usual level writes nothing, so structlog is loaded with the first line that is written.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal

Level = Literal["debug", "info", "warning", "error"]

NUMBERS: Final[dict[Level, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LEFT_OUT = "(left out)"

_SECRET_NAMES = re.compile(
    r"secret|password|passwd|authorization|cookie|subscription.?key|\btoken|_token|\bnin\b|phone",
    re.IGNORECASE,
)
_SECRET_VALUES: Final = (
    # A bearer token, whoever quotes it.
    (re.compile(r"\b(bearer\s+)[\w.~+/=-]+", re.IGNORECASE), rf"\1{LEFT_OUT}"),
    # A signed token on its own.
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), LEFT_OUT),
    # The password of a database's address.
    (re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+@"), rf"\1{LEFT_OUT}@"),
    # The token of a landing page.
    (re.compile(r"([?&]token=)[\w-]+"), rf"\1{LEFT_OUT}"),
)


class Log:
    """Writes what happens in one part of avtale; `event` is a few words, the rest comes as fields."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def writes(self, level: Level) -> bool:
        """Whether a line of `level` would be written; whoever writes many asks first."""
        return NUMBERS[level] >= _Settings.threshold

    def debug(self, event: str, **fields: Any) -> None:
        """What only somebody who looks for a mistake wants to know."""
        _write(self._name, "debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """What an operator may want to know."""
        _write(self._name, "info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """What an operator should look at some day."""
        _write(self._name, "warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """What an operator must look at; `exc_info` may be an exception."""
        _write(self._name, "error", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """An error, with the exception that is being handled."""
        _write(self._name, "error", event, {"exc_info": True, **fields})


class _Settings:
    """What is written; one process has one log."""

    threshold = NUMBERS["warning"]
    structlog: Any = None


def get_logger(name: str) -> Log:
    """The log of the part of avtale that is called `name`."""
    return Log(name)


def configure(level: Level) -> None:
    """Write what is of `level` or graver, also what the libraries tell the standard library's log."""
    _Settings.threshold = NUMBERS[level]
    root = logging.getLogger()
    root.setLevel(max(NUMBERS[level], NUMBERS["warning"]))
    root.handlers = [_Bridge()]
    logging.captureWarnings(True)


class _Bridge(logging.Handler):
    """Brings the libraries' lines into ours."""

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "error" if record.levelno >= NUMBERS["error"] else "warning"
        exc_info = record.exc_info[1] if record.exc_info else None
        fields = {"exc_info": exc_info} if exc_info else {}
        _write(record.name, level, record.getMessage(), fields)


class _Lines:
    """Standard error, as it is when a line is written; a log that cannot be written stops nothing."""

    def msg(self, line: str) -> None:
        try:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = msg


def _write(name: str, level: Level, event: str, fields: dict[str, Any]) -> None:
    if NUMBERS[level] < _Settings.threshold:
        return
    if _Settings.structlog is None:
        _Settings.structlog = _loaded()
    getattr(_Settings.structlog, level)(event, logger=name, **fields)


def _loaded() -> Any:
    # Loaded here, since it brings much along that a silent server never needs.
    import structlog  # noqa: PLC0415

    return structlog.wrap_logger(
        _Lines(),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _without_secrets,
            # Everything but plain ASCII is escaped: a value can forge no line and colour no terminal.
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )


def _without_secrets(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    return {
        name: LEFT_OUT if _SECRET_NAMES.search(name) else _cleaned(value)
        for name, value in line.items()
    }


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, replacement in _SECRET_VALUES:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, dict):
        return _without_secrets(None, "", value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(each) for each in value]
    if value is None or isinstance(value, int | float):
        return value
    return _cleaned(str(value))
