"""`avtale accounts`: who may sign in to the dashboard, where one has to."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from cyclopts import App, Parameter

from avtale.accounts import Role
from avtale.cli.installation import opened, settings_of
from avtale.cli.output import Failure, bold, say, say_json, table
from avtale.instants import iso
from avtale.problems import Problem

if TYPE_CHECKING:
    from avtale.accounts import Account
    from avtale.dashboard.doorkeeper import Doorkeeper

Result = TypeVar("Result")

app = App(
    name="accounts",
    help="""\
People who may sign in to the dashboard. A sandbox that only this machine can reach asks nobody to;
in `production`, and where others can reach it, one has to.

A viewer reads; support cancels, captures, refunds, stops and sends webhooks again; a developer does everything.

For example:

    avtale accounts add kari --role developer
    avtale accounts list
    avtale accounts disable kari

The database itself is asked: the setting `data`, or --data.
""",
)

COLUMNS: Final = {
    "name": "Name",
    "role": "Role",
    "created": "Made",
    "disabled": "Disabled",
}

Data = Annotated[
    str | None,
    Parameter(help="The database: a file, or postgresql://…; else the setting `data`."),
]
Name = Annotated[str, Parameter(help="The name to sign in with.")]
FromStdin = Annotated[
    bool, Parameter(help="Read the password from standard input, its first line.", negative=())
]
Json = Annotated[bool, Parameter(help="Print JSON.", negative=())]


@app.command(name="list", sort_key=0)
def list_accounts(*, data: Data = None, json: Json = False) -> None:
    """List the accounts.

    For example:

        avtale accounts list
        avtale accounts list --data production.db --json
    """
    rows = [_shown(each) for each in _with(data, lambda keeper: keeper.accounts())]
    if json:
        say_json(rows)
    else:
        table(rows, COLUMNS, none="There are no accounts; nobody can sign in.")


@app.command(sort_key=1)
def add(
    name: Name,
    /,
    *,
    role: Annotated[Role, Parameter(help="What it may do.")] = "viewer",
    password_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Make an account; the password is asked for, and never an argument.

    For example:

        avtale accounts add kari --role developer
        pass show avtale/ola | avtale accounts add ola --role support --password-stdin
    """
    password = _password(from_stdin=password_stdin)
    made = _with(data, lambda keeper: keeper.add(name, role, password))
    say(f"{bold(made.name)} can sign in, as {made.role}.")


@app.command(sort_key=2)
def password(name: Name, /, *, password_stdin: FromStdin = False, data: Data = None) -> None:
    """Set another password; whoever is signed in with the old one is not any more.

    For example:

        avtale accounts password kari
    """
    given = _password(from_stdin=password_stdin)
    _with(data, lambda keeper: keeper.set_password(name, given))
    say(f"{bold(name)} has another password.")


@app.command(sort_key=3)
def role(
    name: Name, new: Annotated[Role, Parameter(help="What it may do.")], /, *, data: Data = None
) -> None:
    """Give an account another role, from its next request on.

    For example:

        avtale accounts role ola developer
    """
    _with(data, lambda keeper: keeper.set_role(name, new))
    say(f"{bold(name)} is {new}.")


@app.command(sort_key=4)
def disable(name: Name, /, *, data: Data = None) -> None:
    """Let somebody in no more, and end every session; what was done stays in the journal.

    For example:

        avtale accounts disable kari
    """
    _with(data, lambda keeper: keeper.set_disabled(name, disabled=True))
    say(f"{bold(name)} cannot sign in any more.")


@app.command(sort_key=5)
def enable(name: Name, /, *, data: Data = None) -> None:
    """Let somebody in again.

    For example:

        avtale accounts enable kari
    """
    _with(data, lambda keeper: keeper.set_disabled(name, disabled=False))
    say(f"{bold(name)} can sign in again.")


@app.command(sort_key=6)
def remove(name: Name, /, *, data: Data = None) -> None:
    """Forget an account; what was done under its name stays in the journal.

    For example:

        avtale accounts remove kari
    """
    _with(data, lambda keeper: keeper.remove(name))
    say(f"{bold(name)} is gone.")


def _with(data: str | None, do: Callable[[Doorkeeper], Awaitable[Result]]) -> Result:
    """Do something with the accounts of a database; raises Failure."""
    from avtale.dashboard.doorkeeper import Doorkeeper
    from avtale.engine import clock
    from avtale.keys import Keys

    settings = settings_of({} if data is None else {"data": data})
    if settings.data == "memory:":
        raise Failure("memory: is another process's; name a file or a PostgreSQL.", 2)

    async def work() -> Result:
        storage = await opened(settings)
        try:
            keys = Keys(storage.secret)
            keeper = Doorkeeper(storage, keys, clock.real_now, is_open=False, is_secure=True)
            return await do(keeper)
        except Problem as problem:
            said = "; ".join(f"{fault.name} {fault.reason}" for fault in problem.faults)
            raise Failure(said or problem.detail) from problem
        finally:
            await storage.close()

    return asyncio.run(work())


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Failure("There is nobody to ask for a password; say --password-stdin.", 2)
    from getpass import getpass

    given = getpass("Password: ")
    if getpass("Once more: ") != given:
        raise Failure("These were two different ones.", 2)
    return given


def _shown(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "created": iso(account.created),
        "disabled": None if account.disabled is None else iso(account.disabled),
    }
