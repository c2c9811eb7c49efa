"""`avtale snapshots`: moments of a sales unit that one can go back to (sandbox §8)."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote

from cyclopts import App, Parameter

from avtale.cli.control import USUAL_UNIT, OfUnit, control_of, local
from avtale.cli.output import bold, say, say_json, table

app = App(
    name="snapshots",
    help="""\
Moments of a sales unit, by name, with its clock: take one, do what you like, and go back.

For example:

    avtale snapshots take "before renewal"
    avtale clock advance 30d
    avtale snapshots restore "before renewal"

Payers are shared between sales units, so what they own stays as it is; the unit's own books come back.
""",
)

COLUMNS: Final = {
    "name": "Name",
    "clock": "Clock",
    "agreements": "Agreements",
    "charges": "Charges",
    "size": "Size",
    "taken": "Taken",
}
Name = Annotated[str, Parameter(help="Its name: letters, digits, spaces and . _ -")]


@app.command(name="list", sort_key=0)
@local
def list_snapshots(*, of: OfUnit = USUAL_UNIT) -> None:
    """List the snapshots, oldest first.

    For example:

        avtale snapshots list
        avtale snapshots list --msn 654321 --json
    """
    found = control_of(of).get(_path(of))
    if of.json:
        say_json(found)
    else:
        table([_row(each) for each in found], COLUMNS, none="There are no snapshots.")


@app.command(sort_key=1)
@local
def take(name: Name, /, *, of: OfUnit = USUAL_UNIT) -> None:
    """Keep the sales unit as it is now.

    For example:

        avtale snapshots take "before renewal"
    """
    taken = control_of(of).post(_path(of), {"name": name})
    if of.json:
        say_json(taken)
        return
    many = f"{_of(taken, 'agreement')} and {_of(taken, 'charge')}"
    say(f"{bold(taken['name'])} holds {many}, at {taken['clock']}.")


@app.command(sort_key=2)
@local
def restore(name: Name, /, *, of: OfUnit = USUAL_UNIT) -> None:
    """Go back: everything of the sales unit is as it was, its clock too; what came since is gone.

    For example:

        avtale snapshots restore "before renewal"
    """
    clock = control_of(of).post(f"{_path(of, name)}/restore")
    if of.json:
        say_json(clock)
        return
    say(f"{bold(of.msn)} is as it was; its clock shows {clock['now']}, {clock['mode']}.")


@app.command(sort_key=3)
@local
def delete(name: Name, /, *, of: OfUnit = USUAL_UNIT) -> None:
    """Forget a snapshot; the sales unit stays as it is.

    For example:

        avtale snapshots delete "before renewal"
    """
    control_of(of).delete(_path(of, name))
    if not of.json:
        say(f"{bold(name)} is gone.")


def _path(of: OfUnit, *name: str) -> str:
    return "/".join([f"/sandbox/sales-units/{of.msn}/snapshots", *(quote(n, "") for n in name)])


def _of(snapshot: dict[str, Any], what: str) -> str:
    count: int = snapshot[f"{what}s"]
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _row(snapshot: dict[str, Any]) -> dict[str, Any]:
    return snapshot | {"size": f"{snapshot['bytes'] / 1024:.0f} kB"}
