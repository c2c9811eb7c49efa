"""The control API of a running avtale, as the commands for units, clocks and payers call it (sandbox §3–5)."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, Final, ParamSpec

import httpx
from cyclopts import Parameter

from avtale.cli.installation import settings_refused
from avtale.cli.output import Failure
from avtale.configuration import section

DEFAULT_URL: Final = "http://127.0.0.1:8080"
READY_MADE_UNIT: Final = "123456"

PAGE_ITEMS: Final = 500

PATIENCE: Final = httpx.Timeout(10, read=None)
"""An advance answers when all is done, however long that takes."""

Given = ParamSpec("Given")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where:
    """Which avtale a command speaks to, and how it answers."""

    url: Annotated[
        str | None,
        Parameter(
            help="Where avtale answers; else [client] url in avtale.toml.",
            env_var="AVTALE_URL",
            show_default=DEFAULT_URL,
        ),
    ] = None
    json: Annotated[
        bool, Parameter(help="Print JSON, for programs.", negative=(), show_default=False)
    ] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OfUnit(Where):
    """The same, for one sales unit."""

    msn: Annotated[str, Parameter(help="The sales unit, by its merchant serial number.")] = (
        READY_MADE_UNIT
    )


USUAL_PLACE: Final = Where()
USUAL_UNIT: Final = OfUnit()


class Control:
    """Asks the control API; every refusal is a Failure that says what the problem says."""

    def __init__(self, send: Callable[..., httpx.Response]) -> None:
        self._send = send

    def get(self, path: str, **query: str | int | None) -> Any:
        """Read something."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, params=asked)

    def content(self, path: str, **query: str | int | None) -> bytes:
        """Read a file."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._asked("GET", path, params=asked).content

    def all(self, path: str) -> list[Any]:
        """Everything of a list that comes in pages."""
        found: list[Any] = []
        for number in itertools.count(1):
            page = self.get(path, pageNumber=number, pageSize=PAGE_ITEMS)
            found += page
            if len(page) < PAGE_ITEMS:
                break
        return found

    def post(self, path: str, body: Any = None) -> Any:
        """Do something."""
        return self._ask("POST", path, json=body if body is not None else {})

    def put(self, path: str, body: Any) -> Any:
        """Set something."""
        return self._ask("PUT", path, json=body)

    def delete(self, path: str) -> Any:
        """Remove something."""
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        answer = self._asked(method, path, **what)
        return answer.json() if answer.content else None

    def _asked(self, method: str, path: str, **what: Any) -> httpx.Response:
        answer = self._send(method, path, **what)
        if not answer.is_success:
            raise Failure(refusal(answer))
        return answer


def control_of(where: Where) -> Control:
    """The control API of a server that runs."""
    url = url_of(where.url)

    def send(method: str, path: str, **what: Any) -> httpx.Response:
        try:
            with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as http:
                return http.request(method, path, **what)
        except httpx.ConnectError as error:
            raise Failure(unreachable(url)) from error
        except httpx.HTTPError as error:
            raise Failure(f"{url} does not answer as avtale does ({error}).") from error

    return Control(send)


def url_of(given: str | None) -> str:
    """Where avtale answers: as given, as the environment or `avtale.toml` says, or the usual place.

    Raises Failure where that is no URL.
    """
    with settings_refused():
        found = given or os.environ.get("AVTALE_URL") or section("client").get("url", DEFAULT_URL)
    try:
        url = httpx.URL(found)
    except (httpx.InvalidURL, TypeError) as error:
        raise Failure(f"{found} is no URL of a server ({error}).", 2) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise Failure(f"{found} is no URL of a server; say for example {DEFAULT_URL}.", 2)
    return str(url).rstrip("/")


def unreachable(url: str) -> str:
    """The sentence for nobody at home."""
    return f"No avtale answers at {url}. Start one with `avtale up`, or name another with --url."


def refusal(answer: httpx.Response) -> str:
    """A problem as a person reads it: title, detail, and each fault on a line of its own."""
    try:
        problem = answer.json()
        title, detail = problem.get("title"), problem.get("detail")
        faults = problem.get("extraDetails") or []
    except (ValueError, AttributeError):
        return f"{answer.request.url} answered {answer.status_code}."
    said = ": ".join(each.rstrip(".") for each in (title, detail) if each)
    lines = [f"{said or answer.reason_phrase} ({answer.status_code})."]
    lines += [f"  {fault.get('name', '')}: {fault.get('reason', '')}" for fault in faults]
    return "\n".join(lines)


def local(command: Callable[Given, None]) -> Callable[Given, int]:
    """A command that prints and returns nothing: it went well, or it raised a Failure."""

    @wraps(command)
    def called(*args: Given.args, **kwargs: Given.kwargs) -> int:
        command(*args, **kwargs)
        return 0

    return called
