"""`avtale units`: sales units, made, listed and emptied (sandbox §3)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from avtale.cli.control import USUAL_PLACE, Where, control_of, local
from avtale.cli.direct import control_for
from avtale.cli.output import Failure, bold, dim, say, say_json, table

app = App(
    name="units",
    help="""\
Sales units. Each is a tenant with keys, a clock and data of its own: tests that run side by side take one each.

For example:

    avtale units list
    avtale units add "Nordic Fitness" --market DK
    avtale units reset 123456

In `production` there is no control API: say --data, and the database itself is asked.
""",
)

UNITS: Final = "/sandbox/sales-units"

COLUMNS: Final = {
    "merchantSerialNumber": "MSN",
    "name": "Name",
    "market": "Market",
    "now": "Clock",
    "features": "Features",
    "rules": "Rules",
}


Market = Literal["NO", "DK", "FI"]
Feature = Literal["unscheduled", "skipLandingPage", "nin", "lateCapture"]

Data = Annotated[
    str | None,
    Parameter(help="Ask this database instead of a server: a file, or postgresql://…"),
]


@app.command(name="list", sort_key=0)
@local
def list_units(*, data: Data = None, where: Where = USUAL_PLACE) -> None:
    """List the sales units.

    For example:

        avtale units list
        avtale units list --json
    """
    with control_for(data, where) as control:
        found = control.all(UNITS)
    if where.json:
        say_json(found)
    else:
        table([_row(unit) for unit in found], COLUMNS, none="There are no sales units.")


@app.command(sort_key=1)
@local
def add(
    name: Annotated[str | None, Parameter(help="What payers read.")] = None,
    /,
    *,
    market: Annotated[Market, Parameter(help="Where its payers live.")] = "NO",
    msn: Annotated[
        str | None, Parameter(help="Its merchant serial number; else one is made.")
    ] = None,
    feature: Annotated[
        tuple[Feature, ...],
        Parameter(help="What it is approved for besides.", negative=(), show_default=False),
    ] = (),
    rule: Annotated[
        tuple[str, ...],
        Parameter(
            help="A rule of its own, leadDays=2; see the reference.",
            negative=(),
            show_default=False,
        ),
    ] = (),
    data: Data = None,
    where: Where = USUAL_PLACE,
) -> None:
    """Make a sales unit, and print its keys, which are shown this once.

    For example:

        avtale units add "Nordic Fitness" --market DK --feature unscheduled
        avtale units add "Nordic Fitness" --data production.db
    """
    body: dict[str, Any] = {"market": market, "features": dict.fromkeys(feature, True)}
    body |= {"rules": dict(map(_rule, rule)), "name": name, "merchantSerialNumber": msn}
    with control_for(data, where) as control:
        made = control.post(UNITS, body)
    if where.json:
        say_json(made)
        return
    say(f"{bold(made['name'])}, {made['market']}. Keep its keys; they are shown this once.")
    keys = {
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
        "Ocp-Apim-Subscription-Key": made["subscriptionKey"],
        "Merchant-Serial-Number": made["merchantSerialNumber"],
    }
    for key, value in keys.items():
        say(f"  {key:<26} {value}")


@app.command(sort_key=2)
@local
def reset(
    msn: Annotated[str, Parameter(help="Its merchant serial number.")],
    /,
    *,
    where: Where = USUAL_PLACE,
) -> None:
    """Empty a sales unit: what it owns is gone, its clock returns to the present, its keys stay.

    For example:

        avtale units reset 123456
    """
    control = control_of(where)
    control.post(f"{UNITS}/{msn}/reset")
    if where.json:
        say_json(control.get(f"{UNITS}/{msn}"))
        return
    say(f"{bold(msn)} is empty. {dim('Its keys stay; its clock shows the present.')}")


def _row(unit: dict[str, Any]) -> dict[str, Any]:
    features = [name for name, has in unit["features"].items() if has]
    rules = [f"{name}={value}" for name, value in unit["rules"].items()]
    clock = unit["clock"]
    stands = " (frozen)" if clock["mode"] == "frozen" else ""
    return unit | {
        "now": clock["now"] + stands,
        "features": ", ".join(features),
        "rules": ", ".join(rules),
    }


def _rule(text: str) -> tuple[str, int]:
    name, equals, value = text.partition("=")
    if not equals or not value.isascii() or not value.isdigit():
        raise Failure(f"{text!r} is no rule; say for example leadDays=2.", 2)
    return name, int(value)
