"""`wait`, `migrate` and `audit`: what an operator runs beside a server."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import httpx
import msgspec
from cyclopts import App, Parameter

from avtale.cli.control import USUAL_PLACE, Where, local, unreachable, url_of
from avtale.cli.installation import opened, settings_of, shown, unusable
from avtale.cli.output import Failure, bold, paint, say, say_json
from avtale.cli.progress import Progress
from avtale.configuration import Settings

if TYPE_CHECKING:
    from avtale.auditing import Report

POLL_SECONDS: Final = 0.1

wait = App(
    name="wait",
    help="""\
Return when a server is ready: its database answers, and its loop comes round.

For example, in a script that starts one:

    avtale up --quiet & avtale wait && pytest
    avtale wait --url http://127.0.0.1:9000 --timeout 60
""",
)

migrate = App(
    name="migrate",
    help="""\
Bring a database up to date, and say what was done. `avtale up` does so by itself when it starts.

For example:

    avtale migrate
    avtale migrate postgresql://avtale@localhost/avtale
""",
)

audit = App(
    name="audit",
    help="""\
Check everything a database holds against the invariants; each violation is printed with its rows.

It only reads, and works on a database in use. For example:

    avtale audit
    avtale audit copy.db --quiescent
    avtale audit postgresql://avtale@localhost/avtale --json

The exit code is 1 if anything is violated.
""",
)

Data = Annotated[
    str | None,
    Parameter(help="The database: a file, or postgresql://…; else the setting `data`."),
]


@wait.default
@local
def _wait(
    *,
    timeout: Annotated[float, Parameter(help="Seconds to wait at most.")] = 30.0,
    where: Where = USUAL_PLACE,
) -> None:
    url = url_of(where.url)
    answer = _ready(url, timeout)
    if where.json:
        say_json(answer)
    else:
        say(f"{url} is ready.")


def _ready(url: str, timeout: float) -> Any:
    """What the server says once it is ready; raises Failure with the last reason why it is not."""
    deadline = time.monotonic() + timeout
    with httpx.Client(trust_env=False, timeout=5) as client:
        while True:
            try:
                answer = client.get(f"{url}/readyz")
            except httpx.HTTPError:
                reason = unreachable(url)
            else:
                if answer.is_success:
                    return answer.json()
                reason = _not_ready(answer)
            if time.monotonic() + POLL_SECONDS > deadline:
                raise Failure(f"Not ready after {timeout:g} s. {reason}")
            time.sleep(POLL_SECONDS)


@migrate.default
@local
def _migrate(
    data: Data = None,
    /,
    *,
    json: Annotated[
        bool, Parameter(help="Print JSON, for programs.", negative=(), show_default=False)
    ] = False,
) -> None:
    settings = _settings(data)
    where = settings.data
    applied = asyncio.run(_migrated(settings))
    if json:
        say_json({"data": shown(where), "applied": applied})
        return
    for name in applied:
        say(f"  applied {bold(name)}")
    say(f"{shown(where)} is up to date{'' if applied else ' already'}.")


@audit.default
def _audit(
    data: Data = None,
    /,
    *,
    quiescent: Annotated[
        bool, Parameter(help="Nothing may be under way either.", negative=(), show_default=False)
    ] = False,
    json: Annotated[
        bool, Parameter(help="Print JSON, for programs.", negative=(), show_default=False)
    ] = False,
) -> int:
    from avtale import auditing

    where = _settings(data).data
    try:
        with Progress("Auditing") as progress:
            report = auditing.audit(
                where,
                quiescent=quiescent,
                progress=lambda invariant, share: progress.moved(share, invariant.sentence),
            )
    except auditing.AuditImpossible as impossible:
        raise unusable(where, impossible) from impossible
    if json:
        say_json(_as_json(where, report))
    else:
        _tell(where, report)
    return 0 if report.ok else 1


def _tell(where: str, report: Report) -> None:
    for violation in report.violations:
        say(f"{violation}\n")
    held = len(report.checked) - len(report.violations)
    say(f"{shown(where)}: {report.charges:,} charges, looked at in {report.seconds:.1f} s.")
    if report.ok:
        say(paint(f"All {held} invariants hold.", "32"))
    else:
        broken = f"{len(report.violations)} of {len(report.checked)} invariants do not hold."
        say(paint(broken, "31"))


def _as_json(where: str, report: Report) -> dict[str, Any]:
    return {
        "data": shown(where),
        "ok": report.ok,
        "violations": msgspec.to_builtins(report.violations),
        "checked": [invariant.id for invariant in report.checked],
        "charges": report.charges,
        "seconds": round(report.seconds, 3),
    }


def _not_ready(answer: Any) -> str:
    try:
        missing = answer.json()["missing"]
    except (ValueError, KeyError, TypeError):
        return f"It answered {answer.status_code}."
    return " ".join(missing)


def _settings(given: str | None) -> Settings:
    """The settings, and with them which database: as given, or as they say."""
    settings = settings_of({"data": given} if given is not None else {})
    if settings.data == "memory:":
        raise Failure("memory: holds nothing; name a file or a PostgreSQL.", 2)
    return settings


async def _migrated(settings: Settings) -> list[str]:
    storage = await opened(settings)
    await storage.close()
    return list(storage.migrated)
