"""`avtale faults`: what shall go wrong for a sales unit, on command (sandbox §7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from avtale.cli.control import USUAL_UNIT, OfUnit, control_of, local
from avtale.cli.output import Failure, say, say_json, table
from avtale.faults import REQUEST_FAULTS, WEBHOOK_FAULTS

app = App(
    name="faults",
    help="""\
What shall go wrong for one sales unit: its requests, and the webhooks on their way to its receivers.

For example:

    avtale faults set createCharge lost-answer --times 1
    avtale faults set '*' error --status 503 --probability 0.2 --seed 7
    avtale faults set '*' latency --milliseconds 800 --add
    avtale faults set webhooks duplicate
    avtale faults show
    avtale faults clear

One seed, one sequence: set again with the seed that `show` tells, the same goes wrong.
""",
)

WEBHOOKS: Final = "webhooks"

COLUMNS: Final = {
    "about": "About",
    "what": "Fault",
    "status": "Status",
    "milliseconds": "Milliseconds",
    "probability": "Probability",
    "times": "Times",
    "seed": "Seed",
    "drawn": "Drawn",
    "struck": "Struck",
}

_COUNTS: Final = ("drawn", "struck")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Details:
    """How hard and how often it strikes; None where it is not said."""

    status: Annotated[int | None, Parameter(help="What an `error` answers; else 500.")] = None
    milliseconds: Annotated[
        int | None,
        Parameter(help="How long `latency` waits, `delay` delays, `reorder` holds back at most."),
    ] = None
    probability: Annotated[
        float | None, Parameter(help="How likely it strikes, 0 to 1; else always.")
    ] = None
    times: Annotated[int | None, Parameter(help="How often it strikes at most; else for ever.")] = (
        None
    )
    seed: Annotated[int | None, Parameter(help="One seed, one sequence; else one is made.")] = None

    def members(self) -> dict[str, Any]:
        """As the control API takes them."""
        said = {
            "status": self.status,
            "milliseconds": self.milliseconds,
            "probability": self.probability,
            "times": self.times,
            "seed": self.seed,
        }
        return {name: value for name, value in said.items() if value is not None}


USUAL_DETAILS: Final = Details()


@app.command(name="set", sort_key=0)
@local
def set_fault(
    about: Annotated[
        str, Parameter(help="An operation (createCharge), * for all of them, or `webhooks`.")
    ],
    fault: Annotated[
        str,
        Parameter(
            help=f"{', '.join(REQUEST_FAULTS)}; for webhooks {', '.join(WEBHOOK_FAULTS)}.",
        ),
    ],
    /,
    *,
    details: Details = USUAL_DETAILS,
    add: Annotated[
        bool,
        Parameter(help="Keep those that are set; all begin anew.", negative=(), show_default=False),
    ] = False,
    of: OfUnit = USUAL_UNIT,
) -> None:
    """Set a fault, in place of all that are set.

    For example:

        avtale faults set createCharge error --status 409 --times 2
        avtale faults set webhooks delay --milliseconds 3600000
    """
    control = control_of(of)
    before = control.get(_path(of)) if add else []
    kept = [{name: value for name, value in each.items() if name not in _COUNTS} for each in before]
    _show(control.put(_path(of), [*kept, _fault(about, fault, details)]), of)


@app.command(sort_key=1)
@local
def show(*, of: OfUnit = USUAL_UNIT) -> None:
    """Show the faults that are set, and how often each has struck.

    For example:

        avtale faults show
        avtale faults show --msn 654321 --json
    """
    _show(control_of(of).get(_path(of)), of)


@app.command(sort_key=2)
@local
def clear(*, of: OfUnit = USUAL_UNIT) -> None:
    """Let nothing go wrong any more.

    For example:

        avtale faults clear
    """
    control_of(of).delete(_path(of))
    _show([], of)


def _path(of: OfUnit) -> str:
    return f"/sandbox/sales-units/{of.msn}/faults"


def _fault(about: str, fault: str, details: Details) -> dict[str, Any]:
    """A fault as the control API takes it; raises Failure where there is none of that name."""
    known = WEBHOOK_FAULTS if about == WEBHOOKS else REQUEST_FAULTS
    if fault not in known:
        of_what = "webhooks" if about == WEBHOOKS else "requests"
        raise Failure(f"{fault!r} is no fault of {of_what}; say {', '.join(known)}.", 2)
    if about == WEBHOOKS:
        return {"webhook": fault, **details.members()}
    return {"operation": about, "fault": fault, **details.members()}


def _show(faults: list[dict[str, Any]], of: OfUnit) -> None:
    if of.json:
        say_json(faults)
        return
    rows = [
        {
            **each,
            "about": each.get("operation", WEBHOOKS),
            "what": each.get("fault") or each.get("webhook"),
        }
        for each in faults
    ]
    if rows:
        used = {name: head for name, head in COLUMNS.items() if any(name in row for row in rows)}
        table(rows, used, none="")
    else:
        say(f"Nothing goes wrong on command for {of.msn}.")
