"""`avtale webhooks explain`: a delivery from files, a sentence for each part that differs, and an exit code."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from avtale.cli import main
from avtale.webhooks.signing import signed_headers
from tests.cli.terminal import avtale

URL = "https://shop.example/hook"
SECRET = "A0+AeKBRG2KRGvnN=="
BODY = b'{"eventType":"recurring.charge-captured.v1"}'
HEADERS = signed_headers(
    URL, BODY, SECRET, datetime(2026, 11, 2, 9, 30, tzinfo=UTC), webhook_id="one"
)

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture(autouse=True)
def delivery(in_an_empty_folder: None) -> None:
    """A delivery, as somebody has kept it."""
    Path("b.json").write_bytes(BODY)
    Path("h.txt").write_text("".join(f"{name}: {value}\n" for name, value in HEADERS.items()))


def explain(*words: str, secret: str = SECRET, body: str = "b.json", url: str = URL) -> int:
    told = ["webhooks", "explain", "--url", url, "--secret", secret, "--body", body]
    return main([*told, *(words or ("--headers", "h.txt"))])


def test_a_genuine_delivery_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain() == 0
    page = capsys.readouterr().out
    assert "POST\n    /hook\n    Mon, 02 Nov 2026 09:30:00 GMT;shop.example;" in page
    assert HEADERS["x-ms-content-sha256"] in page
    assert "The delivery is genuine." in page


def test_what_differs_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.json").write_bytes(BODY + b"\n")
    assert explain() == 1
    page = capsys.readouterr().out
    assert "Body: What was signed is the body without the line end behind it." in page
    assert "keep the bytes that came" in page
    assert "genuine" not in page


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("--headers", "h.txt", "--json", secret="another") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["verifies"] is False
    assert [each["agrees"] for each in told["compared"]] == [True, False]
    assert [each["part"] for each in told["findings"]] == ["secret"]
    assert told["stringToSign"].startswith("POST\n/hook\n")


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(HEADERS),
        "POST /hook HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in HEADERS.items()) + "\r\n",
        "> POST /hook HTTP/2\n" + "".join(f"> {k}: {v}\n" for k, v in HEADERS.items()) + ">\n",
    ],
    ids=["json", "request", "curl"],
)
def test_headers_are_read_as_people_have_them(written: str) -> None:
    Path("h.txt").write_bytes(written.encode())
    assert explain() == 0


def test_headers_may_be_given_one_by_one_and_the_body_on_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(BODY)))
    given = [word for name, value in HEADERS.items() for word in ("--header", f"{name}: {value}")]
    assert explain(*given, body="-") == 0


def test_the_signature_of_one_s_own_code_is_explained_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = signed_headers(
        URL + "/", BODY, SECRET, datetime(2026, 11, 2, 9, 30, tzinfo=UTC), webhook_id="one"
    )["Authorization"].partition("Signature=")[2]
    assert explain("--headers", "h.txt", "--computed", own) == 1
    assert "Path (computed): It was made with the path with a slash" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "more", "says"),
    [
        (["--json"], {}, "--header"),
        (["--headers", "nowhere.txt"], {}, "nowhere.txt"),
        (["--header", "nonsense"], {}, "no header"),
        ([], {"body": "nowhere.json"}, "nowhere.json"),
        ([], {"url": "shop"}, "no URL"),
        ([], {"secret": ""}, "empty"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(
    words: list[str], more: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(*words, **more) == 2
    assert says in capsys.readouterr().err


def test_headers_that_are_no_json_object_are_a_usage_error() -> None:
    Path("h.txt").write_text("{nonsense")
    assert explain() == 2


def test_what_came_from_outside_does_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("h.txt").write_bytes(b"x-ms-date: \x1b[2Jnow\nAuthorization: Signature=\x1b[31m\n")
    assert explain() == 1
    assert "\x1b[2J" not in capsys.readouterr().out


def test_a_process_of_its_own_ends_with_the_same_code() -> None:
    here = Path.cwd()
    words = ("webhooks", "explain", "--url", URL, "--body", "b.json", "--headers", "h.txt")
    assert avtale(*words, "--secret", SECRET, folder=here).code == 0
    assert avtale(*words, "--secret", "another", folder=here).code == 1
