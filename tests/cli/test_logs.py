"""The log: one JSON object per line, in UTC, without secrets, and silent when all is well."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from avtale import logs

log = logs.get_logger("avtale.tests")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    logging.captureWarnings(False)
    logs.configure("warning")
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    said = capsys.readouterr()
    assert said.out == ""
    return [json.loads(line) for line in said.err.splitlines()]


def test_a_line_is_an_object_with_its_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    log.info("worker started", data="avtale.db", units=3)
    [line] = lines(capsys)
    assert (
        line.items()
        >= {
            "event": "worker started",
            "level": "info",
            "logger": "avtale.tests",
            "data": "avtale.db",
            "units": 3,
        }.items()
    )
    assert line["time"].endswith("Z")
    written = datetime.fromisoformat(line["time"])
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_below_the_level_is_not_written(
    level: logs.Level, written: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level)
    log.debug("debug")
    log.info("info")
    log.warning("warning")
    log.error("error")
    assert [line["event"] for line in lines(capsys)] == written


def test_no_value_forges_a_line_or_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = 'ok"}\n{"event": "forged"}\r\x1b[31m\x00\u202e\u2028 Blåbær'
    log.warning("refused", reason=hostile, nested={"deep": [hostile]})
    said = capsys.readouterr().err
    assert said.isascii()
    assert said.removesuffix("\n").isprintable()
    line = json.loads(said)
    assert (line["reason"], line["nested"]) == (hostile, {"deep": [hostile]})


@pytest.mark.parametrize(
    ("fields", "secret"),
    [
        ({"client_secret": "Y8Kteew6GE3ZmeycEt6egg=="}, "Y8Kteew6"),
        ({"headers": {"Ocp-Apim-Subscription-Key": "0f14ebcab0ec4b29"}}, "0f14ebcab0ec4b29"),
        ({"headers": [{"Authorization": "Bearer abc.def.ghi"}]}, "abc.def.ghi"),
        ({"reason": "the header was Bearer abc.def.ghi, which is old"}, "abc.def.ghi"),
        ({"reason": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"}, "c2lnbmF0dXJl"),
        ({"data": "postgresql://nils:s3cret@db/avtale"}, "s3cret"),
        ({"url": "http://127.0.0.1/landing?v=2&token=glXhZynWGG9TX7kw"}, "glXhZynWGG9TX7kw"),
        ({"access_token": "glXhZynWGG9TX7kw"}, "glXhZynWGG9TX7kw"),
        ({"phone_number": "4791234567"}, "4791234567"),
        ({"nin": "17858512345"}, "17858512345"),
    ],
)
def test_secrets_and_personal_data_are_left_out(
    fields: dict[str, Any], secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.error("refused", **fields)
    said = capsys.readouterr().err
    assert secret not in said
    assert logs.LEFT_OUT in said


def test_an_exception_is_told_on_the_same_line_and_without_its_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        raise ConnectionError("postgresql://nils:s3cret@db/avtale does not answer")
    except ConnectionError:
        log.exception("storage down", commands=3)
    [line] = lines(capsys)
    assert (line["event"], line["level"], line["commands"]) == ("storage down", "error", 3)
    assert "Traceback" in line["exception"]
    assert "does not answer" in line["exception"]
    assert "s3cret" not in line["exception"]


def test_an_exception_can_be_handed_over(capsys: pytest.CaptureFixture[str]) -> None:
    log.error("unforeseen", exc_info=ValueError("out of cheese"))
    [line] = lines(capsys)
    assert "out of cheese" in line["exception"]


def test_what_libraries_say_comes_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    library = logging.getLogger("somebody.else")
    library.info("not worth a line")
    library.warning("the pool is %s\nfull", "nearly")
    try:
        raise OSError("gone")
    except OSError:
        library.exception("lost")
    first, second = lines(capsys)
    assert (first["logger"], first["level"]) == ("somebody.else", "warning")
    assert first["event"] == "the pool is nearly\nfull"
    assert (second["level"], "OSError: gone" in second["exception"]) == ("error", True)


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _text: str) -> int:
            raise OSError("No space left on device")

        def flush(self) -> None:
            raise OSError("No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    log.error("the disk is full")
