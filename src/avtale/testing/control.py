"""The control API of a server, as tests call it: typed answers, and refusals that say why (sandbox §3–6)."""

from __future__ import annotations

from typing import Any, Final, TypeVar, overload
from urllib.parse import quote

import httpx
import msgspec

Shape = TypeVar("Shape")

PATIENCE: Final = httpx.Timeout(10, read=None)
"""An advance answers when all is done, however long that takes."""


class ControlRefused(Exception):
    """What a test asked of the sandbox was refused; the text is the problem's own words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Control:
    """One connection to the control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        # No proxy of the environment stands between a test and its sandbox.
        # Reading the machine's certificates takes long, and plain http needs none.
        verify = url.startswith("https:")
        self._http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False, verify=verify)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    @overload
    def ask(self, shape: type[Shape], method: str, *path: str, **what: Any) -> Shape: ...
    @overload
    def ask(self, shape: None, method: str, *path: str, **what: Any) -> None: ...
    def ask(self, shape: type[Shape] | None, method: str, *path: str, **what: Any) -> Shape | None:
        """Ask `/sandbox/…`, whose parts are `path`; raises ControlRefused.

        `what` goes on to httpx: `json`, `params`.
        """
        where = "/sandbox/" + "/".join(quote(part, safe="") for part in path)
        try:
            answer = self._http.request(method, where, **what)
        except httpx.ConnectError as error:
            raise ControlRefused(0, f"No avtale answers at {self.url} ({error}).") from error
        if not answer.is_success:
            raise ControlRefused(answer.status_code, _words(answer))
        return None if shape is None else msgspec.json.decode(answer.content, type=shape)


def _words(answer: httpx.Response) -> str:
    """A problem in a sentence or two, with each fault on a line of its own."""
    try:
        problem = answer.json()
        said = [problem["title"].rstrip("."), problem.get("detail") or ""]
        faults = problem.get("extraDetails") or ()
        lines = [f"{answer.status_code} " + ": ".join(filter(None, said))]
        lines += [f"  {fault['name']}: {fault['reason']}" for fault in faults]
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"{answer.request.method} {answer.request.url} answered {answer.status_code}."
    return "\n".join(lines)
