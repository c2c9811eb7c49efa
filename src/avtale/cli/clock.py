"""`avtale clock`: a sales unit's clock, shown and moved (sandbox §4)."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Annotated, Any

from cyclopts import App, Parameter

from avtale.cli.control import USUAL_UNIT, Control, OfUnit, control_of, local
from avtale.cli.durations import read_duration
from avtale.cli.output import Failure, bold, dim, say, say_json, table
from avtale.cli.progress import Progress

app = App(
    name="clock",
    help="""\
A sales unit's clock. Whatever happens to a unit happens by it, so a month can pass in a second.

For example:

    avtale clock show
    avtale clock advance 15d     everything that is due on the way is done
    avtale clock forecast 30d    what an advance would do
    avtale clock freeze
""",
)

HAPPENED = {
    "occurred": "When",
    "what": "What",
    "agreementId": "Agreement",
    "chargeId": "Charge",
    "detail": "Detail",
}

POLL_SECONDS = 0.5


@app.command(sort_key=0)
@local
def show(*, of: OfUnit = USUAL_UNIT) -> None:
    """Show what the clock says, and whether it runs.

    For example:

        avtale clock show
        avtale clock show --msn 654321 --json
    """
    _show(control_of(of).get(_path(of)), of)


@app.command(sort_key=1)
@local
def advance(
    duration: Annotated[str | None, Parameter(help="How far: 15d, 36h, 1d12h.")] = None,
    /,
    *,
    to: Annotated[str | None, Parameter(help="Or where to: 2026-12-24T09:00:00Z.")] = None,
    of: OfUnit = USUAL_UNIT,
) -> None:
    """Let time pass: everything that is due on the way is done, in order.

    For example:

        avtale clock advance 15d
        avtale clock advance --to 2026-12-24T09:00:00Z
    """
    if (duration is None) == (to is None):
        raise Failure("Say how far (15d) or where to (--to 2026-12-24T09:00:00Z), one of them.", 2)
    body = {"to": _instant(to)} if to is not None else _duration(duration or "")
    control = control_of(of)
    begin = _now(control, of)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(control.post, f"{_path(of)}/advance", body)
        if not of.json:
            _follow(answer, of, begin, body)
        advanced = answer.result()
    if of.json:
        say_json(advanced)
        return
    say(f"{advanced['from']} → {bold(advanced['to'])}")
    _happened(advanced, none="Nothing was due on the way.")


@app.command(sort_key=2)
@local
def forecast(
    duration: Annotated[str, Parameter(help="How far: 30d; whole days.")] = "30d",
    /,
    *,
    of: OfUnit = USUAL_UNIT,
) -> None:
    """Show what an advance would do, without doing it.

    For example:

        avtale clock forecast 30d
    """
    parts = _duration(duration)
    if set(parts) != {"days"}:
        raise Failure("A forecast looks ahead in whole days: 30d.", 2)
    foreseen = control_of(of).get(f"{_path(of)}/forecast", days=parts["days"])
    if of.json:
        say_json(foreseen)
        return
    _happened(foreseen, none=f"Nothing will be due within {duration}.")


@app.command(sort_key=3)
@local
def freeze(
    *,
    at: Annotated[str | None, Parameter(help="After an advance to this instant.")] = None,
    of: OfUnit = USUAL_UNIT,
) -> None:
    """Let the clock stand still.

    For example:

        avtale clock freeze
        avtale clock freeze --at 2026-12-24T09:00:00Z
    """
    body = {} if at is None else {"at": _instant(at)}
    _show(control_of(of).post(f"{_path(of)}/freeze", body), of)


@app.command(sort_key=4)
@local
def resume(*, of: OfUnit = USUAL_UNIT) -> None:
    """Let the clock run on from where it stands.

    For example:

        avtale clock resume
    """
    _show(control_of(of).post(f"{_path(of)}/resume"), of)


def _path(of: OfUnit) -> str:
    return f"/sandbox/sales-units/{of.msn}/clock"


def _happened(answer: dict[str, Any], none: str) -> None:
    facts = answer["happened"]
    table(facts, HAPPENED, none=none)
    if answer.get("truncated"):
        say(dim(f"… and {answer['count'] - len(facts)} more."))


def _show(clock: dict[str, Any], of: OfUnit) -> None:
    if of.json:
        say_json(clock)
    else:
        say(f"{bold(clock['now'])} {dim(clock['mode'])}")


def _duration(text: str) -> dict[str, int]:
    try:
        return read_duration(text)
    except ValueError as error:
        raise Failure(str(error), 2) from error


def _instant(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(
            f"{text!r} is no instant; say for example 2026-12-24T09:00:00Z.", 2
        ) from error
    if instant.tzinfo is None:
        raise Failure(f"{text!r} does not say in which time zone; end it in Z for UTC.", 2)
    return instant.isoformat()


def _follow(answer: Future[Any], of: OfUnit, begin: datetime, body: dict[str, Any]) -> None:
    """Show how far an advance has come, by looking at the clock that it moves."""
    watching = control_of(of)
    to = datetime.fromisoformat(body["to"]) if "to" in body else begin + timedelta(**body)
    whole = max(to - begin, timedelta(seconds=1))
    with Progress("Time passes") as progress:
        while not answer.done():
            try:
                answer.exception(timeout=POLL_SECONDS)
            except TimeoutError:
                now = _now(watching, of)
                progress.moved((now - begin) / whole, f"{now:%Y-%m-%d}")


def _now(control: Control, of: OfUnit) -> datetime:
    return datetime.fromisoformat(control.get(_path(of))["now"])
