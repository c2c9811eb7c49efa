"""How the demo is told: a heading per step, each request with its answer in one line, the date on the clock."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpx

from avtale.cli.control import refusal
from avtale.cli.output import Failure, bold, dim, paint, say
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from avtale.rulebook import MARKETS

MARKET: Final = MARKETS["NO"]
"""Where the ready-made sales unit is."""

SILENT: Final = {"charge attempt begun"}
"""What is not worth a line, since its outcome follows."""

Tell = Callable[[Any], str]


class Narrator:
    """Walks through a story over real HTTP, and stops where it does not go as told."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._headers = {
            "Ocp-Apim-Subscription-Key": PUBLIC_CREDENTIALS.subscription_key,
            "Merchant-Serial-Number": PUBLIC_UNIT,
        }
        self._keys = (f"demo-{number}" for number in itertools.count(1))
        self._clock = f"/sandbox/sales-units/{PUBLIC_UNIT}/clock"
        self.steps = 0
        self.requests = 0

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def step(self, heading: str, why: str = "") -> None:
        """The next heading, with the date on the clock."""
        self.steps += 1
        say(f"\n{dim(f'{self.steps:2}.')} {bold(heading)}  {paint(_moment(self.now()), '33')}")
        if why:
            say(f"    {dim(why)}")

    def now(self) -> datetime:
        """What the sales unit's clock shows, in its market's time."""
        return _local(self._http.get(self._clock).json()["now"])

    def freeze(self, at: datetime) -> None:
        """Let the clock stand still at an instant, so that it moves when it is told to, and only then."""
        self._exchange(
            "POST",
            f"{self._clock}/freeze",
            {"at": at.isoformat()},
            {},
            "33",
            lambda clock: f"the clock stands at {_moment(_local(clock['now']))}",
        )

    def fetch_token(self) -> None:
        """Ask for an access token, and carry it from now on."""
        answer = self.ask(
            "POST",
            "/accesstoken/get",
            tell=lambda token: f"a {token['token_type']} token, good for {token['expires_in']} s",
            client_id=PUBLIC_CREDENTIALS.client_id,
            client_secret=PUBLIC_CREDENTIALS.client_secret,
        )
        self._headers["Authorization"] = f"Bearer {answer['access_token']}"

    def ask(
        self, method: str, path: str, body: Any = None, *, tell: Tell = str, **headers: str
    ) -> Any:
        """One request of the merchant's; the answer must be a success, and is told by `tell`."""
        sent = self._headers | headers
        if method != "GET" and path.startswith("/recurring"):
            sent["Idempotency-Key"] = next(self._keys)
        return self._exchange(method, path, body, sent, "36", tell)

    def payer(self, path: str, body: Any = None, *, tell: Tell) -> Any:
        """Something the payer does, through the control API."""
        return self._exchange("POST", f"/sandbox{path}", body or {}, {}, "35", tell)

    def advance(self, days: int) -> None:
        """Let days pass on the clock, and tell what happened on the way."""
        self._exchange(
            "POST",
            f"{self._clock}/advance",
            {"days": days},
            {},
            "33",
            lambda advanced: f"it is {_moment(_local(advanced['to']))}{_facts(advanced)}",
        )

    def expect(self, what: str, found: Any, wanted: Any) -> None:
        """Stop the story where it is not as it must be."""
        if found != wanted:
            raise Failure(f"Step {self.steps} did not go as told: {what} is {found}, not {wanted}.")

    def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str], colour: str, tell: Tell
    ) -> Any:
        self.requests += 1
        shown = "" if body is None else json.dumps(body, ensure_ascii=False)
        said = dim(_cut(shown, len(path) + 13))
        say(f"    {paint(method.ljust(6), colour)} {path} {said}".rstrip())
        answer = self._http.request(method, path, json=body, headers=headers)
        if not answer.is_success:
            raise Failure(f"Step {self.steps} did not go as told: {refusal(answer)}")
        content = answer.json() if answer.content else None
        told = tell(content) if content is not None else "done"
        say(f"    {paint(f'{answer.status_code}', '32')}    {told}")
        return content


def _facts(advanced: dict[str, Any]) -> str:
    """What happened, a line each."""
    told = [fact for fact in advanced["happened"] if fact["what"] not in SILENT]
    lines = [f"{_local(fact['occurred']):%a %d %b, %H:%M}  {dim(fact['detail'])}" for fact in told]
    return "".join(f"\n           {line}" for line in lines)


def _local(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(MARKET.zone)


def _moment(instant: datetime) -> str:
    return f"{instant:%a %d %b %Y, %H:%M}"


def _cut(text: str, taken: int) -> str:
    """As much of the text as fits on a line that has something on it already."""
    room = max(shutil.get_terminal_size((120, 24)).columns - taken, 12)
    return text if len(text) <= room else f"{text[: room - 1]}…"
